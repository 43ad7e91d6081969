"""Machines outside the process: what opens the files that people bring."""
