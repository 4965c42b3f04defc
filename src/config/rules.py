"""Rules for the values of config keys: a test, and the allowed values in words."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

ADDRESS = re.compile(r"[a-z][a-z\d+.-]*:.+|databricks", re.IGNORECASE)  # RFC 3986


@dataclass(frozen=True)
class Rule:
    """A test of a value and, for error messages, the allowed values in words."""

    allows: Callable[[Any], bool]
    words: str


def _is_whole(value: Any) -> bool:
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return is_int and abs(value) < 2**63  # the range of torch


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def whole(low: int, high: int | None = None) -> Rule:
    """Allow integers in [low, high]."""
    words = f"from {low} to {high}" if high is not None else f"of at least {low}"
    return Rule(
        lambda v: _is_whole(v) and low <= v and (high is None or v <= high), f"an integer {words}"
    )


def number(low: float, below: float = math.inf, above: bool = False) -> Rule:
    """Allow finite numbers in [low, below), or in (low, below) if they must lie `above` low."""
    words = f"a number {'above' if above else 'of at least'} {low:g}"
    words += f" and below {below:g}" if math.isfinite(below) else ""
    return Rule(lambda v: _is_number(v) and (low < v if above else low <= v) and v < below, words)


def one_of(*values: str) -> Rule:
    """Allow these words."""
    return Rule(lambda v: v in values, "one of " + ", ".join(values))


def optional(rule: Rule) -> Rule:
    """Allow the rule's values and null."""
    return Rule(lambda v: v is None or rule.allows(v), f"{rule.words}, or null")


def _is_list(value: Any, rule: Rule) -> bool:
    return isinstance(value, list) and bool(value) and all(map(rule.allows, value))


FUNCTION = Rule(lambda v: isinstance(v, Mapping), "a mapping with `_target_` and `_partial_: true`")
FLAG = Rule(lambda v: isinstance(v, bool), "true or false")
TEXT = Rule(lambda v: isinstance(v, str) and v != "", "text, not empty")
NAME = Rule(lambda v: TEXT.allows(v) or _is_whole(v), "a name")
MAX_THREADS = 1024  # several thousand crash OpenMP
THREADS = Rule(
    lambda v: v == "auto" or whole(1, MAX_THREADS).allows(v),
    f"auto or an integer from 1 to {MAX_THREADS}",
)
AUTO_OR_WHOLE = Rule(lambda v: v == "auto" or whole(1).allows(v), f"auto or {whole(1).words}")
CHANNELS = Rule(
    lambda v: _is_list(v, whole(1)),
    "a list of integers of at least 1, one for each block, such as [16,32]",
)
SIZE = Rule(
    lambda v: CHANNELS.allows(v) and len(v) == 2,
    "a list of height and width, integers of at least 1",
)
BETAS = Rule(
    lambda v: _is_list(v, number(0, 1)) and len(v) == 2,
    "two numbers of at least 0 and below 1, such as [0.9,0.999]",
)
URI = Rule(
    lambda v: isinstance(v, str) and bool(ADDRESS.match(v)) and not v.endswith(":memory:"),
    "sqlite:///FILE, or the address of a server",
)
SEED = whole(0, 2**32 - 1)
POSITIVE = number(0, above=True)
MIN_SEEDS = 6  # the fewest with which a difference of two variants can be significant
MAX_ENUMERATED = 10_000  # seeds or trials that are enumerated; far more fill the memory
LOOKS = Rule(
    lambda v: _is_list(v, whole(MIN_SEEDS, MAX_ENUMERATED)) and all(a < b for a, b in pairwise(v)),
    f"numbers of seeds that increase from {MIN_SEEDS} or more on, at most to {MAX_ENUMERATED}, "
    "such as [8,12,16]",
)
TUNING_SEEDS = Rule(
    lambda v: whole(1, MAX_ENUMERATED).allows(v) or (_is_list(v, SEED) and len({*v}) == len(v)),
    f"how many, {whole(1, MAX_ENUMERATED).words}, or a list of different seeds",
)
