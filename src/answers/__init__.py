"""Answers of sweeps: made from the records of jobs, and kept with the sweep."""
