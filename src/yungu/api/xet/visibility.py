"""What the bearer of a Xet token may know of and read. Nobody learns here that somebody else's private bytes exist."""

from __future__ import annotations

from collections.abc import Sequence

from yungu import accounts, hub
from yungu.accounts.models import ANONYMOUS, Actor
from yungu.api.xet.tokens import XetClaims
from yungu.kernel.db import Session
from yungu.storage import xet


def readable_file(session: Session, claims: XetClaims, file_hash: str) -> xet.XetFile:
    """A file that the token's repo holds; with write scope also one that its user has uploaded.

    Raises XetFileNotFound alike for the missing and the hidden."""
    file = xet.get_file(session, file_hash)
    writes = claims.scope == "write"
    if hub.holds_blob(session, claims.repo, file.sha256, committed_only=not writes):
        return file
    if writes and claims.user is not None and xet.list_claimed_files(session, claims.user, [file_hash]):
        return file
    raise xet.XetFileNotFound(f"There is no file {file_hash}.")


def visible_files(session: Session, claims: XetClaims, file_hashes: Sequence[str]) -> list[str]:
    """Those files, in the same order, that the user has uploaded or may read in some repo."""
    if claims.user is None or not file_hashes:
        return []
    own = xet.list_claimed_files(session, claims.user, file_hashes)
    sha256s = xet.list_sha256s(session, [name for name in file_hashes if name not in own])
    repo = hub.get_repo_by_id(session, claims.repo)
    readable = hub.readable_blobs(session, sha256s.values(), repo, _actor(session, claims))
    return [name for name in file_hashes if name in own or sha256s.get(name) in readable]


def _actor(session: Session, claims: XetClaims) -> Actor:
    """The user with the rights of the access token behind the claims: a revoked one gives none."""
    if claims.token is not None:
        return accounts.actor_for_token(session, claims.token)
    if claims.user is not None:
        return accounts.actor_for_user(session, accounts.get_owner_by_id(session, claims.user))
    return ANONYMOUS
