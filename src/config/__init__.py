"""The config: read, checked, resolved, and how its keys and values may look."""
