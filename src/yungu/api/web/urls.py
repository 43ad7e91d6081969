"""Where pages are. Every address on a page is made here, so every name in it is quoted."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from yungu.hub import Collection, Kind, Repo
from yungu.scenarios import Item, Side

_PREFIX = {"model": "", "dataset": "/datasets", "space": "/spaces"}


def kind_list(kind: Kind, **query: str | Sequence[str] | None) -> str:
    """The list of one kind; empty values are left out."""
    return with_query(f"/{kind}s", **query)


def owner(name: str) -> str:
    return f"/{quote(name, safe='')}"


def owner_tab(name: str, tab: str, **query: str | None) -> str:
    """One of the lists on the page of a user or organization."""
    return with_query(owner(name), tab=tab, **query)


def follow(name: str) -> str:
    return f"/users/{quote(name, safe='')}/follow"


def repo(repo: Repo) -> str:
    return repo_named(repo.kind, repo.repo_id)


def repo_named(kind: Kind, repo_id: str) -> str:
    return f"{_PREFIX[kind]}/{quote(repo_id, safe='/')}"


def tree(repo_: Repo, revision: str, path: str = "") -> str:
    return _at(repo_, "tree", revision, path)


def blob(repo_: Repo, revision: str, path: str) -> str:
    return _at(repo_, "blob", revision, path)


def resolve(repo_: Repo, revision: str, path: str) -> str:
    """The bytes of a file, from the address that the Hugging Face client uses."""
    return _at(repo_, "resolve", revision, path)


def commits(repo_: Repo, revision: str, path: str = "") -> str:
    """The history of a revision, or of one file or folder in it."""
    return with_query(_at(repo_, "commits", revision), path=path)


def commit(repo_: Repo, oid: str) -> str:
    return _at(repo_, "commit", oid)


def compare(repo_: Repo, base: str, head: str) -> str:
    return _at(repo_, "compare", f"{base}...{head}")


def kin(repo_: Repo, kinship: str) -> str:
    """What was made from a repo, or uses it."""
    return with_query(f"{repo(repo_)}/kin", kinship=kinship)


def notebook_picture(repo_: Repo, commit: str, path: str, cell: int, output: int) -> str:
    return with_query(_at(repo_, "notebook", commit, path), cell=str(cell), output=str(output))


def new_file(repo_: Repo, revision: str, folder: str = "") -> str:
    return _at(repo_, "new", revision, folder)


def edit(repo_: Repo, revision: str, path: str) -> str:
    return _at(repo_, "edit", revision, path)


def delete(repo_: Repo, revision: str, path: str) -> str:
    return _at(repo_, "delete", revision, path)


def upload(repo_: Repo, revision: str, folder: str = "") -> str:
    return _at(repo_, "upload", revision, folder)


def uploads(repo_: Repo) -> str:
    """Where scripts send files in parts."""
    return f"{repo(repo_)}/uploads"


def discussions(repo_: Repo, **query: str | None) -> str:
    return with_query(f"{repo(repo_)}/discussions", **query)


def discussion(repo_: Repo, number: int, verb: str = "") -> str:
    """The page of a discussion, or where one of its forms goes."""
    return f"{repo(repo_)}/discussions/{number}" + (f"/{verb}" if verb else "")


def viewer(repo_: Repo, **query: str) -> str:
    """The rows of a dataset, or of one ``file``."""
    return with_query(f"{repo(repo_)}/viewer", **query)


def viewer_picture(repo_: Repo, **query: str) -> str:
    return with_query(f"{repo(repo_)}/viewer/picture", **query)


def collection(collection_: Collection) -> str:
    return f"/collections/{quote(collection_.slug, safe='/')}"


def like(repo_: Repo) -> str:
    return f"{repo(repo_)}/like"


def access(repo_: Repo) -> str:
    """Who may read a gated repo, and who asks to."""
    return f"{repo(repo_)}/settings/access"


def repo_settings(repo_: Repo) -> str:
    return f"{repo(repo_)}/settings"


def members(organization: str) -> str:
    return f"/organizations/{quote(organization, safe='')}/members"


def invitations(organization: str) -> str:
    return f"/organizations/{quote(organization, safe='')}/invitations"


def admin(page: str = "") -> str:
    """The administrators' pages. No owner can be called "-", so they take nobody's address."""
    return f"/-/admin/{page}" if page else "/-/admin"


def admin_owner(name: str) -> str:
    return admin(f"owners/{quote(name, safe='')}")


def wallet(owner_name: str, page: str = "") -> str:
    """What a user or an organization has, or one of the pages below."""
    place = f"/-/credits/{quote(owner_name, safe='')}"
    return f"{place}/{page}" if page else place


def receipt(number: int) -> str:
    return f"/-/receipts/{number}"


def policy(name: str) -> str:
    return f"/-/policies/{quote(name, safe='')}"


def deployment(name: str, verb: str = "") -> str:
    """The page of a callable model ("namespace/name"), or where one of its forms goes."""
    place = f"/-/deployments/{quote(name, safe='/')}"
    return f"{place}/{verb}" if verb else place


def job(number: int, verb: str = "") -> str:
    """The page of a job, or where its forms and files are."""
    return f"/-/jobs/{number}/{verb}" if verb else f"/-/jobs/{number}"


def playground(name: str) -> str:
    return f"/-/playground/{quote(name, safe='/')}"


def organization_settings(organization: str) -> str:
    return f"/organizations/{quote(organization, safe='')}/settings"


def login(next_path: str = "") -> str:
    return with_query("/login", next=next_path)


def scenario_list(side: Side) -> str:
    return "/-/opportunities" if side == "opportunity" else "/-/capabilities"


def scenario(item: Item) -> str:
    return scenario_coded(item.side, item.code)


def scenario_coded(side: Side, code: str) -> str:
    return f"{scenario_list(side)}/{quote(code, safe='')}"


def scenario_matches(item: Item) -> str:
    """What was proposed for an item."""
    return f"{scenario(item)}/matches"


def match(number: int) -> str:
    return f"/-/matches/{number}"


def market(page: str = "") -> str:
    """The operator's view of both lists; ``page``: "runs/7", "days/2"."""
    return "/-/market" + (f"/{page}" if page else "")


def with_query(path: str, /, **query: str | Sequence[str] | None) -> str:
    pairs = [
        (name, value)
        for name, given in query.items()
        for value in ([given] if isinstance(given, str) else given or [])
        if value
    ]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def safe_path(target: str) -> str:
    """``target`` if it is a path on this site, else "/": nobody is sent elsewhere by a link to our sign-in page.

    Browsers read "//host" and "/\\\\host" as another site and drop control characters before they look."""
    is_path = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_path and all(" " < c != "\x7f" for c in target) else "/"


def _at(repo_: Repo, page: str, revision: str, path: str = "") -> str:
    place = f"{repo(repo_)}/{page}/{quote(revision, safe='')}"
    return f"{place}/{quote(path, safe='/')}" if path else place


def pilot(code: str, page: str = "") -> str:
    """A pilot of an opportunity; ``page``: its "terms", or "steps", where its forms go."""
    return f"/-/pilots/{quote(code, safe='')}" + (f"/{page}" if page else "")
