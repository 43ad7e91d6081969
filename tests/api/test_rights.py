"""Every route with every role: what may not be seen is not found, what may not be done is refused, the rest is open.

``ROUTES`` says for each route on a repo what it takes; a route that is missing there fails the tests. A hidden repo
must answer exactly as one that does not exist: same status, same code, same words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import pytest

from support.servers import LiveHub
from yungu.api.http import Route
from yungu.hub import Repo, Visibility

Need = Literal["read", "own", "contribute", "write", "rule", "key"]
VISIBILITIES: tuple[Visibility, ...] = ("public", "internal", "private")
SHA256 = "ab" * 32
ABSENT = "no-such-repo"

# what each role may do on a public, an internal and a private repo of an organization:
# - nothing, r read, c open discussions and pull requests, w write, a rule, o make something of one's own
ROLES = {
    "anonymous": "r - -",
    "stranger": "rco rco -",
    "org reader": "rco rco rco",
    "org contributor": "rco rco rco",
    "org writer": "rcwo rcwo rcwo",
    "org admin": "rcwao rcwao rcwao",
    "site admin": "rcwao rcwao rcwao",
    "admin's read token": "r r r",
    "admin's fine-grained token for nothing": "r - -",
    "admin's fine-grained token to read": "r r r",
    "admin's fine-grained token to write": "rcwa rcwa rcwa",
    "stranger's fine-grained token to write": "rc rc -",
}
_LETTER = {"read": "r", "own": "o", "contribute": "c", "write": "w", "rule": "a", "key": "k"}


@dataclass(frozen=True)
class Takes:
    """What a route takes: a right, and a request that makes sense. ``params``: for the pattern, else ``DEFAULTS``.

    ``key``: no role will do, only a browser session with the page's own token, or an address that the hub signed."""

    need: Need
    json: Any = None
    params: dict[str, str] = field(default_factory=dict)
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content: str | None = None


DEFAULTS = {
    "rev": "main",
    "path*": "a.txt",
    "branch": "dev",
    "number": "1",
    "comment_id": "1",
    "status": "pending",
    "sha256": SHA256,
    "lock": "1",
    "spec": "main..main",
}
COMMIT = '{"key":"header","value":{"summary":"x"}}\n{"key":"file","value":{"path":"n.txt","content":"eA=="}}\n'
NDJSON = {"content-type": "application/x-ndjson"}
LFS_BATCH = {"operation": "download", "objects": [{"oid": SHA256, "size": 1}]}
MS_COMMIT = {
    "commit_message": "x",
    "actions": [{"action": "create", "path": "n.txt", "type": "normal", "content": "eA==", "encoding": "base64"}],
}
LFS_JSON = {"content-type": "application/vnd.git-lfs+json", "accept": "application/vnd.git-lfs+json"}
UPLOAD_PACK = {"content-type": "application/x-git-upload-pack-request"}
RECEIVE_PACK = {"content-type": "application/x-git-receive-pack-request"}

ROUTES = {
    # hf
    "GET /api/{repo}": Takes("read"),
    "GET /api/{repo}/revision/{rev}": Takes("read"),
    "GET /api/{repo}/tree/{rev}": Takes("read"),
    "GET /api/{repo}/tree/{rev}/{path*}": Takes("read", params={"path*": "folder"}),
    "POST /api/{repo}/paths-info/{rev}": Takes("read", json={"paths": ["a.txt"]}),
    "GET /api/{repo}/refs": Takes("read"),
    "GET /api/{repo}/commits/{rev}": Takes("read"),
    "GET /api/{repo}/compare/{spec}": Takes("read"),
    "GET /api/{repo}/lfs-files": Takes("read"),
    "GET /api/{repo}/likers": Takes("read"),
    "GET /api/{repo}/discussions": Takes("read"),
    "GET /api/{repo}/discussions/{number}": Takes("read"),
    "GET /api/{repo}/auth-check": Takes("read"),
    "GET /api/{repo}/xet-read-token/{rev}": Takes("read"),
    "GET /api/{repo}/xet-read-token": Takes("read"),
    "GET /api/{repo}/is-valid": Takes("read"),
    "GET /api/{repo}/splits": Takes("read"),
    "GET /api/{repo}/parquet": Takes("read"),
    "GET /api/{repo}/first-rows": Takes("read"),
    "GET /api/{repo}/rows": Takes("read"),
    "GET /api/{repo}/statistics": Takes("read"),
    "GET /{repo}/resolve/{rev}/{path*}": Takes("read"),
    "GET /{repo}/raw/{rev}/{path*}": Takes("read"),
    "POST /api/{repo}/discussions": Takes("contribute", json={"title": "a title", "description": "words"}),
    "POST /api/{repo}/discussions/{number}/comment": Takes("contribute", json={"comment": "words"}),
    "POST /api/{repo}/discussions/{number}/comment/{comment_id}/edit": Takes("contribute", json={"content": "x"}),
    "POST /api/{repo}/discussions/{number}/comment/{comment_id}/hide": Takes("contribute"),
    "POST /api/{repo}/discussions/{number}/title": Takes("contribute", json={"title": "another title"}),
    "POST /api/{repo}/discussions/{number}/status": Takes("contribute", json={"status": "closed"}),
    "POST /api/{repo}/discussions/{number}/merge": Takes("write", json={}),
    "POST /api/{repo}/preupload/{rev}": Takes("write", json={"files": [{"path": "x", "size": 1, "sample": "eA=="}]}),
    "POST /api/{repo}/commit/{rev}": Takes("write", content=COMMIT, headers=NDJSON),
    "POST /api/{repo}/branch/{branch}": Takes("write", json={}),
    "DELETE /api/{repo}/branch/{branch}": Takes("write"),
    "POST /api/{repo}/tag/{rev}": Takes("write", json={"tag": "v1"}),
    "DELETE /api/{repo}/tag/{rev}": Takes("write", params={"rev": "v1"}),
    "POST /api/{repo}/super-squash/{rev}": Takes("write", json={"message": "one"}),
    "GET /api/{repo}/auth-check/write": Takes("write"),
    "GET /api/{repo}/xet-write-token/{rev}": Takes("write"),
    "GET /api/{repo}/xet-write-token": Takes("write"),
    "POST /api/{repo}/lfs-files/batch": Takes("rule", json={"deletions": {"sha": [SHA256]}}),
    "POST /api/{repo}/duplicate": Takes("own", json={"repository": "copy-of-NAME"}),
    "PUT /api/{repo}/settings": Takes("rule", json={"gated": False}),
    "GET /api/{repo}/user-access-request/{status}": Takes("rule"),
    "POST /api/{repo}/user-access-request/handle": Takes("rule", json={"status": "accepted", "user": "nobody"}),
    "POST /api/{repo}/user-access-request/grant": Takes("rule", json={"user": "nobody"}),
    "POST /{repo}/ask-access": Takes("read", json={}),
    "POST /api/{repo}/like": Takes("contribute"),
    "DELETE /api/{repo}/like": Takes("contribute"),
    "DELETE /api/repos/delete": Takes("rule", json={"organization": "TOWN", "name": "NAME"}),
    "POST /api/repos/move": Takes("rule", json={"fromRepo": "TOWN/NAME", "toRepo": "TOWN/moved-NAME"}),
    # openai
    "POST /api/{repo}/predict": Takes("read", json={}),
    "GET /api/{repo}/predict": Takes("read"),
    "POST /{repo}/pipeline/{task}": Takes("read", json={"inputs": "x"}, params={"task": "text-generation"}),
    "POST /{repo}/v1/chat/completions": Takes("read", json={"messages": []}),
    "POST /{repo}": Takes("read", json={"inputs": "x"}),
    "GET /{repo}/info": Takes("read"),
    "GET /{repo}/health": Takes("read"),
    # git and git-lfs
    "GET /{repo}/info/refs": Takes("read", query="service=git-upload-pack"),
    "POST /{repo}/git-upload-pack": Takes("read", content="0000", headers=UPLOAD_PACK),
    "POST /{repo}/git-receive-pack": Takes("write", content="0000", headers=RECEIVE_PACK),
    "POST /{repo}/info/lfs/objects/batch": Takes("read", json=LFS_BATCH, headers=LFS_JSON),
    "GET /{repo}/info/lfs/objects/{sha256}": Takes("read"),
    "PUT /{repo}/info/lfs/objects/{sha256}": Takes("key", content="x"),
    "POST /{repo}/info/lfs/objects/{sha256}": Takes("key", json={}),
    "POST /{repo}/info/lfs/objects/verify": Takes("contribute", json={"oid": SHA256, "size": 1}),
    "POST /{repo}/info/lfs/locks": Takes("write", json={"path": "a.txt"}, headers=LFS_JSON),
    "GET /{repo}/info/lfs/locks": Takes("read"),
    "POST /{repo}/info/lfs/locks/verify": Takes("write", json={}, headers=LFS_JSON),
    "POST /{repo}/info/lfs/locks/{lock}/unlock": Takes("write", json={}, headers=LFS_JSON),
    # modelscope
    "GET /api/v1/{repo}": Takes("read"),
    "PUT /api/v1/{repo}": Takes("rule", json={}),
    "DELETE /api/v1/{repo}": Takes("rule"),
    "GET /api/v1/{repo}/downloads": Takes("read"),
    "POST /api/v1/{repo}/download/increase": Takes("read"),
    "POST /api/v1/{repo}/download/uv/{channel}": Takes("read", params={"channel": "sdk"}),
    "GET /api/v1/{repo}/revisions": Takes("read"),
    "GET /api/v1/{repo}/commits": Takes("read"),
    "GET /api/v1/{repo}/repo": Takes("read", query="FilePath=a.txt"),
    "GET /api/v1/{repo}/repo/files": Takes("read"),
    "GET /api/v1/{repo}/repo/tree": Takes("read"),
    "GET /api/v1/{repo}/archive/zip/{rev*}": Takes("read", params={"rev*": "master"}),
    "POST /api/v1/{repo}/repo/tag": Takes("write", json={"TagName": "v1", "Ref": "master"}),
    "DELETE /api/v1/{repo}/file": Takes("write", query="FilePath=a.txt"),
    "DELETE /api/v1/{repo}/repo": Takes("write", query="FilePath=a.txt"),
    "POST /api/v1/repos/{repo}/commit/{rev*}": Takes("write", params={"rev*": "master"}, json=MS_COMMIT),
    "POST /api/v1/repos/{repo}/info/lfs/objects/batch": Takes("write", json={"objects": []}),
    "PUT /api/v1/repos/{repo}/info/lfs/objects/{sha256}": Takes("key", content="x"),
    "GET /openapi/v1/{repo}": Takes("read"),
    # pages; a form counts only with the token of the page that it was on, which no role has here
    "GET /{repo}": Takes("read"),
    "GET /{repo}/tree/{rev}": Takes("read"),
    "GET /{repo}/tree/{rev}/{path*}": Takes("read", params={"path*": "folder"}),
    "GET /{repo}/blob/{rev}/{path*}": Takes("read"),
    "GET /{repo}/viewer": Takes("read"),
    "GET /{repo}/viewer/first": Takes("read"),
    "GET /{repo}/viewer/picture": Takes("read"),
    "GET /{repo}/commits/{rev}": Takes("read"),
    "GET /{repo}/commit/{rev}": Takes("read"),
    "GET /{repo}/commit/{rev}/revert": Takes("read"),
    "POST /{repo}/commit/{rev}/revert": Takes("key"),
    "GET /{repo}/compare": Takes("read"),
    "GET /{repo}/compare/{spec}": Takes("read"),
    "GET /{repo}/kin": Takes("read", query="kinship=space"),
    "GET /{repo}/notebook/{rev}/{path*}": Takes("read", query="cell=0&output=0"),
    "GET /{repo}/settings": Takes("key"),
    "GET /{repo}/settings/move": Takes("read"),
    "GET /{repo}/settings/delete": Takes("read"),
    "GET /{repo}/new/{rev}": Takes("key"),
    "GET /{repo}/new/{rev}/{path*}": Takes("key", params={"path*": "folder"}),
    "GET /{repo}/edit/{rev}/{path*}": Takes("key"),
    "GET /{repo}/delete/{rev}/{path*}": Takes("key"),
    "GET /{repo}/upload/{rev}": Takes("key"),
    "GET /{repo}/upload/{rev}/{path*}": Takes("key", params={"path*": "folder"}),
    "POST /{repo}/new/{rev}": Takes("key"),
    "POST /{repo}/new/{rev}/{path*}": Takes("key", params={"path*": "folder"}),
    "POST /{repo}/edit/{rev}/{path*}": Takes("key"),
    "POST /{repo}/delete/{rev}/{path*}": Takes("key"),
    "POST /{repo}/upload/{rev}": Takes("key"),
    "POST /{repo}/upload/{rev}/{path*}": Takes("key", params={"path*": "folder"}),
    "POST /{repo}/uploads": Takes("key", json={"files": [{"path": "x", "size": 1}]}),
    "PUT /{repo}/uploads": Takes("key", content="x"),
    "POST /{repo}/uploads/complete": Takes("key", json={}),
    "GET /{repo}/discussions": Takes("read"),
    "GET /{repo}/discussions/new": Takes("key"),
    "GET /{repo}/discussions/{number}": Takes("read"),
    "GET /{repo}/discussions/{number}/comment": Takes("read"),
    "GET /{repo}/discussions/{number}/edit": Takes("read"),
    "GET /{repo}/discussions/{number}/title": Takes("read"),
    "GET /{repo}/discussions/{number}/review": Takes("read"),
    "GET /{repo}/discussions/{number}/merge": Takes("read"),
    "GET /{repo}/discussions/{number}/mute": Takes("read"),
    "POST /{repo}/discussions/new": Takes("key"),
    "POST /{repo}/discussions/{number}/comment": Takes("key"),
    "POST /{repo}/discussions/{number}/edit": Takes("key"),
    "POST /{repo}/discussions/{number}/title": Takes("key"),
    "POST /{repo}/discussions/{number}/review": Takes("key"),
    "POST /{repo}/discussions/{number}/merge": Takes("key"),
    "POST /{repo}/discussions/{number}/mute": Takes("key"),
    "GET /{repo}/collect": Takes("key"),
    "POST /{repo}/collect": Takes("key"),
    "GET /{repo}/access": Takes("read"),
    "POST /{repo}/access": Takes("key"),
    "GET /{repo}/settings/access": Takes("rule"),
    "POST /{repo}/settings/access": Takes("key"),
    "GET /{repo}/like": Takes("read"),
    "POST /{repo}/like": Takes("key"),
    "POST /{repo}/settings": Takes("key"),
    "POST /{repo}/settings/move": Takes("key"),
    "POST /{repo}/settings/delete": Takes("key"),
}

# routes on no particular repo: open to all, for people who are signed in, or with a key of their own (see ``Takes``)
OPEN = """
    GET /v1/models | GET /v1/models/{model*}
    GET /api/{kinds} | GET /api/models-tags-by-type | GET /api/datasets-tags-by-type | POST /api/validate-yaml
    GET /api/collections | GET /api/collections/{owner}/{slug}
    GET /api/users/{user}/overview | GET /api/users/{user}/likes | GET /api/organizations/{organization}/overview
    GET /api/organizations/{organization}/members | GET /{name}/resolve/{rev}/{path*}
    GET /{kinds}/{name}/resolve/{rev}/{path*} | DELETE /api/{kinds}/{name}/like
    GET / | GET /search | GET /search/proposals | GET /healthz | GET /static/{path*} | GET /{kinds} | GET /{owner}
    GET /login | GET /join
    POST /v1/telemetry | POST /xet/{epoch}/v1/telemetry
    POST /api/v1/login | GET /api/v1/repos/internalAccelerationInfo | PUT /api/v1/models | GET /api/v1/datasets
    GET /api/v1/datasets/{number} | GET /api/v1/datasets/{number}/repo/tree | GET /api/v1/collections
    GET /openapi/v1/models | GET /openapi/v1/datasets | GET /openapi/v1/studios | GET /openapi/v1/studios/hardware
    GET /openapi/v1/studios/base-images | GET /openapi/v1/studios/sdk-versions
    GET /openapi/v1/studios/{developer}/{studio} | GET /openapi/v1/mcp/servers | PUT /openapi/v1/mcp/servers
    GET /openapi/v1/mcp/servers/{path*} | GET /openapi/v1/skills | GET /openapi/v1/skills/{path*}
    GET /api/v1/skills/{developer}/{skill}/archive/zip/{rev*} | GET /api/v1/skills/{developer}/{skill}/repo/files
    GET /api/v1/skills/{developer}/{skill}/repo | GET /openapi/v1/collections
    GET /openapi/v1/collections/{collection} | GET /openapi/v1/collections/{collection}/items
    GET /collections | GET /collections/{owner}/{slug} | GET /-/policies | GET /-/policies/{policy}
    GET /-/deployments | GET /-/deployments/{namespace}/{model}
    GET /api/v1/opportunities | GET /api/v1/opportunities/{code} | GET /api/v1/opportunities/{code}/history
    GET /api/v1/capabilities | GET /api/v1/capabilities/{code} | GET /api/v1/capabilities/{code}/history
    GET /-/opportunities | GET /-/opportunities/notice | GET /-/opportunities/export/{format}
    GET /-/opportunities/{code} | GET /-/opportunities/{code}/versions
    GET /-/capabilities | GET /-/capabilities/notice | GET /-/capabilities/export/{format}
    GET /-/capabilities/{code} | GET /-/capabilities/{code}/versions | GET /-/cases | GET /-/pilots/{code}
"""
PERSONAL = """
    POST /api/v1/opportunities | PATCH /api/v1/opportunities/{code} | POST /api/v1/opportunities/{code}/steps
    POST /api/v1/opportunities/{code}/reviews | POST /api/v1/opportunities/{code}/claims
    POST /api/v1/capabilities | PATCH /api/v1/capabilities/{code} | POST /api/v1/capabilities/{code}/steps
    POST /api/v1/capabilities/{code}/reviews
    POST /v1/chat/completions | POST /v1/completions | POST /v1/embeddings | POST /v1/rerank
    GET /api/whoami-v2 | GET /api/settings/repositories | GET /api/organizations/{organization}/settings/repositories
    GET /api/settings/webhooks | POST /api/settings/webhooks | GET /api/settings/webhooks/{webhook}
    POST /api/settings/webhooks/{webhook} | POST /api/settings/webhooks/{webhook}/enable
    POST /api/settings/webhooks/{webhook}/disable | DELETE /api/settings/webhooks/{webhook}
    POST /api/collections | PATCH /api/collections/{owner}/{slug} | DELETE /api/collections/{owner}/{slug}
    POST /api/collections/{owner}/{slug}/items | PATCH /api/collections/{owner}/{slug}/items/{item}
    DELETE /api/collections/{owner}/{slug}/items/{item} | POST /api/repos/create
    GET /organizations/{owner}/members | GET /organizations/{owner}/settings
    GET /api/v1/users/me | GET /openapi/v1/users/me | POST /api/v1/models | POST /api/v1/datasets
    PUT /api/v1/datasets/{number} | DELETE /api/v1/datasets/{number} | DELETE /api/v1/skills/{developer}/{skill}
    POST /openapi/v1/studios | PATCH /openapi/v1/studios/{developer}/{studio}/settings
    POST /openapi/v1/studios/{developer}/{studio}/deploy | POST /openapi/v1/studios/{developer}/{studio}/stop
    GET /openapi/v1/studios/{developer}/{studio}/logs/{log_type}
    GET /openapi/v1/studios/{developer}/{studio}/secrets | POST /openapi/v1/studios/{developer}/{studio}/secrets
    PUT /openapi/v1/studios/{developer}/{studio}/secrets | DELETE /openapi/v1/studios/{developer}/{studio}/secrets
    GET /openapi/v1/studios/{developer}/{studio}/variables | POST /openapi/v1/studios/{developer}/{studio}/variables
    PUT /openapi/v1/studios/{developer}/{studio}/variables | DELETE /openapi/v1/studios/{developer}/{studio}/variables
    GET /openapi/v1/mcp/servers/operational | POST /openapi/v1/mcp/servers/{path*}
    DELETE /openapi/v1/mcp/servers/{path*} | POST /openapi/v1/skills | POST /openapi/v1/files/upload
    PATCH /openapi/v1/skills/{developer}/{skill}/settings | POST /openapi/v1/collections
    PATCH /openapi/v1/collections/{collection} | DELETE /openapi/v1/collections/{collection}
    POST /openapi/v1/collections/{collection}/items | DELETE /openapi/v1/collections/{collection}/items/{item}
"""
KEYED = """
    GET /-/pilots | POST /-/pilots | GET /-/pilots/{code}/terms | POST /-/pilots/{code}/terms
    POST /-/pilots/{code}/steps | GET /-/opportunities/new | POST /-/opportunities/new | POST /-/opportunities/lint
    GET /-/opportunities/{code}/edit | POST /-/opportunities/{code}/edit | GET /-/opportunities/{code}/step
    POST /-/opportunities/{code}/step | GET /-/opportunities/{code}/review
    POST /-/opportunities/{code}/review | GET /-/opportunities/{code}/confirm
    POST /-/opportunities/{code}/confirm | GET /-/opportunities/{code}/merge
    POST /-/opportunities/{code}/merge | GET /-/opportunities/{code}/claim
    POST /-/opportunities/{code}/claim | GET /-/opportunities/{code}/decide
    POST /-/opportunities/{code}/decide | GET /-/capabilities/new | POST /-/capabilities/new
    POST /-/capabilities/lint | GET /-/capabilities/{code}/edit | POST /-/capabilities/{code}/edit
    GET /-/capabilities/{code}/step | POST /-/capabilities/{code}/step | GET /-/capabilities/{code}/review
    POST /-/capabilities/{code}/review | GET /-/capabilities/{code}/confirm
    POST /-/capabilities/{code}/confirm | GET /-/capabilities/{code}/merge | POST /-/capabilities/{code}/merge
    GET /-/capabilities/{code}/claim | POST /-/capabilities/{code}/claim | GET /-/capabilities/{code}/decide
    POST /-/capabilities/{code}/decide | GET /-/scenarios/mine | GET /-/scenarios/queue
    GET /-/scenarios/desk | GET /-/scenarios/desk/roles | POST /-/scenarios/desk/roles
    GET /-/scenarios/desk/firms | POST /-/scenarios/desk/firms | GET /-/scenarios/imports
    POST /-/scenarios/imports | GET /-/scenarios/imports/{number} | POST /-/scenarios/imports/{number}
    GET /-/scenarios/imports/{number}/diff | GET /-/opportunities/{code}/matches
    POST /-/opportunities/{code}/matches | GET /-/capabilities/{code}/matches | POST /-/capabilities/{code}/matches
    GET /-/matches/{number} | POST /-/matches/{number} | GET /-/market | POST /-/market
    GET /-/matches/{number}/contacts | POST /-/matches/{number}/contacts
    GET /-/opportunities/{code}/matches/mute | POST /-/opportunities/{code}/matches/mute
    GET /-/capabilities/{code}/matches/mute | POST /-/capabilities/{code}/matches/mute
    GET /-/market/runs/{number} | POST /-/market/runs/{number} | GET /-/market/runs/{number}/replay
    GET /-/market/days | POST /-/market/days | GET /-/market/days/{number}
    POST /login | POST /logout | POST /join | GET /settings | GET /settings/profile | POST /settings/profile
    GET /settings/password | POST /settings/password | GET /settings/tokens | POST /settings/tokens
    GET /settings/tokens/revoke | POST /settings/tokens/revoke | GET /new | POST /new
    GET /organizations/new | POST /organizations/new | POST /organizations/{owner}/settings
    GET /theme | POST /theme | GET /users/{owner}/follow | POST /users/{owner}/follow
    POST /organizations/{owner}/members | GET /organizations/{owner}/members/remove
    POST /organizations/{owner}/members/remove
    GET /notifications | GET /notifications/read | POST /notifications/read | GET /collections/new
    POST /collections/new | POST /collections/{owner}/{slug} | GET /settings/webhooks | POST /settings/webhooks
    GET /settings/webhooks/{webhook} | POST /settings/webhooks/{webhook}
    GET /login/reset | POST /login/reset | GET /login/openid | GET /login/openid/callback | GET /login/openid/new
    POST /login/openid/new | GET /login/openid/new/link | POST /login/openid/new/link | GET /settings/identities
    GET /settings/identities/unlink | POST /settings/identities/unlink | GET /organizations/{owner}/invitations
    POST /organizations/{owner}/invitations | GET /organizations/{owner}/invitations/revoke
    POST /organizations/{owner}/invitations/revoke | GET /-/admin | GET /-/admin/users | GET /-/admin/organizations
    GET /-/admin/storage | POST /-/admin/storage | GET /-/admin/jobs | POST /-/admin/jobs | GET /-/admin/jobs/{number}
    GET /-/admin/jobs/{number}/cancel | POST /-/admin/jobs/{number}/cancel | GET /-/admin/invitations
    POST /-/admin/invitations | GET /-/admin/invitations/revoke | POST /-/admin/invitations/revoke
    GET /-/admin/audit | GET /-/admin/audit.csv | GET /-/admin/owners/{owner}
    GET /-/admin/owners/{owner}/suspend | POST /-/admin/owners/{owner}/suspend
    GET /-/admin/owners/{owner}/unsuspend | POST /-/admin/owners/{owner}/unsuspend
    GET /-/admin/owners/{owner}/promote | POST /-/admin/owners/{owner}/promote
    GET /-/admin/owners/{owner}/demote | POST /-/admin/owners/{owner}/demote
    GET /-/admin/owners/{owner}/sign-out | POST /-/admin/owners/{owner}/sign-out
    GET /-/admin/owners/{owner}/reset | POST /-/admin/owners/{owner}/reset
    GET /-/admin/owners/{owner}/delete | POST /-/admin/owners/{owner}/delete
    GET /-/admin/owners/{owner}/quota | POST /-/admin/owners/{owner}/quota
    GET /-/admin/credits | GET /-/admin/credits/grant | POST /-/admin/credits/grant | GET /-/admin/credits/vouchers
    GET /-/admin/credits/vouchers/{number} | GET /-/admin/credits/vouchers/{number}/claw-back
    POST /-/admin/credits/vouchers/{number}/claw-back | GET /-/admin/credits/audit
    GET /-/admin/credits/books.beancount | GET /-/admin/credits/fund | POST /-/admin/credits/fund
    GET /-/admin/credits/cash | POST /-/admin/credits/cash | GET /-/admin/credits/claim
    POST /-/admin/credits/claim | GET /-/admin/credits/pay | POST /-/admin/credits/pay
    GET /-/credits | GET /-/credits/{owner} | GET /-/credits/{owner}/receipts | GET /-/credits/{owner}/calls.csv
    GET /-/receipts/{number} | GET /-/receipts | GET /-/deployments/new | POST /-/deployments/new
    GET /-/deployments/upstream | POST /-/deployments/upstream
    GET /-/deployments/{namespace}/{model}/switch | POST /-/deployments/{namespace}/{model}/switch
    GET /-/deployments/{namespace}/{model}/change | POST /-/deployments/{namespace}/{model}/change
    GET /-/deployments/{namespace}/{model}/remove | POST /-/deployments/{namespace}/{model}/remove
    GET /-/jobs | GET /-/jobs/new | POST /-/jobs/new | GET /-/jobs/{number} | GET /-/jobs/{number}/result.jsonl
    GET /-/jobs/{number}/cancel | POST /-/jobs/{number}/cancel
    GET /-/jobs/{number}/delete | POST /-/jobs/{number}/delete
    GET /-/playground/{namespace}/{model} | POST /-/playground/{namespace}/{model}
"""
CAS = "/xet/{epoch}/"


def listed(text: str) -> set[str]:
    return {key.strip() for line in text.splitlines() for key in line.split("|") if key.strip()}


def on_repo(pattern: str) -> str:
    """The pattern with ``{repo}`` for the repo, however it is spelt."""
    return re.sub(r"/(\{kinds\}/|models/)?\{owner\}/\{name\}(?=/|$)", "/{repo}", pattern)


def routes_on_repos(live: LiveHub) -> Iterator[Route]:
    for route in live.app.router.routes:
        if "{repo}" in on_repo(route.pattern) or f"{route.method} {route.pattern}" in ROUTES:
            yield route


def other_routes(live: LiveHub) -> Iterator[Route]:
    on_repos = set(routes_on_repos(live))
    return (route for route in live.app.router.routes if route not in on_repos)


def address(route: Route, takes: Takes, namespace: str, name: str) -> str:
    values = DEFAULTS | takes.params | {"kinds": "models", "owner": namespace, "name": name}
    path = re.sub(r"\{([^}]+)\}", lambda found: values[found[1]], route.pattern)
    return f"{path}?{takes.query}" if takes.query else path


@dataclass
class Town:
    """An organization with a repo of each visibility, and a token for each role."""

    live: LiveHub
    namespace: str
    tokens: dict[str, str | None]
    make: Callable[[Visibility], Repo]
    shared: dict[Visibility, Repo]

    def ask(self, client: httpx.Client, route: Route, takes: Takes, role: str, name: str) -> httpx.Response:
        token = self.tokens[role]
        headers = {"x-request-id": "same"} | takes.headers | ({"authorization": f"Bearer {token}"} if token else {})
        url = self.live.url + address(route, takes, self.namespace, name)
        content = takes.content or ""
        if takes.json is not None:
            content = json.dumps(takes.json).replace("TOWN", self.namespace).replace("NAME", name)
            headers = {"content-type": "application/json"} | headers
        return client.request(route.method, url, headers=headers, content=content)


@pytest.fixture(scope="module")
def town(live: LiveHub) -> Town:
    world, namespace = live.world, live.fresh_name("town")
    users = {role: live.user() for role in ("boss", "reader", "contributor", "writer", "stranger")}
    root = live.user(is_admin=True)
    members = {"read": "reader", "contributor": "contributor", "write": "writer"}
    roles = {role: [live.actor(users[name])] for role, name in members.items()}
    world.organization(namespace, admin=live.actor(users["boss"]), **roles)
    tokens: dict[str, str | None] = {
        "anonymous": None,
        "stranger": live.token(users["stranger"]),
        "org reader": live.token(users["reader"]),
        "org contributor": live.token(users["contributor"]),
        "org writer": live.token(users["writer"]),
        "org admin": live.token(users["boss"]),
        "site admin": live.token(root, "admin"),
        "admin's read token": live.token(users["boss"], "read"),
        "admin's fine-grained token for nothing": live.token(users["boss"], "fine-grained"),
        "admin's fine-grained token to read": live.token(users["boss"], "fine-grained", grants=[(namespace, "read")]),
        "admin's fine-grained token to write": live.token(users["boss"], "fine-grained", grants=[(namespace, "write")]),
        "stranger's fine-grained token to write": live.token(
            users["stranger"], "fine-grained", grants=[(namespace, "write")]
        ),
    }

    def make(visibility: Visibility) -> Repo:
        boss = live.actor(users["boss"])
        files = {"a.txt": b"hello", "folder/b.txt": b"there"}
        return world.repo(f"{namespace}/{live.fresh_name('repo')}", by=boss, visibility=visibility, files=files)

    return Town(live, namespace, tokens, make, {visibility: make(visibility) for visibility in VISIBILITIES})


def cases() -> Iterator[tuple[str, Visibility, str]]:
    for role, powers in ROLES.items():
        for visibility, power in zip(VISIBILITIES, powers.split(), strict=True):
            yield role, visibility, power


def likeness(answer: httpx.Response, name: str) -> tuple[object, ...]:
    """Everything of an answer that could tell two repos apart but their names."""
    told = {
        key: value for key, value in answer.headers.items() if key not in ("date", "x-request-id", "content-length")
    }
    return (
        answer.status_code,
        tuple((key, value.replace(name, "")) for key, value in told.items()),
        answer.text.replace(name, ""),
    )


def test_every_route_on_a_repo_says_what_it_takes(live: LiveHub) -> None:
    known = {f"{route.method} {on_repo(route.pattern)}" for route in routes_on_repos(live)}
    assert known - ROUTES.keys() == set(), "say in ROUTES what these take"
    assert ROUTES.keys() - known == set(), "these are gone"


@pytest.mark.parametrize("key", ROUTES)
def test_a_hidden_repo_answers_as_one_that_is_not_there(town: Town, key: str) -> None:
    with httpx.Client() as client:
        for route in routes_on_repos(town.live):
            if f"{route.method} {on_repo(route.pattern)}" != key:
                continue
            for role, visibility, power in cases():
                if power == "-":
                    name = town.shared[visibility].name
                    hidden = town.ask(client, route, ROUTES[key], role, name)
                    absent = town.ask(client, route, ROUTES[key], role, ABSENT)
                    assert hidden.is_redirect or hidden.status_code in (401, 403, 404), (role, visibility, hidden.text)
                    assert likeness(hidden, name) == likeness(absent, ABSENT), (role, visibility, route.pattern)


@pytest.mark.parametrize("key", ROUTES)
def test_a_visible_repo_lets_through_exactly_who_has_the_right(town: Town, key: str) -> None:
    takes = ROUTES[key]
    wrong = []
    with httpx.Client() as client:
        for route in routes_on_repos(town.live):
            if f"{route.method} {on_repo(route.pattern)}" != key:
                continue
            for role, visibility, power in cases():
                if power == "-":
                    continue
                may = _LETTER[takes.need] in power
                repo = town.make(visibility) if may and route.method != "GET" else town.shared[visibility]
                answer = town.ask(client, route, takes, role, repo.name)
                refused = answer.status_code in (401, 403) or answer.headers.get("x-error-code") == "RepoNotFound"
                if refused is may or answer.status_code >= 500:
                    wrong.append((route.pattern, role, visibility, answer.status_code, answer.text[:80]))
    assert wrong == [], "\n".join(map(str, wrong))


def test_every_other_route_says_whom_it_is_for(live: LiveHub) -> None:
    known = {f"{route.method} {route.pattern}" for route in other_routes(live)}
    said = listed(OPEN) | listed(PERSONAL) | listed(KEYED)
    assert {key for key in known - said if CAS not in key} == set(), "say in OPEN, PERSONAL or KEYED whom these are for"
    assert said - known == set(), "these are gone"


def test_what_is_open_is_open_to_all(town: Town) -> None:
    for route, role, answer in answers(town, listed(OPEN)):
        assert answer.status_code not in (401, 403), (route.pattern, role, answer.text)
        assert answer.status_code < 500, (route.pattern, role, answer.text)


def test_what_is_personal_asks_who_is_there(town: Town) -> None:
    for route, role, answer in answers(town, listed(PERSONAL)):
        assert answer.status_code < 500, (route.pattern, role, answer.text)
        if role == "anonymous":
            refusals = (401, 404) if route.method == "GET" else (400, 401, 404)
            assert answer.status_code in refusals, (route.pattern, answer.text)
        else:
            assert answer.status_code != 401, (route.pattern, role, answer.text)


def test_what_changes_something_is_not_for_read_tokens(town: Town) -> None:
    changing = {key for key in listed(PERSONAL) if not key.startswith("GET")}
    for route, role, answer in answers(town, changing):
        if role in ("admin's read token", "admin's fine-grained token for nothing"):
            assert 400 <= answer.status_code < 500, (route.pattern, role, answer.text)


def test_pages_of_ones_own_are_for_browser_sessions_only(town: Town) -> None:
    for route, role, answer in answers(town, listed(KEYED)):
        refused = answer.status_code in (400, 401, 403, 404) or answer.is_redirect
        assert refused, (route.pattern, role, answer.status_code, answer.text[:200])


def test_the_byte_store_takes_no_token_but_its_own(town: Town) -> None:
    keys = {f"{route.method} {route.pattern}" for route in other_routes(town.live) if CAS in route.pattern}
    for route, role, answer in answers(town, keys - listed(OPEN)):
        assert answer.status_code in (401, 403, 404), (route.pattern, role, answer.status_code, answer.text)


def answers(town: Town, keys: set[str]) -> Iterator[tuple[Route, str, httpx.Response]]:
    """What each role is answered on each of these routes, to a request that says as little as possible."""
    values = {"kinds": "models", "owner": town.namespace, "organization": town.namespace, "user": "nobody"}
    known = DEFAULTS | values | {"epoch": "0", "prefix": "default", "hash": SHA256, "name": ABSENT}
    with httpx.Client() as client:
        for route in other_routes(town.live):
            if f"{route.method} {route.pattern}" not in keys:
                continue
            path = re.sub(r"\{([^}]+)\}", lambda found: known.get(found[1], "1"), route.pattern)
            for role, token in town.tokens.items():
                headers = {"content-type": "application/json"}
                if token:
                    headers["authorization"] = f"Bearer {token}"
                body = "" if route.method == "GET" else "{}"
                yield route, role, client.request(route.method, town.live.url + path, headers=headers, content=body)
