"""How the hub says no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, YunguError


class RepoNotFound(NotFound):
    """There is no such repo, or this actor may not know of it."""

    def __init__(self, repo_id: str) -> None:
        super().__init__(f"Repository '{repo_id}' not found.", hint="Check the name, and that your token may read it.")
        self.repo_id = repo_id


class RevisionNotFound(NotFound):
    def __init__(self, revision: str) -> None:
        super().__init__(f"Invalid rev id: {revision}")
        self.revision = revision


class EntryNotFound(NotFound):
    """No such file or folder at that commit. ``commit``: the commit that was looked into."""

    def __init__(self, path: str, commit: str) -> None:
        super().__init__(f"'{path}' does not exist at {commit[:12]}.")
        self.path = path
        self.commit = commit


class RepoDenied(Denied):
    """The actor may see the repo but not do this to it."""

    def __init__(self, repo_id: str, wanted: str) -> None:
        super().__init__(
            f"You need {wanted} access to '{repo_id}'.",
            hint="Ask its owner for a role, or use a token with that scope.",
        )


class RepoGated(Denied):
    """The repo is gated and the actor is not on its list."""

    def __init__(self, kind: str, repo_id: str) -> None:
        super().__init__(
            f"Access to {kind} {repo_id} is restricted and you are not in the authorized list.",
            hint="Visit the repo's page to ask for access.",
        )


class NamespaceDenied(Denied):
    def __init__(self, namespace: str) -> None:
        super().__init__(f"You don't have the rights to create a repo under the namespace '{namespace}'.")


class RepoNameInvalid(Invalid):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"'{name}' cannot be a repo name: {reason}.")


class RepoExists(Conflict):
    def __init__(self, kind: str, repo_id: str) -> None:
        super().__init__(f"A {kind} repository called {repo_id} already exists.")
        self.kind = kind
        self.repo_id = repo_id


class RefExists(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"Reference {name} already exists.")


class RefNameInvalid(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(f"'{name}' is not a valid reference name.", hint="See 'git help check-ref-format'.")


class RefProtected(Denied):
    def __init__(self, name: str) -> None:
        super().__init__(f"Cannot delete {name}: it is the default branch.")


class RefNotPushable(Denied):
    """A ref that the hub keeps for itself."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Only branches, tags and open pull requests can be pushed, not {name}.")


class PushRefused(Conflict):
    """A push that was to move all of its refs or none moved none. ``refused``: what stood in the way, by ref name."""

    def __init__(self, refused: Mapping[str, YunguError]) -> None:
        super().__init__(f"Nothing was pushed: {', '.join(sorted(refused))} could not be moved.")
        self.refused = refused


class RefMoved(Conflict):
    """Somebody else moved the ref first: compare-and-swap failed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "The branch was updated since you opened this page. Please refresh and try again.",
            hint=f"{name} has moved.",
        )


class ParentStale(RefMoved):
    """The commit names a parent that is no longer the head of the branch."""


class PathInvalid(Invalid):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Invalid path {path!r}: {reason}.")
        self.path = path


class CommitEmpty(Invalid):
    def __init__(self) -> None:
        super().__init__("A commit needs at least one operation.")


class DropMissing(Invalid):
    def __init__(self, path: str) -> None:
        super().__init__(f"A file with this name doesn't exist: {path}")
        self.path = path


class LfsObjectMissing(Invalid):
    """A commit refers to content that was never uploaded to this repo."""

    def __init__(self, sha256s: Sequence[str]) -> None:
        shown = ", ".join(sha256s[:3]) + (" …" if len(sha256s) > 3 else "")
        super().__init__(
            f"LFS pointer pointed to a file that does not exist: {shown}", hint="Upload the content first."
        )
        self.sha256s = tuple(sha256s)


class LfsSizeWrong(Invalid):
    def __init__(self, path: str, said: int, held: int) -> None:
        super().__init__(f"'{path}' is said to have {said} bytes, but its content has {held}.")


class FileTooBig(Invalid):
    def __init__(self, path: str, limit: int) -> None:
        super().__init__(
            f"'{path}' is larger than {limit // 1024 // 1024} MiB and must be stored with git-lfs.",
            hint=f"git lfs track '{path}' and commit again, or use the hub's client.",
        )


class CommitTooBig(Exhausted):
    def __init__(self, limit: int) -> None:
        super().__init__(f"A commit may have at most {limit} operations.", hint="Split it into several commits.")


class PushTooBig(Exhausted):
    def __init__(self, limit: int) -> None:
        super().__init__(f"The commits of a push may change at most {limit} files.", hint="Push them in several steps.")


class MergeConflict(Conflict):
    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(
            f"Both sides changed: {', '.join(paths[:5])}", hint="Resolve the conflicts on the branch first."
        )
        self.paths = tuple(paths)


class LockTaken(Conflict):
    def __init__(self, path: str, owner: str) -> None:
        super().__init__(f"'{path}' is already locked by {owner}.")
        self.path = path


class LockNotFound(NotFound):
    def __init__(self, lock_id: int) -> None:
        super().__init__(f"There is no lock {lock_id}.")


class LockDenied(Denied):
    def __init__(self, owner: str) -> None:
        super().__init__(f"The lock belongs to {owner}.", hint="Use --force if you administer the repo.")


class DiscussionNotFound(NotFound):
    def __init__(self, number: int | str) -> None:
        super().__init__(f"There is no discussion {number} in this repo.")


class CommentNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such comment.")


class ReviewDenied(Denied):
    def __init__(self) -> None:
        super().__init__("Your own pull request is for others to review.")


class DiscussionDenied(Denied):
    def __init__(self, what: str) -> None:
        super().__init__(f"Only the author or somebody with write access can {what}.")


class TextMissing(Invalid):
    def __init__(self, what: str) -> None:
        super().__init__(f"The {what} is empty.")


class StatusInvalid(Invalid):
    def __init__(self, status: str) -> None:
        super().__init__(f"A discussion cannot become '{status}' now.")


class NotMergeable(Conflict):
    def __init__(self, number: int, status: str) -> None:
        super().__init__(f"#{number} cannot be merged: it is {status}.")


class SpecInvalid(Invalid):
    def __init__(self, spec: str) -> None:
        super().__init__(f"'{spec}' is no comparison.", hint="Use base..head or base...head.")


class RepoNotGated(Invalid):
    def __init__(self, repo_id: str) -> None:
        super().__init__(f"'{repo_id}' is not gated: nobody needs to ask for access.")


class AccessHeld(Invalid):
    def __init__(self, user: str, repo_id: str) -> None:
        super().__init__(f"'{user}' already has access to '{repo_id}'.")


class AccessRequestNotFound(NotFound):
    """The user has not asked for access, or what is asked of the request is done already."""

    def __init__(self, who: str, but: str = "") -> None:
        super().__init__(f"There is no access request of '{who}'{f' that is not {but} already' if but else ''}.")


class CollectionNotFound(NotFound):
    """There is no such collection, or this actor may not know of it."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"Collection '{slug}' not found.")


class CollectionDenied(Denied):
    def __init__(self, namespace: str) -> None:
        super().__init__(f"You need write access to change collections of '{namespace}'.")


class CollectionExists(Conflict):
    """The namespace has a collection of that title. ``slug``: which one."""

    def __init__(self, title: str, slug: str) -> None:
        super().__init__(f"A collection called '{title}' already exists.")
        self.slug = slug


class CollectionItemNotFound(NotFound):
    def __init__(self, item: str) -> None:
        super().__init__(f"There is no '{item}' in this collection.")


class CollectionItemExists(Conflict):
    def __init__(self, item: str) -> None:
        super().__init__(f"'{item}' is already in this collection.")


class CollectionItemInvalid(Invalid):
    """What cannot be put into a collection."""


class TextTooLong(Invalid):
    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"The {what} is longer than {limit} characters.")


class WebhookNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class DeliveryNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such delivery of this webhook; only the latest ones are kept.")


class WebhookInvalid(Invalid):
    """What a webhook cannot be."""


class SettingsDenied(Denied):
    """The token is too weak for the settings of its user."""

    def __init__(self) -> None:
        super().__init__("Your settings need a token with write access, or that you sign in.")


class VariableInvalid(Invalid):
    """What cannot be a variable or secret of a space."""


class VariableNotFound(NotFound):
    def __init__(self, key: str) -> None:
        super().__init__(f"There is no variable or secret '{key}'.")


class VariableExists(Conflict):
    def __init__(self, key: str) -> None:
        super().__init__(f"A variable or secret '{key}' already exists.")


class McpServerNotFound(NotFound):
    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no MCP server '{slug}' in the catalogue.")


class RunnerMissing(Denied):
    """Something shall run, and this hub runs nothing."""

    hint = "Run it yourself from its configuration, or ask the operator of this server to run one for everybody."

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} cannot be run: no runner is configured on this server.")


class ServerShared(Denied):
    """Somebody wants to stop what the operator runs for everybody."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"The MCP server '{slug}' is run for everybody by the operator, who alone can stop it.")


class SkillNotFound(NotFound):
    """There is no such skill, or this actor may not know of it."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no skill '{slug}'.")


class SkillDenied(Denied):
    def __init__(self, owner: str) -> None:
        super().__init__(f"You need write access to the skills of '{owner}'.")


class SkillArchiveInvalid(Invalid):
    """What was sent as the files of a skill cannot be that."""

    hint = "Send a zip file of at most 5 MiB with a SKILL.md at its root that names the skill and describes it."

    def __init__(self, reason: str) -> None:
        super().__init__(f"This is no archive of a skill: {reason}.")


class SkillFilesMissing(NotFound):
    def __init__(self, slug: str, source_url: str) -> None:
        hint = f"They may be at {source_url}." if source_url else "Its owner has sent none."
        super().__init__(f"The files of the skill '{slug}' are not here.", hint=hint)


class LooseFileNotFound(NotFound):
    """There is no such file, or it is somebody else's, or it waited too long."""

    def __init__(self, file_id: str) -> None:
        super().__init__(f"There is no uploaded file '{file_id}'.", hint="Upload it again: it is kept for a day.")


class LooseFilesTooMany(Exhausted):
    """A user has uploaded many files and made nothing of them."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} uploaded files wait to be used.", hint="Use them, or wait until they are forgotten, after a day."
        )


class SkillExists(Conflict):
    def __init__(self, slug: str) -> None:
        super().__init__(f"The skill '{slug}' already exists.")
