"""Dialects: each translates one foreign protocol and knows nothing of the others; ``http`` is what they share."""
