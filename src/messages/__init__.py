"""Messages for a reader: errors as text, addresses without credentials, commands to type."""
