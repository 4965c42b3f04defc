"""Report: one HTML page that carries everything it shows, and the files beside it."""

from collections.abc import Mapping
from pathlib import Path

from src.compare import published, sign_flips
from src.compare.caveats import caveats
from src.compare.columns import (
    baseline_columns,
    effect_columns,
    pair_columns,
    search_columns,
    variant_columns,
)
from src.compare.comparison import Comparison
from src.compare.csv_export import write_csv
from src.compare.family import MIN_N
from src.compare.formatting import count
from src.compare.latex import write_latex
from src.compare.pairs import MAX_VARIANTS_ALL_PAIRS
from src.compare.power import advice
from src.compare.summary import sentence


def write(comparison: Comparison, folder: Path, provenance: Mapping[str, str]) -> None:
    """Write report.html, the tables as CSV and LaTeX, and the figures into `folder`.

    The page shows `provenance` as it is: command, versions, commit, hardware.
    """
    # Jinja2 and matplotlib are slow to import and not needed to compare and print.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from src.compare.figure_style import COLORS
    from src.compare.plots import draw

    write_csv(comparison, folder)
    write_latex(comparison, folder)
    figures = draw(comparison)
    for figure in figures:
        figure.save(folder)
    loader = FileSystemLoader(Path(__file__).parent)
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = pages.get_template("report.html.j2").render(
        _page_values(comparison),
        advice=advice(comparison, provenance.get("command", "")),
        colors=COLORS,
        figures=figures,
        provenance={"dataset": comparison.dataset, **provenance},
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def _page_values(comparison: Comparison) -> dict[str, object]:
    """Return the values that the page's tables and text are made from."""
    metric, pairs = comparison.criterion.metric, comparison.listed_pairs
    against = baseline_columns(comparison.baseline, lambda variant: variant.label, metric)
    is_against_one = all(pair.b is comparison.baseline for pair in pairs)
    return {
        "comparison": comparison,
        "answer": sentence(comparison),
        "caveats": caveats(comparison),
        "untuned": sentence(comparison.untuned) if comparison.untuned else "",
        "variant_columns": variant_columns(
            comparison.criterion, comparison.target_error, comparison.further
        ),
        "effect_columns": effect_columns(metric),
        "published_columns": published.COLUMNS,
        "reproductions": list(published.find_reproductions(comparison.variants)),
        "pair_columns": against if is_against_one else pair_columns(metric),
        "pairs": pairs,
        "search_columns": search_columns(),
        "searches": [search for search in comparison.searches if search.errors],
        "settings": _fixed_settings(comparison),
        "splits": _splits(comparison),
        "min_n": MIN_N,
        "has_student_interval": any(2 <= pair.effect.n < MIN_N for pair in pairs),
        "max_exact_n": sign_flips.MAX_EXACT_N,
        "drawn": sign_flips.DRAWN,
        "max_variants_all_pairs": MAX_VARIANTS_ALL_PAIRS,
        "count": count,
    }


def _fixed_settings(comparison: Comparison) -> dict[str, str]:
    """Return the settings that all variants have alike."""
    first, *others = (variant.config for variant in comparison.variants)
    return {
        key: value
        for key, value in sorted(first.items())
        if all(config.get(key) == value for config in others)
    }


def _splits(comparison: Comparison) -> int:
    """Return how many splits of the data the seeds have."""
    runs = (run for variant in comparison.variants for run in variant.runs)
    return len({run.split for run in runs if run.split})
