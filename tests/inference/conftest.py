"""Sweeps at a tracking server whose runs have weights, written without training."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from src import command_line
from src.config.resolved import Resolved
from src.tracking.run_source import RunSource


@dataclass
class Runs:
    """A tracking store, and runs that are put there."""

    workplace: object
    config: Callable[..., Resolved]
    store: object

    @property
    def words(self) -> list[str]:
        """Return what lets a command look here."""
        return [override for override in self.workplace.overrides if "tracking." in override]

    @property
    def source(self) -> RunSource:
        """Return the source of these runs, as a command has it."""
        return RunSource(command_line.parse(self.words, ()).tracking)

    def sweep(self, *jobs: tuple[tuple[str, ...], float], **tags: str) -> tuple[str, list[str]]:
        """Put a sweep there; a job is its overrides and best validation error. Return run ids."""
        own = {"kind": "sweep", "job": os.urandom(8).hex(), **tags}
        parent = self.run((), own, self.workplace.folder / os.urandom(4).hex())
        found = [
            self.job(overrides, error, parent, str(number))
            for number, (overrides, error) in enumerate(jobs)
        ]
        return parent, found

    def job(
        self,
        overrides,
        error=0.1,
        parent="",
        number="0",
        status="FINISHED",
        classes=10,
        state=None,
        shape=(1, 28, 28),
        class_names=None,
    ) -> str:
        from src.training.network import make

        data = () if any(o.startswith("data=") for o in overrides) else ("data=mnist_5k",)
        resolved = self.config(*data, *overrides)
        folder = self.workplace.folder / f"job-{os.urandom(4).hex()}"
        artifacts = folder / "artifacts"
        artifacts.mkdir(parents=True)
        torch.manual_seed(len(overrides) + int(resolved.nested["seed"]))
        model = make(resolved.nested["model"], shape, classes)
        torch.save(state or model.state_dict(), artifacts / "model.pt")
        (artifacts / "config.yaml").write_text(resolved.yaml)
        tags = {"job": os.urandom(8).hex(), "variant": resolved.variant(), "number": number}
        tags |= {"seed": resolved.flat["seed"], "outcome": status.lower()}
        tags |= {"mlflow.parentRunId": parent} if parent else {}
        summary = {"best/val_error": error, "best/epoch": 1, "final/val_error": error}
        digest = hashlib.sha256(repr((classes, shape, class_names)).encode()).hexdigest()[:16]
        dataset = {"name": "data", "digest": digest, "input_shape": list(shape)}
        dataset |= {"classes": classes} | ({"class_names": class_names} if class_names else {})
        return self.run(overrides, tags, folder, resolved.flat, summary, status, dataset)

    def run(
        self, overrides, tags, folder, params=None, summary=None, status="FINISHED", dataset=None
    ) -> str:
        from src.tracking.mlflow_sink import deliver

        moment = {"time": time.time_ns() // 1_000_000}
        start = {"event": "start", "name": " ".join(overrides) or "a sweep", "tags": tags}
        start |= {"params": dict(params or {})} | ({"dataset": dataset} if dataset else {})
        values = {"train/loss": 1.0, "val/loss": 1.0, "train/error": 0.1}
        values |= {"val/error": (summary or {}).get("best/val_error", 0.1)}
        events = [start, {"event": "history", "epochs": [{"step": 1, "values": values}]}]
        events += [{"event": "final", "step": 1, "values": summary}] if summary else []
        found = sorted((folder / "artifacts").rglob("*")) if folder.exists() else []
        paths = [file.relative_to(folder).as_posix() for file in found]
        events += [{"event": "files", "paths": paths}] if paths else []
        events += [{"event": "end", "status": status, "tags": {}}]
        return deliver(self.store, None, [event | moment for event in events], folder)


@pytest.fixture(scope="module")
def runs(shared_workplace, config) -> Runs:
    """Runs that the tests of a file share."""
    from src.tracking.store import connect

    place = shared_workplace
    artifacts = str(place.folder / "artifacts")
    return Runs(place, config, connect(place.uri, place.experiment, artifacts))


@pytest.fixture(scope="session")
def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """200 digits (200, 1, 28, 28) uint8 and their labels (200,)."""
    from src.data import mnist_5k

    splits = mnist_5k.load(n=400, target="digit", val_fraction=0.5, split_seed=0)
    rows = splits.val.rows
    return splits.val.inputs[rows], splits.val.labels[rows]


@pytest.fixture
def folder(tmp_path) -> Path:
    """A place for the files of a test."""
    place = tmp_path / "given"
    place.mkdir()
    return place
