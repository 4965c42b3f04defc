"""Report: one HTML page that carries everything it shows, and the files beside it."""

from collections.abc import Mapping
from pathlib import Path

from src.compare import published, stats
from src.compare.columns import PAIRS, baseline_columns, variant_columns
from src.compare.comparison import Comparison
from src.compare.csv_export import write_csv
from src.compare.formatting import count, percent
from src.compare.pairs import MAX_VARIANTS_ALL_PAIRS
from src.compare.power import seeds_note
from src.compare.summary import sentence

MAX_PAGE_PAIRS = 15  # the pairs of six variants; of more, the page lists those with the baseline


def write(comparison: Comparison, folder: Path, provenance: Mapping[str, str]) -> None:
    """Write report.html, summary.csv, pairs.csv, runs.csv and the figures as PNG into `folder`.

    The page shows `provenance` as it is: command, versions, commit, hardware.
    """
    # Jinja2 and matplotlib are slow to import and not needed to compare and print.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from src.compare.figure_style import COLORS
    from src.compare.plots import draw

    write_csv(comparison, folder)
    figures = draw(comparison)
    for figure in figures:
        figure.save(folder)
    loader = FileSystemLoader(Path(__file__).parent)
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = pages.get_template("report.html.j2").render(
        _page_values(comparison),
        colors=COLORS,
        figures=figures,
        provenance={"dataset": f"{comparison.dataset}, digest {comparison.digest}", **provenance},
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def _page_values(comparison: Comparison) -> dict[str, object]:
    """Return the values that the page's tables and text are made from."""
    pairs, with_baseline = comparison.pairs, comparison.baseline_pairs
    lists_all_pairs = len(with_baseline) < len(pairs) <= MAX_PAGE_PAIRS
    against = baseline_columns(comparison.baseline, lambda variant: variant.label)
    sizes = [pair.effect.n for pair in pairs]
    min_n, max_n = stats.seeds_needed(1), max(sizes, default=0)
    return {
        "comparison": comparison,
        "answer": sentence(comparison),
        "variant_columns": variant_columns(comparison.target_error),
        "published_columns": published.COLUMNS,
        "reproductions": list(published.find_reproductions(comparison.variants)),
        "lists_all_pairs": lists_all_pairs,
        "pair_columns": PAIRS if lists_all_pairs else against,
        "pairs": pairs if lists_all_pairs else with_baseline,
        "splits_differ": any(pair.splits_differ for pair in pairs),
        "min_n": min_n,
        "max_n": max_n,
        "has_student_interval": any(2 <= n < min_n for n in sizes),
        "max_exact_n": stats.MAX_EXACT_N,
        "max_variants_all_pairs": MAX_VARIANTS_ALL_PAIRS,
        "power_note": seeds_note([max_n] * len(with_baseline)),
        "count": count,
        "percent": percent,
    }
