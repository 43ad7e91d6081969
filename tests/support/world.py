"""People, organizations and repos, made in one line each, every call in a transaction of its own.

lin = world.user("lin")
tea = world.organization("tea", admin=lin, read=[world.user("mei")])
repo = world.repo("lin/tea", by=lin, files={"a.txt": b"hello"})
world.commit(repo, {"a.txt": b"goodbye"}, by=lin)
world.read(repo, "a.txt")
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from yungu import accounts, hub
from yungu.accounts import Actor, Owner, Scope, TokenGrant
from yungu.api.http import Site
from yungu.hub import Kind, Repo, Visibility
from yungu.kernel.db import Session
from yungu.storage import content
from yungu.storage.git import Commit, GitObjects

P = ParamSpec("P")
T = TypeVar("T")


class World:
    """The inhabitants of one site. Actors are in person (no token) unless they come from ``with_token``."""

    def __init__(self, site: Site) -> None:
        self.site = site

    # --- one step of the domain, one transaction

    def read_in(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.site.db.read() as session:
            return work(session, *args, **kwargs)

    def write_in(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.site.db.write() as session:
            return work(session, *args, **kwargs)

    # --- people

    def user(self, name: str, *, is_admin: bool = False, password: str | None = None) -> Actor:
        hashed = accounts.hash_password(password) if password is not None else None
        user = self.write_in(accounts.create_user, name, is_admin=is_admin, password_hash=hashed)
        return self.actor(user.name)

    def actor(self, name: str) -> Actor:
        """The user as of now, with present roles."""
        with self.site.db.read() as session:
            return accounts.actor_for_user(session, accounts.get_user(session, name))

    def organization(
        self, name: str, *, admin: Actor, default_visibility: str = "public", **members: Sequence[Actor]
    ) -> Owner:
        """``members``: role to actors (``read=[mei]``). Actors made before do not know of it: ask ``actor`` again."""
        with self.site.db.write() as session:
            assert admin.user is not None
            made = accounts.create_organization(
                session, name, creator=admin.user, default_visibility=default_visibility
            )
            for role, actors in members.items():
                for actor in actors:
                    accounts.add_member(session, made, actor.user, role, by=admin.id)  # type: ignore[arg-type]
        return made

    def token(
        self,
        user: str,
        scope: Scope = "write",
        *,
        grants: Sequence[tuple[str, str]] = (),
        expires_at: datetime | None = None,
    ) -> str:
        """A token's value. ``grants`` of a fine-grained one: (target, right)."""
        given = [TokenGrant(target, right) for target, right in grants]  # type: ignore[arg-type]
        with self.site.db.write() as session:
            owner = accounts.get_user(session, user)
            options: dict[str, Any] = {"name": scope, "scope": scope, "grants": given, "expires_at": expires_at}
            return accounts.create_token(session, self.site.secret, owner.id, **options)[1]

    def with_token(self, user: str, scope: Scope, *grants: tuple[str, str]) -> Actor:
        """The user as seen through a token of that scope."""
        value = self.token(user, scope, grants=grants)
        return self.read_in(accounts.authenticate_token, self.site.secret, value)

    # --- repos

    def repo(
        self,
        repo_id: str,
        *,
        by: Actor,
        kind: Kind = "model",
        visibility: Visibility | None = None,
        files: dict[str, bytes] | None = None,
    ) -> Repo:
        options: dict[str, Any] = {"visibility": visibility, "files": files}
        return self.write_in(hub.create_repo, self.site.git, kind, repo_id, by, **options)

    def fresh(self, repo: Repo) -> Repo:
        """The repo as of now."""
        return self.read_in(hub.get_repo_by_id, repo.id)

    def objects(self, repo: Repo) -> GitObjects:
        return self.site.git.open(repo.id)

    def put(self, repo: Repo, path: str, data: bytes) -> hub.FilePut:
        """A change that writes a regular file, its blob being written already."""
        return hub.FilePut(path, self.objects(repo).write_blob(data), len(data))

    def commit(
        self,
        repo: Repo,
        files: Mapping[str, bytes | None],
        *,
        by: Actor,
        branch: str = "main",
        title: str = "change",
        **plan: Any,
    ) -> Commit:
        """Commit ``files`` (None: delete it) to a branch."""
        changes = [hub.Drop(path) if data is None else self.put(repo, path, data) for path, data in files.items()]
        return self.apply(repo, hub.CommitPlan(branch=branch, changes=changes, title=title, **plan), by=by)

    def apply(self, repo: Repo, plan: hub.CommitPlan, *, by: Actor) -> Commit:
        return self.write_in(hub.apply_commit, self.site.git, self.fresh(repo), plan, by)

    def upload(self, repo: Repo, data: bytes, *, by: Actor) -> hub.LfsPut:
        """Large content that was uploaded to the repo; the answer is a change without a path."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self.site.store.stage() as staged:
            staged.write(data)
            staged.publish(content.raw_key(sha256))
        with self.site.db.write() as session:
            content.record_raw(session, sha256, len(data))
            hub.link_upload(session, repo, sha256, by.id)
        return hub.LfsPut("", sha256, len(data))

    def resolve(self, repo: Repo, revision: str | None = None) -> str:
        return self.read_in(hub.resolve_revision, self.site.git, repo, revision)

    def read(self, repo: Repo, path: str, revision: str | None = None) -> bytes:
        """The git blob at ``path`` (for LFS files the pointer)."""
        objects = self.objects(repo)
        return objects.read_blob(hub.get_file(objects, self.resolve(repo, revision), path).oid)

    def paths(self, repo: Repo, revision: str | None = None) -> list[str]:
        """Every file of a commit but ``.gitattributes``."""
        files = hub.list_files(self.objects(repo), self.resolve(repo, revision))
        return [file.path for file in files if file.path != ".gitattributes"]

    def history(self, repo: Repo, revision: str | None = None) -> list[str]:
        """The titles of a branch's commits, newest first."""
        return [commit.title for commit in self.objects(repo).log(self.resolve(repo, revision))]
