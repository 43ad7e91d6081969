"""Who am I, and is this card well-formed."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response

from yungu import accounts, hub
from yungu.api.hf import wire
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.kernel.db import Session

_ROLE_NAMES = {"read": "read", "write": "write", "admin": "write", "fine-grained": "fineGrained"}


@routes.get("/api/whoami-v2", quick=True)
def whoami(session: Session, call: Call) -> Response:
    """The user behind the token, and the organizations. 401 without a good token."""
    actor = call.actor(session)
    if actor.user is None:
        raise accounts.TokenInvalid
    user = actor.user
    organizations = [
        {"type": "org", "id": f"{member.organization_id:024x}", "name": member.organization,
         "fullname": member.organization_full_name, "roleInOrg": member.role, "avatarUrl": "", "isEnterprise": False}
        for member in accounts.list_memberships(session, user.id)
    ]  # fmt: skip
    auth: wire.Json = {"type": "access_token" if actor.token_id else "session"}
    if actor.token_id is not None:
        auth["accessToken"] = {"displayName": actor.token_name, "role": _ROLE_NAMES[actor.scope or "write"]}
    return json_response({
        "type": "user", "id": f"{user.id:024x}", "name": user.name, "fullname": user.full_name, "email": user.email,
        "emailVerified": user.email is not None, "isPro": False, "canPay": False, "avatarUrl": "",
        "orgs": organizations, "auth": auth,
    })  # fmt: skip


@routes.post("/api/validate-yaml", writes=False)
def validate_card(session: Session, call: Call) -> Response:
    """Whether the front matter of a card is well-formed: 400 with errors, else 200 with warnings."""
    check = call.body_as(wire.YamlCheck)
    card = hub.parse_card(check.repo_type, check.content)
    warnings = [{"message": message} for message in card.warnings if message not in card.errors]
    errors = [{"message": message} for message in card.errors]
    if "text/plain" in call.headers.get("accept", ""):
        lines = [f"- Error: {item['message']}" for item in errors] + [
            f"- Warning: {item['message']}" for item in warnings
        ]
        return PlainTextResponse("\n".join(lines), 400 if errors else 200)
    return json_response({"errors": errors, "warnings": warnings}, 400 if errors else 200)
