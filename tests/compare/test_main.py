"""`python -m src.compare` on a store that holds sweeps made for it."""

import csv
import json
import time
from itertools import product
from pathlib import Path

import pytest

from src.compare.__main__ import main
from src.errors import InputError
from src.process.identity import machine_id
from src.tracking.job_record import fold
from src.tracking.journal import Journal

DIGEST = "0123456789abcdef"


class Sweeps:
    """A tracking store and what was written to it."""

    def __init__(self, workplace) -> None:
        from src.tracking.mlflow_sink import deliver
        from src.tracking.store import connect

        self.options = [override for override in workplace.overrides if "tracking." in override]
        self.folder = workplace.folder
        artifacts = str(workplace.folder / "artifacts")
        self.store = connect(workplace.uri, workplace.experiment, artifacts)
        self.deliver = deliver

    def add(self, errors: dict[str, list[float]], digest: str = DIGEST, status="FINISHED") -> str:
        """A sweep of one epoch a job: the best validation errors of each activation, by seed."""
        params = {"compare.margin": "0.1", "compare.baseline": "activation=sigmoid"}
        parent = self._run({"kind": "sweep"}, params, "sweep", [])
        for activation, found in errors.items():
            for seed, error in enumerate(found):
                self._job(parent, error, digest, status, activation=activation, seed=str(seed))
        return parent

    def add_crossed(self) -> str:
        """A sweep of two levels of each seed, of which that of the split is worth 2 points."""
        parent = self._run({"kind": "sweep"}, {"compare.margin": "0.1"}, "sweep", [])
        for split, init, order in product("01", repeat=3):
            keys = {"data.split_seed": split, "init_seed": init, "order_seed": order}
            self._job(parent, 0.1 + int(split) / 50, DIGEST, "FINISHED", seed="0", **keys)
        return parent

    def _job(self, parent: str, error: float, digest: str, status: str, **params: str) -> None:
        values = {"train/loss": 1.0, "train/error": error, "val/loss": 1.0, "val/error": error}
        tags = {"mlflow.parentRunId": parent, "outcome": "finished"}
        name = " ".join(f"{key}={value}" for key, value in params.items())
        self._run(tags, params, name, [{"step": 1, "values": values}], digest, status)

    def _run(self, tags, params, name, epochs, digest=DIGEST, status="FINISHED") -> str:
        moment = {"time": time.time_ns() // 1_000_000}
        start = {"event": "start", "name": name, "tags": tags | {"job": name}, "params": params}
        start["dataset"] = {"name": "mnist", "digest": digest}
        end = {"event": "end", "status": status, "tags": {}}
        events = [start | moment, {"event": "history", "epochs": epochs} | moment, end | moment]
        return self.deliver(self.store, None, events, self.folder)

    def report(self, run_id: str) -> Path:
        return self.folder / "artifacts" / run_id / "artifacts" / "comparison" / "report.html"


@pytest.fixture
def sweeps(workplace) -> Sweeps:
    return Sweeps(workplace)


@pytest.fixture(scope="module")
def compared(shared_workplace) -> tuple[Sweeps, str]:
    """A sweep whose planned answer is there, for tests that leave it as it is; and its id."""
    sweeps = Sweeps(shared_workplace)
    last = sweeps.add({"sigmoid": SIGMOID, "relu": RELU})
    main(sweeps.options)
    return sweeps, last


@pytest.mark.slow
def test_what_cannot_be_compared_is_told_in_a_line(sweeps):
    client = sweeps.store.client
    other = client.create_experiment(f"other of {sweeps.store.experiment}")
    elsewhere = client.create_run(other).info.run_id
    deleted, emptied = (sweeps.add({"relu": [0.1, 0.2]}) for _ in range(2))
    for job in client.search_runs([sweeps.store.experiment_id]):
        if job.data.tags.get("mlflow.parentRunId") == emptied:
            client.delete_run(job.info.run_id)
    client.delete_run(deleted)
    for run_id, said in (
        (deleted, f"{deleted}: the run was deleted"),
        (emptied, f"{emptied}: the sweep has no jobs there"),
        (elsewhere, f"{elsewhere}: a run of another experiment, which tracking.experiment='other"),
        ("0" * 32, "0: no run with this id"),
        ("no id at all", "no id at all: no run with this id"),
    ):
        with pytest.raises(InputError, match=said) as refused:
            main([run_id, *sweeps.options])
        assert "\n" not in str(refused.value)


EPOCH = {"train/loss": 1.0, "train/error": 0.1, "val/loss": 1.0}
SIGMOID = [0.031, 0.033, 0.032, 0.034, 0.030, 0.035]
RELU = [0.021, 0.024, 0.022, 0.023, 0.020, 0.025]


@pytest.mark.slow
def test_the_last_sweep_is_compared_again_under_its_own_settings(sweeps, capsys):
    sweeps.add({"sigmoid": SIGMOID, "tanh": RELU})
    last = sweeps.add({"relu": RELU, "sigmoid": SIGMOID})
    main(sweeps.options)
    assert "activation=relu is better than activation=sigmoid" in capsys.readouterr().out
    with (sweeps.report(last).with_name("pairs.csv")).open() as file:
        (pair,) = csv.DictReader(file)
    assert pair["b"] == "activation=sigmoid"
    by_hand = sum(a - b for a, b in zip(RELU, SIGMOID, strict=True)) / 6
    assert float(pair["difference"]) == pytest.approx(by_hand)
    tags = sweeps.store.client.get_run(last).data.tags
    assert tags["comparison.verdict"].startswith("activation=relu is better")


@pytest.mark.slow  # the report's figures
@pytest.mark.parametrize("typed", ["compare.baseline=activation=relu", "compare.margin=5"])
def test_another_setting_is_a_second_answer_beside_the_planned_one(compared, capsys, typed):
    sweeps, last = compared
    page, tags = sweeps.report(last).read_bytes(), sweeps.store.client.get_run(last).data.tags
    capsys.readouterr()
    main([*sweeps.options, typed])
    said = " ".join(capsys.readouterr().out.split())
    assert f"Post hoc: {typed} was chosen when the results were known" in said
    assert ("are equivalent within" if "margin" in typed else "activation=sigmoid is worse") in said
    assert sweeps.report(last).read_bytes() == page
    assert sweeps.store.client.get_run(last).data.tags == tags
    (beside,) = sweeps.report(last).parents[1].glob(f"post_hoc/{typed}/report.html")
    text = beside.read_text("utf-8")
    assert typed in text
    assert "python -m src.compare " in text
    assert "fixed in advance" not in text


@pytest.mark.slow
def test_a_sweep_of_crossed_seeds_is_parted_again(sweeps, capsys):
    run_id = sweeps.add_crossed()
    main(sweeps.options)
    assert "split 1.41 (" in capsys.readouterr().out  # sd of 0 and 2 points
    assert "by source" in sweeps.report(run_id).read_text("utf-8")
    verdict = sweeps.store.client.get_run(run_id).data.tags["comparison.verdict"]
    assert "split 1.41 (" in verdict
    main([*sweeps.options, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == verdict
    assert {part["source"]: part["sd"] for part in found["parts"]}["split"] == pytest.approx(
        0.02 / 2**0.5
    )


@pytest.mark.slow  # the report's figures
@pytest.mark.parametrize("typed", [[], ["compare.margin=5"]])
def test_the_answer_is_a_part_of_the_sweeps_journal(sweeps, capsys, typed):
    run_id = sweeps.add({"sigmoid": SIGMOID, "relu": RELU})
    folder = sweeps.folder / "sweep"
    tags = {"kind": "sweep", "job": "s" * 16, "folder": str(folder), "machine": machine_id()}
    for tag in tags.items():
        sweeps.store.client.set_tag(run_id, *tag)
    own = Journal(folder)
    own.begin(name="sweep", tags=tags, params={"compare.margin": "0.1"}, tracking={})
    for number, error in enumerate([*SIGMOID, *RELU]):
        activation, seed = ("sigmoid", "relu")[number // 6], str(number % 6)
        job = Journal(folder / str(number))
        job_tags = {"sweep": tags["job"], "number": str(number), "job": f"j{number}"}
        params, dataset = {"activation": activation, "seed": seed}, {"name": "d", "digest": DIGEST}
        job.begin(name=activation, tags=job_tags, params=params, dataset=dataset)
        job.append("history", epochs=[{"step": 1, "values": EPOCH | {"val/error": error}}])
        job.append("end", status="FINISHED", tags={"outcome": "finished"})
    own.append("end", status="FINISHED", tags={})
    own.mark_sent(2, run_id)
    results = f"results={sweeps.folder}/results"
    main([*sweeps.options, results, *typed])
    assert str(sweeps.folder / "artifacts" / run_id) in capsys.readouterr().out
    assert not own.has_unsent
    assert sum(event["event"] == "files" for event in own.events()) == 1
    assert ("comparison.verdict" in fold(own).tags) == (not typed)
    run = sweeps.store.client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags.get("comparison.verdict") == fold(own).tags.get("comparison.verdict")
    assert not list((sweeps.folder / "results").glob("*.open"))


@pytest.mark.slow  # the report's figures
def test_a_setting_that_decides_nothing_or_is_the_planned_one_is_no_second_answer(sweeps, capsys):
    last = sweeps.add({"sigmoid": SIGMOID, "relu": RELU})
    main([*sweeps.options, "compare.margin=0.1", "compare.question=Which?"])
    assert "Post hoc" not in capsys.readouterr().out
    assert "Which?" in sweeps.report(last).read_text("utf-8")


@pytest.mark.slow  # the report's figures
def test_runs_of_two_sweeps_on_one_dataset_are_compared(sweeps, capsys, monkeypatch):
    monkeypatch.setattr("src.answers.again.ROOT", sweeps.folder)
    first = sweeps.add({"sigmoid": SIGMOID})
    second = sweeps.add({"relu": RELU})
    main([first, second, *sweeps.options])
    assert "activation=relu is better than activation=sigmoid" in capsys.readouterr().out
    assert list(sweeps.folder.glob("outputs/comparisons/*/artifacts/comparison/report.html"))


@pytest.mark.slow
def test_sweeps_on_different_datasets_are_refused_by_both_digests(sweeps):
    first = sweeps.add({"sigmoid": SIGMOID})
    second = sweeps.add({"relu": RELU}, digest="fedcba9876543210")
    with pytest.raises(InputError, match=rf"{DIGEST}.*fedcba9876543210"):
        main([first, second, *sweeps.options])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["0123nosuchrun"], "0123nosuchrun: no run with this id"),
        (["compare.baseline=activation=elu"], "matches no variant"),
        (["compare.baseline=model=mlp"], "matches no variant"),
        (["compare.margin=-1"], "compare.margin=-1: must be a number of at least 0"),
        (["compare.nonsense=1"], "nonsense"),
        (["--jsn"], r"^--jsn: unknown \(did you mean --json\?\); must be one of "),
    ],
)
def test_bad_input_is_one_line_and_overwrites_nothing(compared, arguments, said):
    sweeps, last = compared
    before = sweeps.report(last).read_bytes()
    with pytest.raises(InputError, match=said) as refused:
        main([*arguments, *sweeps.options])
    assert "\n" not in str(refused.value)
    assert sweeps.report(last).read_bytes() == before


@pytest.mark.slow
def test_a_store_without_sweeps_and_a_sweep_without_finished_runs_are_refused(sweeps):
    with pytest.raises(InputError, match="no sweep at"):
        main(sweeps.options)
    sweeps.add({"sigmoid": SIGMOID}, status="FAILED")
    with pytest.raises(InputError, match="no run finished"):
        main(sweeps.options)


@pytest.mark.slow
def test_json_is_all_that_is_printed_for_a_program(sweeps, capsys):
    errors = [0.03 + seed / 1000 for seed in range(6)]
    run_id = sweeps.add({"sigmoid": errors, "relu": [error - 0.01 for error in errors]})
    main([run_id, "--json", *sweeps.options])
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["question", "verdict", "variants", "pairs"]
    (pair,) = found["pairs"]
    assert (pair["a"], pair["b"], pair["n"]) == ("activation=relu", "activation=sigmoid", 6)
    assert pair["difference"] == pytest.approx(-0.01)
    assert pair["verdict"] == "better"
