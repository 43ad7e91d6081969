"""Every SELECT of the hub, and every look into its git objects."""

from yungu.hub.queries.changes import CommitDiff, DiffLine, FileDiff, diff_commit
from yungu.hub.queries.diffs import compare, find_conflicts, pull_request_diff
from yungu.hub.queries.discussions import (
    get_comment,
    get_discussion,
    get_pull_request,
    list_discussion_events,
    list_discussions,
)
from yungu.hub.queries.files import (
    commit_count,
    find_file,
    get_file,
    last_commits,
    list_files,
    list_folder,
    read_text,
)
from yungu.hub.queries.keeping import (
    list_binders,
    list_bound,
    list_bound_without_blob,
    list_repo_numbers,
    list_unbound,
)
from yungu.hub.queries.lists import count_tagged, list_repos, list_tasks
from yungu.hub.queries.lfs import list_lfs_files
from yungu.hub.queries.locks import get_lock, list_locks
from yungu.hub.queries.refs import find_ref, list_refs, resolve_revision
from yungu.hub.queries.repos import (
    contributable_repo,
    find_repo,
    find_repo_by_id,
    get_repo_by_id,
    holds_blob,
    is_granted,
    readable_blobs,
    readable_repo,
    ruled_repo,
    visible_repo,
    writable_repo,
)
from yungu.hub.queries.weights import HeaderInvalid, TensorHeader, model_config, safetensors_header, safetensors_summary

__all__ = [
    "CommitDiff",
    "DiffLine",
    "FileDiff",
    "diff_commit",
    "list_tasks",
    "list_lfs_files",
    "find_conflicts",
    "pull_request_diff",
    "HeaderInvalid",
    "TensorHeader",
    "safetensors_header",
    "safetensors_summary",
    "model_config",
    "list_discussions",
    "list_discussion_events",
    "get_pull_request",
    "get_discussion",
    "get_comment",
    "count_tagged",
    "contributable_repo",
    "compare",
    "commit_count",
    "find_file",
    "find_ref",
    "find_repo",
    "find_repo_by_id",
    "get_file",
    "get_lock",
    "get_repo_by_id",
    "holds_blob",
    "is_granted",
    "last_commits",
    "list_binders",
    "list_bound",
    "list_bound_without_blob",
    "list_files",
    "list_folder",
    "list_locks",
    "list_refs",
    "list_repo_numbers",
    "list_repos",
    "list_unbound",
    "read_text",
    "readable_blobs",
    "readable_repo",
    "resolve_revision",
    "ruled_repo",
    "visible_repo",
    "writable_repo",
]
