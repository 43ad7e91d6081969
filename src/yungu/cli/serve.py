"""``yungu serve``: run the hub."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from yungu.cli.console import Data, data_problems_told, load_settings
from yungu.kernel.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from yungu.app.first_start import Administrator
    from yungu.app.settings import Settings
    from yungu.app.tls import Certificate


class PortTaken(Conflict):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} on {host} is taken by another program.",
            hint="Stop that program, or choose another port: yungu serve --port 8081",
        )


class AddressUnusable(Unavailable):
    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"Cannot listen on {host} port {port}: {reason}.", hint="Check --host and --port.")


def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on; 0: any free one.")] = None,
    data: Data = None,
    tls: Annotated[
        bool | None, typer.Option("--tls", help="Serve https, with a certificate made at the first start.")
    ] = None,
    tls_cert: Annotated[
        str | None, typer.Option("--tls-cert", metavar="FILE", help="Serve https with this one.")
    ] = None,
    tls_key: Annotated[str | None, typer.Option("--tls-key", metavar="FILE", help="The key of --tls-cert.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Fill an empty hub with example repos.")] = False,
) -> None:
    """Run the hub until it is interrupted."""
    settings = load_settings(host=host, port=port, data=data, tls=tls, tls_cert=tls_cert, tls_key=tls_key)
    _set_up_logging(settings)
    listener = listen(settings.host, settings.port)
    with listener, data_problems_told(settings):
        _run(settings, listener, demo=demo)


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not yet listening. Raises PortTaken, AddressUnusable."""
    import errno

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host, port) from error
        raise AddressUnusable(host, port, error.strerror or str(error)) from error
    return listener


def _run(settings: Settings, listener: socket.socket, *, demo: bool) -> None:
    import uvicorn

    from yungu.app import first_start
    from yungu.app.allocator import give_back_large_blocks
    from yungu.app.protocol import choose_protocol
    from yungu.app.tls import find_certificate
    from yungu.app.wiring import build_app

    give_back_large_blocks()
    app = build_app(settings)
    administrator = first_start.ensure_administrator(app.site)
    if demo:
        from yungu.app.demo import fill

        fill(app.site)
    shown = find_certificate(settings)
    app.site.address = _address(settings, listener, is_tls=shown is not None)
    welcome = _welcome(settings, app.site.address, administrator, shown)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                typer.echo(welcome)

    config = uvicorn.Config(
        app,
        http=choose_protocol(),
        ws="none",
        log_config=None,
        log_level="debug" if settings.log_level == "debug" else "warning",
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=10,
        ssl_certfile=str(shown.certificate) if shown else None,
        ssl_keyfile=str(shown.key) if shown else None,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # uvicorn raises them again after an orderly end, which is no failure
    Server(config).run(sockets=[listener])


def _set_up_logging(settings: Settings) -> None:
    import logging

    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _address(settings: Settings, listener: socket.socket, *, is_tls: bool) -> str:
    """Where a browser on this machine finds the hub."""
    if settings.base_url:
        return settings.base_url.rstrip("/")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - no binding here
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    scheme, port = ("https", 443) if is_tls else ("http", 80)
    number = listener.getsockname()[1]
    return f"{scheme}://{name}" if number == port else f"{scheme}://{name}:{number}"


def _welcome(settings: Settings, address: str, administrator: Administrator | None, shown: Certificate | None) -> str:
    lines = [f"yungu is ready at {address} (data in {settings.data_path})", ""]
    if administrator is not None:
        lines += [
            "This is the first start, so an administrator was made. The password is shown only now:",
            f"    name      {administrator.name}",
            f"    password  {administrator.password}",
            f"    sign in   {address}/login",
            "",
        ]
    lines += [
        "To use it with the Hugging Face clients:",
        f"    export HF_ENDPOINT={address}",
        f"    export HF_TOKEN=...        # a token from {address}/settings/tokens",
        "",
        "To use it with the ModelScope clients (set both, see docs/how-to/modelscope.md):",
        f"    export MODELSCOPE_ENDPOINT={address}",
        f"    export MODELSCOPE_DOMAIN={address.partition('://')[2]}",
        "    export MODELSCOPE_API_TOKEN=...",
        "",
        *(_trust(shown.authority) if shown and shown.authority else []),
        "Press Ctrl+C to stop.",
    ]
    return "\n".join(lines)


def _trust(authority: Path) -> list[str]:
    """How clients come to trust a certificate that the hub made for itself."""
    return [
        f"The certificate is the hub's own. Copy {authority} to each client, and there:",
        "    export REQUESTS_CA_BUNDLE=$PWD/authority.pem",
        "    export SSL_CERT_FILE=$REQUESTS_CA_BUNDLE GIT_SSL_CAINFO=$REQUESTS_CA_BUNDLE",
        "",
    ]
