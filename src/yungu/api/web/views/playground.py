"""Trying a deployed model: a form that asks by the same metered door as every client.

With scripts the page streams from ``/v1`` itself, with the visitor's session; the same-origin check there keeps other
sites' pages from doing that. Without scripts the form comes here and is asked on."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from yungu import accounts, compute, credits
from yungu.api.http import Call, json_response
from yungu.api.http.app import read_body
from yungu.api.http.call import whole_number
from yungu.api.http.inner import ask_self
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page
from yungu.api.web.views.deployments import may_change
from yungu.api.web.visit import Visit, begin
from yungu.compute import CallRecord, Deployment
from yungu.kernel.db import Session

_MAX_FORM = 1 << 20
_MAX_TURNS = 40
_USUAL_TOKENS = 256
_SHOWN_NUMBERS = 8

Text = Annotated[str, msgspec.Meta(max_length=200_000)]


class Turn(msgspec.Struct, frozen=True):
    role: Literal["user", "assistant"]
    content: Text


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one question. ``text``: as the model said it; ``vectors`` and ``ranks``: of embeddings and
    rerankings; ``problem``: why there is no answer."""

    text: str = ""
    vectors: Sequence[tuple[int, str]] = ()
    ranks: Sequence[tuple[float, str]] = ()
    problem: str = ""
    call: CallRecord | None = None


class _Said(msgspec.Struct):
    content: str | None = ""


class _Choice(msgspec.Struct):
    text: str = ""
    message: _Said | None = None


class _Vector(msgspec.Struct):
    embedding: list[float] = []


class _Rank(msgspec.Struct):
    index: int = 0
    relevance_score: float = 0.0


class _Problem(msgspec.Struct):
    message: str = ""


class _Answer(msgspec.Struct):
    choices: list[_Choice] = []
    data: list[_Vector] = []
    results: list[_Rank] = []
    error: _Problem | None = None


def get_playground(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    found = compute.callable_deployment(session, _name(call), visit.actor)
    return _playground(session, visit, found, EMPTY, {}, [], None)


async def post_playground(call: Call) -> Response:
    """Ask once, and show the answer with its receipt."""
    call.body_bytes = await read_body(call, _MAX_FORM)
    visit, found, form = await call.read(_asked, call)
    turns = _turns(form)
    try:
        kind, body = _request(visit, found, form, turns)
    except FieldInvalid as error:
        return await call.read(_refused, visit, found, form, turns, error)
    path = f"/api/models/{quote(found.name)}/predict" if kind == "predict" else f"/v1/{_PATHS[kind]}"
    request_id = f"page-{uuid.uuid4()}"
    headers = {"content-type": "application/json", "idempotency-key": request_id}
    if form["payer"] and form["payer"] != visit.actor.name:
        headers["openai-organization"] = form["payer"]
    status, _, answer = await ask_self(call, "POST", path, body, headers)
    return await call.read(_answered, visit, found, form, turns, kind, status, answer, request_id)


def get_receipt_of(session: Session, call: Call) -> Response:
    """For the page's script: the receipt of a request of the visitor's own."""
    visit = begin(session, call)
    user = visit.person()
    found = compute.find_call_of_request(session, user.id, call.query_params.get("request", "")[:100])
    if found is None:
        raise compute.CallNotFound(0)
    paid = credits.credits_text(found.amount)
    told = {"address": urls.receipt(found.id), "number": found.id, "credits": paid, "outcome": found.outcome}
    tokens = {"prompt_tokens": found.prompt_tokens, "completion_tokens": found.completion_tokens}
    return json_response(told | tokens, headers={"cache-control": "no-store"})


def _asked(session: Session, call: Call) -> tuple[Visit, Deployment, Form]:
    visit = begin(session, call)
    visit.person()
    form = read_form(visit)
    return visit, compute.callable_deployment(session, _name(call), visit.actor), form


def _refused(
    session: Session, visit: Visit, found: Deployment, form: Form, turns: Sequence[Turn], error: FieldInvalid
) -> Response:
    with shown_again(visit, lambda errors: _playground(session, visit, found, form, errors, turns, None)):
        raise error
    raise AssertionError  # the block above always raises


def _answered(
    session: Session,
    visit: Visit,
    found: Deployment,
    form: Form,
    turns: Sequence[Turn],
    kind: str,
    status: int,
    answer: bytes,
    request_id: str,
) -> Response:
    record = compute.find_call_of_request(session, visit.person().id, request_id)
    reply = _read(answer, status, kind, _lines(form["documents"]), record)
    if kind == "chat" and reply.text:
        turns = [*turns, Turn("user", form["message"]), Turn("assistant", reply.text)]
    return _playground(session, visit, found, form, {}, turns, reply)


def _read(answer: bytes, status: int, kind: str, documents: Sequence[str], record: CallRecord | None) -> Reply:
    if kind == "predict" and status == 200:
        return Reply(answer.decode("utf-8", "replace"), call=record)
    try:
        said = msgspec.json.decode(answer, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = _Answer(error=_Problem(f"HTTP {status}"))
    if status != 200 or said.error is not None:
        return Reply(problem=said.error.message if said.error else f"HTTP {status}", call=record)
    texts = [choice.message.content or "" if choice.message else choice.text for choice in said.choices]
    vectors = [(len(one.embedding), _numbers(one.embedding)) for one in said.data]
    known = [one for one in said.results if 0 <= one.index < len(documents)]
    ranks = [(one.relevance_score, documents[one.index]) for one in known]
    return Reply("\n\n".join(texts), vectors, ranks, call=record)


def _numbers(vector: Sequence[float]) -> str:
    shown = ", ".join(f"{number:.4f}" for number in vector[:_SHOWN_NUMBERS])
    return f"[{shown}, …]" if len(vector) > _SHOWN_NUMBERS else f"[{shown}]"


_PATHS = {"chat": "chat/completions", "completion": "completions", "embedding": "embeddings", "rerank": "rerank"}


def _request(visit: Visit, found: Deployment, form: Form, turns: Sequence[Turn]) -> tuple[str, bytes]:
    """The kind of call and its body. Raises FieldInvalid."""
    kind = _kind(visit, found, form)
    message = form["message"]
    if not message:
        raise FieldInvalid("message", visit.gettext("Write something first."))
    if kind == "predict":
        return kind, _json(visit, message)
    body: dict[str, Any] = {"model": found.name}
    match kind:
        case "chat":
            said = [msgspec.to_builtins(turn) for turn in turns]
            body |= {"messages": [*said, {"role": "user", "content": message}]}
        case "completion":
            body |= {"prompt": message}
        case "embedding":
            body |= {"input": _lines(message)}
        case _:
            body |= {"query": message, "documents": _documents(visit, form)}
    if kind in ("chat", "completion"):
        body |= _sampling(visit, found, form)
    return kind, msgspec.json.encode(body)


def _kind(visit: Visit, found: Deployment, form: Form) -> str:
    """What is asked for: as the form says, else the address, else what the model answers first."""
    asked = form["kind"] or visit.call.query_params.get("kind", "")
    return next((kind for kind in found.answers if kind == asked), found.answers[0])


def _sampling(visit: Visit, found: Deployment, form: Form) -> dict[str, Any]:
    tokens = whole_number(form["max_tokens"]) if form["max_tokens"] else _USUAL_TOKENS
    if tokens is None or not 1 <= tokens <= found.context_tokens:
        text = visit.gettext("Write a number from 1 to %(most)s.") % {"most": found.context_tokens}
        raise FieldInvalid("max_tokens", text)
    try:
        heat = float(form["temperature"] or "1")
    except ValueError:
        heat = -1.0
    if not 0 <= heat <= 2:
        raise FieldInvalid("temperature", visit.gettext("Write a number from 0 to 2."))
    return {"max_tokens": tokens, "temperature": heat}


def _json(visit: Visit, text: str) -> bytes:
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise FieldInvalid("message", visit.gettext("This is not JSON: %(why)s") % {"why": error}) from None
    return text.encode()


def _documents(visit: Visit, form: Form) -> list[str]:
    found = _lines(form["documents"])
    if not found:
        raise FieldInvalid("documents", visit.gettext("Write at least one line."))
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _turns(form: Form) -> list[Turn]:
    """What was said before, as the form carries it; nothing when somebody has changed it to something else."""
    try:
        return msgspec.json.decode(form["turns"] or "[]", type=list[Turn])[-_MAX_TURNS:]
    except msgspec.MsgspecError:
        return []


def _playground(
    session: Session,
    visit: Visit,
    found: Deployment,
    form: Form,
    errors: Mapping[str, str],
    turns: Sequence[Turn],
    reply: Reply | None,
) -> Response:
    user = visit.person()
    wallet = credits.get_wallet(session, user.id)
    organizations = [one for one in accounts.list_memberships(session, user.id) if one.role in ("write", "admin")]
    context: dict[str, Any] = {
        "tab": "models",
        "one": found,
        "kind": _kind(visit, found, form),
        "wallet": wallet,
        "payers": [user.name, *(one.organization for one in organizations)],
        "is_ruled": may_change(visit, found),
        "form": form,
        "errors": errors,
        "turns": turns,
        "turns_text": msgspec.json.encode(turns).decode(),
        "reply": reply,
        "usual_tokens": min(_USUAL_TOKENS, found.context_tokens),
    }
    response = page(visit, "compute/playground.html", **context)
    response.headers["cache-control"] = "no-store"
    return response


def _name(call: Call) -> str:
    return f"{call.params['namespace']}/{call.params['model']}"
