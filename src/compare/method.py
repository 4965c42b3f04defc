"""How a comparison was made, and what must be held against it, in words."""

from collections.abc import Iterator

from src.compare.comparison import Comparison
from src.compare.headline import shortage
from src.compare.pairs import CROSSED
from src.compare.stats import ENUMERATED, seeds_needed
from src.compare.units import count, percent
from src.compare.variants import Variant


def caveats(comparison: Comparison) -> Iterator[str]:
    """What a reader should know before believing the verdict."""
    if comparison.confounds and comparison.pairs:
        listed = "; ".join(f"{k} ({', '.join(v)})" for k, v in comparison.confounds.items())
        yield (
            "Not only what names the variants differs between them, and its effect cannot be "
            f"told from theirs: {listed}."
        )
    variants = comparison.variants
    diverged, failed = (sum(getattr(v, of) for v in variants) for of in ("diverged", "failed"))
    if diverged or failed:
        yield (
            f"{count(diverged, 'run')} diverged and {failed} failed or did not finish: counted in "
            "the table, part of no mean and no pair, so a variant that diverges is worse than its "
            "mean says."
        )
    if comparison.pairs and any(_unshared(pair.a, pair.b) for pair in comparison.pairs):
        yield "Some pairs of a seed were trained on different splits of the data."


def method(comparison: Comparison) -> Iterator[str]:
    """The method, a paragraph a step, with its sources; only the steps that were taken."""
    yield (
        "A variant is a resolved config without its seed. What is compared is the best validation "
        "error of a run, the lowest of its epochs; the test set was read once a run, at that epoch."
    )
    if comparison.superseded:
        yield (
            f"{count(comparison.superseded, 'run')} left out: variant and seed were there already."
        )
    if not comparison.pairs:
        return
    most = max(pair.effect.n for pair in comparison.pairs)
    yield (
        "Variants are paired by seed: a seed fixes the split, the order of batches and the draws "
        "of the initialisation in every variant, so that what the seed brings cancels in the "
        "difference (Bouthillier et al., MLSys 2021)."
    )
    if most > 1:
        yield from _inference(comparison, most)
    yield (
        "McNemar's exact test looks at the validation digits that only one of two models gets "
        "right, at the lowest seed with which both ran on the same split. It answers whether "
        "these two trained models differ, not whether their variants do (Dietterich, Neural "
        "Computation 10, 1998)."
    )


def _inference(comparison: Comparison, most: int) -> Iterator[str]:
    flips = (
        "all 2ⁿ of them are looked at"
        if most <= ENUMERATED
        else f"all 2ⁿ up to n = {ENUMERATED}, beyond that 2^{ENUMERATED} drawn with a fixed seed"
    )
    yield (
        "p is that of the two-sided sign-flip test: if a and b were alike, each difference could "
        f"as well have the other sign; {flips} (Fisher, The Design of Experiments, 1935)."
    )
    if most >= seeds_needed(1):
        yield (
            "The 95 % interval inverts this test: it holds each difference that the test would "
            "not reject, and contains 0 exactly when p ≥ 0.05. Its ends are order statistics of "
            "the means of all subsets (Hartigan, JASA 64, 1969). It assumes that differences are "
            "symmetric about their centre, not that they are normal."
        )
    if any(2 <= pair.effect.n < seeds_needed(1) for pair in comparison.pairs):
        yield (
            "With 2 to 5 seeds no such interval exists. Student's t interval is given instead, "
            "which assumes normal differences, and no verdict is drawn from it."
        )
    tests = len(comparison.with_baseline)
    if short := shortage(most, tests):
        yield f"{short[0].upper()}{short[1:]}."
    yield (
        f"Verdicts: equivalent if the interval lies within ±{percent(comparison.margin)} points, "
        "the margin fixed in advance as too small to matter; else better or worse if it excludes 0 "
        "and the p adjusted by Holm's method (Scand. J. Stat. 6, 1979) is below 0.05; else, or "
        f"with fewer than {count(seeds_needed(1), 'seed')}, undecided."
    )
    if tests > 1:
        yield (
            f"The adjustment is over the {tests} pairs with the baseline; the other pairs are "
            "adjusted among themselves. The intervals are not adjusted, and that of the lowest "
            "mean, picked because it is the lowest, is optimistic."
        )
    if len(comparison.variants) > CROSSED:
        yield f"With more than {CROSSED} variants, only pairs with the baseline are compared."


def _unshared(a: Variant, b: Variant) -> bool:
    return any(
        run.split != b.usable[seed].split for seed, run in a.usable.items() if seed in b.usable
    )
