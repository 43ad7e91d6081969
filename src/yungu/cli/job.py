"""``yungu job``: batches and evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from yungu.cli.console import AsJson, Data, columns, open_site, show
from yungu.cli.repo import As, acting_as

if TYPE_CHECKING:
    from yungu.compute import Job

app = typer.Typer(help="Jobs: batches of calls, evaluations of models on data.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="JOB")]
Budget = Annotated[
    str | None, typer.Option("--budget", metavar="CREDITS", help="The most that it may cost; held until it ends.")
]
Payer = Annotated[str | None, typer.Option("--payer", metavar="ORGANIZATION", help="Who pays. Default: the actor.")]
Revision = Annotated[str | None, typer.Option("--revision", help="Of the data set. Default: its head.")]


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    from yungu import compute

    with open_site(data) as site, site.db.read() as session:
        found = compute.list_jobs(session, acting_as(session, acting), limit=limit).items
    show(found, columns([_row(job) for job in found], "JOB", "KIND", "STATE", "DONE", "COST", ""), as_json=as_json)


@app.command()
def batch(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A deployment.")],
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    path: Annotated[str, typer.Argument(metavar="FILE", help="Requests in OpenAI's batch format, a line each.")],
    revision: Revision = None,
    into: Annotated[str | None, typer.Option("--into", metavar="DATASET", help="Where the answers go.")] = None,
    into_path: Annotated[str | None, typer.Option("--into-file", help="Which file there.")] = None,
    budget: Budget = None,
    payer: Payer = None,
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Queue a file of requests to a model."""
    from yungu import compute, credits

    asked = compute.BatchAsk(model, dataset, path, revision, into, into_path)
    options: dict[str, Any] = {"payer": payer, "budget": credits.parse_credits(budget) if budget else 0}
    with open_site(data) as site, site.db.write() as session:
        job = compute.ask_batch(session, site.git, asked, acting_as(session, acting), site.job_terms, **options)
    show(job, f"Queued the job {job.id}.", as_json=as_json)


@app.command()
def evaluate(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    path: Annotated[str, typer.Argument(metavar="FILE", help="A .jsonl or .csv file of inputs and labels.")],
    program: Annotated[
        str | None, typer.Option("--program", metavar="OWNER/NAME", help="A model with a predict.py.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="OWNER/NAME", help="Or a deployment.")] = None,
    metric: Annotated[str, typer.Option("--metric", help="As accuracy, f1, roc_auc, rmse.")] = "",
    scorer: Annotated[
        str | None, typer.Option("--scorer", metavar="OWNER/NAME", help="Or a model repo with a score.py.")
    ] = None,
    revision: Revision = None,
    program_revision: Annotated[str | None, typer.Option("--program-revision")] = None,
    input_field: Annotated[str, typer.Option("--input", metavar="FIELD")] = "input",
    label_field: Annotated[str, typer.Option("--label", metavar="FIELD")] = "label",
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    budget: Budget = None,
    payer: Payer = None,
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Queue an evaluation: a program or a model answers the inputs, a metric or a scorer compares with the labels."""
    from yungu import compute, credits

    asked = compute.EvaluationAsk(
        dataset, path, revision=revision, program=program, program_revision=program_revision, model=model,
        metric=metric, scorer=scorer, input_field=input_field, label_field=label_field, seed=seed,
    )  # fmt: skip
    options: dict[str, Any] = {"payer": payer, "budget": credits.parse_credits(budget) if budget else 0}
    with open_site(data) as site, site.db.write() as session:
        job = compute.ask_evaluation(session, site.git, asked, acting_as(session, acting), site.job_terms, **options)
    show(job, f"Queued the job {job.id}.", as_json=as_json)


@app.command("show")
def show_job(number: Number, acting: As = None, data: Data = None, as_json: AsJson = False) -> None:
    """Show how far a job is, or how it ended."""
    from yungu import compute
    from yungu.credits import credits_text

    with open_site(data) as site, site.db.read() as session:
        job = compute.get_job(session, number, acting_as(session, acting))
    lines = [f"job {job.id}, {job.kind}: {job.state}, {job.done_count} of {job.total_count}", job.message]
    lines.append(f"{job.used_seconds:g} s, cost {credits_text(job.cost)} of {credits_text(job.budget)} credits")
    result = job.result or {}
    if "value" in result:
        lines.append(f"{result['metric']} = {result['value']:g}  [{result['low']}, {result['high']}]")
    show(job, "\n".join(line for line in lines if line), as_json=as_json)


@app.command()
def log(number: Number, acting: As = None, data: Data = None) -> None:
    """Print the last lines that a job has written. Of an evaluation on private data, for who rules the data."""
    from yungu import compute

    with open_site(data) as site:
        with site.db.read() as session:
            job = compute.get_open_job(session, number, acting_as(session, acting))
        for line in compute.iter_log(site.store, job):
            typer.echo(line)


@app.command()
def items(number: Number, acting: As = None, data: Data = None) -> None:
    """Print what became of each input of an evaluation, or each request of a batch, as lines of JSON."""
    import msgspec

    from yungu import compute

    with open_site(data) as site:
        with site.db.read() as session:
            job = compute.get_open_job(session, number, acting_as(session, acting))
        if job.kind == "batch":
            for line in compute.iter_answers(site.store, job):
                typer.echo(line.decode().rstrip("\n"))
            return
        for item in compute.iter_items(site.store, job):
            typer.echo(msgspec.json.encode(item).decode())


@app.command()
def cancel(number: Number, acting: As = None, data: Data = None, as_json: AsJson = False) -> None:
    """Stop a job, or take it out of the queue; what was done is kept."""
    from yungu import compute

    with open_site(data) as site, site.db.write() as session:
        job = compute.cancel_job(session, number, acting_as(session, acting))
    text = "It was cancelled." if job.state == "cancelled" else "It will stop within a moment."
    show(job, text if job.state != "succeeded" else "It has ended already.", as_json=as_json)


def _row(job: Job) -> tuple[object, ...]:
    from yungu.credits import credits_text

    done = f"{job.done_count}/{job.total_count}" if job.total_count else ""
    return job.id, job.kind, job.state, done, credits_text(job.cost), job.message[:60]
