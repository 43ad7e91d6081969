"""A user's own settings: profile, password, access tokens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from starlette.responses import Response

from yungu import accounts, hub
from yungu.accounts import Credentials, LinkInvalid, PasswordWrong, Scope, TokenGrant
from yungu.accounts.errors import PasswordWeak
from yungu.accounts.models import Owner
from yungu.api.http import Call
from yungu.api.http.app import read_body
from yungu.api.web import limits
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.people import checked_email, signed_in
from yungu.api.web.visit import Visit, begin
from yungu.kernel import clock
from yungu.kernel.db import Session

_SCOPES: tuple[Scope, ...] = ("read", "write", "fine-grained")
_LIFETIMES = {"30": timedelta(days=30), "90": timedelta(days=90), "365": timedelta(days=365)}
_MAX_GRANTS = 100
_MAX_BIO_LENGTH = 500
_MAX_LINKS = 5
_KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}


# --- profile


def get_profile(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    return _profile_page(visit, visit.person(), EMPTY, {})


def post_profile(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    with shown_again(visit, lambda errors: _profile_page(visit, user, form, errors), links=LinkInvalid):
        email, said = checked_email(visit, form), checked_profile(visit, form)
    accounts.update_owner(session, user.id, full_name=form["full_name"][:200] or user.name, email=email, **said)
    return see_other(visit, "/settings/profile", told=visit.gettext("Saved."))


def checked_profile(visit: Visit, form: Form) -> dict[str, Any]:
    """What a user or organization says of itself: ``bio`` and ``links``. Raises FieldInvalid, LinkInvalid."""
    bio, links = form["bio"].replace("\r\n", "\n"), form["links"].split()
    if len(bio) > _MAX_BIO_LENGTH:
        raise FieldInvalid("bio", visit.gettext("This is too long: at most 500 characters."))
    if len(links) > _MAX_LINKS:
        raise FieldInvalid("links", visit.gettext("At most five links."))
    accounts.check_links(links)
    return {"bio": bio, "links": links}


async def post_password(call: Call) -> Response:
    """Ends every browser session of the user but gives this browser a new one."""
    call.body_bytes = await read_body(call, 64 * 1024)
    visit = await call.read(begin, call)
    user, form = visit.person(), read_form(visit)
    key = f"password {user.id}"
    with shown_again(
        visit,
        lambda errors: _profile_page(visit, user, form, errors),
        old_password=PasswordWrong,
        password=PasswordWeak,
    ):
        limits.by_name.begin(key)
        held = await call.read(accounts.find_credentials, user.name)
        hashed = await limits.in_password_thread(lambda: _checked(held, form))
        value = await call.write(_change_password, call, user, hashed)
    limits.by_name.forgive(key)
    return signed_in(visit, "/settings/profile", value, told=visit.gettext("The password is changed."))


def _checked(held: Credentials, form: Form) -> str:
    """The hash of the new password, the old one being right."""
    accounts.verify_password(held, form.raw("old_password"))
    return accounts.hash_password(form.raw("password"))


def _change_password(session: Session, call: Call, user: Owner, password_hash: str) -> str:
    accounts.change_password(session, user.id, password_hash)
    return accounts.start_session(session, call.site.secret, user.id)


def _profile_page(visit: Visit, user: Owner, form: Form, errors: Mapping[str, str]) -> Response:
    return page(visit, "settings/profile.html", tab="profile", user=user, form=form, errors=errors)


# --- tokens


def get_tokens(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    return _tokens_page(session, visit, visit.person(), EMPTY, {})


def post_token(session: Session, call: Call) -> Response:
    """Shows the new token's value in the answer itself: it is kept nowhere, so there is no page to go on to."""
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    with shown_again(visit, lambda errors: _tokens_page(session, visit, user, form, errors)):
        scope, grants = _scope(visit, form), _grants(session, visit, form)
        if not form["name"]:
            raise FieldInvalid("name", visit.gettext("Give the token a name, so that you know it later."))
    lifetime = _LIFETIMES.get(form["lifetime"])
    expires_at = clock.now() + lifetime if lifetime else None
    _, value = accounts.create_token(
        session, call.site.secret, user.id, name=form["name"], scope=scope, grants=grants, expires_at=expires_at
    )
    response = _tokens_page(session, visit, user, EMPTY, {}, value=value)
    response.headers["cache-control"] = "no-store"
    return response


def post_revoke(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    number = form["token"]
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise accounts.TokenNotFound
    accounts.revoke_token(session, user.id, int(number))
    return see_other(visit, "/settings/tokens", told=visit.gettext("The token is revoked."))


def _scope(visit: Visit, form: Form) -> Scope:
    if form["scope"] not in _SCOPES:
        raise FieldInvalid("scope", visit.gettext("Choose what the token may do."))
    return form["scope"]


def _grants(session: Session, visit: Visit, form: Form) -> list[TokenGrant]:
    """The repos and owners named line by line. Raises FieldInvalid for one that the user cannot see."""
    if form["scope"] != "fine-grained":
        return []
    found: dict[str, TokenGrant] = {}
    for right in ("read", "write"):
        for line in form[f"{right}_targets"].split():
            if not _exists(session, visit, line):
                message = visit.gettext(
                    "There is no %(name)s that you can see. Write models/owner/name, or an owner's name."
                )
                raise FieldInvalid(f"{right}_targets", message % {"name": line[:100]})
            found[line.casefold()] = TokenGrant(line, right)
    if not found:
        raise FieldInvalid("read_targets", visit.gettext("Name at least one repository or owner."))
    if len(found) > _MAX_GRANTS:
        raise FieldInvalid("read_targets", visit.gettext("These are too many for one token."))
    return list(found.values())


def _exists(session: Session, visit: Visit, target: str) -> bool:
    kinds, _, repo_id = target.partition("/")
    if not repo_id:
        return accounts.find_owner(session, target) is not None
    if kinds not in _KINDS:
        return False
    repo = hub.find_repo(session, cast(hub.Kind, _KINDS[kinds]), repo_id)
    return repo is not None and repo.repo_id.casefold() == repo_id.casefold() and hub.may_read(visit.actor, repo)


def _tokens_page(
    session: Session, visit: Visit, user: Owner, form: Form, errors: Mapping[str, str], *, value: str = ""
) -> Response:
    tokens = accounts.list_tokens(session, user.id)
    grants = {token.id: accounts.grants_of(session, token.id) for token in tokens if token.scope == "fine-grained"}
    context: dict[str, Any] = {
        "tokens": tokens,
        "grants": grants,
        "value": value,
        "endpoint": visit.call.origin,
        "now": clock.now(),
    }
    return page(visit, "settings/tokens.html", tab="tokens", user=user, form=form, errors=errors, **context)
