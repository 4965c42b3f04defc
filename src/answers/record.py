"""Result of a sweep as people find it later: its report, and what its journal says of it."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from src.compare import markup, report, summary
from src.compare.answer import Result
from src.compare.comparison import Comparison
from src.tracking.event import EventKind
from src.tracking.job_record import JobRecord
from src.tracking.journal import FILES, Journal

PLANNED = "comparison"  # the folder of the answer that was planned
DESCRIPTION = "mlflow.note.content"  # https://mlflow.org/docs/latest/ml/tracking/tracking-api

log = logging.getLogger(__name__)


def prepare() -> None:
    """Import slow packages while the jobs still run and nobody waits."""
    os.environ["MPLBACKEND"] = "agg"  # figures become files; a notebook's may be missing here
    try:
        import jinja2  # noqa: F401
        import matplotlib.backends.backend_pdf
        import matplotlib.backends.backend_svg  # noqa: F401
        import scipy.special  # noqa: F401

        import src.compare.plots  # noqa: F401
    except Exception:  # the comparison tells of it; the uploads go on
        log.info("not imported", exc_info=True)


def report_page(folder: Path, name: str = PLANNED) -> Path:
    """Return the place below `folder` of the report of a result."""
    return folder / FILES / name / "report.html"


def write_report(
    result: Result, folder: Path, provenance: Mapping[str, str], name: str = PLANNED
) -> list[Path]:
    """Write report, tables and figures below `folder`; return their files."""
    place = report_page(folder, name).parent
    place.mkdir(parents=True, exist_ok=True)
    report.write(result, place, provenance)
    return list(place.iterdir())


def record(
    result: Result,
    journal: Journal,
    provenance: Mapping[str, str],
    name: str = PLANNED,
) -> None:
    """Write the report, and into the sweep's journal what was found; post hoc the report alone."""
    journal.append_files(write_report(result, journal.folder, provenance, name))
    if not isinstance(result, Comparison):
        metrics = result.metrics
        tags = {"comparison.question": result.question, "comparison.verdict": result.sentence}
    elif result.post_hoc:
        return
    else:
        metrics = summary.metrics(result)
        tags = {**summary.tags(result), DESCRIPTION: markup.markdown(result)}
    journal.append(EventKind.METRICS, step=0, values=metrics)
    journal.append(EventKind.TAGS, tags=tags)


def record_look(comparison: Comparison, records: Sequence[JobRecord], journal: Journal) -> None:
    """Write a look into the sweep's journal: the jobs looked at, and the verdicts."""
    fingerprints = {record.run.run_id: record.fingerprint for record in records}
    variants = {
        variant.label: {run.seed: fingerprints[run.run_id] for run in variant.runs}
        for variant in comparison.variants
    }
    verdicts = {f"{p.a.label} / {p.b.label}": str(p.verdict) for p in comparison.pairs}
    journal.append(EventKind.LOOK, variants=variants, verdicts=verdicts)
