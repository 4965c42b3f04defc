"""Sweeps from Python, as a notebook starts them."""

import asyncio
import io
import os
import re
import subprocess
import sys
import threading
from itertools import product
from pathlib import Path

import pytest

from src import compare, interface, sweep
from src.compare.sequential import size
from src.errors import InputError
from src.folders import ROOT
from src.tracking.journal import Journal
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings

SMALL = ("data=mnist_5k", "data.n=200", "epochs=1", "figures=false")


def test_the_project_is_imported_without_what_is_slow():
    probe = "import sys, src; print(*{'torch', 'mlflow', 'pandas', 'numpy'} & {*sys.modules})"
    told = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert (told.stdout, told.stderr) == ("\n", "")


@pytest.mark.slow
def test_a_users_type_checker_knows_both_functions(tmp_path):
    script = tmp_path / "notebook.py"
    script.write_text(
        "from src import compare, sweep\n"
        'reveal_type(sweep("seed=range(6)").verdict)\n'
        "reveal_type(compare)\n"
        "sweep(3)\n"
    )
    command = [sys.executable, "-m", "mypy", "--explicit-package-bases", "--cache-dir", tmp_path]
    told = subprocess.run(
        [*command, "--follow-imports", "silent", script],
        env=os.environ | {"MYPYPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert 'notebook.py:2: note: Revealed type is "str"' in told.stdout.replace("builtins.", "")
    assert re.search(
        r"notebook.py:3: note: Revealed type is .*def \(frame.* -> .*Answer", told.stdout
    )
    assert re.search(
        r'notebook.py:4: error: .*incompatible type "int"; expected "str"', told.stdout
    )
    assert "not callable" not in told.stdout


def test_the_packages_that_can_be_called_are_still_packages():
    import src.compare.family
    import src.sweep.compose

    assert callable(sweep)
    assert callable(compare)
    assert src.sweep.compose.MAX_JOBS > 1
    assert src.compare.family.ALPHA == 0.05


class Screen(io.StringIO):
    """A notebook's output, which has no number of a file."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


@pytest.mark.slow
def test_sweeps_run_one_after_the_other_below_a_running_loop_and_in_a_thread(
    workplace, monkeypatch
):
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    places = [o for o in workplace.overrides if not o.startswith("hydra.")]
    place = f"hydra.sweep.dir={workplace.folder}"

    async def cell():
        return sweep("activation=sigmoid,relu", "seed=range(2)", *SMALL, *places, f"{place}/one")

    found = asyncio.run(cell())
    assert len(found.records) == 4
    assert list(found.records["activation"]) == ["sigmoid", "sigmoid", "relu", "relu"]
    assert list(found.records["seed"]) == [0, 1, 0, 1]
    runs = {run.info.run_id: run for run in workplace.runs()}
    for row in found.records.to_dict("records"):
        metrics = runs[row["run_id"]].data.metrics
        assert row["best/val_error"] == metrics["best/val_error"]
        assert row["test/error"] == metrics["test/error"]
    (pair,) = found.pairs.to_dict("records")
    assert (pair["a"], pair["b"]) == ("activation=relu", "activation=sigmoid")
    assert (pair["n"], pair["verdict"]) == (2, "undecided")
    means = {row["levels"]["activation"]: row["mean"] for row in found.values["variants"]}
    assert pair["difference"] == pytest.approx(means["relu"] - means["sigmoid"])
    assert found.verdict.split()[0] in " ".join(screen.getvalue().split())
    assert "4 jobs: 4 trained" in screen.getvalue()

    again = []
    line = ("activation=sigmoid,relu", "seed=range(2)", *SMALL, *places, f"{place}/two")
    thread = threading.Thread(target=lambda: again.append(sweep(*line)))
    thread.start()
    thread.join()
    assert again[0].values == found.values
    assert "4 jobs: 4 reused" in screen.getvalue()


def recorded(folder: Path, index: ResultIndex, seeds: int) -> Journal:
    """Return the journal of a sweep of two variants that has ended."""
    journal = Journal(folder)
    tags, params = {"kind": "sweep", "job": folder.name}, {"compare.margin": "0.1"}
    params |= dict.fromkeys(
        [f"compare.{key}" for key in ("baseline", "looks", "metric", "question", "target_error")],
        "null",
    )
    journal.begin(name="a", tags=tags, params=params, tracking=vars(index.tracking))
    for number, (model, seed) in enumerate(product(("mlp", "cnn"), range(seeds))):
        fingerprint, job = f"{model}{seed}", Journal(folder / str(number))
        tags = {"sweep": folder.name, "number": str(number), "job": f"{folder.name}{number}"}
        tags |= {"fingerprint": fingerprint, "outcome": "finished"}
        own = {"seed": str(seed), "model": model}
        job.begin(name=f"model={model}", tags=tags, params=own, tracking=vars(index.tracking))
        error = 0.1 + seed / 100 + (model == "cnn") / 50
        losses = {"train/loss": 1.0, "val/loss": 1.0, "train/error": error, "val/error": error}
        job.append("metrics", step=1, values=losses)
        job.append("final", step=1, values={"best/val_error": error, "test/error": error})
        job.append("end", status="FINISHED", tags={})
        index.add(fingerprint, job)
    return journal


def test_the_answer_is_that_of_this_sweep_and_counts_earlier_looks(tmp_path, monkeypatch):
    tracking = TrackingSettings("sqlite:///x", "e", "a")
    index = ResultIndex(tmp_path / "results", tmp_path / "checkpoints", tracking)
    first = recorded(tmp_path / "first", index, 6)
    variants = {m: {str(seed): f"{m}{seed}" for seed in range(6)} for m in ("mlp", "cnn")}
    first.append("look", variants=variants, verdicts={})

    def run(command: list[str]) -> str:
        if not (tmp_path / "second").exists():
            recorded(tmp_path / "second", index, 8)
        return "results lie there already"

    monkeypatch.setattr(interface, "_run", run)
    found = sweep(f"hydra.sweep.dir='{tmp_path}/second'", f"results={tmp_path}/results")
    assert [size(look) for look in found.result.plan.earlier] == [6]
    with pytest.raises(InputError, match=r"^results lie there already$"):
        sweep(f"hydra.sweep.dir={tmp_path}/second")  # no answer of the sweep before


@pytest.mark.slow
def test_crossed_seeds_have_parts_and_no_pairs(workplace):
    crossed = ("data.split_seed=range(2)", "init_seed=range(2)")
    found = sweep("model=softmax", *crossed, *SMALL, "models=none", *workplace.overrides)
    assert list(found.records["split_seed"]) == ["0", "0", "1", "1"]
    assert list(found.records["init_seed"]) == ["0", "1", "0", "1"]
    assert list(found.parts["source"]) == ["split", "initialisation", "rest"]
    assert found.values["verdict"] == found.verdict
    for parts in (found.records, found.parts):
        assert not parts.isna().any(axis=None)
    with pytest.raises(InputError, match="pairs: this sweep's answer has none; it has parts"):
        found.pairs  # noqa: B018
    (parent,) = [run for run in workplace.runs() if run.data.tags.get("kind") == "sweep"]
    assert parent.data.tags["comparison.verdict"] == found.verdict


@pytest.mark.slow
def test_a_mistake_is_raised_as_the_line_that_the_command_ends_with(workplace):
    with pytest.raises(InputError, match=r"^model=mpl: unknown \(did you mean mlp\?\); "):
        sweep("model=mpl", *SMALL, *workplace.overrides)
    assert workplace.runs() == []
