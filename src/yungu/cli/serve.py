"""``yungu serve``: run the hub."""

from __future__ import annotations

import uvicorn

from yungu.app.protocol import choose_protocol
from yungu.app.settings import Settings
from yungu.app.wiring import build_app


def serve(settings: Settings) -> None:
    """Run until interrupted."""
    config = uvicorn.Config(
        build_app(settings),
        host=settings.host,
        port=settings.port,
        http=choose_protocol(),
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=10,
    )
    uvicorn.Server(config).run()
