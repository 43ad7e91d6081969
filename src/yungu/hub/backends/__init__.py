"""The outside machines and processes of the hub."""
