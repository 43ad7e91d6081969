"""Files brought by the browser: in parts by a script, with progress and after interruptions, or in one form without.

Either way each file first becomes content of the repo that no commit names yet, known by its sha256; the form then says
which contents to commit under which names. What is never committed is swept."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call, json_response
from yungu.api.http.app import read_body
from yungu.api.http.blobs import read_blob
from yungu.api.http.contents import MAX_OBJECT_BYTES, ContentWrong, keep_upload
from yungu.api.http.signing import SignatureInvalid, sign, verify
from yungu.api.http.threads import in_byte_thread
from yungu.api.http.uploads import BodyTooLarge, receive_body
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, check_token, read_form, shown_again
from yungu.api.web.multipart import MAX_FIELDS_BYTES, MultipartReader
from yungu.api.web.rendering import page
from yungu.api.web.views.bench import Bench, Done, around, commit, enter_bench, go_on
from yungu.api.web.visit import Visit, begin
from yungu.hub import Change, FilePut, LfsPut, PathInvalid, Repo
from yungu.hub.rules.lfs import MAX_REGULAR_BYTES
from yungu.kernel.db import Session
from yungu.storage import content
from yungu.storage.models import Blob
from yungu.storage.staging import Staged

PART_BYTES = 8 << 20
MAX_PARTS = 10_000
MAX_FILES = 1000
MAX_FORM_FILES = 100
_LEAVE_SECONDS = 24 * 3600
_PURPOSE = "web-upload"
_SAMPLE_BYTES = 512
_MAX_ATTRIBUTES_BYTES = 1 << 20
_FIELD = "uploaded"


class Planned(msgspec.Struct, frozen=True):
    """A file as the browser knows it. ``modified``: in milliseconds; it tells two versions of one file apart."""

    path: str
    size: int
    modified: int = 0


class Plan(msgspec.Struct, frozen=True):
    files: list[Planned]


class Leave(msgspec.Struct, frozen=True):
    """Leave to send one file to one repo; the same file by the same user has the same parts."""

    repo: int
    user: int
    file: Planned

    @property
    def part_bytes(self) -> int:
        return max(PART_BYTES, -(-self.file.size // MAX_PARTS))

    @property
    def part_count(self) -> int:
        return max(1, -(-self.file.size // self.part_bytes))

    def part_size(self, number: int) -> int:
        return min(self.part_bytes, self.file.size - (number - 1) * self.part_bytes)


@dataclass(frozen=True, slots=True)
class Arrived:
    """Content of the repo that waits to be committed under ``name``."""

    sha256: str
    name: str

    @property
    def value(self) -> str:
        """As it stands in the form."""
        return f"{self.sha256} {self.name}"


# --- the form


def get_upload(session: Session, call: Call) -> Response:
    return _upload_page(session, enter_bench(session, call), EMPTY, {}, [])


async def post_upload(call: Call) -> Response:
    """Commit files: those that a script has sent before, and those that come with the form itself."""
    bench = await call.read(enter_bench, call)
    form, arrived = await _receive_form(call, bench)
    again = await call.read(_prepared_page, call, form, arrived)
    with shown_again(bench.visit, again, folder=PathInvalid):
        blobs, attributes = await call.read(_find_blobs, bench, arrived)
        changes = await in_byte_thread(lambda: _changes(call, bench, form, arrived, blobs, attributes))
        done = await call.write(_commit, call, bench.repo.id, form, changes)
    folder = form["folder"].strip("/")
    return go_on(bench, done, urls.tree(bench.repo, done.revision, folder))


async def _receive_form(call: Call, bench: Bench) -> tuple[Form, list[Arrived]]:
    """The form and what arrived. Raises FormStale before any file is taken, BodyInvalid, BodyTooLarge."""
    if not call.headers.get("content-type", "").startswith("multipart/"):
        call.body_bytes = await read_body(call, MAX_FIELDS_BYTES)
        form = read_form(bench.visit, most=2 * MAX_FILES)
        return form, _named(form)
    with _Files(call, bench.visit) as files:
        await receive_body(call, files, max_bytes=MAX_OBJECT_BYTES)
        form = files.form()
        arrived = _named(form)
        for name, staged in files.whole:
            await _keep(call, bench.repo.id, staged)
            arrived.append(Arrived(staged.sha256, name))
    return form, arrived


class _Files:
    """The sink of a form with files: each file is staged as it comes."""

    def __init__(self, call: Call, visit: Visit) -> None:
        self._call = call
        self._visit = visit
        self._reader = MultipartReader(call.headers.get("content-type", ""), self._open)
        self.whole: list[tuple[str, Staged]] = []

    def write(self, data: memoryview | bytes) -> None:
        self._reader.feed(bytes(data))

    def form(self) -> Form:
        """Raises BodyInvalid when the form is not whole, FormStale."""
        self._reader.finish()
        form = Form(self._reader.fields)
        check_token(self._visit, form["form_token"])
        return form

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *_failure: object) -> None:
        for _, staged in self.whole:
            staged.discard()

    def _open(self, _field: str, filename: str) -> _Taker:
        check_token(self._visit, Form(self._reader.fields)["form_token"])
        if len(self.whole) >= MAX_FORM_FILES:
            raise BodyTooLarge(f"At most {MAX_FORM_FILES} files in one form.")
        return _Taker(self, filename.replace("\\", "/").rpartition("/")[2], self._call.site.store.stage())


class _Taker:
    """One file of a form; a field in which no file was chosen is sent without name and bytes."""

    def __init__(self, files: _Files, name: str, staged: Staged) -> None:
        self._files = files
        self._name = name
        self._staged = staged
        files.whole.append((name, staged))

    def write(self, data: bytes) -> None:
        self._staged.write(data)

    def close(self) -> None:
        if not self._name:
            self._files.whole.remove((self._name, self._staged))
            self._staged.discard()


def _named(form: Form) -> list[Arrived]:
    """What the form says arrived before."""
    found = []
    for value in form.all(_FIELD)[:MAX_FILES]:
        sha256, _, name = value.partition(" ")
        if len(sha256) == 64 and sha256.isalnum() and name:
            found.append(Arrived(sha256, name))
    return found


def _find_blobs(session: Session, bench: Bench, arrived: Sequence[Arrived]) -> tuple[Mapping[str, Blob], str]:
    """Those contents that the visitor may commit here, and the repo's ``.gitattributes``."""
    if not arrived:
        raise FieldInvalid("files", bench.visit.gettext("Choose at least one file."))
    allowed = hub.readable_blobs(session, [one.sha256 for one in arrived], bench.repo, bench.visit.actor)
    limit = _MAX_ATTRIBUTES_BYTES
    attributes = hub.read_text(bench.git, bench.head, ".gitattributes", limit=limit) if bench.head else None
    return content.list_blobs(session, allowed), attributes or ""


def _changes(
    call: Call, bench: Bench, form: Form, arrived: Sequence[Arrived], blobs: Mapping[str, Blob], attributes: str
) -> list[Change]:
    decider = hub.LfsDecider(attributes)
    folder = form["folder"].strip("/")
    return [_change(call, bench, f"{folder}/{one.name}" if folder else one.name, blobs.get(one.sha256), decider)
            for one in arrived]  # fmt: skip


def _change(call: Call, bench: Bench, path: str, blob: Blob | None, decider: hub.LfsDecider) -> Change:
    """Small text becomes a regular file, all else is kept as it is. Raises PathInvalid, FieldInvalid."""
    hub.check_path(path)
    if blob is None:
        raise FieldInvalid("files", bench.visit.gettext("%(name)s did not arrive. Choose it again.") % {"name": path})
    sample = read_blob(call.site, blob, 0, min(blob.size_bytes, _SAMPLE_BYTES))
    if blob.size_bytes > MAX_REGULAR_BYTES or decider.belongs(path, blob.size_bytes, sample):
        return LfsPut(path, blob.sha256, blob.size_bytes)
    data = read_blob(call.site, blob, 0, blob.size_bytes)
    return FilePut(path, bench.git.write_blob(data), len(data))


def _commit(session: Session, call: Call, number: int, form: Form, changes: Sequence[Change]) -> Done:
    """The rights are looked at once more: the body may have taken hours. ``number``: of the repo that has the bytes."""
    call.actor_still(session)
    bench = enter_bench(session, call)
    if bench.repo.id != number:
        raise hub.RepoNotFound(call.repo_id)
    names = ", ".join(change.path for change in changes[:3]) + (" …" if len(changes) > 3 else "")
    return commit(session, bench, form, changes, f"Upload {names}")


async def _keep(call: Call, number: int, staged: Staged) -> None:
    user_id, size = call.known_actor.id, staged.size_bytes
    await keep_upload(call, staged, repo_number=number, sha256=staged.sha256, size_bytes=size, user_id=user_id)


# --- what scripts send


def post_plan(session: Session, call: Call) -> Response:
    """For each file leave to send it, how long its parts are, and which of them are here."""
    visit, repo = _target(session, call)
    check_token(visit, call.headers.get("x-form-token", ""))
    plan = call.body_as(Plan)
    user = visit.person()
    if len(plan.files) > MAX_FILES:
        raise ContentWrong(f"At most {MAX_FILES} files at a time.")
    return json_response({"files": [_planned(call, Leave(repo.id, user.id, file)) for file in plan.files]})


async def put_part(call: Call) -> Response:
    """``part``: its number, from 1."""
    leave = _leave(call)
    await call.read(_check_sender, call, leave)
    number = _number(call, leave)
    store = call.site.store
    with store.stage(sha256=False) as staged:
        await receive_body(call, staged, max_bytes=PART_BYTES * MAX_PARTS, expect_bytes=leave.part_size(number))
        await in_byte_thread(lambda: store.parts.put_part(_upload_id(call, leave), number, staged))
    return json_response({})


async def post_complete(call: Call) -> Response:
    """All parts are here: put them together; the sha256 is what the form is to name."""
    leave = _leave(call)
    await call.read(_check_sender, call, leave)
    parts, upload_id = call.site.store.parts, _upload_id(call, leave)
    numbers = range(1, leave.part_count + 1)
    with await in_byte_thread(lambda: parts.assemble(upload_id, numbers)) as staged:
        if staged.size_bytes != leave.file.size:
            raise ContentWrong("The parts do not make up the file.")
        await _keep(call, leave.repo, staged)
        sha256 = staged.sha256
    await in_byte_thread(lambda: parts.discard_upload(upload_id))
    return json_response({"sha256": sha256})


def _planned(call: Call, leave: Leave) -> Mapping[str, Any]:
    if not 0 <= leave.file.size <= MAX_OBJECT_BYTES:
        raise ContentWrong(f"A file has 0 to {MAX_OBJECT_BYTES} bytes.")
    held = call.site.store.parts.list_parts(_upload_id(call, leave))
    whole = [part.number for part in held if part.size_bytes == leave.part_size(part.number)]
    token = sign(call.site.secret, _PURPOSE, leave, lifetime_seconds=_LEAVE_SECONDS)
    return {"token": token, "part_bytes": leave.part_bytes, "part_count": leave.part_count, "held": whole}


def _target(session: Session, call: Call) -> tuple[Visit, Repo]:
    visit = begin(session, call)
    repo = hub.contributable_repo(session, call.kind, call.repo_id, visit.actor)
    visit.person()
    return visit, repo


def _leave(call: Call) -> Leave:
    """Raises SignatureInvalid."""
    return verify(call.site.secret, _PURPOSE, call.query_params.get("token", ""), Leave)


def _check_sender(session: Session, call: Call, leave: Leave) -> None:
    visit, repo = _target(session, call)
    if (repo.id, visit.person().id) != (leave.repo, leave.user):
        raise SignatureInvalid("This address was made for something else.")


def _number(call: Call, leave: Leave) -> int:
    text = call.query_params.get("part", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not 1 <= number <= leave.part_count:
        raise ContentWrong(f"The file has the parts 1 to {leave.part_count}.")
    return number


def _upload_id(call: Call, leave: Leave) -> str:
    """The same for the same file by the same user, so that parts sent before an interruption count."""
    return hmac.digest(call.site.secret, b"web-parts\0" + msgspec.json.encode(leave), "sha256").hex()


# --- the page


def _prepared_page(session: Session, call: Call, form: Form, arrived: Sequence[Arrived]) -> Any:
    """The form again, ready to be shown when there is no session any more."""
    bench = enter_bench(session, call)
    shown = _context(session, bench, form, {}, arrived)
    return lambda errors: page(bench.visit, "edit/upload.html", **{**shown, "errors": errors})


def _upload_page(
    session: Session, bench: Bench, form: Form, errors: Mapping[str, str], arrived: Sequence[Arrived]
) -> Response:
    return page(bench.visit, "edit/upload.html", **_context(session, bench, form, errors, arrived))


def _context(
    session: Session, bench: Bench, form: Form, errors: Mapping[str, str], arrived: Sequence[Arrived]
) -> Mapping[str, Any]:
    folder = bench.visit.call.params.get("path", "").strip("/")
    return around(session, bench, form, errors) | {"folder": folder, "arrived": arrived}
