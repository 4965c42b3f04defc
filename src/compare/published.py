"""Published errors beside the errors of our seeds, at the last epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from src.compare.columns import Column
from src.compare.formatting import MISSING, mean_sd, percent
from src.compare.stats import Estimate, estimate, sd
from src.compare.variants import Variant

MEASURES = {"train_error": "final train", "val_error": "final val"}


@dataclass(frozen=True)
class Reproduction:
    """A published error and the errors of our seeds, as fractions."""

    variant: Variant
    measure: str
    published: float
    ours: list[float]
    estimate: Estimate


def find_reproductions(variants: Sequence[Variant]) -> Iterator[Reproduction]:
    """Yield each published error of a variant that has a usable run."""
    for variant in variants:
        published = {name: at for run in variant.runs for name, at in run.published.items()}
        for measure in MEASURES:
            if measure in published and variant.usable:
                ours = variant.final(measure)
                yield Reproduction(variant, measure, published[measure], ours, estimate(ours))


def _range(low: float, high: float) -> str:
    return f"{percent(low)} to {percent(high)}"


def _contains(low: float, value: float, high: float) -> str:
    return "yes" if low <= value <= high else "no"


def _interval(row: Reproduction) -> str:
    return _range(row.estimate.low, row.estimate.high) if row.estimate.n > 1 else MISSING


def _in_interval(row: Reproduction) -> str:
    found = _contains(row.estimate.low, row.published, row.estimate.high)
    return found if row.estimate.n > 1 else MISSING


COLUMNS: Sequence[Column[Reproduction]] = (
    Column("variant", lambda row: row.variant.label, is_words=True),
    Column("measure", lambda row: MEASURES[row.measure], is_words=True),
    Column("published", lambda row: percent(row.published)),
    Column("ours", lambda row: mean_sd(row.estimate.mean, sd(row.ours))),
    Column("n", lambda row: str(row.estimate.n)),
    Column("our range", lambda row: _range(min(row.ours), max(row.ours))),
    Column("in range", lambda row: _contains(min(row.ours), row.published, max(row.ours))),
    Column("95 % interval", _interval),
    Column("in interval", _in_interval),
)
