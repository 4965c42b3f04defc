"""The launcher's settings, which a user may have mistyped."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """The settings below `hydra.launcher`, explained in `local_launcher.DEFAULTS`.

    Raises ValueError for one that means nothing.
    """

    workers: str | int
    per_gpu: int
    threads: int
    timeout: float | None
    retries: int
    preload: Sequence[str]

    def __post_init__(self) -> None:
        if self.workers != "auto":
            self._require("workers", _at_least(1, self.workers), "auto or an integer of at least 1")
        for key in ("per_gpu", "threads"):
            self._require(key, _at_least(1, getattr(self, key)), "an integer of at least 1")
        self._require("retries", _at_least(0, self.retries), "an integer of at least 0")
        if self.timeout is not None:
            is_number = isinstance(self.timeout, int | float) and self.timeout is not True
            self._require("timeout", is_number and self.timeout > 0, "seconds above 0, or null")

    def _require(self, key: str, is_allowed: bool, words: str) -> None:
        if not is_allowed:
            raise ValueError(f"hydra.launcher.{key}={getattr(self, key)}: must be {words}")


def _at_least(low: int, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low
