"""The audit log: who did what, when, and from where. It is read from the facts that are recorded with each change."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from starlette.responses import Response

from yungu import accounts, hub
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import urls
from yungu.api.web.language import marked
from yungu.api.web.views.admin import admin_page, administrator
from yungu.api.web.visit import Visit, begin
from yungu.hub import KINDS, Repo
from yungu.kernel import clock
from yungu.kernel.audit import AuditFilter, Entry, iter_entries, list_entries
from yungu.kernel.db import Session

_PER_PAGE = 100
_MOST_EXPORTED = 100_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

TOLD: dict[str, dict[str, str]] = {
    "signin": {
        "SignedIn": marked("signed in (%(how)s)"),
        "SignInFailed": marked("failed to sign in as %(name)s"),
        "PasswordChanged": marked("changed the password of %(user)s"),
        "PasswordResetMade": marked("made a password link for %(user)s"),
        "SessionsEnded": marked("signed %(user)s out everywhere"),
        "IdentityLinked": marked("linked an identity of %(issuer)s to %(user)s"),
        "IdentityUnlinked": marked("took an identity of %(issuer)s from %(user)s"),
        "TokenCreated": marked("made access token #%(token)s (%(scope)s)"),
        "TokenRevoked": marked("revoked access token #%(token)s"),
    },
    "people": {
        "UserCreated": marked("made the account %(name)s"),
        "UserSuspended": marked("suspended %(user)s"),
        "UserUnsuspended": marked("let %(user)s in again"),
        "AdministratorMade": marked("made %(user)s an administrator"),
        "AdministratorUnmade": marked("made %(user)s no longer an administrator"),
        "OwnerDeleted": marked("deleted %(name)s"),
        "InvitationMade": marked("made invitation #%(invitation)s"),
        "InvitationRevoked": marked("withdrew invitation #%(invitation)s"),
        "InvitationAccepted": marked("accepted invitation #%(invitation)s"),
        "OrganizationCreated": marked("made the organization %(name)s"),
        "MemberAdded": marked("put %(user)s into %(organization)s as %(role)s"),
        "MemberRemoved": marked("took %(user)s out of %(organization)s"),
    },
    "repos": {
        "RepoCreated": marked("created %(repo)s (%(visibility)s)"),
        "RepoDeleted": marked("deleted %(repo)s"),
        "RepoMoved": marked("moved %(before)s to %(after)s"),
        "RepoSettingsChanged": marked("changed the visibility or gate of %(repo)s: %(visibility)s %(gated)s"),
        "RepoDuplicated": marked("made the copy %(repo)s"),
        "RefDeleted": marked("deleted %(ref)s in %(repo)s"),
        "AccessDecided": marked("decided on %(user)s at the gate of %(repo)s: %(after)s"),
    },
    "hub": {
        "QuotaChanged": marked("changed a storage limit: %(owner)s, %(limit)s"),
        "UpkeepAsked": marked("asked for the job #%(run)s (%(what)s)"),
        "UpkeepCancelled": marked("cancelled the job #%(run)s (%(what)s)"),
    },
}
"""What is told of each kind of fact, by group. ``%(user)s`` and the like are found by number."""

GROUPS = {
    "signin": marked("Sign-in and tokens"),
    "people": marked("People and organizations"),
    "repos": marked("Repositories"),
    "hub": marked("The hub itself"),
}
_WORDS = {
    "password": marked("password"), "openid": marked("openid"), "reset": marked("reset"),
    "invitation": marked("invitation"), "read": marked("read"), "write": marked("write"),
    "fine-grained": marked("fine-grained"), "admin": marked("admin"), "contributor": marked("contributor"),
    "public": marked("public"), "internal": marked("internal"), "private": marked("private"),
    "auto": marked("auto"), "manual": marked("manual"), "pending": marked("pending"),
    "accepted": marked("accepted"), "rejected": marked("rejected"), "user": marked("user"),
    "organization": marked("organization"), "fsck": marked("check"), "gc": marked("sweep"),
    "backup": marked("backup"), "index": marked("search index"),
}  # fmt: skip
"""What facts say in words of their own, as people read it."""
_SAID = ("how", "scope", "role", "visibility", "gated", "after", "what", "kind")
_SENTENCES = {kind: sentence for group in TOLD.values() for kind, sentence in group.items()}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as people read it."""

    entry: Entry
    actor: str
    sentence: str
    repo: Repo | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed into the filter."""

    actor: str
    group: str
    repo: str
    since: str
    until: str

    @property
    def query(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__slots__}


def get_audit(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    asked, cursor = _asked(call), call.query_params.get("cursor") or None
    wanted = _filter(session, asked)
    found = list_entries(session, wanted, limit=_PER_PAGE, cursor=cursor) if wanted else None
    next_cursor = found.next_cursor if found else None
    return admin_page(
        visit,
        "audit.html",
        "audit",
        asked=asked,
        groups=GROUPS,
        lines=_lines(session, visit, found.items if found else ()),
        next=urls.with_query(urls.admin("audit"), cursor=next_cursor, **asked.query) if next_cursor else None,
        first=urls.with_query(urls.admin("audit"), **asked.query) if cursor else None,
        export=urls.with_query(urls.admin("audit.csv"), **asked.query),
    )


def get_export(session: Session, call: Call) -> Response:
    """The same as comma-separated values, for a spreadsheet or another log."""
    visit = begin(session, call)
    administrator(visit)
    wanted = _filter(session, _asked(call))
    entries = list(iter_entries(session, wanted, limit=_MOST_EXPORTED)) if wanted else []
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["at", "actor", "address", "kind", "told", "details"])
    for start in range(0, len(entries), 500):
        for line in _lines(session, visit, entries[start : start + 500]):
            entry = line.entry
            details = msgspec.json.encode(entry.payload).decode()
            cells = (clock.iso(entry.at), line.actor, entry.origin or "", entry.kind, line.sentence, details)
            rows.writerow([_harmless(cell) for cell in cells])
    name = f"yungu-audit-{clock.now():%Y%m%d}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(text.getvalue(), headers=headers, media_type="text/csv")


def _harmless(cell: str) -> str:
    """Spreadsheets take what begins so for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


# --- the filter


def _asked(call: Call) -> Asked:
    return Asked(**{name: call.query_params.get(name, "").strip()[:200] for name in Asked.__slots__})


def _filter(session: Session, asked: Asked) -> AuditFilter | None:
    """None when it names somebody or something that is not there."""
    actor_id = repo_ids = None
    if asked.actor:
        actor = accounts.find_owner(session, asked.actor)
        actor_id = actor.id if actor else whole_number(asked.actor.removeprefix("#"))
        if actor_id is None:
            return None
    if asked.repo:
        found = [hub.find_repo(session, kind, asked.repo) for kind in KINDS]
        number = whole_number(asked.repo.removeprefix("#"))
        repo_ids = [repo.id for repo in found if repo] or ([number] if number is not None else [])
    until = _day(asked.until)
    return AuditFilter(
        kinds=list(TOLD.get(asked.group, _SENTENCES)),
        actor_id=actor_id,
        repo_ids=repo_ids,
        since=_day(asked.since),
        until=until + timedelta(days=1) if until else None,
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return None


# --- the words


def _lines(session: Session, visit: Visit, entries: Sequence[Entry]) -> list[Line]:
    names = accounts.list_owner_names(session, _owner_ids(entries))
    numbers = {entry.repo_id for entry in entries if entry.repo_id}
    repos = {number: hub.find_repo_by_id(session, number) for number in numbers}
    return [_line(visit, entry, names, repos) for entry in entries]


def _owner_ids(entries: Sequence[Entry]) -> set[int]:
    found = {entry.actor_id for entry in entries if entry.actor_id}
    for entry in entries:
        found |= {value for name in ("user_id", "organization_id", "owner_id") if (value := entry.payload.get(name))}
    return found


def _line(visit: Visit, entry: Entry, names: Mapping[int, str], repos: Mapping[int, Repo | None]) -> Line:
    actor = _name(names, entry.actor_id) if entry.actor_id else ""
    repo = repos.get(entry.repo_id) if entry.repo_id else None
    return Line(entry, actor, visit.gettext(_SENTENCES[entry.kind]) % _facts(visit, entry, names, repo), repo)


def _facts(visit: Visit, entry: Entry, names: Mapping[int, str], repo: Repo | None) -> dict[str, Any]:
    payload = entry.payload
    limit, is_own = payload.get("limit_bytes"), payload.get("is_own", True)
    no_limit = visit.gettext("no limit") if is_own else visit.gettext("the default")
    said = {name: visit.gettext(_WORDS[str(payload[name])]) for name in _SAID if payload.get(name) in _WORDS}
    return {
        **payload,
        "gated": "",
        **said,
        "name": payload.get("name") or visit.gettext("an unknown name"),
        "user": _name(names, payload.get("user_id")),
        "organization": _name(names, payload.get("organization_id")),
        "owner": _name(names, payload.get("owner_id")) if payload.get("owner_id") else said.get("kind", ""),
        "repo": payload.get("repo") or (repo.repo_id if repo else f"#{entry.repo_id}"),
        "token": payload.get("token_id"),
        "invitation": payload.get("invitation_id"),
        "run": payload.get("run_id"),
        "limit": no_limit if limit is None else f"{limit / 1e9:g} GB",
    }


def _name(names: Mapping[int, str], number: int | None) -> str:
    return names.get(number, f"#{number}") if number else ""
