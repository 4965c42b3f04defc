"""The report: one HTML page that carries everything it shows, and the files beside it."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from src.compare.comparison import Comparison
from src.compare.files import write_csv
from src.compare.method import caveats, method
from src.compare.published import published_rows
from src.compare.tables import baseline_rows, pair_rows, variant_rows

ALL_PAIRS = 15  # the pairs of six variants; of more, the page lists those with the baseline
NAMES = ("b", "measure", "verdict")  # columns of words beside the first, set to the left


def write(comparison: Comparison, folder: Path, provenance: Mapping[str, str]) -> None:
    """Write report.html, summary.csv, pairs.csv, runs.csv and the figures as PNG into `folder`.

    `provenance` is shown as it stands: command, versions, commit, hardware.
    """
    from src.compare.plots import draw

    write_csv(comparison, folder)
    drawings = draw(comparison)
    for drawing in drawings:
        drawing.save(folder)
    figures = [_figure(d.title, d.caption, d.svg()) for d in drawings]
    page = render(comparison, figures, provenance)
    (folder / "report.html").write_text(page, encoding="utf-8")


def render(comparison: Comparison, figures: Sequence[str], provenance: Mapping[str, str]) -> str:
    """The page as text, from figures that are HTML already; all else is escaped here."""
    from src.compare.drawing import COLORS

    schemes = [
        " ".join(f"--{name}: {pair[side]};" for name, pair in COLORS.items()) for side in (0, 1)
    ]
    return Template(Path(__file__).with_name("page.html").read_text("utf-8")).substitute(
        title=escape(comparison.question),
        question=escape(comparison.question),
        verdict=escape(comparison.verdict),
        caveats=_paragraphs(caveats(comparison), "caveat"),
        light=schemes[0],
        dark=schemes[1],
        figures="\n".join(figures),
        tables="\n".join(_tables(comparison)),
        method=_paragraphs(method(comparison)),
        provenance=_definitions(_dataset(comparison) | dict(provenance)),
    )


def _tables(comparison: Comparison) -> Iterable[str]:
    yield _section("Variants", *variant_rows(comparison), _VARIANTS_NOTE)
    header, rows = published_rows(comparison)
    if rows:
        yield _section("Published figures", header, rows, _PUBLISHED_NOTE)
    if comparison.pairs:
        yield _pairs(comparison)


def _pairs(comparison: Comparison) -> str:
    every, asked = comparison.pairs, comparison.with_baseline
    if len(asked) < len(every) <= ALL_PAIRS:
        return _section("Pairs", *pair_rows(every), _PAIRS_NOTE)
    left_out = len(every) - len(asked)
    note = f"{_PAIRS_NOTE} {left_out} more pairs are in pairs.csv." if left_out else _PAIRS_NOTE
    header, rows = baseline_rows(comparison, len(asked))
    return _section("Pairs with the baseline", header, rows, note)


_VARIANTS_NOTE = (
    "Mean ± standard deviation over seeds. Best val is the lowest validation error of a run, "
    "test the test error at that epoch; final val and train belong to the last epoch. Diverged "
    "and failed runs are counted and enter no mean."
)
_PUBLISHED_NOTE = (
    "Errors of the last epoch in percent. The published value is a single run, so the range of "
    "our seeds is its yardstick; the interval is that of our mean."
)
_PAIRS_NOTE = (
    "Differences in best validation error in percentage points, paired by seed; b is the baseline "
    "where there is a Holm p, which is adjusted over these pairs. McNemar: p for the two models of "
    "one seed."
)


def _section(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    names = [not place or name in NAMES for place, name in enumerate(header)]
    head = _cells("th", header, names)
    body = "\n".join(f"<tr>{_cells('td', row, names)}</tr>" for row in rows)
    return (
        f"<h2>{escape(title)}</h2>\n<div class='scroll' tabindex='0'><table>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n"
        f"<p class='note'>{escape(note)}</p>"
    )


def _cells(tag: str, cells: Sequence[str], names: Sequence[bool]) -> str:
    classes = [" class='name'" if name else "" for name in names]
    return "".join(
        f"<{tag}{kind}>{escape(cell)}</{tag}>" for cell, kind in zip(cells, classes, strict=True)
    )


def _figure(title: str, caption: str, svg: str) -> str:
    words = f"<b>{escape(title)}.</b> {escape(caption)}"
    return f"<figure>\n{svg}\n<figcaption>{words}</figcaption>\n</figure>"


def _paragraphs(texts: Iterable[str], kind: str = "") -> str:
    start = f"<p class='{kind}'>" if kind else "<p>"
    return "\n".join(f"{start}{escape(text)}</p>" for text in texts)


def _definitions(terms: Mapping[str, str]) -> str:
    return "\n".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in terms.items())


def _dataset(comparison: Comparison) -> dict[str, str]:
    return {"dataset": f"{comparison.dataset}, digest {comparison.digest}"}
