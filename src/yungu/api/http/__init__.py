"""What every dialect shares: routes over raw paths, the request, who asks, files in and out.

from yungu.api.http import Call, Routes, json_response

routes = Routes(on_error=errors.render)

@routes.get("/api/{kinds}/{owner}/{name}")
def repo_info(session, call):                 # runs in one transaction, in a worker thread
    repo = hub.visible_repo(session, call.kind, call.repo_id, call.actor(session))
    return json_response({"id": repo.repo_id})

@routes.put("/upload/{sha256}")
async def upload(call):                       # bytes flow, no session is held
    await receive_body(call, sink, ...)
    await call.write(record, ...)
"""

from yungu.api.http.app import App
from yungu.api.http.call import Call, json_response
from yungu.api.http.router import Route, Routes
from yungu.api.http.site import Site

__all__ = ["App", "Call", "Route", "Routes", "Site", "json_response"]
