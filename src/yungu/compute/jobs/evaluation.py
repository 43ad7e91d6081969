"""Evaluations: a program or a deployment answers inputs without seeing the labels, a scorer sees both."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from yungu.compute import queries
from yungu.compute.backends.isolation import Outcome, Program, versions
from yungu.compute.errors import JobFailed
from yungu.compute.jobs.calls import Caller
from yungu.compute.jobs.course import Course
from yungu.compute.jobs.files import lay_out, mend, read_records, write_lines
from yungu.compute.models import CallKind, EvaluationSpec, RepoPlace
from yungu.compute.queries.records import ITEMS, PREDICTIONS, digest_of, iter_lines
from yungu.compute.rules import jobs as rules
from yungu.compute.service.asking import PREDICTOR, SCORER

_SCORER = Path(__file__).parents[1] / "programs"
_NO_ANSWER = 'Predictor: a line of the output is not {"id": ..., "prediction": ...} of an input.'
_ANSWERING: tuple[CallKind, ...] = ("predict", "completion", "chat", "embedding")


@dataclass(slots=True)
class _Set:
    """The data: ``inputs`` and ``labels`` by number, what the provider's side and only the scorer's may see."""

    inputs: list[Raw]
    labels: list[Raw]


class _Answer(msgspec.Struct):
    """A line of a predictor. What it predicts stays text: hostile values would take much memory as objects."""

    id: int
    prediction: Raw


async def evaluate(course: Course) -> dict[str, Any]:
    """What the job's result is: figures, and all that is needed to get them again."""
    spec = rules.read_spec(course.job)
    assert isinstance(spec, EvaluationSpec)
    data = await course.in_thread(_read, course, spec)
    level = "calls"
    if spec.program is not None:
        level = await course.in_thread(_let_answer, course, spec, spec.program, data)
    else:
        await _call_all(course, spec, data)
    return await course.in_thread(_score, course, spec, data, level)


# --- answers


def _read(course: Course, spec: EvaluationSpec) -> _Set:
    course.tell("reading the data set", 0, 0)
    found = _Set([], [])
    for number, record in enumerate(read_records(course.shop, spec.dataset), 1):
        given, label = record.get(spec.input_field), record.get(spec.label_field)
        if given is None or label is None:
            fields = f"'{spec.input_field}' and '{spec.label_field}'"
            raise JobFailed(f"Record {number} of the data set lacks one of the fields {fields}.")
        found.inputs.append(given)
        found.labels.append(label)
    if not found.inputs:
        raise JobFailed("The data set has no records.")
    return found


def _let_answer(course: Course, spec: EvaluationSpec, program: RepoPlace, data: _Set) -> str:
    """Let the program answer what it has not answered yet; how well it was shut in."""
    total, path = len(data.inputs), course.folder / PREDICTIONS
    mend(path)
    answered = _answers(path, total)
    missing = [number for number in range(total) if number not in answered]
    if not missing:
        return str(course.checkpoint.get("isolation", ""))
    course.tell("preparing the program", len(answered), total)
    folder = lay_out(course.shop, program, course.folder / "program")
    inputs = course.folder / "inputs.jsonl"
    write_lines(inputs, ({"id": number, "input": data.inputs[number]} for number in missing))
    course.tell("answering", len(answered), total)
    with path.open("ab") as file:
        count = len(answered)

        def take(part: bytes) -> None:
            nonlocal count
            file.write(part)
            file.flush()
            count += part.count(b"\n")
            course.tell("answering", min(count, total), total)

        done = course.run(Program(folder, PREDICTOR, seed=spec.seed), inputs, course.limits(), take)
        if file.tell() and not path.read_bytes().endswith(b"\n"):
            file.write(b"\n")
    course.keep(isolation=done.level)
    course.log.say(f"{done.sentence} {done.wall_seconds:g} s, {done.cpu_seconds:g} s of CPU time.")
    if done.reason != "done":
        raise JobFailed(f"Predictor: {done.sentence}", hint="The log has more.")
    return done.level


async def _call_all(course: Course, spec: EvaluationSpec, data: _Set) -> None:
    total, path = len(data.inputs), course.folder / PREDICTIONS
    mend(path)
    answered = _answers(path, total)
    with course.shop.db.read() as session:
        deployment = queries.get_deployment(session, spec.deployment_id or 0)
    kind = next((kind for kind in _ANSWERING if kind in deployment.answers), None)
    if kind is None:
        raise JobFailed(f"{deployment.name} takes no calls that an evaluation could make.")
    caller = Caller(course, deployment)
    numbers = iter([number for number in range(total) if number not in answered])
    count = len(answered)
    course.tell("answering", count, total)
    with path.open("ab") as file:

        def keep(number: int, answer: Any) -> None:
            nonlocal count
            file.write(msgspec.json.encode({"id": number, "prediction": _prediction(kind, answer)}) + b"\n")
            file.flush()
            count += 1
            course.tell("answering", count, total)

        async def work() -> None:
            for number in numbers:
                asked = _request(kind, msgspec.json.decode(data.inputs[number]), spec)
                await caller.call(kind, asked, str(number), partial(keep, number))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(caller.at_once):
                    group.create_task(work())
        finally:
            await caller.close()


def _request(kind: CallKind, given: Any, spec: EvaluationSpec) -> dict[str, Any]:
    """The body of a call: the input, where it is an object, or what holds it."""
    if isinstance(given, dict):
        return {**spec.options, **given}
    if kind == "predict":
        return {**spec.options, "input": given}
    text = given if isinstance(given, str) else msgspec.json.encode(given).decode()
    if kind == "embedding":
        return {**spec.options, "input": text}
    wanted = {"temperature": 0, "seed": spec.seed, **spec.options}
    return wanted | ({"prompt": text} if kind == "completion" else {"messages": [{"role": "user", "content": text}]})


def _prediction(kind: CallKind, answer: Any) -> Any:
    """Raises JobFailed for an answer that is none."""
    try:
        match kind:
            case "chat":
                return answer["choices"][0]["message"]["content"]
            case "completion":
                return answer["choices"][0]["text"]
            case "embedding":
                return answer["data"][0]["embedding"]
            case _:
                return answer.get("prediction", answer.get("outputs", answer)) if isinstance(answer, dict) else answer
    except (LookupError, TypeError):
        raise JobFailed("The model server answered in a shape that is not OpenAI's.") from None


def _answers(path: Path, total: int) -> dict[int, Raw]:
    """What was answered so far, each number once; the reasons for a refusal never quote a line."""
    found, decode = dict[int, Raw](), msgspec.json.Decoder(_Answer).decode
    for line in iter_lines(path):
        try:
            answer = decode(line)
        except msgspec.ValidationError:
            raise JobFailed(_NO_ANSWER) from None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise JobFailed("Predictor: a line of the output is not JSON.") from None
        if not 0 <= answer.id < total:
            raise JobFailed(_NO_ANSWER)
        if answer.id in found:
            raise JobFailed("Predictor: an input was answered twice.")
        found[answer.id] = answer.prediction
    return found


# --- scores


def _score(course: Course, spec: EvaluationSpec, data: _Set, level: str) -> dict[str, Any]:
    total = len(data.inputs)
    answers = _answers(course.folder / PREDICTIONS, total)
    if len(answers) != total:
        raise JobFailed(f"Predictor: {len(answers)} of {total} inputs were answered.")
    course.tell("scoring", total, total)
    items = [
        {"id": number, "input": data.inputs[number], "label": data.labels[number], "prediction": answers[number]}
        for number in range(total)
    ]
    figures, scores = _figures(course, spec, items)
    write_lines(course.folder / ITEMS, (item | _own_score(scores, item["id"]) for item in items))
    return {
        "metric": spec.metric or "score",
        "is_more_better": rules.METRICS.get(spec.metric, True),
        **figures,
        "confidence": 0.95,
        "count": total,
        "sha256": digest_of(course.folder / ITEMS),
        "spec": msgspec.to_builtins(spec),
        "isolation": level,
        "limits": msgspec.to_builtins(course.limits()),
        "versions": versions(),
    }


def _figures(
    course: Course, spec: EvaluationSpec, items: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], dict[int, float]]:
    """The value with its interval, and scores of single items."""
    if spec.scorer is None:
        said = _run_scorer(course, spec, spec.metric, items)
    else:
        own = _run_program(course, spec, spec.scorer, items)
        missing = len(items) - len(own)
        if missing:
            raise JobFailed(f"Scorer: {len(own)} of {len(items)} items were scored.")
        scored = [{"id": number, "score": score} for number, score in sorted(own.items())]
        said = [*_run_scorer(course, spec, "mean", scored), *scored]
    figures = next((line for line in said if "value" in line), None)
    if figures is None:
        raise JobFailed("Scorer: it gave no figure.")
    return {name: figures[name] for name in ("value", "low", "high")}, _scores(said, len(items))


def _run_program(
    course: Course, spec: EvaluationSpec, scorer: RepoPlace, items: Sequence[dict[str, Any]]
) -> dict[int, float]:
    folder = lay_out(course.shop, scorer, course.folder / "scorer")
    said = _run(course, Program(folder, SCORER, seed=spec.seed), items)
    return _scores(said, len(items))


def _run_scorer(
    course: Course, spec: EvaluationSpec, metric: str, items: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Our own scorer; what it is given is still a stranger's."""
    arguments = (metric, str(spec.seed), str(spec.resamples))
    sent = [{name: value for name, value in item.items() if name != "input"} for item in items]
    return _run(course, Program(_own_programs(course), SCORER, arguments, seed=spec.seed), sent)


def _own_programs(course: Course) -> Path:
    folder = course.folder / "metrics"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    (folder / SCORER).write_bytes((_SCORER / SCORER).read_bytes())
    (folder / SCORER).chmod(0o644)
    return folder


def _run(course: Course, program: Program, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    inputs, said = course.folder / "to-score.jsonl", list[bytes]()
    write_lines(inputs, items)
    done: Outcome = course.run(program, inputs, course.limits(), said.append)
    if done.reason != "done":
        raise JobFailed(f"Scorer: {done.sentence}", hint="The log has more.")
    try:
        lines = [msgspec.json.decode(line) for line in b"".join(said).split(b"\n") if line.strip()]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise JobFailed("Scorer: a line of the output is not JSON.") from None
    if not all(isinstance(line, dict) for line in lines):
        raise JobFailed("Scorer: a line of the output is not an object.")
    return lines


def _scores(said: Sequence[dict[str, Any]], total: int) -> dict[int, float]:
    found = dict[int, float]()
    for line in said:
        if "score" not in line:
            continue
        number, score = line.get("id"), line["score"]
        is_one = isinstance(number, int) and 0 <= number < total and number not in found
        if not is_one or not isinstance(score, int | float) or isinstance(score, bool):
            raise JobFailed('Scorer: a line of the output is not {"id": ..., "score": ...} of an item.')
        assert isinstance(number, int)
        found[number] = float(score)
    return found


def _own_score(scores: dict[int, float], number: Any) -> dict[str, float]:
    return {"score": scores[number]} if number in scores else {}
