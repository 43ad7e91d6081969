"""Programs of ours that run in cells."""
