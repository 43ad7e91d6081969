"""The hub: repos, refs, commits, trees, cards, locks, downloads.

    from yungu import hub

    repo = hub.create_repo(session, git, "model", "lin/tea", actor)
    oid = git.open(repo.id).write_blob(b"hello")
    hub.apply_commit(session, git, repo, hub.CommitPlan(branch="main", changes=[hub.FilePut("a.txt", oid, 5)], title="add"), actor)
    commit = hub.resolve_revision(session, git, repo, "main")
    hub.list_folder(git.open(repo.id), commit)

``git`` is the ``yungu.storage.git.GitStore`` of the site.
"""

from yungu.hub.errors import *  # noqa: F403 - every error of the hub is part of its door
from yungu.hub.models import (
    KINDS,
    VISIBILITIES,
    Card,
    Change,
    CommitPlan,
    Discussion,
    DiscussionEvent,
    Drop,
    FilePut,
    Gate,
    Kind,
    LfsLock,
    LfsPut,
    Pointer,
    Ref,
    Repo,
    RepoFilter,
    TreeFile,
    TreeFolder,
    TreeNode,
    Visibility,
)
from yungu.hub.queries import *  # noqa: F403
from yungu.hub.rules import *  # noqa: F403
from yungu.hub.service import *  # noqa: F403
