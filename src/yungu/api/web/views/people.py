"""Signing in, signing out, joining."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from yungu import accounts
from yungu.accounts import (
    Credentials,
    Invitation,
    InvitationInvalid,
    NameInvalid,
    NameTaken,
    Owner,
    PasswordWeak,
    PasswordWrong,
    ResetInvalid,
)
from yungu.api.http import Call
from yungu.api.http.app import RouteNotFound, read_body
from yungu.api.http.auth import SESSION_COOKIE
from yungu.api.http.signing import SignatureInvalid, verify
from yungu.api.web import limits, urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.visit import Visit, begin
from yungu.kernel.db import Session

_MAX_BODY = 64 * 1024
RESET_SECONDS = 24 * 3600
RESET_PURPOSE = "password reset"


class Reset(msgspec.Struct, frozen=True, array_like=True):
    """Leave to choose a new password, as long as the present one has this mark."""

    user: int
    mark: str


def get_login(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    target = urls.safe_path(call.query_params.get("next", ""))
    if visit.actor.user is not None:
        return see_other(visit, target)
    return _login_page(visit, EMPTY, {}, target)


async def post_login(call: Call) -> Response:
    visit, form = await _posted(call)
    target = urls.safe_path(form["next"])
    with shown_again(visit, lambda errors: _login_page(visit, form, errors, target)):
        held = await _check(call, form)
        value = await call.write(accounts.sign_in, call.site.secret, held)
    return signed_in(visit, target, value)


async def post_logout(call: Call) -> Response:
    visit, _ = await _posted(call)
    cookie = call.cookies.get(SESSION_COOKIE)
    if cookie:
        await call.write(accounts.end_session, call.site.secret, cookie)
    visit.has_stale_cookie = True
    return see_other(visit, "/")


def get_join(session: Session, call: Call) -> Response:
    """With ``?invitation=`` also where registration is closed, and for people who have an account."""
    value = call.query_params.get("invitation", "")
    visit = begin(session, call)
    if not value:
        _check_open(call)
        return see_other(visit, "/") if visit.actor.user else _join_page(visit, EMPTY, {})
    found = accounts.open_invitation(session, call.site.secret, value)
    if visit.actor.user or not _may_register(call, found):
        return page(visit, "invitation.html", found=found, value=value)
    return _join_page(visit, EMPTY, {}, found, value)


async def post_join(call: Call) -> Response:
    visit, form = await _posted(call)
    if visit.actor.user is not None:
        return await _accept(visit, form["invitation"])
    found = None
    if form["invitation"]:
        found = await call.read(accounts.open_invitation, call.site.secret, form["invitation"])
    if found is None or not _may_register(call, found):
        _check_open(call)
    limits.by_address.begin(call.address)
    with shown_again(
        visit,
        lambda errors: _join_page(visit, form, errors, found, form["invitation"]),
        name=(NameInvalid, NameTaken),
        password=PasswordWeak,
    ):
        email = checked_email(visit, form)
        password_hash = await limits.in_password_thread(lambda: accounts.hash_password(form.raw("password")))
        value = await call.write(_create, call, form, email, password_hash)
    return signed_in(visit, "/", value)


# --- a new password by a link


def get_reset(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    key = call.query_params.get("key", "")
    return _reset_page(visit, _reset_user(session, call, key), key, {})


async def post_reset(call: Call) -> Response:
    """Signs the user in, and all other browsers out."""
    visit, form = await _posted(call)
    limits.by_address.begin(call.address)
    user = await call.read(_reset_user, call, form["key"])
    with shown_again(visit, lambda errors: _reset_page(visit, user, form["key"], errors), password=PasswordWeak):
        hashed = await limits.in_password_thread(lambda: accounts.hash_password(form.raw("password")))
        value = await call.write(_reset, call, form["key"], hashed)
    limits.by_address.forgive(call.address)
    return signed_in(visit, "/", value)


def _reset(session: Session, call: Call, key: str, password_hash: str) -> str:
    user = _reset_user(session, call, key)
    accounts.change_password(session, user.id, password_hash)
    return accounts.start_session(session, call.site.secret, user.id, how="reset")


def _reset_user(session: Session, call: Call, key: str) -> Owner:
    """Raises ResetInvalid."""
    try:
        wanted = verify(call.site.secret, RESET_PURPOSE, key, Reset)
    except SignatureInvalid:
        raise ResetInvalid from None
    return accounts.check_reset(session, call.site.secret, wanted.user, wanted.mark)


def _reset_page(visit: Visit, user: Owner, key: str, errors: Mapping[str, str]) -> Response:
    response = page(visit, "reset.html", user=user, key=key, errors=errors)
    response.headers["referrer-policy"] = "no-referrer"
    return response


def signed_in(visit: Visit, target: str, value: str, *, told: str = "") -> Response:
    """Go on to ``target`` with a new browser session."""
    visit.has_stale_cookie = False
    response = see_other(visit, target, told=told)
    secure = visit.call.origin.startswith("https:")
    seconds = int(accounts.SESSION_LIFETIME.total_seconds())
    response.set_cookie(SESSION_COOKIE, value, max_age=seconds, httponly=True, samesite="lax", secure=secure)
    return response


def checked_email(visit: Visit, form: Form) -> str | None:
    """The address typed, None when empty. Raises FieldInvalid for what cannot be one."""
    email = form["email"]
    local, at, host = email.rpartition("@")
    if email and (
        not local or not at or "." not in host or len(email) > 254 or not email.isprintable() or " " in email
    ):
        raise FieldInvalid("email", visit.gettext("This is not an e-mail address."))
    return email or None


async def _posted(call: Call) -> tuple[Visit, Form]:
    call.body_bytes = await read_body(call, _MAX_BODY)
    visit = await call.read(begin, call)
    return visit, read_form(visit)


async def _check(call: Call, form: Form) -> Credentials:
    """What the name and the password were found to be right for. Raises PasswordWrong, TooManyAttempts."""
    key = f"{call.address} {form['name'].casefold()[:200]}"
    limits.by_address.begin(call.address)
    limits.by_name.begin(key)
    held = await call.read(accounts.find_credentials, form["name"])
    try:
        await limits.in_password_thread(lambda: accounts.verify_password(held, form.raw("password")))
    except PasswordWrong:
        await call.write(accounts.note_failure, held)
        raise
    limits.by_address.forgive(call.address)
    limits.by_name.forgive(key)
    return held


def _create(session: Session, call: Call, form: Form, email: str | None, password_hash: str) -> str:
    """The cookie of a new user's first session."""
    user = accounts.create_user(
        session, form["name"], password_hash=password_hash, email=email, full_name=form["full_name"][:200]
    )
    if form["invitation"]:
        accounts.accept_invitation(session, call.site.secret, form["invitation"], user)
    return accounts.start_session(session, call.site.secret, user.id, how="join")


async def _accept(visit: Visit, value: str) -> Response:
    """Somebody with an account takes an invitation to an organization."""
    user, call = visit.person(), visit.call
    found = await call.write(_accepted, call, value, user)
    return see_other(visit, urls.owner(found.organization) if found.organization else "/")


def _accepted(session: Session, call: Call, value: str, user: Owner) -> Invitation:
    if accounts.open_invitation(session, call.site.secret, value).organization is None:
        raise InvitationInvalid  # it is for somebody without an account
    return accounts.accept_invitation(session, call.site.secret, value, user)


def _may_register(call: Call, found: Invitation) -> bool:
    return found.may_register or call.site.registration == "open"


def _check_open(call: Call) -> None:
    if call.site.registration != "open":
        raise RouteNotFound("Registration is closed here.")


def _login_page(visit: Visit, form: Form, errors: Mapping[str, str], target: str) -> Response:
    return page(visit, "login.html", form=form, errors=errors, target=target)


def _join_page(
    visit: Visit, form: Form, errors: Mapping[str, str], found: Invitation | None = None, value: str = ""
) -> Response:
    return page(visit, "join.html", form=form, errors=errors, found=found, invitation=value)
