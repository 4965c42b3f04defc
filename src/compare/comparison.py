"""The comparison of runs: their variants, the pairs of these, and what is said of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from src.compare import headline
from src.compare.grid import Grid, Interaction, find_grid, find_interactions
from src.compare.pairs import Correct, Pair, find_pairs
from src.compare.variants import Variant, find_confounds, find_variants
from src.metrics import Run


class ComparisonError(ValueError):
    """Runs that cannot be compared, in one line for the user."""


@dataclass(frozen=True)
class Comparison:
    """What a set of runs says; `pairs` starts with those of the other variants and the baseline."""

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
        pairs=find_pairs(variants, reference, margin, cache(correct)),
        grid=grid,
        interactions=find_interactions(grid, reference) if grid else [],
        confounds=find_confounds(variants),
        margin=margin,
        target_error=target_error,
        dataset=dataset,
        digest=digest,
        superseded=len(runs) - sum(len(variant.runs) for variant in variants),
    )


def foresee(runs: Sequence[Run], baseline: str | None) -> str:
    """Why planned runs, of which only the configs are known, will decide nothing; "" if they can.

    Raises ComparisonError if the baseline is not one variant.
    """
    variants = find_variants(runs)
    reference = _baseline(variants, baseline)
    if len(variants) == 1:
        return ""
    seeds = [{run.seed for run in variant.runs} for variant in variants]
    own = seeds[variants.index(reference)]
    shared = [len(own & other) for other in seeds if other is not own]
    return headline.shortage(max(shared), len(shared))


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


def _question(variants: Sequence[Variant]) -> str:
    if len(variants) == 1:
        return f"What error does {variants[0].label} reach?"
    factors = list(dict.fromkeys(factor for variant in variants for factor in variant.levels))
    verb = "Does" if len(factors) == 1 else "Do"
    return f"{verb} {' and '.join(factors)} change the validation error?"
