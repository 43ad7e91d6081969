"""Who users are at an OpenID provider. An account gets an identity only when it is new, or when its owner is signed
in: what a provider says of names or e-mail addresses opens no account that is there already."""

from __future__ import annotations

import sqlalchemy as sa

from yungu.accounts import queries
from yungu.accounts.errors import IdentityNeeded, IdentityTaken
from yungu.accounts.events import IdentityLinked, IdentityUnlinked
from yungu.accounts.models import Identity, Owner, identities
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.events import record


def link_identity(session: Session, user: Owner, *, issuer: str, subject: str, label: str) -> None:
    """``label``: how people know the identity, such as an e-mail address. Raises IdentityTaken."""
    now = clock.now()
    row = {"issuer": issuer, "subject": subject, "user_id": user.id, "label": label[:254]}
    try:
        with session.begin_nested():
            session.execute(sa.insert(identities).values(row | {"created_at": now, "last_used_at": now}))
    except sa.exc.IntegrityError:
        raise IdentityTaken from None
    record(session, IdentityLinked(user_id=user.id, issuer=issuer), actor_id=user.id)


def use_identity(session: Session, *, issuer: str, subject: str, label: str) -> Owner | None:
    """The user behind an identity, None for one that nobody has linked."""
    this = (identities.c.issuer == issuer) & (identities.c.subject == subject)
    user_id = session.scalar(sa.select(identities.c.user_id).where(this))
    if user_id is None:
        return None
    session.execute(sa.update(identities).where(this).values(last_used_at=clock.now(), label=label[:254]))
    return queries.get_owner_by_id(session, user_id)


def unlink_identity(session: Session, user: Owner, identity: Identity) -> None:
    """Raises IdentityNeeded for the last way in of a user without a password."""
    has_password = queries.find_credentials(session, user.name).password_hash is not None
    if not has_password and len(queries.list_identities(session, user.id)) == 1:
        raise IdentityNeeded
    this = (identities.c.issuer == identity.issuer) & (identities.c.subject == identity.subject)
    session.execute(sa.delete(identities).where(this, identities.c.user_id == user.id))
    record(session, IdentityUnlinked(user_id=user.id, issuer=identity.issuer), actor_id=user.id)
