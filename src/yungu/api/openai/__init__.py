"""The OpenAI dialect: models of the hub called by the clients that people have."""

from yungu.api.openai.errors import render_error as render_error
from yungu.api.openai.routes import routes as routes
from yungu.api.openai.tasks import task_routes as task_routes
