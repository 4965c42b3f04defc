"""The list of sweeps, from journals that a test writes."""

from pathlib import Path

from src.sweeps import main
from src.tracking.journal import Journal

COMMAND = "python -m src.train -m activation=sigmoid,relu 'seed=range(6)' " + "epochs=2 " * 20


def begin(folder: Path, **tags: str) -> Journal:
    journal = Journal(folder)
    journal.begin(name=folder.name, tags={"job": folder.name} | tags, tracking={})
    return journal


def test_a_sweep_is_shown_with_what_its_jobs_came_to_and_its_command_whole(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("COLUMNS", "80")
    sweep = begin(tmp_path / "sweep", kind="sweep", jobs="3", command=COMMAND)
    for number, status in enumerate(("FINISHED", "FINISHED", "FAILED")):
        job = begin(sweep.folder / str(number), sweep="sweep", number=str(number))
        job.append("end", status=status, tags={})
    sweep.append("end", status="FINISHED", tags={})
    main([str(tmp_path)])
    title, command = capsys.readouterr().out.splitlines()
    assert title.startswith(f"{sweep.folder}  finished  0 s ago  3 jobs: 2 finished, 1 failed")
    assert command.strip() == COMMAND.strip()


def test_a_folder_without_sweeps_says_what_makes_one(tmp_path, capsys):
    main([str(tmp_path)])
    assert "No sweep yet; `python -m src.train -m …` makes one." in capsys.readouterr().out
