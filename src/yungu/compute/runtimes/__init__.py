"""Programs that load a model and answer calls, each in a process of its own."""
