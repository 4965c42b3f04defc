"""The connection to an experiment's server, which may be away."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from src.errors import AccessDeniedError, InputError
from src.messages import logs

if TYPE_CHECKING:
    from src.tracking.store import Store


class Connection:
    """A connection that is made when it is first needed; an outage is told once and remembered.

    `without` returns how to go on without the server, or "" where nothing can.
    """

    def __init__(self, connect: "Callable[[], Store]", without: Callable[[], str]) -> None:
        self.connect, self.without = connect, without

    @cached_property
    def _answer(self) -> "Store | InputError":
        try:
            return self.connect()
        except InputError as refusal:
            note = "" if isinstance(refusal, AccessDeniedError) else self.without()
            if not note:
                raise
            logs.to_stderr(f"warning: {refusal}. {note}")
            return refusal

    def reach(self) -> bool:
        """Return whether the server answers. Raises InputError where nothing goes on without it."""
        return not isinstance(self._answer, InputError)

    def __call__(self) -> "Store":
        """Return the store. Raises InputError where there is none, which says so in one line."""
        if isinstance(self._answer, InputError):
            raise self._answer
        return self._answer
