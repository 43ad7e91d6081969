"""What scenarios decide from values alone."""
