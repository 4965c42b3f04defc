"""The one exception for what a user can mend."""


class InputError(Exception):
    """Bad input: one line that names the key or file, the value and what is allowed."""
