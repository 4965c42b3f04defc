"""The spread of runs that differ in seeds alone."""

import csv
import re
from dataclasses import replace
from itertools import product

import pytest

from src.compare import write
from src.compare.spread import find_spread, varied_seeds
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


def test_page_file_and_terminal_have_the_same_parts(tmp_path, capsys):
    spread = find_spread(crossed(), question="Where from?")
    write(spread, tmp_path, {"command": "python -m src.train <x>"})
    with (tmp_path / "variance.csv").open(encoding="utf-8") as file:
        rows = {row["source"]: row for row in csv.DictReader(file)}
    assert float(rows["split"]["variance"]) == pytest.approx(0.02**2)
    page = (tmp_path / "report.html").read_text("utf-8")
    for said in ("Where from?", spread.sentence, ">rest<", "&lt;x&gt;"):
        assert said in page
    print_result(spread)
    printed = capsys.readouterr().out
    for name, part in zip(rows, spread.components, strict=True):
        shown = rf"{name}\W+{100 * part.sd:.2f}\W"
        assert re.search(shown, printed)
        assert re.search(shown.replace(r"\W+", r"</td><td>"), page)
