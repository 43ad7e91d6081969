"""Signing in at an OpenID provider, a real small one on loopback; and all the ways in which it must not work."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from joserfc.jwk import RSAKey

from support.openid import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from support.servers import LiveHub
from support.visitor import Visitor
from yungu import accounts
from yungu.accounts.models import SignInPolicy
from yungu.api.http.auth import SESSION_COOKIE
from yungu.api.http.site import OpenId
from yungu.app.settings import SettingsInvalid, load
from yungu.app.signing_in import find_provider

Visit = Callable[..., Visitor]
DOOR = "/login/openid"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


def settings(provider: Provider, **more: str) -> OpenId:
    given = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
    found = find_provider(load({}, oidc_name="Campus", **(given | more)))
    assert found is not None
    return found


@pytest.fixture
def openid(live: LiveHub, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the hub use the provider; call it to change the settings."""
    provider.is_now("somebody")

    def use(**more: str) -> None:
        monkeypatch.setattr(live.site, "openid", settings(provider, **more))

    use()
    return use


def goes_there(visitor: Visitor, start: str = DOOR) -> httpx.Response:
    """To the provider and back; the answer of the hub to who came back."""
    sent = visitor.get(start)
    assert sent.status_code == 303, sent.text
    back = httpx.get(sent.headers["location"]).headers["location"]
    return visitor.get(back)


def joins(visitor: Visitor, name: str) -> httpx.Response:
    assert goes_there(visitor).headers["location"] == f"{DOOR}/new"
    return visitor.submit(f"{DOOR}/new", name=name, full_name="")


def is_signed_in(visitor: Visitor) -> bool:
    return visitor.get("/settings/profile").status_code == 200


# --- the good way


@pytest.mark.usefixtures("openid")
def test_a_newcomer_chooses_a_name_and_comes_back_without_being_asked(
    live: LiveHub, visit: Visit, provider: Provider
) -> None:
    name = live.fresh_name("li")
    provider.is_now(name, preferred_username=name, name="Li Lei", email="li@example.org", email_verified=True)
    visitor = visit()
    assert "Sign in with Campus" in visitor.read("/login")

    assert goes_there(visitor).headers["location"] == f"{DOOR}/new"
    shown = visitor.read(f"{DOOR}/new")
    assert f'value="{name}"' in shown and "Li Lei" in shown and "li@example.org" in shown
    assert visitor.submit(f"{DOOR}/new", name=name, full_name="Li Lei").status_code == 303
    assert is_signed_in(visitor)

    again = visit()
    answer = goes_there(again, f"{DOOR}?next=/models")
    assert answer.headers["location"] == "/models" and is_signed_in(again)
    user = live.actor(name).user
    assert user is not None and user.email == "li@example.org"


@pytest.mark.usefixtures("openid")
def test_the_way_back_leads_to_this_site_only(live: LiveHub, visit: Visit, provider: Provider) -> None:
    name = live.fresh_name("li")
    provider.is_now(name)
    joins(visit(), name)
    for target in ("https://evil.example", "//evil.example", "/\\evil.example"):
        assert goes_there(visit(), f"{DOOR}?next={target}").headers["location"] == "/"


@pytest.mark.usefixtures("openid")
def test_a_name_that_is_taken_is_said_at_its_field(live: LiveHub, visit: Visit, provider: Provider) -> None:
    taken = live.user()
    provider.is_now(live.fresh_name("li"), preferred_username=taken)
    visitor = visit()
    answer = joins(visitor, taken)
    assert answer.status_code == 409 and "already taken" in answer.text
    assert not is_signed_in(visitor)


@pytest.mark.usefixtures("openid")
def test_whoever_is_signed_in_links_an_identity_after_looking_at_it(
    live: LiveHub, visit: Visit, provider: Provider
) -> None:
    name = live.user()
    provider.is_now(live.fresh_name("id"), preferred_username="li.lei")
    visitor = visit(name)
    assert goes_there(visitor).headers["location"] == f"{DOOR}/new"
    assert "li.lei" in visitor.read(f"{DOOR}/new")
    visitor.submit(f"{DOOR}/new", f"{DOOR}/new/link")

    stranger = visit()
    goes_there(stranger)
    assert f'href="/{name}"' in stranger.read("/")
    assert "li.lei" in visitor.read("/settings/identities")


@pytest.mark.usefixtures("openid")
def test_an_identity_is_unlinked_but_never_the_last_way_in(live: LiveHub, visit: Visit, provider: Provider) -> None:
    name = live.fresh_name("li")
    provider.is_now(name)
    visitor = visit()
    joins(visitor, name)
    one = {"issuer": provider.issuer, "subject": name}

    refused = visitor.submit("/settings/identities", "/settings/identities/unlink", **one)
    assert refused.status_code == 409 and "could not sign in" in refused.text
    user = live.actor(name).user
    assert user is not None
    live.world.write_in(accounts.change_password, user.id, accounts.hash_password("long enough"))
    visitor = visit(name)
    assert visitor.submit("/settings/identities", "/settings/identities/unlink", **one).status_code == 303
    assert live.world.read_in(accounts.list_identities, user.id) == []


# --- nobody's account is taken over


@pytest.mark.usefixtures("openid")
def test_neither_a_name_nor_an_e_mail_address_opens_an_account(live: LiveHub, visit: Visit, provider: Provider) -> None:
    victim = live.user()
    user = live.actor(victim).user
    assert user is not None
    live.world.write_in(accounts.update_owner, user.id, email="victim@example.org")
    provider.is_now(live.fresh_name("id"), preferred_username=victim, email="victim@example.org", email_verified=True)
    visitor = visit()
    assert goes_there(visitor).headers["location"] == f"{DOOR}/new"
    assert not is_signed_in(visitor)
    assert live.world.read_in(accounts.list_identities, user.id) == []


@pytest.mark.usefixtures("openid")
def test_an_identity_of_somebody_else_is_not_linked_twice(live: LiveHub, visit: Visit, provider: Provider) -> None:
    name, other = live.fresh_name("li"), live.user()
    provider.is_now(name)
    visitor, thief = visit(), visit(other)
    goes_there(visitor)
    goes_there(thief)  # both hold the statement, one is faster
    visitor.submit(f"{DOOR}/new", name=name, full_name="")
    refused = thief.submit(f"{DOOR}/new", f"{DOOR}/new/link")
    assert refused.status_code == 409


@pytest.mark.usefixtures("openid")
def test_linking_takes_a_form_of_ours(live: LiveHub, visit: Visit, provider: Provider) -> None:
    name = live.user()
    provider.is_now(live.fresh_name("id"))
    visitor = visit(name)
    goes_there(visitor)
    assert visitor.post(f"{DOOR}/new/link", data={"form_token": "made-up"}).status_code == 403
    assert visitor.get(f"{DOOR}/new/link").status_code in (301, 302, 303, 307, 308)
    assert live.world.read_in(accounts.list_identities, live.actor(name).id) == []


@pytest.mark.usefixtures("openid")
def test_an_answer_for_another_browser_or_another_sign_in_is_refused(visit: Visit, provider: Provider) -> None:
    first, second = visit(), visit()
    stolen = httpx.get(first.get(DOOR).headers["location"]).headers["location"]
    assert second.get(stolen).status_code == 403
    second.get(DOOR)
    assert second.get(stolen).status_code == 403
    assert SESSION_COOKIE not in second.cookies
    first.get(DOOR)  # begins anew: what was asked before does not count any more
    assert first.get(stolen).status_code == 403


@pytest.mark.usefixtures("openid")
def test_an_answer_counts_once(live: LiveHub, visit: Visit, provider: Provider) -> None:
    name = live.fresh_name("li")
    provider.is_now(name)
    visitor = visit()
    joins(visitor, name)
    back = httpx.get(visitor.get(DOOR).headers["location"]).headers["location"]
    assert visitor.get(back).status_code == 303
    assert visitor.get(back).status_code == 403


@pytest.mark.usefixtures("openid")
def test_a_suspended_user_stays_out(live: LiveHub, visit: Visit, provider: Provider) -> None:
    name = live.fresh_name("li")
    provider.is_now(name)
    joins(visit(), name)
    live.world.write_in(accounts.suspend_user, live.actor(name).user, by=None)
    visitor = visit()
    assert goes_there(visitor).status_code == 403
    assert not is_signed_in(visitor)


# --- a provider that is not what it should be


@pytest.mark.usefixtures("openid")
@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another client"},
        {"aud": [CLIENT_ID, "another client"]},
        {"aud": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 9_999_999_999},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": 7},
    ],
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    visit: Visit, provider: Provider, claims: dict[str, object]
) -> None:
    provider.is_now("somebody")
    provider.bend(**claims)
    visitor = visit()
    assert goes_there(visitor).status_code == 503
    assert visitor.get(f"{DOOR}/new").status_code == 403


@pytest.mark.usefixtures("openid")
def test_an_id_token_signed_by_somebody_else_is_refused(
    visit: Visit, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.is_now("somebody")
    assert goes_there(visit()).status_code == 303  # the keys are known now
    monkeypatch.setattr(provider, "jwks", dict)
    monkeypatch.setattr(provider, "key", RSAKey.generate_key(2048, {"kid": "one"}))
    assert goes_there(visit()).status_code == 503


def test_an_unsigned_token_and_one_signed_with_the_secret_are_refused(
    openid: Callable[..., None], visit: Visit, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    import base64
    import hmac

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def forged(algorithm: str) -> Callable[[str], str]:
        def make(nonce: str) -> str:
            claims = {"iss": provider.issuer, "aud": CLIENT_ID, "sub": "x", "iat": 1, "exp": 9e9, "nonce": nonce}
            text = f"{part(json.dumps({'alg': algorithm}).encode())}.{part(json.dumps(claims).encode())}"
            mac = hmac.digest(CLIENT_SECRET.encode(), text.encode(), "sha256") if algorithm == "HS256" else b""
            return f"{text}.{part(mac)}"

        return make

    for algorithm in ("none", "HS256"):
        monkeypatch.setattr(provider, "id_token", forged(algorithm))
        assert goes_there(visit()).status_code == 503


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "gopher://127.0.0.1/"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "ftp://127.0.0.1/"},
    ],
)
def test_a_discovery_that_names_odd_addresses_is_refused(
    openid: Callable[..., None], visit: Visit, provider: Provider, metadata: dict[str, str]
) -> None:
    provider.metadata = metadata
    assert visit().get(DOOR).status_code == 503


@pytest.mark.parametrize(
    "answer",
    [
        (302, {"location": "http://127.0.0.1:1/internal"}, b""),
        (200, {}, b"not json"),
        (200, {}, b" " * (2 << 20)),
        (500, {}, b"{}"),
    ],
)
def test_no_redirect_is_followed_and_no_answer_may_be_odd_or_endless(
    openid: Callable[..., None], visit: Visit, provider: Provider, answer: tuple[int, dict[str, str], bytes]
) -> None:
    provider.answers["/.well-known/openid-configuration"] = answer
    shown = visit().get(DOOR)
    assert shown.status_code == 503
    assert "did not do its part" in shown.text


def test_a_provider_that_is_away_is_no_failure_of_ours(
    live: LiveHub, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = load({}, oidc_issuer="http://127.0.0.1:9", oidc_client_id="x", oidc_client_secret="y")
    monkeypatch.setattr(live.site, "openid", find_provider(away))
    assert visit().get(DOOR).status_code == 503


@pytest.mark.usefixtures("openid")
def test_a_refusal_at_the_provider_is_told(visit: Visit, provider: Provider) -> None:
    visitor = visit()
    state = re.search(r"state=([^&]+)", visitor.get(DOOR).headers["location"])
    assert state is not None
    answer = visitor.get(f"{DOOR}/callback?error=access_denied&state={state[1]}")
    assert answer.status_code == 503


def test_new_keys_of_the_provider_are_learnt(
    live: LiveHub, openid: Callable[..., None], visit: Visit, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.is_now("somebody")
    assert goes_there(visit()).status_code == 303
    monkeypatch.setattr("yungu.accounts.backends._KEYS_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(provider, "key", RSAKey.generate_key(2048, {"kid": "two"}))
    assert goes_there(visit()).status_code == 303


# --- whom the operator lets in


def test_only_verified_addresses_of_the_allowed_domains_come_in(
    openid: Callable[..., None], visit: Visit, provider: Provider
) -> None:
    openid(oidc_allowed_domains="example.org, example.cn")
    people = [
        ({"email": "a@example.org", "email_verified": True}, 303),
        ({"email": "a@EXAMPLE.CN", "email_verified": True}, 303),
        ({"email": "a@example.org", "email_verified": False}, 403),
        ({"email": "a@example.org"}, 403),
        ({"email": "a@example.org.evil.example", "email_verified": True}, 403),
        ({}, 403),
    ]
    for number, (claims, status) in enumerate(people):
        provider.is_now(f"domain-{number}", **claims)
        assert goes_there(visit()).status_code == status, claims


def test_only_the_allowed_groups_come_in(openid: Callable[..., None], visit: Visit, provider: Provider) -> None:
    openid(oidc_allowed_groups="staff,guests")
    for groups, status in (
        [["staff"], 303],
        [["others", "guests"], 303],
        [["others"], 403],
        [None, 403],
        ["staff", 403],
    ):
        provider.is_now("grouped", groups=groups)
        assert goes_there(visit()).status_code == status, groups


def test_administration_and_memberships_follow_the_groups(
    live: LiveHub, openid: Callable[..., None], visit: Visit, provider: Provider
) -> None:
    live.user(is_admin=True)
    place = live.world.organization(live.fresh_name("lab"), admin=live.actor(live.user()))
    openid(oidc_admin_group="root", oidc_organizations=f"readers={place.name}:read, writers={place.name}:write")
    name = live.fresh_name("li")
    provider.is_now(name, groups=["root", "readers", "writers"])
    joins(visit(), name)
    assert live.actor(name).is_site_admin
    assert live.actor(name).roles[place.id] == "write"

    provider.is_now(name, groups=["readers"])
    goes_there(visit())
    assert not live.actor(name).is_site_admin
    assert live.actor(name).roles[place.id] == "read"

    provider.is_now(name, groups=[])
    goes_there(visit())
    assert place.id not in live.actor(name).roles


def test_newcomers_may_be_kept_out(
    live: LiveHub, openid: Callable[..., None], visit: Visit, provider: Provider
) -> None:
    openid(oidc_registration="closed")
    provider.is_now(live.fresh_name("li"))
    visitor = visit()
    assert goes_there(visitor).status_code == 303
    shown = visitor.read(f"{DOOR}/new")
    assert "Choose your name" not in shown
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', shown)
    assert token is not None
    forced = visitor.post(f"{DOOR}/new", data={"form_token": token[1], "name": live.fresh_name("li")})
    assert forced.status_code == 403


def test_the_email_may_come_from_userinfo(
    live: LiveHub, openid: Callable[..., None], visit: Visit, provider: Provider
) -> None:
    openid(oidc_allowed_domains="example.org")
    provider.is_now("ui", email="ui@example.org", email_verified=True)
    provider.bend(email=None, email_verified=None)
    assert goes_there(visit()).status_code == 303
    provider.answers["/userinfo"] = (200, {}, json.dumps({"sub": "another", "email": "x@example.org"}).encode())
    assert goes_there(visit()).status_code == 503


# --- the settings


def test_without_a_provider_there_is_nothing(visit: Visit, lin_name: str) -> None:
    for page in (DOOR, f"{DOOR}/callback", f"{DOOR}/new"):
        visit().read(page, 404)
    visit(lin_name).read("/settings/identities", 404)
    assert "openid" not in visit().read("/login")


@pytest.mark.parametrize(
    "wrong",
    [
        {"oidc_client_secret": ""},
        {"oidc_issuer": "id.example.org"},
        {"oidc_organizations": "group:role"},
        {"oidc_organizations": "a=b:king"},
    ],
)
def test_half_a_setting_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    good = {"oidc_issuer": "https://id.example.org", "oidc_client_id": "x", "oidc_client_secret": "y"}
    with pytest.raises(SettingsInvalid):
        find_provider(load({}, **(good | wrong)))


def test_the_policy_is_read_from_the_settings() -> None:
    found = find_provider(
        load(
            {},
            oidc_issuer="https://id.example.org",
            oidc_client_id="x",
            oidc_client_secret="y",
            oidc_allowed_domains="Example.org, ",
            oidc_organizations="cn=staff=lab:write",
            oidc_registration="closed",
        )
    )
    assert found is not None
    assert found.policy == SignInPolicy(
        domains=frozenset({"example.org"}), organizations=(("cn=staff", "lab", "write"),), may_register=False
    )
