"""What changes rows of scenarios."""
