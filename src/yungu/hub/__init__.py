"""The hub: repos, refs, commits, trees, cards, locks, downloads.

    from yungu import hub

    repo = hub.create_repo(session, git, "model", "lin/tea", actor)
    oid = git.open(repo.id).write_blob(b"hello")
    plan = hub.CommitPlan(branch="main", changes=[hub.FilePut("a.txt", oid, 5)], title="add")
    hub.apply_commit(session, git, repo, plan, actor)
    commit = hub.resolve_revision(session, git, repo, "main")
    hub.list_folder(git.open(repo.id), commit)

``git`` is the ``yungu.storage.git.GitStore`` of the site.
"""

from yungu.hub.errors import *  # noqa: F403 - every error of the hub is part of its door
from yungu.hub.indexing import (
    ReadCard as ReadCard,
    card_reader as card_reader,
    compare_index as compare_index,
    keep_index as keep_index,
)
from yungu.hub.jobs import fold_downloads as fold_downloads, measure_heads as measure_heads
from yungu.hub.models import (
    KINDS as KINDS,
    VISIBILITIES as VISIBILITIES,
    AccessRequest as AccessRequest,
    AccessStatus as AccessStatus,
    Card as Card,
    Change as Change,
    ChangedLine as ChangedLine,
    Collection as Collection,
    CollectionItem as CollectionItem,
    CommitPlan as CommitPlan,
    Delivery as Delivery,
    Discussion as Discussion,
    DiscussionEvent as DiscussionEvent,
    Drop as Drop,
    FilePut as FilePut,
    Gate as Gate,
    Kind as Kind,
    LfsLock as LfsLock,
    LfsPut as LfsPut,
    Like as Like,
    McpServer as McpServer,
    Notification as Notification,
    Pointer as Pointer,
    Ref as Ref,
    Repo as Repo,
    RepoFilter as RepoFilter,
    Skill as Skill,
    SkillFile as SkillFile,
    SpaceRun as SpaceRun,
    SpaceVariable as SpaceVariable,
    TreeFile as TreeFile,
    TreeFolder as TreeFolder,
    TreeNode as TreeNode,
    Verdict as Verdict,
    Visibility as Visibility,
    Watched as Watched,
    Webhook as Webhook,
)
from yungu.hub.queries import *  # noqa: F403
from yungu.hub.rules import *  # noqa: F403
from yungu.hub.rules.entries import (
    DATASET_SIZES as DATASET_SIZES,
    LAYOUT as LAYOUT,
    MODEL_SIZES as MODEL_SIZES,
)
from yungu.hub.service import *  # noqa: F403
