"""Scenarios: opportunities and capabilities, how they match, and pilots that validate them."""
