"""Every SELECT of compute."""
