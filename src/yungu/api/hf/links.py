"""Pages of the hf dialect: an absolute ``Link`` header that repeats all filters, with a cursor."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from yungu.api.http import Call


def next_link(call: Call, cursor: str | None) -> dict[str, str]:
    """The header for the next page; nothing on the last one."""
    if cursor is None:
        return {}
    query = [(name, value) for name, value in call.query_params.multi_items() if name != "cursor"]
    raw_path = (call.scope.get("raw_path") or quote(call.scope["path"]).encode()).decode("ascii")
    return {"Link": f'<{call.origin}{raw_path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'}
