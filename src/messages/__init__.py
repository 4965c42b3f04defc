"""What a reader is told: errors as text, addresses without credentials, commands to type."""
