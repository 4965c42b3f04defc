"""Report: one HTML page that carries everything it shows, and the files beside it."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from src.compare import columns, family, published, sign_flips, spread
from src.compare.answer import Result
from src.compare.caveats import caveats
from src.compare.comparison import Comparison
from src.compare.criterion import find_criterion
from src.compare.csv_export import write_csv, write_table
from src.compare.formatting import count
from src.compare.markup import write_latex
from src.compare.pairs import MAX_VARIANTS_ALL_PAIRS
from src.compare.plain_search import PlainSearch, search_plot
from src.compare.power import advice
from src.compare.spread import Spread
from src.compare.summary import sentence
from src.config.schema import SEED_SOURCES


def write(result: Result, folder: Path, provenance: Mapping[str, str]) -> None:
    """Write report.html and its tables as CSV into `folder`; a comparison's LaTeX and figures too.

    The page shows `provenance` as it is: command, versions, commit, hardware.
    """
    if isinstance(result, PlainSearch):
        _write_search(result, folder, provenance)
        return
    from src.compare.figure_style import draw  # matplotlib is slow to import

    if isinstance(result, Spread):
        values = {"question": result.question, "answer": result.sentence, "spread": result}
        values |= {"columns": spread.COLUMNS, "figures": draw(result, [spread.spread_plot])}
        write_table(folder / "variance.csv", columns.csv_values(spread.COLUMNS), result.components)
        _write_page("spread.html.j2", folder, provenance, values)
        return
    from src.compare.plots import PLOTS

    write_csv(result, folder)
    write_latex(result, folder)
    values = _values(result) | {
        "advice": advice(result, provenance.get("command", "")),
        "figures": draw(result, PLOTS),
    }
    provenance = {"dataset": result.dataset, **provenance}
    _write_page("report.html.j2", folder, provenance, values)


def _write_search(search: PlainSearch, folder: Path, provenance: Mapping[str, str]) -> None:
    from src.compare.figure_style import draw

    shown = columns.trial_columns(search.keys)
    write_table(folder / "trials.csv", columns.trials_csv(search.keys), search.trials)
    values = {"question": search.question, "answer": search.sentence, "search": search}
    values |= {"columns": shown, "figures": draw(search, [search_plot])}
    _write_page("search.html.j2", folder, provenance, values)


def _write_page(
    template: str, folder: Path, provenance: Mapping[str, str], values: Mapping[str, Any]
) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from src.compare.figure_style import COLORS

    for figure in values.get("figures", ()):
        figure.save(folder)
    loader = FileSystemLoader(Path(__file__).parent)
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = pages.get_template(template).render(values, colors=COLORS, provenance=provenance)
    (folder / "report.html").write_text(page, encoding="utf-8")


def _values(comparison: Comparison) -> dict[str, object]:
    """Return the values that the page's tables and text are made from."""
    criterion, pairs, runs = comparison.criterion, comparison.listed_pairs, comparison.runs
    first, *others = (variant.config for variant in comparison.variants)
    return {
        "question": comparison.question,
        "answer": sentence(comparison),
        "comparison": comparison,
        "criterion": criterion,
        "caveats": caveats(comparison),
        "variant_columns": columns.variant_columns(
            criterion, comparison.target_error, comparison.further
        ),
        "effect_columns": columns.effect_columns(criterion.metric),
        "published_columns": published.COLUMNS,
        "reproductions": list(published.find_reproductions(comparison.variants)),
        "pair_columns": columns.pair_columns(criterion.metric, baseline=comparison.listed_baseline),
        "pairs": pairs,
        "search_columns": columns.search_columns(),
        "searches": comparison.searches,
        "settings": {
            key: value
            for key, value in sorted(first.items())
            if all(config.get(key) == value for config in others) and "_partial_" not in key
        },
        **_sources(comparison),
        "selected_by": " or ".join(
            find_criterion(runs, metric).label for metric in sorted({r.selected_by for r in runs})
        ),
        "has_test": any(math.isfinite(run.test_error) for run in runs),
        "levels": sorted({f"{pair.estimate.level:.3f}" for pair in pairs}),
        "min_n": family.MIN_N,
        "has_student_interval": any(2 <= pair.estimate.n < family.MIN_N for pair in pairs),
        "max_exact_n": sign_flips.MAX_EXACT_N,
        "drawn": sign_flips.DRAWN,
        "max_variants_all_pairs": MAX_VARIANTS_ALL_PAIRS,
        "count": count,
        "listed": _listed,
    }


def _sources(comparison: Comparison) -> dict[str, list[list[str]]]:
    """Return what seeds resample, and what all seeds of a variant share, each as one and as many.

    Of splits their digests tell, where they are known. With one seed nothing tells the two apart.
    """
    found: dict[str, list[list[str]]] = {"resampled": [], "fixed": []}
    is_replicated = any(len(variant.runs) > 1 for variant in comparison.variants)
    for key, (_, *words) in SEED_SOURCES.items():
        by_variant = [{run.config.get(key) for run in v.runs} for v in comparison.variants]
        if key == "data.split_seed" and any(run.split for run in comparison.runs):
            by_variant = [{r.split for r in v.runs if r.split} for v in comparison.variants]
        is_one = all(len(values) <= 1 and None not in values for values in by_variant)
        found["fixed" if is_replicated and is_one else "resampled"].append(words)
    return found


def _listed(words: Sequence[str]) -> str:
    """Return words with commas, and `and` before the last."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
