"""Verbs of the hub: they change rows and git objects, and record facts."""

from yungu.hub.service.blobs import link_blobs, link_upload
from yungu.hub.service.collections import (
    add_collection_item,
    change_collection,
    change_collection_item,
    create_collection,
    delete_collection,
    remove_collection_item,
)
from yungu.hub.service.commits import apply_commit, merge_ref, revert_commit, super_squash
from yungu.hub.service.deliveries import claim_deliveries, note_answer, queue_deliveries, redeliver
from yungu.hub.service.discussions import (
    add_comment,
    add_review,
    change_status,
    edit_comment,
    hide_comment,
    merge_pull_request,
    note_push,
    open_discussion,
    rename_discussion,
)
from yungu.hub.service.downloads import DownloadCounter, ViewCounter
from yungu.hub.service.gates import ask_access, decide_access, grant_access
from yungu.hub.service.history import drop_content
from yungu.hub.service.keeping import forget_unbound, unbind_blobs, unchanged_refs
from yungu.hub.service.likes import like_repo, unlike_repo
from yungu.hub.service.locks import create_lock, delete_lock
from yungu.hub.service.notifications import NOTIFIED, mark_read, mark_seen, mark_seen_at, mute, notify, tell, unmute
from yungu.hub.service.owners import clear_owner
from yungu.hub.service.pushes import RefUpdate, apply_push, check_content, check_pointers, check_update
from yungu.hub.service.quotas import check_quota, check_room
from yungu.hub.service.refs import (
    create_branch,
    create_tag,
    delete_branch,
    delete_tag,
    move_ref,
    sync_refs,
    writable_ref,
)
from yungu.hub.service.registries import (
    change_skill,
    create_skill,
    delete_mcp_server,
    delete_skill,
    keep_loose_file,
    put_mcp_server,
    put_skill_archive,
    take_loose_file,
)
from yungu.hub.service.repos import change_settings, create_repo, delete_repo, duplicate_repo, move_repo
from yungu.hub.service.spaces import (
    change_space,
    drop_space_variable,
    put_space_variable,
    space_secret_place,
    wish_space,
)
from yungu.hub.service.webhooks import (
    change_webhook,
    check_configuring,
    create_webhook,
    delete_webhook,
    webhook_secret_place,
)

__all__ = [
    "NOTIFIED",
    "DownloadCounter",
    "RefUpdate",
    "ViewCounter",
    "add_collection_item",
    "add_comment",
    "add_review",
    "apply_commit",
    "apply_push",
    "ask_access",
    "change_collection",
    "change_collection_item",
    "change_settings",
    "change_skill",
    "change_space",
    "change_status",
    "change_webhook",
    "check_configuring",
    "check_content",
    "check_pointers",
    "check_quota",
    "check_room",
    "check_update",
    "claim_deliveries",
    "clear_owner",
    "create_branch",
    "create_collection",
    "create_lock",
    "create_repo",
    "create_skill",
    "create_tag",
    "create_webhook",
    "decide_access",
    "delete_branch",
    "delete_collection",
    "delete_lock",
    "delete_mcp_server",
    "delete_repo",
    "delete_skill",
    "delete_tag",
    "delete_webhook",
    "drop_content",
    "drop_space_variable",
    "duplicate_repo",
    "edit_comment",
    "forget_unbound",
    "grant_access",
    "hide_comment",
    "keep_loose_file",
    "like_repo",
    "link_blobs",
    "link_upload",
    "mark_read",
    "mark_seen",
    "mark_seen_at",
    "merge_pull_request",
    "merge_ref",
    "move_ref",
    "move_repo",
    "mute",
    "note_answer",
    "note_push",
    "notify",
    "open_discussion",
    "put_mcp_server",
    "put_skill_archive",
    "put_space_variable",
    "queue_deliveries",
    "redeliver",
    "remove_collection_item",
    "rename_discussion",
    "revert_commit",
    "space_secret_place",
    "super_squash",
    "sync_refs",
    "take_loose_file",
    "tell",
    "unbind_blobs",
    "unchanged_refs",
    "unlike_repo",
    "unmute",
    "webhook_secret_place",
    "wish_space",
    "writable_ref",
]
