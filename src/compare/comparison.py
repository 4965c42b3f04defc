"""Comparison of runs: their variants and the contrasts between these, as data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from src.compare.baseline import ComparisonError, find_baseline
from src.compare.contrasts import Finding, Plan, earlier_looks, find_contrasts
from src.compare.criterion import VALIDATION, Criterion, find_criterion, find_further
from src.compare.factorial import Effect, Factorial, find_effects, find_factorial
from src.compare.looks import Look
from src.compare.pairs import Correct, Pair, make_pairs, pair_up, weights_of
from src.compare.stats import mean
from src.compare.tuned import Search
from src.compare.variants import Variant, find_confounds, find_variants
from src.metrics import Run

MAX_LISTED_PAIRS = 15  # the pairs of six variants; of more, those with the baseline are listed


@dataclass(frozen=True, eq=False)
class Comparison:
    """Variants of a set of runs and all differences between them."""

    question: str
    criterion: Criterion
    variants: list[Variant]
    baseline: Variant
    pairs: list[Pair]  # the pairs with the baseline come first
    effects: Mapping[Effect, Finding]  # of a factorial design; one family with the pairs
    factorial: Factorial | None
    confounds: dict[str, list[str]]
    margin: float  # in the unit in which the metric is stored
    target_error: float | None
    superseded: int  # runs left out because their variant and seed ran twice
    changed_code: list[str]  # files of which some runs ran another version than others
    searches: Sequence[Search] = ()  # of a tuned sweep, one for each variant
    untuned: "Comparison | None" = None  # the same variants at the settings of the config
    plan: Plan = field(default_factory=Plan)  # looks declared, and taken before
    post_hoc: str = ""  # what was changed after the results were known; "" for the planned answer

    @property
    def further(self) -> list[Criterion]:
        """Return the metrics that were measured beside the judged one, loss and error."""
        runs = [run for variant in self.variants for run in variant.runs]
        return find_further(runs, self.criterion)

    @property
    def dataset(self) -> str:
        """Return the name and the digest of the dataset; "" where they are unknown."""
        found = _datasets([run for variant in self.variants for run in variant.runs])
        return " ".join(f"{name} {digest}" for digest, name in found.items())

    @property
    def baseline_pairs(self) -> list[Pair]:
        """Return the pairs that compare a variant with the baseline."""
        return [pair for pair in self.pairs if pair.b is self.baseline]

    @property
    def listed_pairs(self) -> list[Pair]:
        """Return the pairs that people read: of a factorial design those that differ in one factor.

        Otherwise all of a few, or those with the baseline. pairs.csv has all of them.
        """
        if self.effects:
            return [pair for pair in self.pairs if self._is_at_one_level(pair)]
        return self.pairs if len(self.pairs) <= MAX_LISTED_PAIRS else self.baseline_pairs

    def _is_at_one_level(self, pair: Pair) -> bool:
        """Return whether the pair differs in one factor, one side having the baseline's level."""
        a, b, own = pair.a.levels, pair.b.levels, self.baseline.levels
        differing = [factor for factor in a if a[factor] != b[factor]]
        return len(differing) == 1 and own[differing[0]] in (a[differing[0]], b[differing[0]])

    @property
    def diverged(self) -> int:
        """Return the number of diverged runs."""
        return sum(variant.diverged for variant in self.variants)

    @property
    def failed(self) -> int:
        """Return the number of runs without an outcome."""
        return sum(variant.failed for variant in self.variants)

    @property
    def seeds(self) -> int:
        """Return the largest number of seeds that a pair shares."""
        return max((pair.effect.n for pair in self.pairs), default=0)

    @property
    def ranked(self) -> list[Variant]:
        """Return the variants with a judged run, the best first.

        They are ranked by their difference from the baseline on the seeds that both have, since
        means over other seeds are not comparable.
        """
        by_variant = {pair.a: pair.effect.mean for pair in self.baseline_pairs}
        judged = [variant for variant in self.variants if variant.values(self.criterion)]
        return sorted(judged, key=lambda variant: self._rank(variant, by_variant.get(variant, 0)))

    def _rank(self, variant: Variant, difference: float) -> float:
        if math.isnan(difference):
            difference = self.mean(variant) - self.mean(self.baseline)
        return math.inf if math.isnan(difference) else self.criterion.sign * difference

    @property
    def best(self) -> Variant:
        """Return the variant that ranks first, even if by chance."""
        return self.ranked[0]

    def mean(self, variant: Variant) -> float:
        """Return a variant's mean of the judged metric."""
        return mean([*variant.values(self.criterion).values()])


def compare(
    runs: Sequence[Run],
    *,
    baseline: str | None,
    margin: float,
    target_error: float | None,
    question: str | None,
    correct: Correct,
    metric: str | None = None,
    looks: Sequence[Look] = (),
    declared_looks: Sequence[int] = (),
) -> Comparison:
    """Compare runs; their order is the order of the variants.

    Args:
        baseline: `factor=level …` that one variant has; None for the first variant.
        margin: a difference too small to matter, in percentage points or another metric's unit.
        target_error: a validation error to reach, as a fraction; None for no such column.
        question: None for a question made from the factors.
        correct: return for a run id which validation samples its kept model gets right, shape
            (samples,), or None if they were not kept. Called once a run, for one run a pair side.
        metric: tracked name of the metric to judge by; None: see `find_criterion`.
        looks: earlier looks at these variants; declared_looks: those planned, numbers of seeds.

    Raises ComparisonError if no run finished, the datasets differ, or the baseline is not one
    variant, and InputError for a metric that the runs do not have.
    """
    _require_one_dataset(runs)
    variants = find_variants(runs)
    _require_usable(variants)
    criterion = find_criterion(runs, metric)
    reference = find_baseline(variants, baseline)
    fraction = margin / criterion.metric.scale
    plan = Plan(declared_looks, earlier_looks(looks, variants))
    pairs, effects = _contrasts(variants, reference, criterion, fraction, plan, correct)
    return Comparison(
        question=question or _question(variants, criterion),
        criterion=criterion,
        variants=variants,
        baseline=reference,
        pairs=pairs,
        effects=effects,
        factorial=find_factorial(variants),
        confounds=find_confounds(variants),
        margin=fraction,
        target_error=target_error,
        superseded=len(runs) - sum(len(variant.runs) for variant in variants),
        changed_code=_changed_code(runs),
        plan=plan,
    )


def _contrasts(
    variants: Sequence[Variant],
    baseline: Variant,
    criterion: Criterion,
    margin: float,
    plan: Plan,
    correct: Correct,
) -> tuple[list[Pair], dict[Effect, Finding]]:
    """Return all pairs and effects, one family; of pairs the verdict on validation as well."""
    both, effects = pair_up(variants, baseline), find_effects(variants, baseline)
    weights = [*map(weights_of, both), *(effect.weights for effect in effects)]
    found = find_contrasts(weights, variants, criterion, margin, plan)
    of_pairs, beside = found[: len(both)], found[: len(both)]
    if criterion.tracked != VALIDATION.tracked:
        beside = find_contrasts(weights[: len(both)], variants, VALIDATION, margin, plan)
    pairs = make_pairs(both, of_pairs, beside, criterion, correct)
    return pairs, dict(zip(effects, found[len(both) :], strict=True))


def _changed_code(runs: Sequence[Run]) -> list[str]:
    versions: dict[str, set[str]] = {}
    for run in runs:
        for file, digest in run.code.items():
            versions.setdefault(file, set()).add(digest)
    return sorted(file for file, digests in versions.items() if len(digests) > 1)


def _datasets(runs: Sequence[Run]) -> dict[str, str]:
    return {run.digest: run.dataset for run in runs if run.digest}


def _require_one_dataset(runs: Sequence[Run]) -> None:
    found = _datasets(runs)
    if len(found) > 1:
        names = ", ".join(f"{name} {digest}" for digest, name in found.items())
        raise ComparisonError(f"runs on different datasets cannot be compared: {names}")


def _require_usable(variants: Sequence[Variant]) -> None:
    if not any(variant.usable for variant in variants):
        diverged, failed = sum(v.diverged for v in variants), sum(v.failed for v in variants)
        raise ComparisonError(
            f"nothing to compare: no run finished ({diverged} diverged, {failed} failed)"
        )


def _question(variants: Sequence[Variant], criterion: Criterion) -> str:
    if len(variants) == 1:
        return f"What {criterion.label} does {variants[0].label} reach?"
    factors = list(dict.fromkeys(factor for variant in variants for factor in variant.levels))
    verb = "Does" if len(factors) == 1 else "Do"
    return f"{verb} {' and '.join(factors)} change the {criterion.label}?"
