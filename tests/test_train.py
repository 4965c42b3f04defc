"""The command line, as its users type it, and what it leaves in MLflow."""

import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from until import epochs, until

from src.data import mnist_5k
from src.folders import ROOT
from src.models.init import matched
from src.models.mlp import MLP
from src.training.fit import evaluate
from tests.conftest import Workplace
from tests.held import held

pytestmark = pytest.mark.slow

QUICK = ("data=mnist_5k", "data.n=200", "epochs=1", "threads=1", "figures=false")
EPOCH_METRICS = {"train/loss", "train/error", "val/loss", "val/error", "lr", "epoch_seconds"}
FINAL_METRICS = {
    *("final/train_error", "final/val_error", "best/val_error", "best/epoch", "test/error")
}


@pytest.fixture
def here(monkeypatch, workplace):
    """The command line in this process: nothing for success, else what it ends with."""

    def run(*arguments: str, full_error: str = "0") -> str | int | None:
        command = ["src/train.py", *workplace.overrides, *arguments]
        monkeypatch.setattr(sys, "argv", command)
        monkeypatch.setenv("HYDRA_FULL_ERROR", full_error)
        try:
            runpy.run_module("src.train", run_name="__main__", alter_sys=True)
        except SystemExit as end:
            return end.code
        return None

    return run


@pytest.fixture(scope="module")
def finished(mlflow, tmp_path_factory):
    """One run on the digits that come with the project, as its users start it."""
    folder = tmp_path_factory.mktemp("outputs")
    place = Workplace(folder, f"sqlite:///{folder}/mlflow.db", "fairsweep")
    process = place.train("data=mnist_5k", "epochs=2", "seed=3", "device=cpu", "threads=1")
    assert process.returncode == 0, process.stderr
    (run,) = place.runs()
    return place, process, run


def client(place):
    from mlflow import MlflowClient

    return MlflowClient(place.uri)


def artifact(place, run, path) -> Path:
    from mlflow.artifacts import download_artifacts

    return Path(
        download_artifacts(run_id=run.info.run_id, artifact_path=path, tracking_uri=place.uri)
    )


def test_a_run_ends_finished_in_the_experiment_fairsweep(finished):
    place, _, run = finished
    assert run.info.status == "FINISHED"
    assert client(place).get_experiment(run.info.experiment_id).name == "fairsweep"
    assert run.info.run_name == "data=mnist_5k epochs=2 seed=3 device=cpu"
    assert run.info.end_time >= run.info.start_time


def test_params_are_the_resolved_config(finished):
    _, _, run = finished
    expected = {
        "seed": "3", "epochs": "2", "data": "mnist_5k", "model": "mlp", "activation": "relu",
        "model.depth": "1", "model.width": "200", "optimizer.lr": "0.05", "optimizer": "momentum",
        "data.split_seed": "3", "init": "matched", "loss": "cross_entropy", "batch_size": "64",
    }  # fmt: skip
    assert expected.items() <= run.data.params.items()


def test_every_epoch_has_its_figures_at_its_step(finished):
    place, _, run = finished
    assert set(run.data.metrics) == EPOCH_METRICS | FINAL_METRICS
    for name in EPOCH_METRICS:
        history = client(place).get_metric_history(run.info.run_id, name)
        assert [point.step for point in history] == [1, 2]
        assert history[0].timestamp <= history[1].timestamp
    for name in FINAL_METRICS:
        (point,) = client(place).get_metric_history(run.info.run_id, name)
        assert point.step == 0  # of which MLflow's UI draws a bar, not a curve of one point


def test_final_and_best_figures_follow_from_the_epochs(finished):
    place, _, run = finished
    errors = [m.value for m in client(place).get_metric_history(run.info.run_id, "val/error")]
    assert run.data.metrics["final/val_error"] == errors[-1]
    assert run.data.metrics["best/val_error"] == min(errors)
    assert run.data.metrics["best/epoch"] == 1 + errors.index(min(errors))
    assert run.data.metrics["test/error"] < 0.2


def test_tags_say_what_ran_and_where(finished):
    _, _, run = finished
    tags = run.data.tags
    assert tags["seed"] == "3"
    assert tags["outcome"] == "finished"
    assert re.fullmatch(r"[0-9a-f]{16}", tags["fingerprint"])
    assert tags["variant"].startswith("data=mnist_5k normalize=none augment=none model=mlp ")
    assert tags["host"] == socket.gethostname()
    assert re.fullmatch(r"\d+@[\d.]+@[0-9a-f]{8}", tags["process"])
    git = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    head = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    assert tags["git_commit"].rstrip("+") == (head or "unknown")


def test_the_dataset_is_an_input_with_its_digest(finished):
    _, _, run = finished
    (entry,) = run.inputs.dataset_inputs
    assert entry.dataset.name == "mnist_5k"
    assert (
        entry.dataset.digest
        == mnist_5k.load("digit", n=None, val_fraction=0.25, split_seed=3).digest
    )
    sizes = json.loads(entry.dataset.source)
    assert (sizes["train"], sizes["val"], sizes["test"]) == (3_000, 1_000, 1_000)
    assert {tag.key: tag.value for tag in entry.tags} == {"mlflow.data.context": "training"}


def test_the_weights_of_the_best_epoch_make_the_test_error_again(finished):
    place, _, run = finished
    model = MLP(1, 200, "none", 0.0, torch.nn.ReLU, matched, (1, 28, 28), 10)
    model.load_state_dict(torch.load(artifact(place, run, "model.pt"), weights_only=True))
    splits = mnist_5k.load("digit", n=None, val_fraction=0.25, split_seed=3)
    loss = torch.nn.CrossEntropyLoss()
    assert evaluate(model, splits.test, loss)["error"] == run.data.metrics["test/error"]
    assert evaluate(model, splits.val, loss)["error"] == run.data.metrics["best/val_error"]


def test_the_config_comes_with_the_run(finished):
    from omegaconf import OmegaConf

    place, _, run = finished
    tree = OmegaConf.load(artifact(place, run, "config.yaml"))
    assert (tree.seed, tree.epochs, tree.model.width) == (3, 2, 200)
    assert tree.model._target_ == "src.models.mlp.MLP"


def test_the_predictions_come_with_the_run(finished):
    place, _, run = finished
    with np.load(artifact(place, run, "val_predictions.npz")) as saved:
        wrong = saved["predicted"] != saved["labels"]
    assert wrong.mean() == run.data.metrics["best/val_error"]


@pytest.mark.parametrize(
    "figure", ["learning_curves", "confusion_matrix", "mistakes", "first_layer"]
)
def test_the_figures_come_with_the_run(figure, finished):
    place, _, run = finished
    with Image.open(artifact(place, run, f"figures/{figure}.png")) as image:
        assert min(image.size) > 200


def test_the_terminal_shows_each_epoch_the_result_in_percent_and_the_way_to_the_ui(finished):
    place, process, run = finished
    assert "epoch 1/2" in process.stdout
    assert "epoch 2/2" in process.stdout
    assert f"{run.data.metrics['test/error']:.2%}" in process.stdout
    files, command, page = process.stdout.strip().splitlines()[-3:]
    for name in ("config.yaml", "figures/", "model.pt"):
        assert name in files
    assert files.startswith(f"Files: {place.folder}/artifacts/{run.info.run_id}/artifacts: ")
    assert re.search(r"mlflow ui --backend-store-uri \S+ --host 127\.0\.0\.1$", command)
    own_page = f"experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    assert page.endswith(f"http://127.0.0.1:5000/#/{own_page}?workflowType=machine_learning")
    assert f"{place.folder}/mlflow.db" in command
    assert process.stderr == ""


def test_the_same_seed_in_another_process_is_the_same_result(finished, here, workplace):
    _, _, run = finished
    arguments = ["data=mnist_5k", "epochs=2", "seed=3", "device=cpu", "threads=1", "figures=false"]
    assert here(*arguments) is None
    (again,) = workplace.runs()
    for name in (EPOCH_METRICS | FINAL_METRICS) - {"epoch_seconds"}:
        assert again.data.metrics[name] == run.data.metrics[name]
    assert again.data.tags["fingerprint"] == run.data.tags["fingerprint"]


def test_nothing_is_written_outside_the_place_for_outputs(finished):
    place, _, _ = finished
    made = {path.name for path in place.folder.iterdir()}
    others = {name for name in made if not name.startswith("mlflow.db")}  # -wal, -shm, .lock
    assert others <= {"artifacts", "run", "checkpoints", "results"}
    assert {path.name for path in place.run_dir.iterdir()} == {"journal.jsonl", "sent.json"}


BROKEN = {
    "unknown key": (["seeed=1"], "seeed"),
    "unknown key in a group": (["model.depht=3"], "model.depht: unknown .did you mean depth"),
    "key of another model": (["model=softmax", "model.depth=2"], "model.depth: unknown"),
    "added key": (["+epoch=3"], "^epoch: unknown .did you mean epochs"),
    "unknown option": (["model=vgg"], "vgg.*cnn.*mlp.*softmax"),
    "unknown group": (["modle=mlp"], "modle"),
    "wrong type": (["seed=abc"], "^seed=abc: must be an integer from 0 to 4294967295"),
    "out of range": (["epochs=0"], "^epochs=0: must be an integer of at least 1"),
    "not finite": (["optimizer.lr=nan"], "^optimizer.lr=nan: must be a number above 0"),
    "no value": (["seed"], "seed"),
    "half an override": (["model.channels=[1,"], r"model\.channels="),
    "missing value": (["data=pixel_rows"], "^data.train: must be given"),
    "missing file": (["data=pixel_rows", "data.train=gone.csv"], "gone.csv: cannot be read"),
    "bad rows": (
        ["data=pixel_rows", "data.train={bad}"],
        r"bad\.csv:1: 3 values: must be a label and 784",
    ),
    "bad test rows": (
        ["data=pixel_rows", "data.train={good}", "data.test={bad}"],
        r"bad\.csv:1: 3 values: must be a label and 784",
    ),
    "truncated data": (
        ["data=mnist", "data.root={raw}"],
        "train-images-idx3-ubyte: must have 47040016 bytes, not 5: truncated or foreign",
    ),
    "too many digits": (
        ["data.n=5000"],
        "^data.n=5000: must be at most 4000, the samples of mnist_5k",
    ),
    "too few digits": (["data.n=11"], "lacks .* of 10 classes"),
    "no pixel left": (
        ["model=cnn", "model.channels=[4,4,4,4]"],
        "must leave a pixel of 28x28",
    ),
    "betas": (
        ["optimizer=adam", "optimizer.betas=[2,3]"],
        "^optimizer.betas=.2, 3.: must be two numbers",
    ),
    "nesterov alone": (["optimizer=sgd", "optimizer.nesterov=true"], "^optimizer=sgd: .*momentum"),
    "no such class": (["loss._target_=torch.nn.NoLoss"], "^loss=cross_entropy: .*NoLoss"),
    "activation without a factory": (["activation=3"], "activation"),
    "one module for all layers": (
        ["activation._partial_=false"],
        "^activation=relu: one module is no factory .* `_partial_: true` is missing",
    ),
    "misspelt option": (["model=mlpp"], "^model=mlpp: unknown .*mean mlp.*must be one of cnn, "),
    "unknown experiment": (
        ["experiment=depths"],
        "^experiment=depths: unknown .did you mean depth.*one of act",
    ),
    "unknown recipe": (["recipe=cnnn"], "^recipe=cnnn: unknown .*; must be one of cnn, relu, "),
    "a deleted setting": (["~optimizer.lr"], "^~optimizer.lr: must have a value: optimizer.lr=VAL"),
    "a baseline for one run": (["compare.baseline=nothing"], "^compare.baseline=nothing: .* -m; "),
    "a shift out of sight": (
        ["augment=shift", "augment.pixels=28"],
        "^augment.pixels=28: must be below the images' 28x28$",
    ),
    "an unquoted =": (
        ["compare.baseline=activation=relu"],
        "needs quotes: 'compare.baseline=\"activation=relu\"'$",
    ),
    "a directory of its own to work in": (["hydra.job.chdir=true"], "^hydra.job.chdir=true: "),
    "a value for a group": (["tracking=3"], "^tracking=3: "),
    "values to sweep": (["+hydra.sweeper.params.seed='1,2'"], "^hydra.sweeper.params.seed: .* -m"),
    "a run from a pickle": (["--experimental-rerun=x"], "^--experimental-rerun: must be left out"),
    "run directory below a file": (["hydra.run.dir={good}/run"], "good.csv"),
    "database below a file": (
        ["tracking.uri=sqlite:///{good}/db"],
        "^tracking.uri=sqlite:///.*good",
    ),
    "a folder as database": (["tracking.uri=sqlite:///{raw}"], "must be a file, not a folder$"),
    "not a database": (["tracking.uri=sqlite:///{bad}"], "^tracking.uri=sqlite:///.*bad.csv"),
    "no such scheme": (["tracking.uri=gopher://host"], "^tracking.uri=gopher://host"),
    "server that is not there": (
        ["tracking.uri=http://user:pw@127.0.0.1:{port}"],
        r"^tracking.uri=http://127.0.0.1:\d+: cannot be used",
    ),
    "address that Hydra cannot read": (
        ["tracking.uri=http://user:pw@127.0.0.1?a=b"],
        "^tracking.uri=http://127.0.0.1",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), BROKEN.values(), ids=BROKEN)
def test_a_mistake_ends_in_one_line_and_leaves_nothing(
    arguments, message, here, workplace, closed_port, capsys, tmp_path
):
    good, bad, raw = tmp_path / "good.csv", tmp_path / "bad.csv", tmp_path / "data/MNIST/raw"
    good.write_text(",".join(["1", *["0"] * 784]))
    bad.write_text("1,2,3")
    raw.mkdir(parents=True)
    for file in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{file}-ubyte").write_text("short")
    places = {"good": good, "bad": bad, "raw": tmp_path / "data", "port": closed_port}
    filled = [re.sub(r"\{(\w+)\}", lambda m: str(places[m[1]]), a) for a in arguments]
    said = here(*QUICK, *filled)
    assert isinstance(said, str)  # the interpreter prints it and ends with 1
    assert re.search(message, said)
    assert "\n" not in said
    assert "Traceback" not in said
    assert "pw" not in said
    assert len(said) < 500
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""
    assert not workplace.run_dir.exists()
    assert workplace.runs() == []


def test_a_mistake_leaves_what_lay_in_the_run_directory(here, workplace):
    workplace.run_dir.mkdir()
    (workplace.run_dir / "notes.txt").write_text("mine")
    assert (
        here(*QUICK, "data.n=5000") == "data.n=5000: must be at most 4000, the samples of mnist_5k"
    )
    assert [path.name for path in workplace.run_dir.iterdir()] == ["notes.txt"]


def test_ctrl_c_before_the_first_epoch_leaves_no_folder(here, workplace, monkeypatch):
    def interrupted(*_):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("src.job.build", interrupted)
    folder = workplace.folder / "stopped"
    assert here(*QUICK, f"hydra.run.dir={folder}") == 130
    assert not folder.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_without_a_gpu_ends_in_one_line(workplace):
    process = workplace.train(*QUICK, "device=cuda")
    assert process.returncode == 1
    assert (
        process.stderr == "device=cuda: must be a device of this machine; device=cpu always works\n"
    )
    assert process.stdout == ""
    assert not workplace.run_dir.exists()


def test_whoever_asks_for_the_full_error_gets_it(here):
    with pytest.raises(BaseException) as raised:  # noqa: PT011, not an Exception on purpose
        here("seed=abc", full_error="1")
    assert "an integer from 0" in str(raised.value.__cause__ or raised.value)


def test_an_exception_in_training_is_recorded_as_failed(
    here, monkeypatch, workplace, tmp_path, capsys
):
    (tmp_path / "faulty.py").write_text(
        "from torch import nn\n"
        "class Faulty(nn.ReLU):\n"
        "    def forward(self, x):\n"
        "        if len(x) > 2:  # with so many a model is tried before the first job\n"
        "            raise RuntimeError('a bug of ours')\n"
        "        return super().forward(x)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    told = here(*QUICK, "activation._target_=faulty.Faulty")
    bug = f"RuntimeError: a bug of ours ({tmp_path}/faulty.py:5); the run keeps its traceback"
    assert told.startswith(bug)
    assert "\n" not in told
    assert not capsys.readouterr().err  # of Hydra's own
    (run,) = workplace.runs()
    assert run.info.status == "FAILED"
    assert run.data.tags["outcome"] == "failed"
    assert run.data.tags["reason"] == "RuntimeError: a bug of ours"
    text = artifact(workplace, run, "traceback.txt").read_text()
    assert "Traceback" in text
    assert "a bug of ours" in text


def test_a_training_that_diverges_is_finished_and_says_so(here, workplace, capsys):
    assert here(*QUICK, "epochs=5", "model=softmax", "loss=mse", "optimizer.lr=1e30") is None
    (run,) = workplace.runs()
    assert run.info.status == "FINISHED"
    assert run.data.tags["outcome"] == "diverged"
    assert "test/error" not in run.data.metrics
    assert "diverged" in capsys.readouterr().out


def test_a_training_that_stops_early_says_so(here, workplace):
    assert here(*QUICK, "epochs=50", "patience=1") is None
    (run,) = workplace.runs()
    assert run.data.tags["outcome"] == "stopped"
    steps = client(workplace).get_metric_history(run.info.run_id, "val/error")
    assert len(steps) == run.data.metrics["best/epoch"] + 1 < 50


def test_predictions_for_an_unlabelled_test_file_come_with_the_run(
    here, workplace, monkeypatch, tmp_path
):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    draws = np.random.default_rng(0)
    train = draws.integers(0, 256, (40, 784))
    rows = [",".join(map(str, [k % 10, *pixels])) for k, pixels in enumerate(train)]
    (tmp_path / "train.csv").write_text("\n".join(rows))
    (tmp_path / "test.csv").write_text("\n".join(",".join(map(str, p)) for p in train[:7]))
    files = [f"data.train={tmp_path}/train.csv", f"data.test={tmp_path}/test.csv"]
    assert (
        here("data=pixel_rows", *files, "epochs=1", "figures=false", "data.val_fraction=0.25")
        is None
    )
    (run,) = workplace.runs()
    assert run.data.params["threads"] == "2"  # the number used
    lines = artifact(workplace, run, "test_predictions.txt").read_text().splitlines()
    assert len(lines) == 7
    assert set(lines) <= set("0123456789")
    assert "test/error" not in run.data.metrics


def test_the_offline_newcomer_trains_on_the_digits_that_come_along(
    here, workplace, monkeypatch, closed_port, capsys, tmp_path
):
    import torchvision

    mirrors = [f"http://127.0.0.1:{closed_port}/"]
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", mirrors)
    quick = ["data.target=high_digit", "epochs=1", "figures=false", "model=softmax"]
    assert here(f"data.root={tmp_path}/none", *quick) is None
    (run,) = workplace.runs()
    assert run.inputs.dataset_inputs[0].dataset.name == "mnist_5k"
    assert run.data.params["data"] == "mnist_5k"
    assert capsys.readouterr().err.count("WARNING") == 1


def test_sigkill_in_mid_training_is_recorded_as_killed(workplace):
    process = workplace.start("data=mnist_5k", "data.n=200", "device=cpu", "epochs=100000")
    until(lambda: epochs(workplace.run_dir) >= 2, process)
    process.kill()
    process.communicate()  # until who sends for it has ended too
    (run,) = workplace.runs()
    assert run.info.status == "KILLED"
    assert run.data.tags["reason"] == "its process was gone"
    assert run.data.metrics["val/error"] < 1


def test_sigterm_in_mid_training_is_recorded_as_killed(workplace):
    process = workplace.start("data=mnist_5k", "epochs=100000", "threads=1", "figures=false")
    journal = workplace.run_dir / "journal.jsonl"
    for line in process.stdout:  # a line an epoch: the first says that training is under way
        if "epoch 1/" in line:
            break
    assert '"event": "metrics"' in journal.read_text()
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in stderr
    (run,) = workplace.runs()
    assert run.info.status == "KILLED"
    assert run.data.tags["outcome"] == "killed"
    steps = client(workplace).get_metric_history(run.info.run_id, "val/error")
    assert [point.step for point in steps] == list(range(1, len(steps) + 1))


def test_eight_processes_at_once_on_a_fresh_database_all_succeed(fresh_workplace):
    processes = [
        fresh_workplace.start(
            *QUICK, f"seed={seed}", f"hydra.run.dir={fresh_workplace.folder}/run/{seed}"
        )
        for seed in range(8)
    ]
    errors = []
    readers = [
        threading.Thread(target=lambda p=process: errors.append(p.communicate()[1]))
        for process in processes
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert [process.returncode for process in processes] == [0] * 8
    assert errors == [""] * 8
    runs = fresh_workplace.runs()
    assert sorted(run.data.params["seed"] for run in runs) == [str(seed) for seed in range(8)]
    assert {run.info.status for run in runs} == {"FINISHED"}


PROBE = """
import runpy, sys
sys.argv = {arguments!r}
try:
    runpy.run_module("src.train", run_name="__main__", alter_sys=True)
except SystemExit:
    pass
loaded = {{name.partition(".")[0] for name in sys.modules}}
print("LOADED", *sorted(loaded & {{"torch", "mlflow", "torchvision", "matplotlib", "numpy"}}))
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--cfg", "job"], ["-sc", "query=bash"], ["seed=abc"]], ids=str
)
def test_what_needs_no_training_imports_nothing_slow(arguments, workplace):
    places = [] if arguments[0] == "-sc" else workplace.overrides
    probe = PROBE.format(arguments=["src/train.py", *arguments, *places])
    line = "python src/train.py model="  # Hydra completes no `python -m`
    environment = {**os.environ, "COMP_LINE": line, "COMP_POINT": str(len(line))}
    process = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout.strip().splitlines()[-1] == "LOADED", process.stderr
    expected = {
        "--help": "model: cnn, mlp, resnet, softmax",
        "--cfg": "batch_size: 64",
        "-sc": "model=mlp",
    }
    assert expected.get(arguments[0], "") in process.stdout
    assert not workplace.run_dir.exists()


@pytest.mark.parametrize("mode", ["run", "sweep"])
def test_a_directory_with_results_takes_no_others(mode, workplace):
    command = (*QUICK, "device=cpu", *(["-m"] if mode == "sweep" else []))
    assert workplace.train(*command).returncode == 0
    before = {run.info.run_id for run in workplace.runs()}
    again = workplace.train(*command)
    assert again.returncode == 1
    where = f"hydra.{mode}.dir={workplace.folder}/{mode}"
    assert again.stderr == f"{where}: results lie there already; a directory of its own is needed\n"
    assert {run.info.run_id for run in workplace.runs()} == before


def test_a_plan_of_a_single_run_trains_nothing(workplace):
    told = workplace.train(*QUICK, "dry_run=true")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(
        "1 to train: a run that is no sweep (-m) takes no earlier result; "
    )
    assert not workplace.run_dir.exists()
    assert workplace.runs() == []


def test_a_run_that_was_killed_goes_on_with_resume_as_if_never_cut_off(workplace):
    gate = workplace.folder / "go on"
    common = ("data=mnist_5k", "data.n=200", "epochs=8", "threads=1", "figures=false")
    command = (*common, *held(gate, batches=12))
    process = workplace.start(*command)
    until(lambda: epochs(workplace.run_dir) == 4, process)
    process.kill()
    process.communicate()
    gate.touch()
    done = epochs(workplace.run_dir)
    for more, action in ([], "train"), (["resume=true"], "resume"):
        assert workplace.train(*command, *more, "dry_run=true").stdout.startswith(f"1 to {action}:")
    told = workplace.train(*command, "resume=true", f"hydra.run.dir={workplace.folder}/again")
    assert told.returncode == 0, told.stderr
    assert f"epoch {done - 1}/8" not in told.stdout
    whole = workplace.train(*command, f"hydra.run.dir={workplace.folder}/whole")
    assert "epoch 1/8" in whole.stdout
    found = {Path(run.data.tags["folder"]).name: run for run in workplace.runs()}
    curves = {
        name: [(m.step, m.value) for m in client(workplace).get_metric_history(run_id, "val/loss")]
        for name, run_id in ((name, run.info.run_id) for name, run in found.items())
    }
    assert curves["again"] == curves["whole"]
    assert curves["again"][:done] == curves["run"]
    final = [found[name].data.metrics["test/error"] for name in ("again", "whole")]
    assert final[0] == final[1]
    assert not list((workplace.folder / "checkpoints").glob("*"))


def test_with_nothing_to_resume_a_run_says_so_and_trains(here, workplace, capsys):
    assert here(*QUICK, "resume=true") is None
    assert "resume=true: no such run was cut off" in capsys.readouterr().out
    assert [run.info.status for run in workplace.runs()] == ["FINISHED"]


def test_a_process_or_thread_that_cannot_be_started_names_its_limit():
    from src.command_errors import is_users, one_line

    assert one_line(BlockingIOError(11, "Resource temporarily unavailable")) == (
        "no further process can be started (Resource temporarily unavailable); see `ulimit -u`"
    )
    no_thread = RuntimeError("can't start new thread")
    assert is_users(no_thread)
    assert one_line(no_thread) == "no further thread can be started; see `ulimit -u`"
