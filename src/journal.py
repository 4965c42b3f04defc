"""What a job did, one JSON line an event, on disk before anything is sent anywhere."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

JOURNAL, SENT = "journal.jsonl", "sent.json"


class Journal:
    """The append-only events of the job whose directory is `folder`.

    Events carry their time, so that sending one twice is sending the same thing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / JOURNAL

    def repair(self) -> None:
        """Cut off the half of a line that a crash left behind."""
        if self.path.exists():
            whole = self.path.read_bytes().rpartition(b"\n")
            os.truncate(self.path, len(whole[0]) + len(whole[1]))

    def append(self, event: str, **fields: Any) -> None:
        """Write one event; it is whole on disk or, after a crash, not there."""
        line = json.dumps({"event": event, "time": time.time_ns() // 1_000_000, **fields})
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(line + "\n")

    def events(self, first: int = 0) -> Iterator[dict[str, Any]]:
        """The events from number `first` on; a line that a crash cut off is none."""
        if not self.path.exists():
            return
        with self.path.open() as file:
            for number, line in enumerate(file):
                if number >= first and line.endswith("\n"):
                    yield json.loads(line)

    @property
    def sent(self) -> tuple[int, str | None]:
        """How many events the tracking server has, and the id of the run they went to."""
        try:
            state = json.loads((self.folder / SENT).read_text())
        except FileNotFoundError:
            return 0, None
        return state["events"], state["run_id"]

    def mark_sent(self, events: int, run_id: str) -> None:
        """Note atomically what the server has."""
        draft = self.folder / f"{SENT}.new"
        draft.write_text(json.dumps({"events": events, "run_id": run_id}))
        draft.replace(self.folder / SENT)
