"""Search space of a tuned sweep: the values that each tuned setting may take, as they are typed."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from src.errors import InputError

DIGITS = 3  # significant ones of a proposed number: finer steps change no result worth knowing
CALL = re.compile(r"\s*(\w+)\s*\((.*)\)\s*", re.DOTALL)
ALLOWED = "log(low, high), uniform(low, high), int(low, high) or choice(a, b, …)"


class Scale(StrEnum):
    """The scale on which the values of a dimension lie evenly."""

    LOG = "log"
    UNIFORM = "uniform"
    INT = "int"
    CHOICE = "choice"


@dataclass(frozen=True)
class Dimension:
    """The values of one tuned setting: numbers from `low` to `high`, or `choices`."""

    key: str
    scale: Scale
    low: float = math.nan
    high: float = math.nan
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        values = self.choices or (f"{self.low:g}", f"{self.high:g}")
        return f"{self.key}: {self.scale}({', '.join(values)})"

    @property
    def corners(self) -> tuple[str, ...]:
        """The values that show whether all are allowed: the ends of a range, or all choices."""
        return self.choices or tuple(_text(end, self.scale) for end in (self.low, self.high))

    def at(self, position: float) -> str:
        """Return the value at `position` in [0, 1], as it is typed."""
        if self.scale is Scale.CHOICE:
            return self.choices[min(int(position * len(self.choices)), len(self.choices) - 1)]
        if self.scale is Scale.INT:
            value = min(math.floor(self.low + position * (self.high - self.low + 1)), self.high)
        elif self.scale is Scale.LOG:
            value = self.low * (self.high / self.low) ** position
        else:
            value = self.low + position * (self.high - self.low)
        return self.spell(value)

    def spell(self, value: float) -> str:
        """Return a number of the range as it is typed, rounded but not out of the range."""
        rounded = value if self.scale is Scale.INT else float(f"{value:.{DIGITS}g}")
        return _text(min(max(rounded, self.low), self.high), self.scale)


def _text(value: float, scale: Scale) -> str:
    return str(int(value)) if scale is Scale.INT else repr(float(value))


def parse(space: Mapping[str, object]) -> tuple[Dimension, ...]:
    """Return the dimensions of a space, such as `{optimizer.lr: log(0.005, 1)}`.

    Raises InputError for one that is empty, reversed, or not of this form.
    """
    if not space:
        raise InputError("tune.space={}: must name a setting, such as {optimizer.lr: log(0.01, 1)}")
    return tuple(_dimension(key, str(text)) for key, text in space.items())


def _dimension(key: str, text: str) -> Dimension:
    named = CALL.fullmatch(text)
    try:
        scale = Scale(named[1] if named else "")
    except ValueError:
        raise _refusal(key, text, ALLOWED) from None
    assert named is not None
    values = split(named[2])
    if scale is Scale.CHOICE:
        if len(set(values)) < max(len(values), 2) or "" in values:
            raise _refusal(key, text, "at least two values, each once")
        return Dimension(key, scale, choices=tuple(values))
    return _range(key, text, scale, values)


def _range(key: str, text: str, scale: Scale, values: Sequence[str]) -> Dimension:
    try:
        low, high = map(int if scale is Scale.INT else float, values)
    except ValueError:
        words = "two integers" if scale is Scale.INT else "two numbers"
        raise _refusal(key, text, f"{words}, the lower one first") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise _refusal(key, text, "two finite numbers, the lower one first")
    if scale is Scale.LOG and low <= 0:
        raise _refusal(key, text, "two numbers above 0")
    return Dimension(key, scale, low, high)


def split(text: str) -> list[str]:
    """Return the parts of a text between its commas, but for those within brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def quoted(argument: str) -> str:
    """Return `tune.space={…}` of a command line as Hydra's grammar takes it.

    Hydra would read `log(…)` as a function of its own, and `choice(…)` as values to sweep, and let
    the space have no key that the one of an experiment has not. Raises InputError for a setting
    that stands there twice, of which Hydra would take the last.
    """
    key, _, value = argument.partition("=")
    if key.lstrip("+") != "tune.space" or not re.fullmatch(r"\s*\{.*\}\s*", value, re.DOTALL):
        return argument
    entries = [entry.partition(":") for entry in split(value.strip()[1:-1]) if entry]
    pairs = [(name.strip(), text.strip()) for name, _, text in entries]
    names = [name for name, _ in pairs]
    if twice := [name for at, name in enumerate(names) if name in names[:at]]:
        raise InputError(f"tune.space.{twice[0]}: must stand in tune.space={{…}} once")
    is_call = {text: CALL.fullmatch(text) and "'" not in text for _, text in pairs}
    said = [f"{name}: '{text}'" if is_call[text] else f"{name}: {text}" for name, text in pairs]
    return f"++tune.space={{{', '.join(said)}}}"


def unquoted(argument: str) -> str:
    """Return an argument as one would type it: what `quoted` makes of this is the same again."""
    key, _, value = argument.partition("=")
    if key.lstrip("+") != "tune.space":
        return argument
    return "tune.space=" + re.sub(r"'(\w+\s*\([^']*\))'", r"\1", value)


def _refusal(key: str, text: str, words: str) -> InputError:
    return InputError(f"tune.space.{key}={text}: must be {words}")
