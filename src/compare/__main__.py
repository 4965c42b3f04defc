"""Compare runs again, or runs of several sweeps: `python -m src.compare [RUN_ID …] [key=value …]`.

Without a run id the last sweep is compared; `key=value` are the config's `compare` and `tracking`.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from src import ROOT, answer, config, records
from src.errors import InputError
from src.sender import open_store


def main(arguments: Sequence[str]) -> None:
    """Compare, tell, and keep the answer with the sweep, or in a folder when it is of several."""
    overrides = [argument for argument in arguments if "=" in argument]
    settings = config.settings(overrides)
    store = open_store(settings["tracking"])
    ids = [argument for argument in arguments if "=" not in argument]
    asked = [records.get(store, run_id) for run_id in ids] or [records.last_sweep(store)]
    families = [records.sweep_jobs(store, run.info.run_id) or [run] for run in asked]
    jobs = list({job.info.run_id: job for family in families for job in family}.values())
    alone = asked[0] if len(asked) == 1 else None
    own = _own_settings(alone) if alone else {}
    given = {override.split("=")[0] for override in overrides}
    kept = {key: value for key, value in own.items() if f"compare.{key}" not in given}
    comparison = answer.compare_jobs(store, jobs, settings["compare"] | kept)
    answer.tell(comparison)
    if alone and alone.data.tags.get("kind") == "sweep":
        _replace(store, alone, comparison)
        print(answer.where(store, alone.info.run_id))
    else:
        folder = ROOT / "outputs" / "comparisons" / time.strftime("%Y-%m-%d_%H-%M-%S")
        list(answer.events(comparison, folder, _provenance(asked[0])))
        print(f"Report: {folder}/artifacts/comparison/report.html")


def _own_settings(sweep: Any) -> dict[str, Any]:
    """The `compare` settings under which a sweep was run."""
    own = {}
    for key, text in sweep.data.params.items():
        group, _, name = key.partition(".")
        if group == "compare":
            own[name] = (
                text if name in ("question", "baseline") and text != "null" else json.loads(text)
            )
    return own


def _replace(store: Any, sweep: Any, comparison: Any) -> None:
    from src.tracking import deliver

    with TemporaryDirectory() as folder:
        for event in answer.events(comparison, Path(folder), _provenance(sweep)):
            moment = {"time": time.time_ns() // 1_000_000}
            deliver(store, sweep.info.run_id, event | moment, Path(folder))


def _provenance(run: Any) -> dict[str, str]:
    shown = ("command", "versions", "hardware", "git_commit")
    return {key: run.data.tags[key] for key in shown if key in run.data.tags}


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(str(error))
