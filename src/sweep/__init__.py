"""A multirun: its jobs composed, checked and planned, begun, and closed with its answer."""
