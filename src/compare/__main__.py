"""Compare runs again, or runs of several sweeps: `python -m src.compare [RUN_ID …] [key=value …]`.

Without a run id the last sweep is compared; `key=value` are the config's `compare` and `tracking`.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from src import ROOT, answer, config
from src.compare import Comparison
from src.errors import InputError
from src.process_exit import fast_exit
from src.tracking import records
from src.tracking.sender import open_store

if TYPE_CHECKING:
    from src.tracking.client import Store

PROVENANCE = ("command", "versions", "hardware", "git_commit")  # tags of a sweep


def main(arguments: Sequence[str]) -> None:
    """Compare, tell, and keep the answer: with the one sweep it is of, or else in a folder."""
    if {"-h", "--help"} & {*arguments}:
        print(__doc__.strip())
        return
    overrides = [argument for argument in arguments if "=" in argument]
    ids = [argument for argument in arguments if "=" not in argument]
    settings = config.settings(overrides)
    store = open_store(settings["tracking"])
    asked = [records.get(store, run_id) for run_id in ids] or [records.last_sweep(store)]
    families = [records.sweep_jobs(store, run.info.run_id) or [run] for run in asked]
    jobs = {job.info.run_id: job for family in families for job in family}
    sweep = asked[0] if len(asked) == 1 and asked[0].data.tags.get("kind") == "sweep" else None
    if sweep:
        given = {override.partition("=")[0] for override in overrides}
        settings["compare"] |= _settings_of(sweep, given)
    comparison = answer.compare_jobs(store, list(jobs.values()), settings["compare"])
    answer.tell(comparison)
    provenance = {key: asked[0].data.tags.get(key, "unknown") for key in PROVENANCE}
    if sweep:
        _replace(store, sweep.info.run_id, comparison, provenance)
        print(answer.where(store, sweep.info.run_id))
    else:
        folder = ROOT / "outputs" / "comparisons" / time.strftime("%Y-%m-%d_%H-%M-%S")
        list(answer.events(comparison, folder, provenance))
        print(f"Report: {folder}/artifacts/comparison/report.html")


def _settings_of(sweep: Any, given: set[str]) -> dict[str, Any]:
    """The `compare` settings under which a sweep was run, but for those `given` now."""
    own = {}
    for key, text in sweep.data.params.items():
        if key.startswith("compare.") and key not in given:
            name = key.removeprefix("compare.")
            value = float(text) if name in ("margin", "target_error") and text != "null" else text
            own[name] = None if text == "null" else value
    return own


def _replace(
    store: "Store", run_id: str, comparison: Comparison, provenance: dict[str, str]
) -> None:
    from src.tracking import client

    with TemporaryDirectory() as folder:
        moment = {"time": time.time_ns() // 1_000_000}
        events = [e | moment for e in answer.events(comparison, Path(folder), provenance)]
        client.deliver(store, run_id, events, Path(folder), is_first_try=True)


if __name__ == "__main__":
    with fast_exit():
        try:
            main(sys.argv[1:])
        except InputError as error:
            sys.exit(str(error))
