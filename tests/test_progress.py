"""Lines of a running sweep, as a log shows them."""

from src.job_source import Batch
from src.progress import SweepView, job_lines


def lines_of(batch: Batch, folder, capsys) -> list[str]:
    """Return what is told of a batch whose jobs all end."""
    with SweepView(folder, batch) as view:
        jobs = batch.next({})
        view.add(jobs)
        for job in jobs:
            view.done(job.number, None)
    return capsys.readouterr().err.splitlines()


def test_jobs_are_counted_through_all_batches_of_a_sweeper(tmp_path, capsys):
    first, second = ([["lr=1"], ["lr=2"]], [["lr=3"]])
    assert lines_of(Batch(first, 0), tmp_path, capsys) == [
        "[1/2] lr=1  finished",
        "[2/2] lr=2  finished",
    ]
    assert lines_of(Batch(second, 2), tmp_path, capsys) == ["[3/3] lr=3  finished"]


def test_where_the_sweeper_says_how_many_there_will_be_each_batch_tells(tmp_path, capsys):
    assert lines_of(Batch([["lr=3"]], 2, total=8), tmp_path, capsys) == ["[3/8] lr=3  finished"]


def test_long_names_are_cut_between_their_ends_so_that_a_line_fits_a_terminal():
    done = "epoch 10/10  train  0.00%  validation  0.00%"
    tuned = f"optimizer.lr=0.0126 {'optimizer.weight_decay=0.000123 ' * 2}seed=1000"
    lines = job_lines([(tuned, done), ("seed=0", "starting")], 80)
    assert [len(line) for line in lines] == [80, 44]
    assert lines[0].startswith("  optimizer.lr=0.0…")
    assert lines[0].endswith(f"seed=1000  {done}")
    assert lines[1].startswith("  seed=0 ")
    assert lines[1].endswith("  starting")
    assert job_lines([("seed=0", done)], 80) == [f"  seed=0  {done}"]
    assert job_lines([(tuned, done)], 20) == [f"  …  {done}"]
