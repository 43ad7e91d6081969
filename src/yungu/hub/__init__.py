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
from yungu.hub.jobs import measure_weights as measure_weights
from yungu.hub.models import (
    KINDS as KINDS,
)
from yungu.hub.models import (
    VISIBILITIES as VISIBILITIES,
)
from yungu.hub.models import (
    AccessRequest as AccessRequest,
)
from yungu.hub.models import (
    AccessStatus as AccessStatus,
)
from yungu.hub.models import (
    Card as Card,
)
from yungu.hub.models import (
    Change as Change,
)
from yungu.hub.models import (
    Collection as Collection,
)
from yungu.hub.models import (
    CollectionItem as CollectionItem,
)
from yungu.hub.models import (
    CommitPlan as CommitPlan,
)
from yungu.hub.models import (
    Discussion as Discussion,
)
from yungu.hub.models import (
    DiscussionEvent as DiscussionEvent,
)
from yungu.hub.models import (
    Drop as Drop,
)
from yungu.hub.models import (
    FilePut as FilePut,
)
from yungu.hub.models import (
    Gate as Gate,
)
from yungu.hub.models import (
    Kind as Kind,
)
from yungu.hub.models import (
    LfsLock as LfsLock,
)
from yungu.hub.models import (
    LfsPut as LfsPut,
)
from yungu.hub.models import (
    Like as Like,
)
from yungu.hub.models import (
    McpServer as McpServer,
)
from yungu.hub.models import (
    Pointer as Pointer,
)
from yungu.hub.models import (
    Ref as Ref,
)
from yungu.hub.models import (
    Repo as Repo,
)
from yungu.hub.models import (
    RepoFilter as RepoFilter,
)
from yungu.hub.models import (
    Skill as Skill,
)
from yungu.hub.models import (
    SpaceRun as SpaceRun,
)
from yungu.hub.models import (
    SpaceVariable as SpaceVariable,
)
from yungu.hub.models import (
    TreeFile as TreeFile,
)
from yungu.hub.models import (
    TreeFolder as TreeFolder,
)
from yungu.hub.models import (
    TreeNode as TreeNode,
)
from yungu.hub.models import (
    Visibility as Visibility,
)
from yungu.hub.models import (
    Watched as Watched,
)
from yungu.hub.models import (
    Webhook as Webhook,
)
from yungu.hub.queries import *  # noqa: F403
from yungu.hub.rules import *  # noqa: F403
from yungu.hub.service import *  # noqa: F403
