"""Settings of a comparison: what it asks, and by what it judges."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from src.config.schema import unflatten


@dataclass(frozen=True)
class CompareSettings:
    """The config's `compare`."""

    question: str | None  # None: one that is made from the factors
    baseline: str | None  # `factor=level …` that one variant has; None: the first variant
    metric: str | None  # tracked name, such as val/ece; None: see `find_criterion`
    margin: float  # a difference too small to matter, in percentage points or another metric's unit
    looks: Sequence[int] | None  # numbers of seeds at which to look; None: once, at the end
    target_error: float | None  # a validation error to reach, a fraction; None: no such column

    @classmethod
    def of(cls, compare: Mapping[str, Any]) -> Self:
        """Return the settings of a config's `compare`; keys that it had formerly do not count."""
        return cls(**{name: compare[name] for name in cls.__dataclass_fields__})

    @classmethod
    def stored(
        cls, params: Mapping[str, str], defaults: Mapping[str, Any], given: Collection[str] = ()
    ) -> Self:
        """Return the settings of a sweep's flat config, but for the keys that are `given` now.

        What it lacks, or is given, is taken from `defaults`, a config's `compare`.
        """
        own = {
            key.removeprefix("compare."): unflatten(text)
            for key, text in params.items()
            if key.startswith("compare.") and key not in given
        }
        return cls.of({**defaults, **own})
