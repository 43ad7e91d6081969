"""Every SELECT of scenarios."""
