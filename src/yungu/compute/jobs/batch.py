"""Batches: a file of requests, in OpenAI's batch format, answered by a deployment.

https://platform.openai.com/docs/guides/batch: a line is ``{"custom_id", "method", "url", "body"}``, a line of the
answers ``{"id", "custom_id", "response": {"status_code", "request_id", "body"}, "error"}``."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from yungu import accounts, hub
from yungu.compute import queries
from yungu.compute.errors import CallInvalid, JobFailed
from yungu.compute.jobs.calls import PATHS, Caller
from yungu.compute.jobs.course import Course
from yungu.compute.jobs.files import mend, read_lines
from yungu.compute.models import BatchSpec, CallKind
from yungu.compute.queries.records import ANSWERS, digest_of, iter_lines
from yungu.compute.rules import jobs as rules
from yungu.storage import content

_LARGE_BYTES = 1 << 20
_MOST_REQUESTS = 1_000_000
_KINDS: dict[str, CallKind] = {path: kind for kind, path in PATHS.items()}


async def answer_batch(course: Course) -> dict[str, Any]:
    """What the job's result is: how many were answered, and where the answers are."""
    spec = rules.read_spec(course.job)
    assert isinstance(spec, BatchSpec)
    requests = await course.in_thread(read_lines, course.shop, spec.source)
    if not requests or len(requests) > _MOST_REQUESTS:
        raise JobFailed(f"A batch has 1 to {_MOST_REQUESTS} requests.")
    with course.shop.db.read() as session:
        deployment = queries.get_deployment(session, spec.deployment_id)
    path = course.folder / ANSWERS
    caller = Caller(course, deployment)
    try:
        await _answer_all(course, caller, requests, path)
    finally:
        await caller.close()
    return await course.in_thread(_finish, course, spec, path)


async def _answer_all(course: Course, caller: Caller, requests: list[bytes], path: Path) -> None:
    mend(path)
    answered = {_number(msgspec.json.decode(line)["id"]) for line in iter_lines(path)}
    numbers = iter([number for number in range(len(requests)) if number not in answered])
    count, total = len(answered), len(requests)
    course.tell("answering", count, total)
    with path.open("ab") as file:

        def keep(line: dict[str, Any]) -> None:
            nonlocal count
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            count += 1
            course.tell("answering", count, total)

        async def work() -> None:
            for number in numbers:
                await _answer(course, caller, requests[number], number, keep)

        async with asyncio.TaskGroup() as group:
            for _ in range(caller.at_once):
                group.create_task(work())


async def _answer(
    course: Course, caller: Caller, request: bytes, number: int, keep: Callable[[dict[str, Any]], None]
) -> None:
    """Make a line of the answers; a request that makes no sense has its own, and others go on."""
    name = f"job-{course.job.id}-{number}"
    line: dict[str, Any] = {"id": name, "custom_id": None, "response": None, "error": None}

    def take(body: Any) -> None:
        if isinstance(body, dict) and "model" in body:
            body["model"] = caller.deployment.name
        keep(line | {"response": {"status_code": 200, "request_id": name, "body": body}})

    try:
        line["custom_id"], kind, asked = _read_request(request)
        await caller.call(kind, asked, str(number), take)
    except CallInvalid as error:
        keep(line | {"error": {"code": "invalid_request", "message": error.message}})


def _read_request(line: bytes) -> tuple[Any, CallKind, dict[str, Any]]:
    """Its own id, what kind of call it is, and the body. Raises CallInvalid."""
    try:
        request = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise CallInvalid("The line is not JSON.") from None
    if not isinstance(request, dict) or not isinstance(request.get("body"), dict):
        raise CallInvalid('A request is {"custom_id", "method", "url", "body"}.')
    kind = _KINDS.get(str(request.get("url")))
    if kind is None:
        raise CallInvalid(f"A request goes to one of {', '.join(_KINDS)}.")
    return request.get("custom_id"), kind, request["body"]


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])


def _finish(course: Course, spec: BatchSpec, path: Path) -> dict[str, Any]:
    """Put the answers into the order of the requests, and into the data set that wants them."""
    lines = sorted(iter_lines(path), key=lambda line: _number(msgspec.json.decode(line)["id"]))
    failed = sum(msgspec.json.decode(line)["error"] is not None for line in lines)
    part = path.with_suffix(".part")
    part.write_bytes(b"".join(lines))
    part.replace(path)
    result: dict[str, Any] = {
        "count": len(lines),
        "failed_count": failed,
        "sha256": digest_of(path),
        "spec": msgspec.to_builtins(spec),
    }
    if spec.into_repo_id is not None:
        course.tell("writing the answers", len(lines), len(lines))
        result["commit"] = _commit(course, spec, path)
    return result


def _commit(course: Course, spec: BatchSpec, path: Path) -> str:
    """Raises RepoNotFound, RepoDenied where the asker may not write there any more, QuotaExceeded."""
    shop, job = course.shop, course.job
    assert spec.into_repo_id is not None and job.created_by is not None
    change = _change(course, spec, path)
    with shop.db.write() as session:
        actor = accounts.actor_for_user(session, accounts.get_owner_by_id(session, job.created_by))
        repo = hub.get_repo_by_id(session, spec.into_repo_id)
        repo = hub.writable_repo(session, repo.kind, repo.repo_id, actor)
        if isinstance(change, hub.LfsPut):
            content.record_raw(session, change.sha256, path.stat().st_size)
            hub.link_upload(session, repo, change.sha256, actor.id)
        plan = hub.CommitPlan(repo.default_branch, [change], f"Add the answers of batch {job.id}")
        return hub.apply_commit(session, shop.git, repo, plan, actor).oid


def _change(course: Course, spec: BatchSpec, path: Path) -> hub.FilePut | hub.LfsPut:
    size = path.stat().st_size
    if size <= _LARGE_BYTES:
        assert spec.into_repo_id is not None
        oid = course.shop.git.open(spec.into_repo_id).write_blob(path.read_bytes())
        return hub.FilePut(spec.into_path, oid, size)
    digest = hashlib.sha256()
    with course.shop.store.stage() as staged, path.open("rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
            staged.write(block)
        staged.publish(content.raw_key(digest.hexdigest()))
    return hub.LfsPut(spec.into_path, digest.hexdigest(), size)
