"""``yungu deployment``: models that can be called."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yungu.cli.console import AsJson, Data, columns, load_settings, open_site, show
from yungu.cli.org import VisibilityName
from yungu.cli.repo import As, acting_as

if TYPE_CHECKING:
    from yungu.accounts import Actor
    from yungu.compute import Deployment, Prices
    from yungu.kernel.db import Session

app = typer.Typer(help="Models that can be called: deploy, price, switch on and off, logs.", no_args_is_help=True)


class PlaceName(StrEnum):
    LOCAL = "local"
    RAY = "ray"


Name = Annotated[str, typer.Argument(metavar="OWNER/NAME", help="What clients put into `model`.")]
Visible = Annotated[VisibilityName | None, typer.Option("--visibility", help="Who may call it.")]


@app.command("list")
def list_deployments(acting: As = None, data: Data = None, as_json: AsJson = False) -> None:
    """List the models that the actor may call."""
    from yungu import compute

    with open_site(data) as site, site.db.read() as session:
        found = compute.list_deployments(session, acting_as(session, acting))
    rows = [(one.name, one.wanted, one.runtime, one.place, "+".join(one.answers), one.visibility) for one in found]
    heads = ("NAME", "WANTED", "RUNTIME", "PLACE", "ANSWERS", "VISIBILITY")
    show([_facts(one) for one in found], columns(rows, *heads), as_json=as_json)


@app.command()
def create(
    repo_id: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="A model of the hub.")],
    name: Annotated[str | None, typer.Option("--name", help="Another name than the repo's.")] = None,
    revision: Annotated[str | None, typer.Option("--revision", help="Which revision. Default: the head.")] = None,
    visibility: Visible = None,
    place: Annotated[PlaceName, typer.Option("--place", help="Where it runs.")] = PlaceName.LOCAL,
    per_request: Annotated[float, typer.Option(min=0, help="Credits for a request.")] = 0,
    per_million_prompt: Annotated[float, typer.Option(min=0, help="Credits for a million prompt tokens.")] = 0,
    per_million_completion: Annotated[float, typer.Option(min=0, help="Credits for a million tokens written.")] = 0,
    per_second: Annotated[float, typer.Option(min=0, help="Credits for a second of the device.")] = 0,
    context_tokens: Annotated[int | None, typer.Option(min=1, help="Tokens of prompt and answer together.")] = None,
    memory_mb: Annotated[int | None, typer.Option(min=1, help="What a replica uses, in MiB.")] = None,
    least: Annotated[int, typer.Option(min=0, help="Replicas that run even when nobody calls.")] = 0,
    most: Annotated[int, typer.Option(min=1, help="Replicas that run at the same time, at most.")] = 1,
    idle_seconds: Annotated[int | None, typer.Option(min=0, help="Until it is put to sleep; 0: never.")] = None,
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a model of the hub callable. The runtime follows from its files."""
    from yungu import compute

    changes: dict[str, Any] = {
        "place": place.value, "context_tokens": context_tokens, "least_replicas": least, "most_replicas": most,
        "memory_bytes": None if memory_mb is None else memory_mb << 20,
    }  # fmt: skip
    if idle_seconds is not None:
        changes["idle_seconds"] = idle_seconds or None
    prices = _prices(per_request, per_million_prompt, per_million_completion, per_second)
    with open_site(data) as site, site.db.write() as session:
        actor = acting_as(session, acting)
        visible = visibility.value if visibility else None
        options: dict[str, Any] = {"name": name, "revision": revision, "visibility": visible, **changes}
        options["limit_bytes"] = site.replica_bytes
        made = compute.deploy(session, site.git, repo_id, actor, prices, **options)
    _show(made, as_json=as_json)


@app.command()
def upstream(
    name: Name,
    address: Annotated[str, typer.Argument(metavar="URL", help="Of an OpenAI-compatible server.")],
    model: Annotated[str, typer.Option("--model", help="What that server calls the model.")] = "",
    key: Annotated[bool, typer.Option("--key-stdin", help="Read its key from standard input.")] = False,
    visibility: Visible = None,
    per_request: Annotated[float, typer.Option(min=0, help="Credits for a request.")] = 0,
    per_million_prompt: Annotated[float, typer.Option(min=0, help="Credits for a million prompt tokens.")] = 0,
    per_million_completion: Annotated[float, typer.Option(min=0, help="Credits for a million tokens written.")] = 0,
    context_tokens: Annotated[int, typer.Option(min=1, help="Tokens of prompt and answer together.")] = 8192,
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a model of another server callable: vLLM, SGLang, Ollama, a cloud."""
    from yungu import compute
    from yungu.cli.console import read_password

    prices = _prices(per_request, per_million_prompt, per_million_completion, 0)
    with open_site(data) as site, site.db.write() as session:
        made = compute.deploy_upstream(
            session,
            site.secret,
            name,
            acting_as(session, acting),
            address,
            prices,
            upstream_model=model,
            key=read_password(key) or "",
            visibility=visibility.value if visibility else "private",
            context_tokens=context_tokens,
        )
    _show(made, as_json=as_json)


@app.command()
def on(name: Name, acting: As = None, data: Data = None) -> None:
    """Let it be called again."""
    _switch(name, "on", acting, data)


@app.command()
def off(name: Name, acting: As = None, data: Data = None) -> None:
    """Refuse calls, and stop its replicas."""
    _switch(name, "off", acting, data)


@app.command()
def update(
    name: Name,
    revision: Annotated[str, typer.Option("--revision", help="Which revision of the repo.")] = "main",
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Serve another revision of the repo."""
    from yungu import compute

    with open_site(data) as site, site.db.write() as session:
        actor, found = _ruled(session, name, acting)
        found = compute.change_deployment(session, site.git, site.secret, found, actor, revision=revision)
    _show(found, as_json=as_json)


@app.command()
def remove(name: Name, acting: As = None, data: Data = None) -> None:
    """Take it away. The repo stays as it is."""
    from yungu import compute

    with open_site(data) as site, site.db.write() as session:
        actor, found = _ruled(session, name, acting)
        compute.remove_deployment(session, found, actor)
    typer.echo(f"{found.name} can no longer be called.")


@app.command()
def logs(name: Name, acting: As = None, data: Data = None) -> None:
    """Show what its last replicas on this machine printed."""
    from yungu.compute.backends.logs import Logs

    with open_site(data) as site, site.db.read() as session:
        _, found = _ruled(session, name, acting)
    text = Logs(load_settings(data=data).data_path / "compute" / "logs").read(found.id)
    typer.echo(text or f"No replica of {found.name} has run here.", nl=not text)


def _switch(name: str, wanted: Any, acting: str | None, data: str | None) -> None:
    from yungu import compute

    with open_site(data) as site, site.db.write() as session:
        actor, found = _ruled(session, name, acting)
        compute.switch_deployment(session, found, actor, wanted)
    typer.echo(f"{found.name} is {wanted}.")


def _ruled(session: Session, name: str, acting: str | None) -> tuple[Actor, Deployment]:
    from yungu import compute

    actor = acting_as(session, acting)
    return actor, compute.ruled_deployment(session, name, actor)


def _prices(request: float, prompt: float, completion: float, second: float) -> Prices:
    from yungu.compute import Prices
    from yungu.credits import CREDIT

    return Prices(*(round(amount * CREDIT) for amount in (request, prompt, completion, second)))


def _show(found: Deployment, *, as_json: bool) -> None:
    answers = ", ".join(found.answers)
    show(_facts(found), f"{found.name} can be called: {answers} by the runtime {found.runtime}.", as_json=as_json)


def _facts(found: Deployment) -> dict[str, Any]:
    from dataclasses import asdict

    return {name: value for name, value in asdict(found).items() if name != "upstream_key"}
