"""Processes and machines: how they start, stop and end, and who they are."""
