"""The comparison of runs: variants, their differences paired by seed, and what is said of them.

Pairing by seed: Bouthillier et al., "Accounting for variance in machine learning benchmarks",
MLSys 2021.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

import numpy as np

from src.compare import headline
from src.compare.grid import Grid, Interaction, find_grid, find_interactions
from src.compare.stats import ALPHA, Estimate, estimate, holm, mcnemar, seeds_needed
from src.compare.variants import Variant, find_confounds, find_variants, paired_differences
from src.metrics import Run

# Every pair of so many variants is looked at; of more, only the pairs with the baseline: a
# thousand variants make half a million pairs, which nobody reads.
CROSSED = 100

Correct = Callable[[str], np.ndarray | None]


class ComparisonError(ValueError):
    """Runs that cannot be compared, in one line for the user."""


@dataclass(frozen=True)
class Pair:
    """Two variants: a minus b in best validation error, paired by the seeds that both finished."""

    a: Variant
    b: Variant
    effect: Estimate
    a_better: int  # in how many seeds a has the lower error
    mcnemar_p: float  # NaN where no seed has both models on the same digits
    p_holm: float = math.nan  # NaN for a pair without the baseline
    verdict: str = "undecided"  # of a relative to b: better, worse, equivalent, undecided

    @property
    def differences(self) -> np.ndarray:
        """a minus b as fractions, shape (n,), by seed."""
        return paired_differences(self.a, self.b)


@dataclass(frozen=True)
class Comparison:
    """What a set of runs says; `pairs` starts with those of every other variant and the baseline."""

    question: str
    variants: list[Variant]
    baseline: Variant
    pairs: list[Pair]
    grid: Grid | None
    interactions: list[Interaction]
    confounds: dict[str, list[str]]
    margin: float
    target_error: float | None
    dataset: str
    digest: str
    superseded: int  # runs left out because their variant and seed ran twice

    @property
    def with_baseline(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.b is self.baseline]

    @property
    def lowest(self) -> Variant:
        """The variant with the lowest mean error, whether or not that is more than chance."""
        return min((v for v in self.variants if v.usable), key=lambda variant: variant.mean)

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        return headline.sentence(self)

    @property
    def metrics(self) -> dict[str, float]:
        """Headline figures by metric name; errors and differences are fractions."""
        return headline.metrics(self)

    @property
    def tags(self) -> dict[str, str]:
        return headline.tags(self)


def compare(
    runs: Sequence[Run],
    *,
    baseline: str | None,
    margin: float,
    target_error: float | None,
    question: str | None,
    correct: Correct,
) -> Comparison:
    """Compare runs on their best validation error.

    Args:
        runs: jobs of one or more sweeps; their order is the order of the variants.
        baseline: `factor=level …` that one variant has; None for the first variant.
        margin: a difference in error too small to matter, as a fraction.
        target_error: a validation error to reach, as a fraction; None for no such column.
        question: what was asked; None for a question made from the factors.
        correct: for a run id, which validation digits its kept model gets right, shape (digits,),
            or None where that was not kept. Asked once a run, and only for one run a pair side.

    Raises:
        ComparisonError: no run finished, the datasets differ, or the baseline is not one variant.
    """
    dataset, digest = _dataset(runs)
    variants = find_variants(runs)
    _require_usable(variants)
    reference = _baseline(variants, baseline)
    grid = find_grid(variants)
    return Comparison(
        question=question or _question(variants),
        variants=variants,
        baseline=reference,
        pairs=_judge(_pairs(variants, reference, cache(correct)), reference, margin),
        grid=grid,
        interactions=find_interactions(grid, reference) if grid else [],
        confounds=find_confounds(variants),
        margin=margin,
        target_error=target_error,
        dataset=dataset,
        digest=digest,
        superseded=len(runs) - sum(len(variant.runs) for variant in variants),
    )


def decide(effect: Estimate, p_adjusted: float, margin: float) -> str:
    """The verdict on a relative to b.

    Equivalent comes first: the margin was fixed in advance as what does not matter, and a
    difference known to lie inside it does not come to matter by being significant.
    """
    if effect.n < seeds_needed(1):
        return "undecided"
    if -margin <= effect.low and effect.high <= margin:
        return "equivalent"
    if effect.excludes_zero and p_adjusted < ALPHA:
        return "better" if effect.mean < 0 else "worse"
    return "undecided"


def _dataset(runs: Sequence[Run]) -> tuple[str, str]:
    found = {run.digest: run.dataset for run in runs if run.digest}
    if len(found) > 1:
        names = ", ".join(f"{name} {digest}" for digest, name in found.items())
        raise ComparisonError(f"runs on different datasets cannot be compared: {names}")
    return next(((name, digest) for digest, name in found.items()), ("", ""))


def _require_usable(variants: Sequence[Variant]) -> None:
    if not any(variant.usable for variant in variants):
        diverged, failed = (sum(getattr(v, f) for v in variants) for f in ("diverged", "failed"))
        raise ComparisonError(
            f"nothing to compare: no run finished ({diverged} diverged, {failed} failed)"
        )


def _baseline(variants: Sequence[Variant], wanted: str | None) -> Variant:
    """The variant that is called so, or the only one whose config or factors say so."""
    if wanted is None:
        return variants[0]
    named = [variant for variant in variants if variant.label == wanted.strip()]
    matching = named or [variant for variant in variants if _matches(variant, wanted)]
    if len(matching) == 1:
        return matching[0]
    allowed = ", ".join(f"'{variant.label}'" for variant in matching or variants)
    matched = f"matches {len(matching)} variants" if matching else "matches no variant"
    raise ComparisonError(f"baseline '{wanted}' {matched}; name one of {allowed}")


def _matches(variant: Variant, wanted: str) -> bool:
    said = {f"{key}={value}" for key, value in (variant.config | variant.levels).items()}
    return set(wanted.split()) <= said and bool(wanted.strip())


def _pairs(variants: Sequence[Variant], baseline: Variant, correct: Correct) -> list[Pair]:
    """b comes before a, and the baseline before all: so a pair reads 'a, against b'."""
    others = [variant for variant in variants if variant is not baseline]
    rest = combinations(others, 2) if len(variants) <= CROSSED else ()
    both = [(other, baseline) for other in others] + [(a, b) for b, a in rest]
    return [_pair(a, b, correct) for a, b in both]


def _pair(a: Variant, b: Variant, correct: Correct) -> Pair:
    differences = paired_differences(a, b)
    return Pair(a, b, estimate(differences), int((differences < 0).sum()), _mcnemar(a, b, correct))


def _mcnemar(a: Variant, b: Variant, correct: Correct) -> float:
    """McNemar's p at the lowest seed with which both ran on the same split."""
    for seed, run in a.usable.items():
        other = b.usable.get(seed)
        if other is not None and run.split and run.split == other.split:
            right = correct(run.run_id), correct(other.run_id)
            return math.nan if right[0] is None or right[1] is None else mcnemar(*right)
    return math.nan


def _judge(pairs: list[Pair], baseline: Variant, margin: float) -> list[Pair]:
    """Adjust by Holm within two families and decide each pair.

    The pairs with the baseline are what was asked. The others are looked at as well, so a verdict
    on them has to hold among all of them; the adjusted p that decides it is not reported.
    """
    asked = np.array([pair.b is baseline for pair in pairs], dtype=bool)
    p = np.array([float(pair.effect.p) for pair in pairs])
    first, second = holm(np.where(asked, p, math.nan)), holm(np.where(asked, math.nan, p))
    adjusted = np.where(asked, first, second)
    return [
        replace(pair, p_holm=own, verdict=decide(pair.effect, decisive, margin))
        for pair, own, decisive in zip(pairs, first.tolist(), adjusted.tolist(), strict=True)
    ]


def _question(variants: Sequence[Variant]) -> str:
    if len(variants) == 1:
        return f"What error does {variants[0].label} reach?"
    factors = list(dict.fromkeys(factor for variant in variants for factor in variant.levels))
    verb = "Does" if len(factors) == 1 else "Do"
    return f"{verb} {' and '.join(factors)} change the validation error?"
