"""The files that an archive of a sweep holds."""

import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from src.answers.recorded_jobs import conclude_again
from src.compare import write
from src.compare.plain_search import PlainSearch
from src.config.schema import GROUPS, UNRECORDED_KEYS
from src.crate import archive, command
from src.crate.results import FILE, JobResult, dump
from src.errors import InputError
from src.folders import ROOT
from src.inference.weights import own_targets
from src.provenance import REPORT_TAGS, git
from src.source import Source
from src.tracking.run_source import RunSource
from src.tracking.sweep_runs import SweepRuns, has_weights

COMMAND = "command.txt"
CODE = ("src", "conf", "pyproject.toml")
READ_ME = """# {name}

{verdict}

- `report/report.html`: the comparison with figures; `report/*.csv`: its tables
- `{results}`: every job with its config, seed, data and code digests, and all figures
- `configs/`: the resolved config of each job that trained{lacking}
- `environment.txt`: the packages installed when this was packed; the sweep ran on {versions}
- `code.diff`: what the code differed in from commit {git_commit} when this was packed
- hardware: {hardware}

To repeat it in a clone of the code at that commit, with `code.diff` applied:

    {command}
{own}
`python -m src.rerun THIS.zip` checks every digest, runs the same jobs again and says which figures
came out bitwise equal, equal within noise, or not.
"""
OWN_PARTS = """It uses parts of its authors' own, which are not in this archive: {own}. With their
module on PYTHONPATH, `--config-dir FOLDER` names the folder of their options, for both commands."""


def pack(source: RunSource, sweep: SweepRuns, file: Path) -> tuple[str, int]:
    """Write the archive of a sweep; return its SHA-256 and how many configs it lacks.

    Raises InputError where it cannot be written, and for a search, whose jobs no command names.
    """
    answer, tags = conclude_again(source, sweep), {k: sweep.tags.get(k, "") for k in REPORT_TAGS}
    question, verdict = answer.result.question, answer.verdict
    if isinstance(answer.result, PlainSearch):
        raise InputError(
            f"{file}: an archive holds the command that makes its jobs again; "
            "this sweep's sweeper decided on them as it went"
        )
    with TemporaryDirectory() as own:
        folder = Path(own)
        (folder / "report").mkdir()
        tags["command"] = command.show(command.portable(tags["command"]))
        write(answer.result, folder / "report", tags)
        results = [JobResult.of(record) for record in sweep.jobs]
        (folder / FILE).write_text(dump(results), encoding="utf-8")
        lacking = _write_configs(source, sweep, folder / "configs")
        (folder / "environment.txt").write_text(environment(), encoding="utf-8")
        (folder / "code.diff").write_bytes(code_diff(tags["git_commit"].rstrip("+")))
        (folder / COMMAND).write_text(f"{tags['command']}\n", encoding="utf-8")
        words = {"name": question, "verdict": verdict, "results": FILE, "own": _own_parts(results)}
        words["lacking"] = f", but for {lacking} whose server was away" if lacking else ""
        (folder / "README.md").write_text(READ_ME.format(**words, **tags))
        about = {"name": "fairsweep", "version": tags["git_commit"]}
        about |= {"runtimePlatform": tags["versions"]}
        return archive.write(file, folder, question, verdict, about), lacking


def _own_parts(results: Sequence[JobResult]) -> str:
    """Return a paragraph on parts that this project does not have; "" where there are none."""
    targets = {v for r in results for k, v in r.config.items() if k.endswith("_target_")}
    if own := sorted(targets - own_targets(GROUPS)):
        return f"\n{OWN_PARTS.format(own=', '.join(own))}\n"
    return ""


def _write_configs(source: RunSource, sweep: SweepRuns, folder: Path) -> int:
    """Write each job's resolved config without its paths to results and servers.

    Returns of how many finished jobs it cannot be had.
    """
    folder.mkdir()
    lacking = 0
    with TemporaryDirectory() as places:
        for number, record in enumerate(sweep.jobs):
            try:
                place = Path(places, str(number))
                place.mkdir()
                kept = source.fetch(record, "config.yaml", place)
                nested = yaml.safe_load(kept.read_bytes())
            except (InputError, yaml.YAMLError):  # of a job that failed there is none
                lacking += has_weights(record)
                continue
            aside = {*UNRECORDED_KEYS} - {"compare"}
            own = {key: value for key, value in nested.items() if key not in aside}
            (folder / f"{number}.yaml").write_text(yaml.safe_dump(own, sort_keys=False))
    return lacking


def environment() -> str:
    """Return Python's version, the platform, and a line a distribution as pip reads it."""
    found = {(d.metadata["Name"] or "").lower(): d.version for d in metadata.distributions()}
    head = f"# Python {platform.python_version()}, {platform.platform()}, when this was packed\n"
    return head + "".join(f"{name}=={version}\n" for name, version in sorted(found.items()) if name)


def code_diff(commit: str) -> bytes:
    """Return what the code differs in from a commit, new files included; b"" outside git."""
    try:
        changed = git("diff", "--binary", commit, "--", *CODE)
        new = git("ls-files", "--others", "--exclude-standard", "-z", "--", *CODE).split(b"\0")
        added = [git("diff", "--no-index", "/dev/null", name.decode()) for name in new if name]
        return b"".join([changed, *added])
    except (OSError, subprocess.CalledProcessError):
        return b""


def changed_since(jobs: Sequence[JobResult]) -> list[str]:
    """Return the code files that have changed since jobs were trained with them."""
    digests = {name: digest for job in jobs for name, digest in job.code.items()}
    own = [name for name in digests if name.startswith("src/") and name.endswith(".py")]
    return sorted(name for name in own if Source.read(ROOT / name).digest != digests[name])
