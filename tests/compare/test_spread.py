"""The spread of runs that differ in seeds alone, against another library and planted parts."""

import csv
import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from src.compare import write
from src.compare.spread import components, find_spread, spread_plot, varied_seeds
from src.compare.terminal import print_result
from src.errors import InputError
from tests.compare.records import make_run

KEYS = ("data.split_seed", "init_seed", "order_seed")


def crossed(levels: int = 3, **others) -> list:
    """Runs of a crossed design in which the split alone matters, 2 points a level."""
    return [
        make_run({"model": "mlp", **dict(zip(KEYS, map(str, seeds), strict=True))}, 0,
                 [0.5, 0.1 + seeds[0] / 50], **others)
        for seeds in product(range(levels), repeat=3)
    ]  # fmt: skip


def test_a_crossed_design_of_seeds_is_found_and_parted():
    spread = find_spread(crossed())
    assert spread is not None
    assert spread.levels == {"split": 3, "initialisation": 3, "order": 3}
    split, *others = spread.components
    assert split.sd == pytest.approx(0.02)
    assert all(part.sd == pytest.approx(0, abs=1e-9) for part in others)
    assert "split 2.00 (" in spread.sentence
    assert "5 levels or more" in spread.sentence


def test_other_sweeps_are_compared():
    runs = crossed()
    assert varied_seeds(runs[:1]) == []
    assert varied_seeds(runs[:2]) == []  # one seed alone
    assert find_spread([make_run({"model": name}, 0, [0.1]) for name in ("mlp", "cnn")]) is None
    both = [*runs, *(make_run({**run.config, "model": "cnn"}, 0, [0.1]) for run in runs)]
    assert find_spread(both) is None


def test_seeds_that_change_together_are_one_source():
    """As under `data.split_seed=range(3) seed=range(4)`: the other two follow `seed`."""
    runs = [
        make_run({"model": "mlp", **dict(zip(KEYS, map(str, (a, b, b)), strict=True))}, b,
                 [0.5, 0.1 + b / 100])
        for a, b in product(range(3), range(4))
    ]  # fmt: skip
    spread = find_spread(runs)
    assert spread.levels == {"split": 3, "initialisation and order": 4}
    split, rest, _ = spread.components
    assert split.sd == pytest.approx(0, abs=1e-9)
    assert rest.sd == pytest.approx(0.01 * (5 / 3) ** 0.5)  # of 0, 1, 2, 3 points
    assert "spread/initialisation_and_order" in spread.metrics
    assert find_spread(runs[:4]) is None, "replicates on one split: nothing is crossed"


def test_a_cell_that_is_missing_is_told():
    with pytest.raises(InputError, match="26 of 27 runs"):
        find_spread(crossed()[:-1])


def test_a_cell_that_could_not_begin_and_knows_no_device_is_missing_like_others():
    first, *rest = crossed()
    begun = [replace(run, config={**run.config, "device.type": "cpu"}) for run in rest]
    with pytest.raises(InputError, match="26 of 27 runs"):
        find_spread([replace(first, status="FAILED", digest=""), *begun])


def test_replicates_whose_seeds_follow_seed_are_compared():
    seeds = [dict.fromkeys(KEYS, str(seed)) for seed in range(4)]
    runs = [make_run({"model": "mlp", **own}, k, [0.1]) for k, own in enumerate(seeds)]
    assert varied_seeds(runs) == []
    assert find_spread(runs) is None


def test_the_figure_has_a_row_for_each_part_with_its_interval_in_points():
    spread = find_spread(crossed())
    (axis,) = spread_plot(spread).figure.axes
    assert [tick.get_text() for tick in axis.get_yticklabels()] == [
        part.name for part in spread.components
    ]
    drawn = [list(line.get_xdata()) for line in axis.get_lines()]
    for part, ends, dot in zip(spread.components, drawn[::2], drawn[1::2], strict=True):
        assert ends == pytest.approx([100 * part.low**0.5, 100 * part.high**0.5])
        assert dot == [100 * part.sd]


def test_page_file_and_terminal_have_the_same_parts(tmp_path, capsys):
    spread = find_spread(crossed(), question="Where from?")
    write(spread, tmp_path, {"command": "python -m src.train <x>"})
    with (tmp_path / "variance.csv").open(encoding="utf-8") as file:
        rows = {row["source"]: row for row in csv.DictReader(file)}
    assert float(rows["split"]["variance"]) == pytest.approx(0.02**2)
    page = (tmp_path / "report.html").read_text("utf-8")
    for said in ("Where from?", spread.sentence, ">rest<", "&lt;x&gt;"):
        assert said in page
    assert "Where the spread comes from." in page
    assert (tmp_path / "variance.png").stat().st_size > 0
    print_result(spread)
    printed = capsys.readouterr().out
    for name, part in zip(rows, spread.components, strict=True):
        shown = rf"{name}\W+{100 * part.sd:.2f}\W"
        assert re.search(shown, printed)
        assert re.search(shown.replace(r"\W+", r"</td><td>"), page)


SOURCES = ("split", "initialisation", "order")


def planted(draw: np.random.Generator, shape: tuple[int, int, int], *sd: float) -> np.ndarray:
    """Errors of a crossed design with these standard deviations: one a source, and the rest."""
    errors = draw.normal(0, sd[3], shape)
    for axis in range(3):
        sizes = [1, 1, 1]
        sizes[axis] = shape[axis]
        errors = errors + draw.normal(0, sd[axis], sizes)
    return errors


def test_mean_squares_are_those_of_statsmodels():
    import pandas as pd
    import statsmodels.formula.api as smf
    from statsmodels.stats.anova import anova_lm

    errors = planted(np.random.default_rng(0), (3, 4, 5), 1.0, 0.7, 0.3, 0.5)
    rows = [(*place, errors[place]) for place in np.ndindex(*errors.shape)]
    frame = pd.DataFrame(rows, columns=["a", "b", "c", "y"])
    table = anova_lm(smf.ols("y ~ (C(a) + C(b) + C(c)) ** 2", frame).fit())
    ms = {name.replace("C(", "").replace(")", ""): v for name, v in table["mean_sq"].items()}
    found = {"".join("abc"[SOURCES.index(s)] for s in c.sources): c.variance for c in
             components(errors, SOURCES)}  # fmt: skip
    assert found["abc"] == pytest.approx(ms["Residual"])
    assert found["ab"] == pytest.approx((ms["a:b"] - ms["Residual"]) / 5)
    assert found["a"] == pytest.approx((ms["a"] - ms["a:b"] - ms["a:c"] + ms["Residual"]) / 20)


def test_two_sources_agree_with_restricted_maximum_likelihood():
    import pandas as pd
    import statsmodels.formula.api as smf

    draw = np.random.default_rng(1)
    errors = draw.normal(0, 1, (6, 1)) + draw.normal(0, 2, (1, 6)) + draw.normal(0, 0.5, (6, 6))
    rows = [(*place, errors[place], 1) for place in np.ndindex(*errors.shape)]
    frame = pd.DataFrame(rows, columns=["a", "b", "y", "all"])
    parts = {"a": "0 + C(a)", "b": "0 + C(b)"}
    fit = smf.mixedlm("y ~ 1", frame, groups="all", vc_formula=parts, re_formula="0").fit()
    a, b, rest = components(errors, ["a", "b"])
    assert [a.variance, b.variance] == pytest.approx(fit.vcomp, rel=0.01)
    assert rest.variance == pytest.approx(fit.scale, rel=0.01)


@pytest.mark.slow  # simulates sweeps
def test_planted_components_are_recovered():
    """The mean estimate is the planted variance, and 95 % intervals hold it in about 95 %."""
    draw, sd, trials = np.random.default_rng(2), (1.0, 0.6, 0.3, 0.5), 200
    found = [components(planted(draw, (6, 6, 6), *sd), SOURCES) for _ in range(trials)]
    for place, true in zip((0, 1, 2, -1), np.square(sd), strict=True):
        own = [parts[place] for parts in found]
        variances = [part.variance for part in own]
        assert np.mean(variances) == pytest.approx(true, abs=4 * np.std(variances) / trials**0.5)
        covered = np.mean([part.low <= true <= part.high for part in own])
        assert covered > 0.9  # three standard errors below 95 %; it may be conservative


def test_a_source_without_effect_has_an_interval_from_zero():
    errors = planted(np.random.default_rng(3), (5, 5, 5), 1.0, 0.0, 0.0, 0.5)
    _, initialisation, order, *_ = components(errors, SOURCES)
    assert initialisation.low == order.low == 0
