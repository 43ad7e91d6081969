"""Every SELECT of the hub, and every look into its git objects."""

from yungu.hub.queries.files import (
    commit_count,
    find_file,
    get_file,
    last_commits,
    list_files,
    list_folder,
    read_text,
)
from yungu.hub.queries.lists import list_repos
from yungu.hub.queries.locks import get_lock, list_locks
from yungu.hub.queries.refs import find_ref, list_refs, resolve_revision
from yungu.hub.queries.repos import (
    find_repo,
    get_repo_by_id,
    is_granted,
    readable_blobs,
    readable_repo,
    ruled_repo,
    visible_repo,
    writable_repo,
)

__all__ = [
    "commit_count",
    "find_file",
    "find_ref",
    "find_repo",
    "get_file",
    "get_lock",
    "get_repo_by_id",
    "is_granted",
    "last_commits",
    "list_files",
    "list_folder",
    "list_locks",
    "list_refs",
    "list_repos",
    "read_text",
    "readable_blobs",
    "readable_repo",
    "resolve_revision",
    "ruled_repo",
    "visible_repo",
    "writable_repo",
]
