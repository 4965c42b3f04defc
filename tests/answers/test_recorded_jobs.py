"""The answer of recorded jobs: a comparison, the parts of a spread, or the best trial."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from src.answers.recorded_jobs import conclude, power_note
from src.compare import Comparison, write
from src.compare.answer import Answer
from src.compare.caveats import caveats
from src.compare.plain_search import PlainSearch
from src.compare.spread import Spread
from src.config.schema import SEED_KEYS
from src.errors import InputError
from src.tracking.job_record import SEARCH_TAGS, JobRecord, Status
from src.tracking.journal import Journal
from tests.compare.records import SETTINGS, compare_runs
from tests.compare.records import arms as arms_of


def record(number: int, error: float, **params: str) -> JobRecord:
    values = {"val/error": error, "val/loss": error, "train/error": error, "train/loss": error}
    return JobRecord(
        Journal(Path("nowhere")),
        f"run {number}",
        name=" ".join(f"{key}={value}" for key, value in params.items()),
        status=Status.FINISHED,
        tags={"number": str(number), "outcome": "finished"},
        params={"seed": "0", **params},
        by_step={1: values},
        summary={"best/val_error": error, "test/error": error + 0.01},
    )


def crossed() -> list[JobRecord]:
    """Two seeds each of split, initialisation and order, of which the split is worth 2 points."""
    return [
        record(number, 0.1 + int(seeds[0]) / 50, **dict(zip(SEED_KEYS, seeds, strict=True)))
        for number, seeds in enumerate(product("01", repeat=3))
    ]


def replicates() -> list[JobRecord]:
    return [
        record(seed + 10 * place, 0.1 + seed / 1000 + place / 50, **{"optimizer.lr": lr},
               **dict.fromkeys(("seed", *SEED_KEYS), str(seed)))
        for place, lr in enumerate(("0.1", "0.2"))
        for seed in range(6)
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("records", "tags", "kind", "verdict"),
    [
        (replicates(), {}, Comparison, "lr=0.2 is worse than lr=0.1"),
        (crossed(), {}, Spread, "The test error at the selected epoch is 12.00% on average"),
        (replicates(), SEARCH_TAGS, PlainSearch, "Best of 12 trials: optimizer.lr=0.1"),
    ],
)
def test_each_kind_of_sweep_has_its_own_answer_with_frames_and_a_page(
    records, tags, kind, verdict, tmp_path
):
    found = conclude(records, SETTINGS, {"kind": "sweep", **tags})
    answer = Answer(found)
    assert isinstance(found, kind)
    assert verdict in answer.verdict
    names = {Comparison: ("variants", "pairs"), Spread: ("parts",), PlainSearch: ("trials",)}[kind]
    for name in ("variants", "pairs", "parts", "trials"):
        if name in names:
            assert len(getattr(answer, name)) > 0
        else:
            with pytest.raises(InputError, match=f"has none; it has {' and '.join(names)}$"):
                getattr(answer, name)
    write(found, tmp_path, {"command": "python -m src.train -m"})
    assert "python -m src.train -m" in (tmp_path / "report.html").read_text("utf-8")


def test_the_parts_of_a_spread_are_those_of_the_design_by_hand():
    parts = Answer(conclude(crossed(), SETTINGS, {})).parts.set_index("source")
    assert parts.loc["split", "sd"] == pytest.approx(0.02 / 2**0.5)
    assert parts.loc["order", "sd"] == 0


def test_a_search_without_a_finite_error_is_told():
    failed = [record(0, 0.1)]
    failed[0].status = Status.FAILED
    with pytest.raises(InputError, match="none of 1 trials ended with a finite"):
        conclude(failed, SETTINGS, SEARCH_TAGS)


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        ([12, 16], "a look then spends 0.025 of the level of 0.05 and the smallest p is 0.031"),
        ([6, 16, 20], "; the first declared look that can decide is that at 16"),
        ([6, 7, 8, 20], "; the first declared look that can decide is that at 7"),
        ([6, 8], ""),
        ([7, 8], ""),
        (None, ""),
    ],
)
def test_a_first_look_that_cannot_decide_is_told_of(looks, said):
    arms = product(("0.1", "0.2"), "012345")
    planned = {f"{lr} {seed}": {"optimizer.lr": lr, "seed": seed} for lr, seed in arms}
    note = power_note(planned, replace(SETTINGS, looks=looks), is_comparison=False)
    assert note.startswith(f"compare.looks={looks}: with 6 seeds nothing is decided") == bool(said)
    assert said in note
    # Six seeds that all agree: whether they decide is what the note tells.
    errors = np.linspace(0.03, 0.04, 6)
    runs = arms_of(a=errors, b=errors - 0.01)
    found = compare_runs(runs, declared_looks=looks or ()).pairs[0]
    assert found.verdict.is_decided == (not note)


def looked_at(records: list[JobRecord], **params: str) -> JobRecord:
    """Return a sweep that has looked at jobs, and give these a fingerprint each."""
    variants: dict[str, dict[str, str]] = {}
    for job in records:
        job.tags["fingerprint"] = job.name
        label = job.params["optimizer.lr"]
        variants.setdefault(label, {})[job.params["seed"]] = job.fingerprint
    look = {"event": "look", "time": 1, "variants": variants}
    return JobRecord(Journal(Path("nowhere")), "a sweep", params=params, looks=[look])


@pytest.mark.parametrize(
    ("before", "settings", "said"),
    [
        ({"compare.margin": "0.5"}, {}, "compare.margin=0.5"),
        ({"compare.margin": "0.1", "compare.metric": "null"}, {"metric": "test/error"}, ""),
        ({"compare.metric": "null"}, {"metric": "best/val_error"}, "compare.metric=null"),
        ({"compare.margin": "0.1"}, {}, ""),
        ({"compare.baseline": "null"}, {"baseline": "lr=0.2"}, "compare.baseline=null"),
        ({"compare.baseline": "null"}, {"baseline": "optimizer.lr=0.1"}, ""),
        ({"compare.baseline": "optimizer.lr=7"}, {}, "compare.baseline=optimizer.lr=7"),
    ],
)
def test_what_an_earlier_sweep_judged_by_is_told_where_it_was_something_else(
    before, settings, said
):
    records = replicates()
    lineage = [looked_at(records, **before), looked_at(records, **{"compare.margin": "7"})]
    found = conclude(records, replace(SETTINGS, **settings), {}, lineage=lineage)
    told = [text for text in caveats(found) if text.startswith("An earlier sweep of these runs")]
    assert found.judged_before == said
    assert [f"was judged by {said}." in text for text in told] == ([True] if said else [])
    alone = [looked_at(records[:6], **before)]  # of one variant nothing was judged
    assert conclude(records, replace(SETTINGS, **settings), {}, lineage=alone).judged_before == ""


def test_crossed_seeds_are_refused_where_jobs_depend_on_a_comparison():
    planned = {each.name: each.params for each in crossed()}
    assert power_note(planned, SETTINGS, is_comparison=False) == ""
    with pytest.raises(InputError, match=r"^data\.split_seed, init_seed, order_seed: must not"):
        power_note(planned, SETTINGS, is_comparison=True)
    planned = {each.name: each.params for each in replicates()}
    assert power_note(planned, SETTINGS, is_comparison=True) == ""
