"""One job: cfg -> components -> fit -> journal."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from src import artifacts
from src.config.hydra_internals import typed_lines
from src.config.resolved import Resolved, resolve
from src.errors import InputError
from src.inference.publish import Publication
from src.messages import logs
from src.metrics import Epoch
from src.progress import result_table, with_progress
from src.tracking import elsewhere, run_logger
from src.tracking.event import EventKind, event_now
from src.tracking.job_record import LEFT, Action, JobRecord, Status, fold
from src.tracking.journal import FILES, Journal
from src.tracking.result_index import ResultIndex
from src.tracking.run_logger import run_lifecycle
from src.tracking.uploader import uploading
from src.tracking.uploader_process import start_uploader
from src.training.checkpoint import Checkpoint
from src.training.components import Components, build
from src.training.selection import Result, end_epoch
from src.training.setup import Environment, prepare


@dataclass(frozen=True)
class Job:
    """A job: its config, where it computes, and where it is recorded."""

    config: Resolved
    environment: Environment
    start: dict[str, Any]  # the fields of its journal's first event
    journal: Journal
    index: ResultIndex
    typed: Sequence[str]  # its overrides
    is_handed_on: bool = False  # whether the next rung of successive halving goes on where it stops

    @property
    def fingerprint(self) -> str:
        return self.start["tags"]["fingerprint"]

    def checkpoint(self, after: int | None = None) -> Path:
        """Return where its checkpoint lies, or is left for the next rung of successive halving."""
        nested, name = self.config.nested, self.fingerprint
        if after is not None:
            whole = replace(self.config, nested={**nested, "stop_after": None})
            name = f"{self.environment.identity(whole).fingerprint}.{after}"
        apart = "" if nested["reuse"] else f".{nested['sweep']['id']}"  # from those of other sweeps
        return self.index.checkpoint(name + apart)

    @property
    def left(self) -> Path | None:
        """The file that its checkpoint is left in for the next rung; None where nothing goes on."""
        stop = self.config.nested["stop_after"]
        return self.checkpoint(stop) if self.is_handed_on and stop is not None else None


def run(cfg: DictConfig) -> float:
    """Train and record one job; return the value of `select_by` at the kept epoch, for sweepers.

    Raises InputError when a part cannot be made.
    """
    hydra = HydraConfig.get()
    logs.show(hydra.verbose)
    config, journal = resolve(cfg, hydra.runtime.choices), Journal(Path(hydra.runtime.output_dir))
    overrides = typed_lines(hydra.overrides.task)
    index = ResultIndex.of(config.nested)
    if config.nested["sweep"]["id"] is None:
        return _single(config, journal, index, overrides)
    if not config.nested["sweep"]["uploads"]:
        return _of_sweep(config, journal, index, overrides, hydra.job.num)
    sweep, sweep_id = Path(hydra.sweep.dir), config.nested["sweep"]["id"]
    if not (is_shared := elsewhere.is_seen(sweep, sweep_id)):
        elsewhere.check(index.tracking, sweep)
        elsewhere.take_over(index.tracking, journal, sweep_id, hydra.job.num)
    with uploading(journal, sweep, index.tracking.connect):
        return _of_sweep(config, journal, index, overrides, hydra.job.num, is_shared)


def _single(
    config: Resolved, journal: Journal, index: ResultIndex, overrides: Sequence[str]
) -> float:
    """Train a single run; nothing is recorded if its parts cannot be made."""
    try:
        environment = prepare(config)
        components = build(config, environment)
    except (InputError, KeyboardInterrupt):
        with suppress(OSError):  # the folder is not empty
            journal.folder.rmdir()  # Hydra made it, and nothing came of it
        raise
    start = run_logger.start_event(config, environment, overrides, None)
    index.open(start["tags"]["job"], journal)
    value = _resumed(Job(config, environment, start, journal, index, overrides), components)
    uploader = start_uploader()
    place = uploader.attempt("deliver")
    publish = partial(Publication.of([config]).publish, programs={})
    if models := uploader.attempt("with_runs", publish):
        logs.to_stdout(models)
    logs.to_stdout(place or f"Files: {journal.folder / FILES}")
    return value


def _resumed(job: Job, components: Components) -> float:
    """Train a single run so that the same command with resume=true can go on with it.

    Two equal runs at the same time do not share a checkpoint; the second goes without.
    """
    checkpoint = job.index.checkpoint(job.fingerprint, is_single=True)
    with job.index.alone(checkpoint.stem, wait=False) as is_alone:
        path = checkpoint if is_alone else None
        if path and not job.config.nested["resume"]:
            path.unlink(missing_ok=True)
        action = job.index.decide(job.fingerprint, path, reuse=False).action
        if job.config.nested["resume"] and action == Action.TRAIN:
            logs.to_stdout("resume=true: no such run was cut off; it is trained from the start")
        try:
            return _train(job, components, path, action)
        except KeyboardInterrupt:
            if path and path.exists():
                hint = "Interrupted: the same command with resume=true continues."
                print(hint, file=sys.stderr)
            raise


def _of_sweep(
    config: Resolved,
    journal: Journal,
    index: ResultIndex,
    overrides: Sequence[str],
    number: int,
    is_shared: bool = True,
) -> float:
    """Take the job from where it was trained before, go on where it was cut off, or train it.

    A trial of successive halving goes on where the rung before has stopped, unless its folders are
    not `is_shared`: nobody would delete there what no rung goes on from.
    """
    reuse, sweep = config.nested["reuse"], config.nested["sweep"]
    if record := run_logger.already_finished(journal, sweep["id"], number):
        return record.objective
    try:
        environment = prepare(config)
    except InputError:
        with run_lifecycle(journal, run_logger.job_metadata(config, overrides, number)):
            raise
    start = run_logger.start_event(config, environment, overrides, number)
    is_rung = sweep["after"] is not None
    job = Job(config, environment, start, journal, index, overrides, is_rung and is_shared)
    if job.left:
        start["tags"][LEFT] = job.left.stem
    if not (reuse or is_rung):
        return _train(job)
    checkpoint = job.checkpoint()
    with index.alone(checkpoint.stem) as is_alone:
        if source := index.decide(job.fingerprint, checkpoint, reuse).source:
            return _reuse(job, source, checkpoint)
        if not is_alone:
            return _train(job)
        _find_checkpoint(job, checkpoint)
        action = index.decide(job.fingerprint, checkpoint, reuse).action
        return _train(job, path=checkpoint, action=action)


def _reuse(job: Job, source: JobRecord, checkpoint: Path) -> float:
    """Record a job as what `source` found."""
    _leave(checkpoint, job.left)  # the source may have been killed after its last epoch
    checkpoint.unlink(missing_ok=True)
    value = run_logger.record_cached(job.journal, job.start, source)
    job.index.add(job.fingerprint, job.journal, job.typed)
    return value


def _find_checkpoint(job: Job, checkpoint: Path) -> None:
    """Fetch what an attempt on another machine, or the rung before, has left to go on from."""
    if job.config.nested["checkpoint_minutes"]:
        elsewhere.take_up(job.index.tracking, job.journal, checkpoint)
    if (after := job.config.nested["sweep"]["after"]) and not checkpoint.exists():
        _leave(job.checkpoint(after), checkpoint)


def _leave(checkpoint: Path, left: Path | None) -> None:
    """Move a checkpoint, if there is one, to where the next rung looks for it."""
    if left and checkpoint.exists():
        checkpoint.replace(left)


def _train(
    job: Job,
    components: Components | None = None,
    path: Path | None = None,
    action: Action = Action.TRAIN,
) -> float:
    """Train and record a job; `path` is where it keeps its checkpoint."""
    journal = job.journal
    with run_lifecycle(journal, job.start, action):
        components = components or build(job.config, job.environment)
        checkpoint = components.checkpoint(path) if path else None
        result = _fitted(job, components, checkpoint)
        summary = result.summary | components.test(result.weights)
        pictures = job.config.nested["figures"]
        folder = journal.folder / FILES
        files, correct = artifacts.write(
            folder, components.model, components.splits, result, pictures
        )
        (folder / "config.yaml").write_text(job.config.yaml, encoding="utf-8")
        last = result.history[-1].epoch
        journal.extend(  # at once: each waits for the disk
            event_now(EventKind.FINAL, step=last, values=summary, correct=correct),
            journal.files_event([*files, folder / "config.yaml"]),
            event_now(EventKind.END, status=Status.FINISHED, tags={"outcome": result.outcome}),
        )
    job.index.add(job.fingerprint, journal, job.typed)
    if checkpoint:
        _leave(checkpoint.path, job.left)
        checkpoint.remove()
    logs.to_stdout(result_table(job.start["name"], summary, result.outcome))
    record = fold(journal)
    assert record is not None, "its start is written"
    return record.objective


def _fitted(job: Job, components: Components, checkpoint: Checkpoint | None) -> Result:
    """Train to the end; each epoch is recorded and shown."""
    nested, journal = job.config.nested, job.journal
    name = job.start["name"] if nested["sweep"]["id"] else ""

    def watch(epochs: Iterator[Epoch], earlier: Sequence[Epoch]) -> Iterator[Epoch]:
        logged = run_logger.log_epochs(epochs, journal, earlier)
        return with_progress(logged, end_epoch(nested), name)

    minutes = nested["checkpoint_minutes"]
    save = elsewhere.leaving(checkpoint, journal, minutes) if checkpoint else None
    return components.train(job.config, checkpoint, watch, save)
