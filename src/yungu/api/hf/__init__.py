"""The hf dialect."""

from yungu.api.hf.errors import render_error
from yungu.api.hf.routes import routes

__all__ = ["render_error", "routes"]
