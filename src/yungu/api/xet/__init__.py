"""The xet dialect: the content-addressed store of hf_xet, and the hub's token addresses.

routes = [xet.routes, xet.hub_routes(hf.render_error)]
"""

from yungu.api.xet.errors import render_error
from yungu.api.xet.hub_routes import hub_routes
from yungu.api.xet.routes import cas_url, routes

__all__ = ["cas_url", "hub_routes", "render_error", "routes"]
