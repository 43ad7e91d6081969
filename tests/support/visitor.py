"""Somebody who reads pages and fills in forms without a browser."""

from __future__ import annotations

import re
from typing import Any

import httpx

from support.servers import LiveHub
from yungu import accounts
from yungu.api.http.auth import SESSION_COOKIE

_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


class Visitor(httpx.Client):
    """Reads pages and fills in forms like a person without JavaScript."""

    def __init__(self, hub: LiveHub, name: str | None = None, **options: Any) -> None:
        super().__init__(
            base_url=hub.url, headers={"accept": "text/html", "accept-language": "en"}, timeout=30, **options
        )
        self.hub = hub
        self.name = name
        if name is not None:
            with hub.site.db.write() as session:
                user = accounts.get_user(session, name)
                self.cookies.set(SESSION_COOKIE, accounts.start_session(session, hub.site.secret, user.id))

    def read(self, path: str, status: int = 200) -> str:
        response = self.get(path)
        assert response.status_code == status, (path, response.status_code, response.text[:500])
        return response.text

    def submit(self, page: str, to: str | None = None, **fields: str) -> httpx.Response:
        """Open ``page``, fill in ``fields`` of a form there and send it to ``to`` (the page itself)."""
        token = _TOKEN.search(self.read(page))
        assert token is not None, f"no form on {page}"
        return self.post(to or page.partition("?")[0], data={"form_token": token[1], **fields})
