"""How the web dialect says no."""

from __future__ import annotations

from starlette.responses import Response

from yungu.api.http import Call
from yungu.kernel.errors import YunguError


def render_error(call: Call, error: YunguError) -> Response:
    return Response(error.message, 400)
