"""Baseline of a comparison: the variant that the others are held against."""

import ast
import re
from collections.abc import Sequence

from src.compare.variants import Variant


class ComparisonError(ValueError):
    """Runs that cannot be compared, in one line for the user."""


def find_baseline(variants: Sequence[Variant], wanted: str | None) -> Variant:
    """Return the variant with this label, or the only one with these settings.

    Raises ComparisonError if none or several match.
    """
    if wanted is None:
        return variants[0]
    named = [variant for variant in variants if variant.label == wanted.strip()]
    matching = named or [variant for variant in variants if _has_settings(variant, wanted)]
    if len(matching) == 1:
        return matching[0]
    allowed = ", ".join(f"'{variant.label}'" for variant in matching or variants)
    matched = f"matches {len(matching)} variants" if matching else "matches no variant"
    raise ComparisonError(f"compare.baseline={wanted}: must be one of {allowed}; it {matched}")


def _has_settings(variant: Variant, wanted: str) -> bool:
    """Return whether the variant has all of `key=value …`, however a value is spelled."""
    settings = {(k, _canonical(v)) for c in (variant.config, variant.levels) for k, v in c.items()}
    parts = [part.partition("=") for part in re.split(r"\s+(?=[\w.]+=)", wanted.strip())]
    return {(key, _canonical(value)) for key, _, value in parts} <= settings


def _canonical(value: str) -> str:
    """Spell numbers and lists like the config: `1e-2` is `0.01`, `[8,4]` is `[8, 4]`."""
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value
