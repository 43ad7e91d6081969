"""Nobody keeps more than allowed: looked at before bytes are taken in, and again in the transaction that keeps them.

Who may write to a repo spends its owner's room. A guest, who can only propose changes, spends the guest's own, until
somebody merges what was proposed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from yungu import accounts
from yungu.accounts.models import Actor
from yungu.hub import queries, rules
from yungu.hub.models import Discussion, Repo, discussions, repos
from yungu.kernel.db import Session
from yungu.storage.models import Blob


def check_quota(session: Session, owner_id: int, more_bytes: int, *, pending_bytes: int = 0) -> None:
    """Raises QuotaExceeded when an owner may not keep ``more_bytes`` besides what is there and ``pending_bytes``."""
    limit = accounts.get_quota(session, owner_id).limit_bytes
    if limit is None or more_bytes <= 0:
        return
    used = queries.used_bytes(session, owner_id) + pending_bytes
    if used + more_bytes > limit:
        raise accounts.QuotaExceeded(accounts.get_owner_by_id(session, owner_id).name, limit, used, more_bytes)


def check_room(session: Session, repo: Repo, more_bytes: int, *, uploader_id: int | None) -> None:
    """Raises QuotaExceeded when ``more_bytes`` may not be sent to a repo, and TokenInvalid for a suspended user.

    What the uploader has sent without committing it counts as well; what others have sent does not, so that nobody can
    use up somebody else's room."""
    payer, pending = repo.owner_id, 0
    if uploader_id not in (None, repo.owner_id):
        payer = _payer(repo, accounts.actor_for_user(session, accounts.get_owner_by_id(session, uploader_id)))
    if uploader_id is not None and accounts.get_quota(session, payer).limit_bytes is not None:
        owner_id = repo.owner_id if payer == repo.owner_id else None
        pending = queries.pending_bytes(session, uploader_id, owner_id=owner_id)
    check_quota(session, payer, more_bytes, pending_bytes=pending)


def check_contents(session: Session, repo: Repo, held: Mapping[str, Blob], actor: Actor) -> None:
    """Raises QuotaExceeded when what is new to the repo among ``held`` is more than whoever pays for it may keep."""
    payer = _payer(repo, actor)
    if accounts.get_quota(session, payer).limit_bytes is None:
        return
    paid = queries.list_committed(session, repo, held, with_proposed=payer != repo.owner_id)
    check_quota(session, payer, sum(held[sha256].size_bytes for sha256 in held.keys() - paid))


def add_git_bytes(session: Session, repo: Repo, size_bytes: int, actor: Actor, refs: Collection[str]) -> None:
    """Count regular files that were committed, or a pack that was pushed, to ``refs``. Raises QuotaExceeded."""
    pulls = [queries.get_pull_request(session, repo, ref) for ref in refs] if rules.is_guest(actor, repo) else []
    pull = next(filter(None, pulls), None)
    check_quota(session, _payer(repo, actor) if pull else repo.owner_id, size_bytes)
    if pull is not None and size_bytes:
        row, grown = discussions.c.id == pull.id, discussions.c.git_bytes + size_bytes
        session.execute(sa.update(discussions).where(row).values(git_bytes=grown))
    elif size_bytes:
        _keep(session, repo, size_bytes)


def take_over(session: Session, repo: Repo, pull: Discussion) -> None:
    """Let the owner of the repo keep the regular files of a pull request from now on. Raises QuotaExceeded."""
    proposal = discussions.c.id == pull.id
    size_bytes = int(session.scalar(sa.select(discussions.c.git_bytes).where(proposal)) or 0)
    check_quota(session, repo.owner_id, size_bytes)
    session.execute(sa.update(discussions).where(proposal).values(git_bytes=0))
    _keep(session, repo, size_bytes)


def _keep(session: Session, repo: Repo, size_bytes: int) -> None:
    grown = repos.c.git_bytes + size_bytes
    session.execute(sa.update(repos).where(repos.c.id == repo.id).values(git_bytes=grown))


def _payer(repo: Repo, actor: Actor) -> int:
    """By whose quota the actor sends something to the repo."""
    return actor.id if actor.id is not None and rules.is_guest(actor, repo) else repo.owner_id
