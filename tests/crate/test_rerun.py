"""A sweep handed over and run again, by command lines."""

import json
import os
import subprocess
import sys
import zipfile

import pytest

from src.crate import archive
from src.crate.results import load
from src.folders import ROOT

pytestmark = pytest.mark.slow


def command(module: str, *words: str) -> subprocess.CompletedProcess:
    call = [sys.executable, "-m", module, *words]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, env=os.environ)


def test_a_sweep_is_handed_over_and_run_again(fresh_workplace, tmp_path):
    place, file = fresh_workplace, tmp_path / "result.zip"
    swept = place.train(
        "-m", "data=mnist_5k", "data.n=400", "epochs=2", "model=softmax,mlp", "seed=0,1",
        "figures=false",
    )  # fmt: skip
    assert swept.returncode == 0, swept.stderr
    words = [word for word in place.overrides if word.startswith("tracking.")]
    packed = command("src.export", *words, f"out={file}")
    assert packed.returncode == 0, packed.stderr
    found = archive.read(file)
    jobs = load(found["results.json"])
    assert [job.name for job in jobs] == [
        f"model={model} seed={seed}" for model in ("softmax", "mlp") for seed in (0, 1)
    ]
    assert {job.dataset["digest"] for job in jobs} == {jobs[0].dataset["digest"]}
    assert {"report/report.html", "report/pairs.csv", "configs/3.yaml", "code.diff"} <= found.keys()
    assert b"torch==" in found["environment.txt"]
    told = b"".join(content for name, content in found.items() if name != "code.diff")
    assert str(place.folder).encode() not in told  # no path of this machine

    again = command("src.rerun", str(file), f"rerun.dir={tmp_path}/again")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "curves: 4 of 4 jobs bitwise equal in every epoch" in again.stdout

    # Another figure, and its digest: told apart from the same figure.
    jobs_as_json = json.loads(found["results.json"])
    jobs_as_json[2]["summary"]["test/error"] += 0.5
    folder = tmp_path / "folder"
    for name, content in found.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "results.json").write_text(json.dumps(jobs_as_json))
    archive.write(file, folder, "x", "y", {"name": "x"})
    differs = command("src.rerun", str(file), f"rerun.dir={tmp_path}/again2")
    assert differs.returncode == 1
    assert "model=mlp seed=0: test/error" in differs.stderr
    assert "1 figures or jobs are not what they were" in differs.stderr

    with zipfile.ZipFile(file, "a") as opened:
        opened.writestr("more.txt", "")
    refused = command("src.rerun", str(file))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"{file}: more.txt: not listed in ro-crate-metadata.json\n"
