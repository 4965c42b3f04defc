"""Processes that a test starts; their end is also that of all that they have started."""

import os
import signal
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress

import psutil

MARK = "STARTED_BY_TEST"  # a variable that children inherit, whatever group or session they make


class Processes:
    """Processes of which, with all that they start, none outlives `close`."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen] = []
        self.mark = uuid.uuid4().hex

    def start(self, command: list, **options) -> subprocess.Popen:
        """Start a process, whose output and errors are piped unless the options say otherwise."""
        own = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = own | {"text": True, "start_new_session": True} | options
        told = {MARK: self.mark, "PYTHONFAULTHANDLER": "1"}
        options["env"] = options.get("env", os.environ) | told
        self.started.append(subprocess.Popen(command, **options))
        return self.started[-1]

    def close(self) -> None:
        """Kill what still runs, and close its pipes, which else would fail a later test."""
        if self.started:
            while running := list(_marked(self.mark)):
                _send(signal.SIGKILL, running)
        while self.started:
            process = self.started.pop()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                with suppress(BrokenPipeError):  # something was left to write
                    if stream:
                        stream.close()


def abort(process: subprocess.Popen) -> str:
    """End a process and its children; return its errors and, of Python's, where each one was."""
    if process.poll() is None:
        mark = psutil.Process(process.pid).environ().get(MARK)
        own = _marked(mark) if mark else [psutil.Process(process.pid)]
        _send(signal.SIGABRT, own)
    process.wait()
    if process.stderr is None:
        return ""
    os.set_blocking(process.stderr.fileno(), False)  # a child may hold it open
    return process.stderr.read() or ""


def _marked(mark: str) -> Iterator[psutil.Process]:
    """Yield the running processes with this mark."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _send(number: signal.Signals, processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)
