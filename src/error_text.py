"""Errors as a line of text."""

from src.credentials import redact


def root_cause(error: BaseException) -> str:
    """Return the deepest cause that is a sentence, as one short line without credentials.

    Of a server that is down, "Connection refused" lies four exceptions deep in MLflow's own.
    """
    cause: BaseException | None = error
    while cause is not None and (cause is error or " " in str(cause)):
        error, cause = cause, cause.__cause__ or cause.__context__
    return " ".join(redact(str(error)).split())[:200]
