"""The hub's own dialect, for what no other client knows: problems as RFC 9457, everything else as plain JSON."""

from yungu.api.v1.errors import render_error as render_error
from yungu.api.v1.routes import routes as routes
