"""Published errors beside ours: does a published value lie where our seeds do?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from src.compare.comparison import Comparison
from src.compare.stats import Estimate, estimate
from src.compare.units import MISSING, percent, spread
from src.compare.variants import Variant

MEASURES = {"train_error": "final train", "val_error": "final val"}


@dataclass(frozen=True)
class Reproduction:
    """A published error and the errors of our seeds, fractions at the last epoch."""

    variant: Variant
    measure: str
    published: float
    ours: np.ndarray  # (n,)

    @property
    def mean(self) -> Estimate:
        return estimate(self.ours)

    @property
    def in_range(self) -> bool:
        return bool(self.ours.min() <= self.published <= self.ours.max())

    @property
    def in_interval(self) -> bool:
        """Whether it lies in the 95 % interval of our mean; False for a single seed."""
        return bool(self.mean.low <= self.published <= self.mean.high)


def find_reproductions(comparison: Comparison) -> Iterator[Reproduction]:
    """Each published value of a variant that has a usable run."""
    for variant in comparison.variants:
        published = {name: at for run in variant.runs for name, at in run.published.items()}
        for measure in MEASURES:
            if measure in published and variant.usable:
                yield Reproduction(variant, measure, published[measure], variant.last(measure))


def published_rows(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Header and rows, in percent, of the table of published values."""
    header = "variant|measure|published|ours|n|our range|in range|95 % interval|in interval"
    return header.split("|"), [_row(found) for found in find_reproductions(comparison)]


def _row(found: Reproduction) -> list[str]:
    ours, mean = found.ours, found.mean
    sd = float(np.std(ours, ddof=1)) if len(ours) > 1 else np.nan
    known = len(ours) > 1
    return [
        found.variant.label,
        MEASURES[found.measure],
        percent(found.published),
        spread(float(mean.mean), sd),
        str(len(ours)),
        f"{percent(ours.min())} to {percent(ours.max())}",
        "yes" if found.in_range else "no",
        f"{percent(mean.low)} to {percent(mean.high)}" if known else MISSING,
        ("yes" if found.in_interval else "no") if known else MISSING,
    ]
