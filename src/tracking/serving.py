"""What a sidecar is sent for: a job's journal, or a whole sweep from its first job to its answer.

Each is one side of a conversation; who sent the sidecar is at the other end of the line.
That about a sweep:

    sweep                           sidecar
    the arguments               ->
                                <-  "connected", or an InputError
    folder, report              ->                        its journal has begun
                                <-  run id, relay's address
    whether it was interrupted  ->                        no job runs any more
                                <-  the answer's events, or an InputError
    whether to tell the answer  ->                        its journal has ended
                                <-  "done"
"""

import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from src import commands, process_identity
from src.error_text import root_cause
from src.errors import GONE, UNHEARD, InputError
from src.tracking import outcomes
from src.tracking.journal import Journal
from src.tracking.relay import Relay
from src.tracking.sender import (
    HASTE_SECONDS,
    PATIENCE_SECONDS,
    Sender,
    open_store,
    send,
    send_all,
    send_each,
)

if TYPE_CHECKING:
    from src.compare import Comparison
    from src.tracking.client import Store

POLL_SECONDS = 0.1


def serve_job(line: Connection, folder: Path, settings: Mapping[str, str], owner: str) -> None:
    """Send the journal that the process `owner` keeps in `folder` until it is done with the line.

    `settings` is the config's `tracking`. Raises InputError when it cannot be used.
    """
    connect = partial(open_store, settings)
    connect()
    line.send("connected")
    journal = Journal(folder)
    sender = Sender(journal, connect)
    with suppress(*GONE):
        line.recv()
    job = outcomes.outcome(journal)
    if job is None or job.owner != owner:  # it could not even begin
        return
    if job.status == "RUNNING":  # it could not write its end itself
        outcomes.close(journal, "KILLED", "its process was gone")
    sender.close()


def serve_sweep(
    line: Connection,
    settings: Mapping[str, str],
    compare: Mapping[str, Any],
    planned: Mapping[str, Mapping[str, str]],
    key: bytes | None,
) -> None:
    """Make the sweep's run, serve its jobs, and find and tell its answer.

    `settings` and `compare` are those of the config, `planned` the jobs' flat configs by their
    names where they are known; `key` opens the relay to the jobs, None: they talk to the server
    themselves. Raises InputError when these cannot be used.
    """
    from src import answer

    connect = partial(open_store, settings)
    note = answer.foreseen(planned, compare)
    _end_abandoned(connect)
    line.send("connected")
    folder, report = line.recv()  # where a journal says that the sweep has begun
    if note:
        _say(f"note: {note}")
    journal = Journal(folder)
    send(journal, connect)
    relay = Relay(folder, connect, key) if key else None
    comparison, error, is_wanted, is_interrupted = None, None, False, True
    try:
        line.send((journal.sent.run_id, relay and relay.address))
        answer.prepare()
        (is_interrupted,) = line.recv()  # no job runs any more
        if relay:
            relay.close()
        patience = HASTE_SECONDS if is_interrupted else PATIENCE_SECONDS
        error = send_all(_ended(folder), connect, patience)
        told: list[dict[str, Any]] | InputError = []
        if not is_interrupted:
            comparison, told = _compared(connect, journal, compare, report)
        line.send(told)
        (is_wanted,) = line.recv()  # the journal is complete
    except GONE:  # the sweep is gone
        _settle(folder)
        send_all(_ended(folder), connect, HASTE_SECONDS)
    if comparison and is_wanted:
        with suppress(*UNHEARD):
            answer.tell(comparison)
    error = _close(connect, journal, is_compared=bool(comparison and is_wanted)) or error
    if error:
        _warn(error, journal, settings)
    line.send("done")


def _end_abandoned(connect: Callable[[], "Store"]) -> None:
    """End what processes of this machine that are gone left RUNNING.

    Their journals may know of more than the server, which was away: all of it is sent. What is
    RUNNING even then was KILLED.
    """
    from src.tracking import client, records

    store = connect()
    for run in records.running(store, process_identity.machine_id()):
        tags, run_id = run.data.tags, run.info.run_id
        if process_identity.is_alive(tags["process"]) or not records.is_running(store, run_id):
            continue
        if folder := tags.get("folder"):
            send_each([found.journal for found in outcomes.settled(Path(folder))], connect)
        if records.is_running(store, run_id):
            client.end(store, run_id, "KILLED", "its process was gone")


def _ended(folder: Path) -> list[Journal]:
    return [found.journal for found in outcomes.outcomes(folder) if found.status != "RUNNING"]


def _settle(folder: Path) -> None:
    """Wait until the processes of a sweep that was killed are gone, and end their journals."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(
        found.status == "RUNNING" and found.process == "alive"
        for found in outcomes.outcomes(folder)
    ):
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    outcomes.settled(folder)


def _compared(
    connect: Callable[[], "Store"],
    journal: Journal,
    settings: Mapping[str, Any],
    report: Mapping[str, str],
) -> "tuple[Comparison | None, list[dict[str, Any]] | InputError]":
    """The answer and what the journal is to hold of it; of a bug in finding it, what it says."""
    from src import answer
    from src.tracking import client, records

    try:
        store = connect()
        jobs = records.sweep_jobs(store, journal.sent.run_id)
        comparison = answer.compare_jobs(store, jobs, settings)
        return comparison, list(answer.events(comparison, journal.folder, report))
    except InputError as nothing:
        _say(f"No comparison: {nothing}")
    except client.UNREACHABLE as outage:
        _say(f"No comparison: {root_cause(outage)}")
    except Exception as bug:  # which must not cost the sweep its end
        traceback.print_exc()
        return None, InputError(f"no comparison: {type(bug).__name__}: {bug}")
    return None, []


def _close(connect: Callable[[], "Store"], journal: Journal, is_compared: bool) -> Exception | None:
    """Send the sweep's own end and say where its report lies; returns what hindered it."""
    from src import answer
    from src.tracking import client

    try:
        send(journal, connect)
        if is_compared:
            _say(answer.where(connect(), journal.sent.run_id))
    except (InputError, *client.UNREACHABLE) as outage:
        return outage
    return None


def _warn(error: Exception, journal: Journal, settings: Mapping[str, str]) -> None:
    again = commands.compare(journal.sent.run_id, settings)
    _say(
        f"warning: the tracking server misses a part of this sweep ({root_cause(error)}); later "
        f"`{commands.sync(journal.folder)}` sends it, and then `{again}` compares again"
    )


def _say(line: str) -> None:
    with suppress(*UNHEARD):
        Console(stderr=True, soft_wrap=True).print(line, highlight=False, markup=False)
