"""Published errors beside the errors of our seeds, at the last epoch."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from src.compare.columns import Column
from src.compare.family import Estimate, estimate
from src.compare.formatting import mean_sd
from src.compare.stats import sd
from src.compare.variants import Variant
from src.metrics import ERROR, MISSING


@dataclass(frozen=True)
class Reproduction:
    """A published error and the errors of our seeds, as fractions."""

    variant: Variant
    measure: str
    published: float
    ours: list[float]
    mean: Estimate


def find_reproductions(variants: Sequence[Variant]) -> Iterator[Reproduction]:
    """Yield each published error of a variant that has a usable run."""
    for variant in variants:
        published = {name: at for run in variant.runs for name, at in run.published.items()}
        for measure, error in published.items() if variant.usable else ():
            ours = variant.final(measure)
            yield Reproduction(variant, measure, error, ours, estimate(ours))


def _range(low: float, high: float) -> str:
    return MISSING if math.isnan(low) else f"{ERROR.text(low)} to {ERROR.text(high)}"


def _contains(low: float, value: float, high: float) -> str:
    return MISSING if math.isnan(low) else "yes" if low <= value <= high else "no"


COLUMNS: Sequence[Column[Reproduction]] = (
    Column("variant", lambda row: row.variant.label, is_words=True),
    Column("measure", lambda row: f"final {row.measure.removesuffix('_error')}", is_words=True),
    Column("published", lambda row: ERROR.text(row.published)),
    Column("ours", lambda row: mean_sd(row.mean.mean, sd(row.ours))),
    Column("n", lambda row: str(row.mean.n)),
    Column("our range", lambda row: _range(min(row.ours), max(row.ours))),
    Column("in range", lambda row: _contains(min(row.ours), row.published, max(row.ours))),
    Column("95 % interval", lambda row: _range(row.mean.low, row.mean.high)),
    Column("in interval", lambda row: _contains(row.mean.low, row.published, row.mean.high)),
)
