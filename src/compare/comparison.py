"""Comparison of runs: their variants and the contrasts between these, as data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from src.compare.contrasts import Finding, find_contrasts
from src.compare.criterion import VALIDATION, Criterion, find_criterion, find_further
from src.compare.factorial import Effect, Factorial, find_effects, find_factorial
from src.compare.pairs import Correct, Pair, all_pairs, make_pairs, pair_up
from src.compare.sequential import Look, LookPlan, earlier_looks
from src.compare.stats import mean
from src.compare.tuned import Search
from src.compare.variants import (
    Variant,
    factors_of,
    find_baseline,
    find_confounds,
    find_variants,
)
from src.config.compare_settings import CompareSettings
from src.errors import InputError
from src.metrics import Run

MAX_LISTED_PAIRS = 15  # the pairs of six variants; of more, those with the baseline are listed


@dataclass(frozen=True, eq=False)
class Comparison:
    """Variants of a set of runs and the differences between them."""

    question: str
    criterion: Criterion
    variants: list[Variant]
    baseline: Variant
    pairs: list[Pair]  # the pairs with the baseline come first
    effects: Mapping[Effect, Finding]  # of a factorial design; one family with the pairs
    margin: float  # in the unit in which the metric is stored
    target_error: float | None
    superseded: int  # runs left out because their variant and seed ran twice
    plan: LookPlan  # looks declared, and taken before
    searches: Sequence[Search] = ()  # of a tuned sweep, one for each variant
    untuned: "Comparison | None" = None  # the same variants at the settings of the config
    post_hoc: str = ""  # the change after results were known; "" for the planned answer
    judged_before: str = ""  # other settings by which an earlier sweep judged the same runs

    @cached_property
    def runs(self) -> list[Run]:
        """The runs of all variants."""
        return [run for variant in self.variants for run in variant.runs]

    @cached_property
    def factorial(self) -> Factorial | None:
        """The variants by the levels of their two factors, if they have just two."""
        return find_factorial(self.variants)

    @cached_property
    def confounds(self) -> dict[str, list[str]]:
        """The keys that differ between variants beside their factors, with their values."""
        return find_confounds(self.variants)

    @cached_property
    def further(self) -> list[Criterion]:
        """The metrics that were measured beside the judged one, loss and error."""
        return find_further(self.runs, self.criterion)

    @property
    def dataset(self) -> str:
        """The name and the digest of the dataset; "" where they are unknown."""
        return _datasets(self.runs)

    @property
    def changed_code(self) -> list[str]:
        """The files that differ between the code of runs."""
        versions: dict[str, set[str]] = {}
        for run in self.runs:
            for file, digest in run.code.items():
                versions.setdefault(file, set()).add(digest)
        return sorted(file for file, digests in versions.items() if len(digests) > 1)

    @property
    def baseline_pairs(self) -> list[Pair]:
        """The pairs that compare a variant with the baseline."""
        return [pair for pair in self.pairs if pair.b is self.baseline]

    @property
    def listed_pairs(self) -> list[Pair]:
        """The pairs that people read: of a factorial design those that differ in one factor.

        Otherwise all of a few, or those with the baseline. pairs.csv has all of them.
        """
        if not self.effects:
            return self.pairs if len(self.pairs) <= MAX_LISTED_PAIRS else self.baseline_pairs
        return [p for p in self.pairs if len(p.a.levels.items() ^ p.b.levels.items()) == 2]

    @property
    def listed_baseline(self) -> Variant | None:
        """The baseline if it is a side of every listed pair."""
        return self.baseline if all(p.b is self.baseline for p in self.listed_pairs) else None

    @property
    def diverged(self) -> int:
        """The number of diverged runs."""
        return sum(variant.diverged for variant in self.variants)

    @property
    def failed(self) -> int:
        """The number of runs without an outcome."""
        return sum(variant.failed for variant in self.variants)

    @property
    def seeds(self) -> int:
        """The largest number of seeds that a pair shares."""
        return max((pair.estimate.n for pair in self.pairs), default=0)

    @property
    def ranked(self) -> list[Variant]:
        """The variants with a judged run, the best first.

        They are ranked by their difference from the baseline on the seeds that both have, since
        means over other seeds are not comparable.
        """
        differences = {pair.a: pair.estimate.mean for pair in self.baseline_pairs}

        def rank(variant: Variant) -> float:
            difference = differences.get(variant, 0)
            if math.isnan(difference):
                difference = self.mean(variant) - self.mean(self.baseline)
            return math.inf if math.isnan(difference) else self.criterion.sign * difference

        return sorted((v for v in self.variants if v.values(self.criterion)), key=rank)

    @property
    def best(self) -> Variant:
        """The variant that ranks first, even if by chance."""
        return self.ranked[0]

    def mean(self, variant: Variant) -> float:
        """Return a variant's mean of the judged metric."""
        return mean(variant.values(self.criterion).values())


def compare(
    runs: Sequence[Run],
    settings: CompareSettings,
    *,
    correct: Correct,
    metric_name: str = "",
    looks: Sequence[Look] = (),
) -> Comparison:
    """Compare runs; their order is the order of the variants.

    Args:
        correct: return for a run id which validation samples its kept model gets right, shape
            (samples,), or None if they were not kept. Called once a run, for one run a pair side.
        metric_name: the judged metric's name for people; "" for one made of the tracked name.
        looks: earlier looks at these variants.

    Raises InputError if no run finished, the datasets differ, the baseline is not one variant, or
    the runs do not have the metric.
    """
    variants = find_variants(runs)
    _require_comparable(runs, variants)
    criterion = find_criterion(runs, settings.metric, metric_name)
    reference = find_baseline(variants, settings.baseline)
    margin = settings.margin / criterion.metric.scale
    earlier = earlier_looks(looks, max(len(variant.runs) for variant in variants))
    plan = LookPlan(settings.looks or (), earlier)
    both = pair_up(variants, reference)
    pairs, effects = _contrasts(both, variants, reference, criterion, margin, plan, correct)
    return Comparison(
        question=settings.question or _question(variants, criterion),
        criterion=criterion,
        variants=variants,
        baseline=reference,
        pairs=pairs,
        effects=effects,
        margin=margin,
        target_error=settings.target_error,
        superseded=len(runs) - sum(len(variant.runs) for variant in variants),
        plan=plan,
    )


def _contrasts(
    both: Sequence[tuple[Variant, Variant]],
    variants: Sequence[Variant],
    baseline: Variant,
    criterion: Criterion,
    margin: float,
    plan: LookPlan,
    correct: Correct,
) -> tuple[list[Pair], dict[Effect, Finding]]:
    """Return the pairs and effects, one family; of pairs the verdict on validation as well."""
    effects = find_effects(variants, baseline)
    weights = [*({a: 1.0, b: -1.0} for a, b in both), *(effect.weights for effect in effects)]
    found = find_contrasts(weights, variants, criterion, margin, plan)
    of_pairs = beside = found[: len(both)]
    if criterion.tracked != VALIDATION.tracked:
        beside = find_contrasts(weights[: len(both)], variants, VALIDATION, margin, plan)
    pairs = make_pairs(both, of_pairs, beside, criterion, correct)
    return pairs, dict(zip(effects, found[len(both) :], strict=True))


def judge_all_pairs(comparison: Comparison) -> list[Pair]:
    """Return all pairs, one family with the effects: what judges a variant that results chose.

    Of more than 100 variants these are the compared pairs.
    """
    variants, baseline, by = comparison.variants, comparison.baseline, comparison.criterion
    both = all_pairs(variants, baseline)
    if len(both) <= len(comparison.pairs):
        return comparison.pairs
    margin, plan = comparison.margin, comparison.plan
    return _contrasts(both, variants, baseline, by, margin, plan, correct=lambda _: None)[0]


def _require_comparable(runs: Sequence[Run], variants: Sequence[Variant]) -> None:
    if len({run.digest for run in runs if run.digest}) > 1:
        raise InputError(f"runs on different datasets cannot be compared: {_datasets(runs, ', ')}")
    if not any(variant.usable for variant in variants):
        diverged, failed = sum(v.diverged for v in variants), sum(v.failed for v in variants)
        raise InputError(
            f"nothing to compare: no run finished ({diverged} diverged, {failed} failed)"
        )


def _datasets(runs: Sequence[Run], between: str = " ") -> str:
    names = {run.digest: run.dataset for run in runs if run.digest}
    return between.join(f"{name} {digest}" for digest, name in names.items())


def _question(variants: Sequence[Variant], criterion: Criterion) -> str:
    if len(variants) == 1:
        return f"What {criterion.label} does {variants[0].label} reach?"
    factors = factors_of(variants)
    verb = "Does" if len(factors) == 1 else "Do"
    return f"{verb} {' and '.join(factors)} change the {criterion.label}?"
