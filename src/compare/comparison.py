"""Comparison of runs: their variants and the pairs of these, as data."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from src.compare.factorial import Factorial, find_factorial
from src.compare.looks import Look
from src.compare.pairs import Correct, Pair, find_pairs
from src.compare.tuned import Search
from src.compare.variants import Variant, find_confounds, find_variants
from src.metrics import Run


class ComparisonError(ValueError):
    """Runs that cannot be compared, in one line for the user."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Variants of a set of runs and all differences between them."""

    question: str
    variants: list[Variant]
    baseline: Variant
    pairs: list[Pair]  # the pairs with the baseline come first
    factorial: Factorial | None
    confounds: dict[str, list[str]]
    margin: float
    target_error: float | None
    dataset: str
    digest: str
    superseded: int  # runs left out because their variant and seed ran twice
    changed_code: list[str]  # files of which some runs ran another version than others
    searches: Sequence[Search] = ()  # of a tuned sweep, one for each variant
    untuned: "Comparison | None" = None  # the same variants at the settings of the config
    looks: Sequence[Look] = ()  # earlier ones at these variants, the first one first

    @property
    def baseline_pairs(self) -> list[Pair]:
        """Return the pairs that compare a variant with the baseline."""
        return [pair for pair in self.pairs if pair.b is self.baseline]

    @property
    def diverged(self) -> int:
        """Return the number of diverged runs."""
        return sum(variant.diverged for variant in self.variants)

    @property
    def failed(self) -> int:
        """Return the number of runs without an outcome."""
        return sum(variant.failed for variant in self.variants)

    @property
    def by_error(self) -> list[Variant]:
        """Return the variants with a usable run, lowest mean error first."""
        usable = [variant for variant in self.variants if variant.usable]
        return sorted(usable, key=lambda variant: variant.mean_error)

    @property
    def best(self) -> Variant:
        """Return the variant with the lowest mean error, even if by chance."""
        return self.by_error[0]


def compare(
    runs: Sequence[Run],
    *,
    baseline: str | None,
    margin: float,
    target_error: float | None,
    question: str | None,
    correct: Correct,
    searches: Sequence[Search] = (),
    untuned: "Comparison | None" = None,
    looks: Sequence[Look] = (),
) -> Comparison:
    """Compare runs on their best validation error.

    Args:
        runs: jobs of one or more sweeps; their order is the order of the variants.
        baseline: `factor=level …` that one variant has; None for the first variant.
        margin: a difference in error too small to matter, as a fraction.
        target_error: a validation error to reach, as a fraction; None for no such column.
        question: the question to answer; None for a question made from the factors.
        correct: return for a run id the validation digits that its kept model gets right, shape
            (digits,), or None if they were not kept. Called once a run, and only for one run a
            pair side.
        searches, untuned, looks: see `Comparison`.

    Raises:
        ComparisonError: no run finished, the datasets differ, or the baseline is not one variant.
    """
    dataset, digest = _dataset(runs)
    variants = find_variants(runs)
    _require_usable(variants)
    reference = find_baseline(variants, baseline)
    return Comparison(
        question=question or _question(variants),
        variants=variants,
        baseline=reference,
        pairs=find_pairs(variants, reference, margin, correct),
        factorial=find_factorial(variants),
        confounds=find_confounds(variants),
        margin=margin,
        target_error=target_error,
        dataset=dataset,
        digest=digest,
        superseded=len(runs) - sum(len(variant.runs) for variant in variants),
        changed_code=_changed_code(runs),
        searches=searches,
        untuned=untuned,
        looks=looks,
    )


def _changed_code(runs: Sequence[Run]) -> list[str]:
    versions: dict[str, set[str]] = {}
    for run in runs:
        for file, digest in run.code.items():
            versions.setdefault(file, set()).add(digest)
    return sorted(file for file, digests in versions.items() if len(digests) > 1)


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


def _dataset(runs: Sequence[Run]) -> tuple[str, str]:
    found = {run.digest: run.dataset for run in runs if run.digest}
    if len(found) > 1:
        names = ", ".join(f"{name} {digest}" for digest, name in found.items())
        raise ComparisonError(f"runs on different datasets cannot be compared: {names}")
    return next(((name, digest) for digest, name in found.items()), ("", ""))


def _require_usable(variants: Sequence[Variant]) -> None:
    if not any(variant.usable for variant in variants):
        diverged, failed = sum(v.diverged for v in variants), sum(v.failed for v in variants)
        raise ComparisonError(
            f"nothing to compare: no run finished ({diverged} diverged, {failed} failed)"
        )


def _question(variants: Sequence[Variant]) -> str:
    if len(variants) == 1:
        return f"What error does {variants[0].label} reach?"
    factors = list(dict.fromkeys(factor for variant in variants for factor in variant.levels))
    verb = "Does" if len(factors) == 1 else "Do"
    return f"{verb} {' and '.join(factors)} change the validation error?"
