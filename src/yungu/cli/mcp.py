"""``yungu mcp``: the catalogue of MCP servers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from yungu.cli.console import AsJson, Data, columns, open_site, show
from yungu.kernel.errors import Invalid

app = typer.Typer(help="The catalogue of MCP servers: put, list, delete.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(metavar="ID", help='As in "@owner/name".')]


class ConfigInvalid(Invalid):
    """The file is not a JSON configuration of an MCP server."""


@app.command()
def put(
    slug: Slug,
    name: Annotated[str, typer.Option("--name", help="What people call it.")] = "",
    chinese_name: Annotated[str, typer.Option("--chinese-name")] = "",
    description: Annotated[str, typer.Option("--description")] = "",
    category: Annotated[str, typer.Option("--category")] = "",
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="JSON that clients start it with; -: standard input."),
    ] = None,
    url: Annotated[
        list[str] | None, typer.Option("--url", help="Where it runs already, ending in /sse or /mcp; may be repeated.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make an entry, or replace the one of that id."""
    from yungu import hub

    urls = [
        {"url": each, "transport_type": "sse" if each.endswith("/sse") else "streamable_http"} for each in url or []
    ]
    with open_site(data) as site, site.db.write() as session:
        made = hub.put_mcp_server(
            session,
            slug,
            name=name or slug.rpartition("/")[2],
            chinese_name=chinese_name,
            description=description,
            category=category,
            server_config=_config(config),
            operational_urls=urls,
        )
    show(made, f"The catalogue has {made.slug}.", as_json=as_json)


@app.command("list")
def list_servers(data: Data = None, as_json: AsJson = False) -> None:
    """List the catalogue."""
    from yungu import hub

    with open_site(data) as site, site.db.read() as session:
        found, _ = hub.list_mcp_servers(session, skip=0, limit=10_000)
    rows = [(server.slug, server.name, server.category, len(server.operational_urls)) for server in found]
    show(found, columns(rows, "ID", "NAME", "CATEGORY", "RUNNING AT"), as_json=as_json)


@app.command()
def delete(slug: Slug, data: Data = None, as_json: AsJson = False) -> None:
    """Take an entry out."""
    from yungu import hub

    with open_site(data) as site, site.db.write() as session:
        hub.delete_mcp_server(session, slug)
    show({"id": slug}, f"Took {slug} out of the catalogue.", as_json=as_json)


def _config(path: Path | None) -> list[dict[str, Any]]:
    if path is None:
        return []
    try:
        found = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigInvalid(f"{path} cannot be read as JSON: {error}.") from error
    found = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in found):
        raise ConfigInvalid(f"{path} does not hold a JSON object.")
    return found
