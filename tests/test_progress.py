"""Lines of a running sweep, as a log shows them."""

from src.job_source import Batch
from src.progress import SweepView


def lines_of(batch: Batch, folder, capsys) -> list[str]:
    """What is told of a batch whose jobs all end."""
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
