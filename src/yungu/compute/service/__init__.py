"""What changes rows of compute."""
