"""The OpenAI dialect: models of the hub called by the clients that people have."""
