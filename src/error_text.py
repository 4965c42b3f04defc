"""Errors as a line of text."""

from src.credentials import redact


def root_cause(error: BaseException) -> str:
    """Return the deepest cause that is a sentence, as one short line without credentials.

    Of a server that is down, "Connection refused" lies four exceptions deep in MLflow's own.
    """
    while " " in str(cause := error.__cause__ or error.__context__ or ""):
        error = cause
    return " ".join(redact(str(error)).split())[:200]
