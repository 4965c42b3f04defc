"""The beginning of a multirun: its jobs are checked, and given what they share."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import NoReturn

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from src import provenance
from src.config.compare_settings import CompareSettings
from src.config.hydra_internals import (
    BASIC_LAUNCHER,
    QUEUE_LAUNCHER,
    add_overrides,
    as_typed,
    mapping_text,
)
from src.data.availability import ensure_data
from src.errors import InputError
from src.inference.publish import Models, Publication
from src.messages import logs
from src.process import fork_server
from src.process.exit import require_normal_shutdown
from src.process.signals import defer_stop
from src.sweep import compose, decisions, dry_run, growing, preflight, secrets
from src.sweep.closing import close_if_ended
from src.sweep.compose import Composed
from src.sweep.decisions import Planned
from src.sweep.finish import BegunSweep, begun
from src.tracking.journal import Journal
from src.tracking.result_index import ResultIndex
from src.tracking.run_logger import sweep_start
from src.tracking.sweep_journals import SweepJournals
from src.tracking.uploader_process import start_uploader

log = logging.getLogger(__name__)

HINT = {True: "the same command continues", False: "the same command with reuse=true continues"}


def begin(config: DictConfig) -> None:
    """Check all jobs, find the data for all of them, and begin the sweep's journal.

    What the jobs share reaches them, whatever the launcher, as overrides of Hydra's own.
    """
    hydra, preload = config.hydra, config.hydra.launcher.get("preload")
    _warm(preload, config)
    secrets.hide_secrets(config)
    logs.show(hydra.verbose)
    preflight.check_settings(hydra)
    growing.check_sweeper(config)
    is_basic = hydra.launcher._target_ == BASIC_LAUNCHER
    if config.threads == "auto" and not is_basic:  # jobs share the cores
        add_overrides(config, f"threads={hydra.launcher.get('threads', 1)}")
    overrides = compose.job_overrides(config)
    varied = compose.varying(overrides)
    jobs = _composed(config, overrides)
    preflight.check_jobs(jobs, varied, Path(hydra.sweep.dir))
    probes = growing.probe_jobs(config, overrides)
    settings = jobs[0].config.nested
    index, uploader = ResultIndex.of(settings), start_uploader()
    uploader.ask("connect", index, hydra.verbose)
    labels = [as_typed([o for o in job if o.key_or_group in varied]) for job in overrides]
    note = _power_note(config, jobs, [" ".join(label) for label in labels])
    all_identities = preflight.check_parts(config, [*jobs, *probes])
    uploader.answer()
    rows = zip(jobs, all_identities, map(as_typed, overrides), labels, strict=False)
    planned = [Planned(*row) for row in rows]
    is_known = not growing.depends_on_results(config)  # else each round is decided as it begins
    if config.dry_run:
        _show_plan(config, index, planned, note)
    decided = decisions.decide(index, planned) if is_known else {}
    if note:
        logs.to_stderr(note)
    is_ours = growing.sees_jobs(hydra)
    is_queue = hydra.launcher._target_ == QUEUE_LAUNCHER
    if not (is_ours or is_queue):
        require_normal_shutdown()
    code = {name: digest for each in all_identities for name, digest in each.code.items()}
    count = len(overrides) or None if is_known else None
    is_new = not decided or any(each.source is None for each in decided.values())
    sweep_id = _begin(config, jobs, index, count, code, is_new)
    is_queued = is_queue and count is not None  # the last job ends the sweep, whoever waits
    hand_on(config, id=sweep_id, uploads=not is_ours, is_queued=is_queued)
    if overrides:
        hand_on(config, varying=f"[{','.join(varied)}]", code=mapping_text(code))
    if count:
        decisions.record_reused(index, {"id": sweep_id, "varying": varied}, decided, planned)
        uploader.attempt("send_now")  # all of them are there at once
    _prepare_comparison()


def _warm(preload: Sequence[str] | None, config: DictConfig) -> None:
    """Begin to import torch, and torchmetrics if needed, on another core."""
    own = ["torchmetrics.functional.classification"]
    is_measured = "classification." in str(config.get("metrics"))
    if not OmegaConf.is_list(preload) or not all(isinstance(name, str) for name in preload or ()):
        return  # the launcher refuses what is no list of modules
    try:
        if preload:
            fork_server.start([*preload, *(own if is_measured else [])])
    except OSError:  # too few processes or handles are told when they are needed
        log.debug("the fork server has not begun", exc_info=True)


def _prepare_comparison() -> None:
    """Begin to import what the end needs, in a thread."""
    from src.answers.record import prepare

    with suppress(RuntimeError):  # no further thread: the imports can wait
        Thread(target=prepare, daemon=True).start()


def hand_on(config: DictConfig, **told: str | bool) -> None:
    """Tell all jobs of a sweep about it; its id stays text, also one of digits alone."""
    words = {k: str(v).lower() if isinstance(v, bool) else v for k, v in told.items()}
    words |= {"id": f"'{words['id']}'"} if "id" in words else {}
    add_overrides(config, *(f"sweep.{key}={word}" for key, word in words.items()))


def _show_plan(
    config: DictConfig, index: ResultIndex, jobs: Sequence[Planned], note: str
) -> NoReturn:
    """Print what would become of the jobs, as far as they do not depend on results, and end."""
    if not jobs:
        raise InputError("dry_run=true: must be false; this sweeper decides on its jobs as it goes")
    rest = [note] if note else []
    if growing.depends_on_results(config):
        rounds = growing.make_rounds(config)
        jobs = growing.plan_round(config, rounds.next({}))
        further = rounds.total - len(jobs)
        rest.insert(0, f"and then {further} jobs or more, which depend on results")
    decided = decisions.decide(index, jobs)
    dry_run.show(dry_run.plan(index, jobs, decided), [each.label for each in jobs])
    print(*rest, sep="\n", end="\n" if rest else "")
    raise SystemExit(0)


def _composed(config: DictConfig, overrides: Sequence[Sequence[Override]]) -> list[Composed]:
    """Compose the jobs for the data that are there."""
    jobs = compose.compose_jobs(config, overrides)
    if ensure_data(job.config.nested["data"] for job in jobs):
        add_overrides(config, "sweep.fallback=true")
        jobs = compose.compose_jobs(config, overrides)
    return jobs


def _power_note(config: DictConfig, jobs: Sequence[Composed], labels: Sequence[str]) -> str:
    """Return why the jobs will decide nothing. Raises InputError where no comparison can be."""
    from src.answers import recorded_jobs  # imports numpy, while others import torch and MLflow

    named = {label: job.config.flat for label, job in zip(labels, jobs, strict=False)}
    settings = CompareSettings.of(jobs[0].config.nested["compare"])
    is_comparison = growing.depends_on_results(config)
    note = recorded_jobs.power_note(named, settings, is_comparison)
    return f"note: {note}" if note else ""


def _begin(
    config: DictConfig,
    jobs: Sequence[Composed],
    index: ResultIndex,
    count: int | None,
    code: Mapping[str, str],
    is_new: bool,
) -> str:
    """Write that the sweep has begun, from where on there is something to finish; return its id.

    `is_new` tells whether any job has no result yet.
    """
    settings, models = jobs[0].config.nested, Publication.of(job.config for job in jobs)
    journal, report = Journal(Path(config.hydra.sweep.dir)), provenance.report(code)
    is_search = count is None and not growing.depends_on_results(config)
    start = sweep_start(
        compose.question(config), journal.folder, settings, report, count, is_search
    )
    sweep_id: str = start["tags"]["job"]
    uploader = start_uploader()
    for _, folder in list(index.opened()):
        close_if_ended(Journal(folder), index)
    uploader.call("close_abandoned")
    with defer_stop():
        journal.begin(**start)
        secrets.make_private(journal.folder)
        index.open(sweep_id, journal)
        # Of all runs the programs, which lie on disk together, might be too many.
        exports = preflight.is_warm(config.hydra.launcher) and models.which == Models.BEST
        makes_models = is_new and models.which != Models.NONE and not exports
        uploader.ask("watch", journal.folder, count if makes_models else None)
        compare = CompareSettings.of(settings["compare"])
        own = SweepJournals(journal), index, count, compare, report
        models = replace(models, most=1) if is_search else models
        hint, is_submitted = HINT[settings["reuse"]], settings["submit"]
        begun.append(BegunSweep(*own, hint, models, exports, is_submitted, is_search))
    uploader.answer()
    return sweep_id
