"""Verbs of the hub: they change rows and git objects, and record facts."""

from yungu.hub.service.blobs import link_blobs, link_upload
from yungu.hub.service.commits import apply_commit, merge_ref, revert_commit, super_squash
from yungu.hub.service.discussions import (
    add_comment,
    change_status,
    edit_comment,
    hide_comment,
    merge_pull_request,
    note_push,
    open_discussion,
    rename_discussion,
)
from yungu.hub.service.downloads import DownloadCounter
from yungu.hub.service.history import drop_content
from yungu.hub.service.keeping import forget_unbound, unbind_blobs, unchanged_refs
from yungu.hub.service.locks import create_lock, delete_lock
from yungu.hub.service.pushes import RefUpdate, apply_push, check_content, check_pointers, check_update
from yungu.hub.service.refs import create_branch, create_tag, delete_branch, delete_tag, move_ref, sync_refs, writable_ref
from yungu.hub.service.repos import change_settings, create_repo, delete_repo, duplicate_repo, move_repo

__all__ = [
    "rename_discussion",
    "open_discussion",
    "note_push",
    "merge_pull_request",
    "hide_comment",
    "edit_comment",
    "change_status",
    "add_comment",
    "DownloadCounter",
    "RefUpdate",
    "apply_commit",
    "apply_push",
    "change_settings",
    "check_content",
    "check_pointers",
    "check_update",
    "create_branch",
    "create_lock",
    "create_repo",
    "create_tag",
    "delete_branch",
    "delete_lock",
    "delete_repo",
    "delete_tag",
    "drop_content",
    "duplicate_repo",
    "forget_unbound",
    "link_blobs",
    "link_upload",
    "merge_ref",
    "move_ref",
    "move_repo",
    "revert_commit",
    "super_squash",
    "sync_refs",
    "unbind_blobs",
    "unchanged_refs",
    "writable_ref",
]
