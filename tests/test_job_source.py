"""Jobs as a launcher is handed them, and their names."""

from src.job_source import Batch

TYPED = ("data=mnist_5k", "model=mlp,cnn", "lr=interval(0,1)")


def names(batch: Batch) -> list[str]:
    return [job.name for job in batch.next({})]


def test_names_leave_out_what_all_jobs_share():
    assert names(Batch([["data=mnist_5k", "lr=1"], ["data=mnist_5k", "lr=2"]], 0)) == [
        "lr=1",
        "lr=2",
    ]
    assert names(Batch([["data=mnist_5k", "lr=1"]], 0)) == ["data=mnist_5k lr=1"]


def test_names_tell_jobs_apart_across_the_batches_of_a_search():
    jobs = [["data=mnist_5k", f"model={model}", "lr=0.5"] for model in ("mlp", "mlp", "cnn")]
    batches = [Batch(jobs[:2], 0, 3, TYPED), Batch(jobs[2:], 2, 3, TYPED)]
    assert [name for batch in batches for name in names(batch)] == [
        "model=mlp lr=0.5",
        "model=mlp lr=0.5",
        "model=cnn lr=0.5",
    ]
