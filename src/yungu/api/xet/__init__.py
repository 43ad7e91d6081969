"""The xet dialect."""

from yungu.api.xet.errors import render_error
from yungu.api.xet.routes import routes

__all__ = ["render_error", "routes"]
