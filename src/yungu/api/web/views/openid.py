"""Signing in at an OpenID provider.

An identity that somebody here has linked signs that account in. Any other one is asked what it shall be: a new account,
or, by whoever is signed in already, one more way into theirs. It never opens an account by a name or an e-mail address.

Between the steps the browser keeps signed statements in cookies: what it must bring back from the provider, and then
who the provider says it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from starlette.responses import RedirectResponse, Response

from yungu import accounts
from yungu.accounts import Claims, IdentityTaken, NameInvalid, NameTaken, ProviderFailed, RegistrationClosed
from yungu.accounts.backends import Flow
from yungu.api.http import Call
from yungu.api.http.app import RouteNotFound, read_body
from yungu.api.http.signing import SignatureInvalid, sign, verify
from yungu.api.http.site import OpenId
from yungu.api.web import limits, urls
from yungu.api.web.forms import EMPTY, Form, read_form, shown_again
from yungu.api.web.language import marked
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.people import signed_in
from yungu.api.web.visit import Visit, begin
from yungu.kernel.db import Session
from yungu.kernel.errors import Denied

T = TypeVar("T")

_PLACE = "/login/openid"
_FLOW, _PENDING = "yungu_openid", "yungu_identity"
_SECONDS = 900
_MAX_BODY = 64 * 1024


class FlowLost(Denied):
    """The browser did not begin this sign-in, or too long ago."""

    def __init__(self) -> None:
        super().__init__(marked("This sign-in took too long or began in another browser. Please try again."))


class Pending(msgspec.Struct, frozen=True, array_like=True):
    """Who the provider has just said that the holder is."""

    issuer: str
    subject: str
    email: str
    name: str
    username: str
    groups: tuple[str, ...]
    target: str

    @property
    def claims(self) -> Claims:
        return Claims(self.issuer, self.subject, self.email, self.name, self.username, self.groups)


# --- to the provider and back


async def get_begin(call: Call) -> Response:
    """A link, no form: our pages let no form lead to another site."""
    openid = _openid(call)
    limits.by_address.begin(call.address)
    target = urls.safe_path(call.query_params.get("next", ""))
    address, flow = await openid.provider.begin(_redirect_uri(call), target)
    limits.by_address.forgive(call.address)
    response = RedirectResponse(address, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})
    _keep(call, response, _FLOW, flow)
    return response


async def get_callback(call: Call) -> Response:
    openid = _openid(call)
    visit = await call.read(begin, call)
    flow, asked = _kept(call, _FLOW, Flow), call.query_params
    if (
        flow is None
        or asked.get("state") != flow.state
        or asked.get("iss", openid.provider.issuer) != (openid.provider.issuer)
    ):
        raise FlowLost
    if not asked.get("code"):
        raise ProviderFailed(f"it says {asked.get('error', 'nothing')[:100]!r}")
    limits.by_address.begin(call.address)
    claims = await openid.provider.redeem(asked["code"], flow, _redirect_uri(call))
    accounts.check_claims(openid.policy, claims)
    limits.by_address.forgive(call.address)
    value = await call.write(_sign_in, call, openid, claims)
    if value is not None:
        response = signed_in(visit, urls.safe_path(flow.target), value)
    else:
        response = see_other(visit, f"{_PLACE}/new")
        told = (claims.issuer, claims.subject, claims.email, claims.name, claims.username, _useful(openid, claims))
        _keep(call, response, _PENDING, Pending(*told, flow.target))
    response.delete_cookie(_FLOW, path=_PLACE)
    return response


def _sign_in(session: Session, call: Call, openid: OpenId, claims: Claims) -> str | None:
    """The cookie of a new session, None for an identity that nobody has linked."""
    user = accounts.use_identity(session, claims)
    if user is None:
        return None
    if user.disabled_at is not None:
        raise accounts.SignInRefused
    accounts.apply_groups(session, user, claims, openid.policy)
    return accounts.start_session(session, call.site.secret, user.id, how="openid")


def _useful(openid: OpenId, claims: Claims) -> tuple[str, ...]:
    """The groups that mean something here: some people are in hundreds, and a cookie is small."""
    meant = openid.policy.groups | {openid.policy.admin_group} | {row[0] for row in openid.policy.organizations}
    return tuple(group for group in claims.groups if group in meant)


# --- an identity that nobody has linked


def get_new(session: Session, call: Call) -> Response:
    openid, pending = _openid(call), _pending(call)
    visit = begin(session, call)
    return _new_page(visit, openid, pending, EMPTY, {})


async def post_new(call: Call) -> Response:
    """A new account for the identity."""
    openid, pending = _openid(call), _pending(call)
    visit, form = await _posted(call)
    limits.by_address.begin(call.address)
    with shown_again(
        visit,
        lambda errors: _new_page(visit, openid, pending, form, errors),
        name=(NameInvalid, NameTaken),
    ):
        value = await call.write(_create, call, openid, pending.claims, form)
    return _without_pending(signed_in(visit, urls.safe_path(pending.target), value))


async def post_link(call: Call) -> Response:
    """One more way into the account of whoever is signed in, who has looked at it and agreed."""
    openid, pending = _openid(call), _pending(call)
    visit, _ = await _posted(call)
    user = visit.person()
    with shown_again(visit, lambda errors: _new_page(visit, openid, pending, EMPTY, errors)):
        await call.write(accounts.link_identity, user, pending.claims)
    told = visit.gettext("From now on you can sign in with %(name)s as well.") % {"name": openid.name}
    return _without_pending(see_other(visit, "/settings/identities", told=told))


def _create(session: Session, call: Call, openid: OpenId, claims: Claims, form: Form) -> str:
    if not openid.policy.may_register:
        raise RegistrationClosed
    if accounts.use_identity(session, claims) is not None:
        raise IdentityTaken
    full_name = form["full_name"][:200]
    user = accounts.create_user(session, form["name"], email=claims.email or None, full_name=full_name)
    accounts.link_identity(session, user, claims)
    accounts.apply_groups(session, user, claims, openid.policy)
    return accounts.start_session(session, call.site.secret, user.id, how="openid")


def _new_page(visit: Visit, openid: OpenId, pending: Pending, form: Form, errors: Mapping[str, str]) -> Response:
    response = page(
        visit,
        "openid.html",
        openid=openid,
        claims=pending.claims,
        suggested=accounts.suggest_name(pending.claims),
        form=form,
        errors=errors,
        here=f"{_PLACE}/new",
    )
    response.headers["cache-control"] = "no-store"
    return response


# --- one's own identities


def get_identities(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    return _identities_page(session, visit, {})


def post_unlink(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    user, form = visit.person(), read_form(visit)
    held = accounts.list_identities(session, user.id)
    found = next((one for one in held if (one.issuer, one.subject) == (form["issuer"], form["subject"])), None)
    if found is None:
        raise RouteNotFound("There is no such identity.")
    with shown_again(visit, lambda errors: _identities_page(session, visit, errors)):
        accounts.unlink_identity(session, user, found)
    return see_other(visit, "/settings/identities", told=visit.gettext("Saved."))


def _identities_page(session: Session, visit: Visit, errors: Mapping[str, str]) -> Response:
    held = accounts.list_identities(session, visit.person().id)
    if not held:
        _openid(visit.call)
    begin_at = urls.with_query(_PLACE, next="/settings/identities")
    return page(visit, "settings/identities.html", tab="identities", held=held, errors=errors, begin_at=begin_at)


# --- inside


def _openid(call: Call) -> OpenId:
    """Raises RouteNotFound where no provider is set."""
    if call.site.openid is None:
        raise RouteNotFound("There is no sign-in provider here.")
    return call.site.openid


def _redirect_uri(call: Call) -> str:
    return f"{call.origin}{_PLACE}/callback"


async def _posted(call: Call) -> tuple[Visit, Form]:
    call.body_bytes = await read_body(call, _MAX_BODY)
    visit = await call.read(begin, call)
    return visit, read_form(visit)


def _pending(call: Call) -> Pending:
    """Raises FlowLost."""
    found = _kept(call, _PENDING, Pending)
    if found is None:
        raise FlowLost
    return found


def _keep(call: Call, response: Response, name: str, statement: msgspec.Struct) -> None:
    value = sign(call.site.secret, name, statement, lifetime_seconds=_SECONDS)
    secure = call.origin.startswith("https:")
    response.set_cookie(name, value, max_age=_SECONDS, path=_PLACE, httponly=True, samesite="lax", secure=secure)


def _kept(call: Call, name: str, kind: type[T]) -> T | None:
    try:
        return verify(call.site.secret, name, call.cookies.get(name, ""), kind)
    except SignatureInvalid:
        return None


def _without_pending(response: Response) -> Response:
    response.delete_cookie(_PENDING, path=_PLACE)
    return response
