"""How pages say no: in the site's look and the reader's language to people, in one line to programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import RedirectResponse, Response

from yungu.accounts import (
    FollowsItself,
    LinkInvalid,
    NameInvalid,
    NameTaken,
    OwnerNotFound,
    PasswordWrong,
    SignInRequired,
    UserNotFound,
)
from yungu.accounts.errors import (
    IdentityNeeded,
    IdentityTaken,
    InvitationInvalid,
    LastAdmin,
    LastAdministrator,
    NotMember,
    OrganizationDenied,
    OwnerBusy,
    PasswordWeak,
    ProviderFailed,
    QuotaExceeded,
    RegistrationClosed,
    ResetInvalid,
    SignInRefused,
)
from yungu.api.http import Call, json_response
from yungu.api.http.app import MethodNotAllowed, RouteNotFound, Unexpected
from yungu.api.http.auth import CrossSite
from yungu.api.http.rates import TooManyRequests
from yungu.api.http.uploads import BodyTooLarge
from yungu.api.web import urls
from yungu.api.web.language import Language, marked, translations
from yungu.api.web.rendering import page
from yungu.api.web.visit import Visit
from yungu.compute import (
    DeploymentDenied,
    DeploymentNotFound,
    DeploymentOff,
    DeploymentTaken,
    Inadmissible,
    ModelTooLarge,
)
from yungu.credits import BudgetNotFound, Overdrawn, PolicyNotMet, VoucherClosed
from yungu.hub import (
    ArchiveUnreadable,
    EntryNotFound,
    GgufInvalid,
    MergeConflict,
    NamespaceDenied,
    RepoDenied,
    RepoExists,
    RepoGated,
    RepoNameInvalid,
    RepoNotFound,
    RevisionNotFound,
    SafetensorsInvalid,
    SpecInvalid,
)
from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable, YunguError
from yungu.kernel.pages import CursorInvalid
from yungu.kernel.upkeep import AlreadyAsked, RunNotFound
from yungu.scenarios import (
    ApprovalMissing,
    BatchClosed,
    BatchNotFound,
    CapacityFull,
    ClaimTaken,
    DeadlinePassed,
    ItemDenied,
    ItemNotFound,
    NothingToImport,
    ObjectionOpen,
    OwnReview,
    ReasonMissing,
    RoleNeeded,
    SheetRefused,
    StepImpossible,
    Unready,
    VersionOutdated,
)
from yungu.scenarios.matching import (
    ContactImpossible,
    ContactInvalid,
    MarketBusy,
    MatchClosed,
    RunPublished,
)


class FormRefused(YunguError):
    """A form with something wrong in it; ``page`` is the form again."""

    def __init__(self, page: Response, reason: YunguError) -> None:
        super().__init__(reason.message)
        self.page = page
        self.page.status_code = status_of(reason)


_STATUS: tuple[tuple[type[YunguError], int], ...] = (
    (SignInRequired, 401),
    (MethodNotAllowed, 405),
    (BodyTooLarge, 413),
    (QuotaExceeded, 413),
    (Invalid, 400),
    (NotFound, 404),
    (Denied, 403),
    (Conflict, 409),
    (Exhausted, 429),
    (Unavailable, 503),
)


def _gb(count: int) -> str:
    return f"{count / 1e9:.3g} GB"


Facts = Callable[[Any], dict[str, object]]
_EXPLAINED: tuple[tuple[type[YunguError], str, Facts], ...] = (
    (RepoNotFound, marked("There is no repository %(name)s, or you may not see it."), lambda e: {"name": e.repo_id}),
    (RevisionNotFound, marked("There is no revision %(name)s in this repository."), lambda e: {"name": e.revision}),
    (EntryNotFound, marked("There is no %(path)s at this revision."), lambda e: {"path": e.path}),
    (OwnerNotFound, marked("There is no user or organization %(name)s."), lambda e: {"name": e.name}),
    (UserNotFound, marked("There is no user %(name)s."), lambda e: {"name": e.name}),
    (RouteNotFound, marked("There is nothing at this address."), lambda e: {}),
    (RepoGated, marked("This repository is gated and you are not on its list."), lambda e: {}),
    (RepoDenied, marked("You don't have the rights to do this in this repository."), lambda e: {}),
    (NamespaceDenied, marked("You may not create repositories under this owner."), lambda e: {}),
    (OrganizationDenied, marked("Only administrators of this organization may do this."), lambda e: {}),
    (
        NameInvalid,
        marked(
            "Use 1 to 96 letters, digits, '-', '_' or '.', not at the ends and not doubled; some words are reserved."
        ),
        lambda e: {},
    ),
    (
        RepoNameInvalid,
        marked("Use 1 to 96 letters, digits, '-', '_' or '.', not at the ends and not doubled; no '.git' at the end."),
        lambda e: {},
    ),
    (NameTaken, marked("This name is already taken."), lambda e: {}),
    (RepoExists, marked("There is already a repository of this name."), lambda e: {}),
    (LastAdministrator, marked("The hub would be left without an administrator."), lambda e: {}),
    (OwnerBusy, marked("This user is the only administrator of an organization."), lambda e: {}),
    (InvitationInvalid, marked("This invitation is used, expired or withdrawn."), lambda e: {}),
    (ResetInvalid, marked("This link is used or expired. Ask an administrator for a new one."), lambda e: {}),
    (RegistrationClosed, marked("Nobody can make an account here without an invitation."), lambda e: {}),
    (IdentityTaken, marked("This identity belongs to another account already."), lambda e: {}),
    (IdentityNeeded, marked("Without this identity you could not sign in any more."), lambda e: {}),
    (ProviderFailed, marked("The sign-in provider did not do its part. Try again, or use a password."), lambda e: {}),
    (SignInRefused, marked("This account is not allowed in here. Ask an administrator."), lambda e: {}),
    (AlreadyAsked, marked("Such a job is waiting or under way already."), lambda e: {}),
    (RunNotFound, marked("There is no such job."), lambda e: {}),
    (
        QuotaExceeded,
        marked("The storage of %(name)s is used up. Delete something, or ask an administrator for more room."),
        lambda e: {"name": e.owner},
    ),
    (DeploymentNotFound, marked("There is no model %(name)s that you can call."), lambda e: {"name": e.name}),
    (DeploymentTaken, marked("%(name)s is deployed already."), lambda e: {"name": e.name}),
    (DeploymentOff, marked("%(name)s is switched off. Its owner can switch it on."), lambda e: {"name": e.name}),
    (DeploymentDenied, marked("You may not deploy under this name, or change it."), lambda e: {}),
    (
        ModelTooLarge,
        marked(
            "%(name)s would need %(needed)s of memory; a replica may use %(limit)s here. Ask for a shorter context, "
            "or deploy a smaller or quantized copy."
        ),
        lambda e: {"name": e.name, "needed": _gb(e.needed_bytes), "limit": _gb(e.limit_bytes)},
    ),
    (BudgetNotFound, marked("There is no such pot."), lambda e: {}),
    (Overdrawn, marked("There are not enough credits for this."), lambda e: {}),
    (VoucherClosed, marked("This voucher is taken back already."), lambda e: {}),
    (
        PolicyNotMet,
        marked("By this policy nothing is granted for these facts. The answer above says why."),
        lambda e: {},
    ),
    (PasswordWrong, marked("The name or the password is wrong."), lambda e: {}),
    (PasswordWeak, marked("The password is too short: it needs at least 8 characters."), lambda e: {}),
    (LastAdmin, marked("The organization would be left without an administrator."), lambda e: {}),
    (FollowsItself, marked("Nobody follows themselves."), lambda e: {}),
    (
        LinkInvalid,
        marked("%(link)s is not a web address: it begins with https:// or http://."),
        lambda e: {"link": e.link},
    ),
    (NotMember, marked("This user is not a member."), lambda e: {}),
    (
        TooManyRequests,
        marked("Too many requests. Try again in %(seconds)s seconds."),
        lambda e: {"seconds": e.seconds},
    ),
    (MergeConflict, marked("Both sides changed: %(paths)s"), lambda e: {"paths": ", ".join(e.paths[:5])}),
    (SpecInvalid, marked("Two revisions are compared with three dots between them."), lambda e: {}),
    (SafetensorsInvalid, marked("The header of this file is damaged, or not one that we read."), lambda e: {}),
    (GgufInvalid, marked("The header of this file is damaged, or not one that we read."), lambda e: {}),
    (ArchiveUnreadable, marked("This file is not an archive that can be read."), lambda e: {}),
    (ItemNotFound, marked("There is no item %(code)s, or you may not see it."), lambda e: {"code": e.code}),
    (ItemDenied, marked("You may not do this to %(code)s."), lambda e: {"code": e.code}),
    (OwnReview, marked("You have applied for this yourself: others review it."), lambda e: {}),
    (StepImpossible, marked("%(code)s is at another step by now. Reload the page."), lambda e: {"code": e.code}),
    (ReasonMissing, marked("Say why."), lambda e: {}),
    (Unready, marked("Something is missing before it can be handed in. See the quality panel."), lambda e: {}),
    (ObjectionOpen, marked("%(name)s objects to this version."), lambda e: {"name": e.reviewer}),
    (ApprovalMissing, marked("Nobody has approved this version yet."), lambda e: {}),
    (VersionOutdated, marked("Somebody else has changed it since you opened the form."), lambda e: {}),
    (MatchClosed, marked("This match is over, or your side has answered it already."), lambda e: {}),
    (MarketBusy, marked("A draft is being worked out already."), lambda e: {}),
    (RunPublished, marked("This run is published already."), lambda e: {}),
    (ContactImpossible, marked("The other side hears of this match only after your yes."), lambda e: {}),
    (
        ContactInvalid,
        marked("A message has 1 to %(letters)s letters, and each side writes at most %(messages)s."),
        lambda e: {"letters": e.most_letters, "messages": e.most_messages},
    ),
    (ClaimTaken, marked("%(name)s has a claim on it already."), lambda e: {"name": e.provider}),
    (DeadlinePassed, marked("The deadline has passed."), lambda e: {}),
    (CapacityFull, marked("%(code)s has no room left."), lambda e: {"code": e.code}),
    (RoleNeeded, marked("This needs a role in scenarios; an administrator can give it."), lambda e: {}),
    (BatchNotFound, marked("There is no such import."), lambda e: {}),
    (BatchClosed, marked("This import is closed already."), lambda e: {}),
    (NothingToImport, marked("No row can be taken as it is mapped now."), lambda e: {}),
    (SheetRefused, marked("This file is not read: %(why)s"), lambda e: {"why": e.message}),
    (CrossSite, marked("This request came from another site and was refused."), lambda e: {}),
    (CursorInvalid, marked("This page link is no longer valid. Start again from the first page."), lambda e: {}),
    (SignInRequired, marked("Please sign in first."), lambda e: {}),
    (Unexpected, marked("Something went wrong on the server. It has been written down."), lambda e: {}),
)
_TITLES: tuple[tuple[type[YunguError], str], ...] = (
    (SignInRequired, marked("Sign in needed")),
    (NotFound, marked("Not found")),
    (Denied, marked("Not allowed")),
    (Conflict, marked("That did not fit")),
    (Exhausted, marked("Too much at once")),
    (Unavailable, marked("Not available right now")),
    (Unexpected, marked("Something went wrong")),
    (Invalid, marked("That request makes no sense here")),
)


def status_of(error: YunguError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def explain(error: YunguError, language: Language) -> str:
    """What is wrong, in the reader's language where we have the words, else as the error itself says it."""
    for kind, message, facts in _EXPLAINED:
        if isinstance(error, kind):
            return translations(language).gettext(message) % facts(error)
    if isinstance(error, Inadmissible):
        sentence = translations(language).gettext(error.sentence)
        return sentence % error.facts if error.facts else sentence
    return translations(language).gettext(error.message)


def render_error(call: Call, error: YunguError) -> Response:
    """Also the answer for every address that no dialect knows."""
    if isinstance(error, FormRefused):
        return error.page
    status = status_of(error)
    headers = {"allow": ", ".join(error.allowed)} if isinstance(error, MethodNotAllowed) else {}
    if "text/html" not in call.headers.get("accept", ""):
        return json_response({"error": error.message}, status, headers)
    visit = Visit(call, call.known_actor)
    if isinstance(error, SignInRequired) and call.method in ("GET", "HEAD") and "authorization" not in call.headers:
        return RedirectResponse(urls.login(visit.path), 303, {"cache-control": "no-store"})
    title = next((title for kind, title in _TITLES if isinstance(error, kind)), _TITLES[-2][1])
    response = page(
        visit,
        "error.html",
        status,
        title=visit.gettext(title),
        message=explain(error, visit.language),
        request_id=call.headers.get("x-request-id", ""),
    )
    response.headers.update(headers)
    return response
