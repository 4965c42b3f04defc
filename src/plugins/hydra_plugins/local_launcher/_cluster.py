"""The results of jobs that run on other machines, as a cluster's engine tells of them."""

from collections.abc import Iterable, Sequence

from hydra.core.utils import JobReturn
from hydra_plugins.local_launcher._worker import Multirun

from src.launching import JobKilledError, SweepView, failure_of, raise_if_stop_requested

POLL_SECONDS = 0.5  # between looks at the jobs
Ended = Iterable[tuple[int, JobReturn]]  # jobs, by their place in the batch


def collect(
    polls: Iterable[Ended], multirun: Multirun, jobs: Sequence[list[str]], first: int
) -> list[JobReturn]:
    """Return the results of jobs numbered from `first`; a failed one's carries the reason.

    Each of `polls` is a look at the jobs, which takes some time; the last one ends the last job.
    """
    source, returns = multirun.batch(jobs, first), dict[int, JobReturn]()
    with SweepView(multirun.folder, source) as view:
        view.add(source.next({}))
        for ended in polls:
            for index, result in ended:
                result.overrides, returns[index] = jobs[index], result
                error = failure_of(result)
                is_unseen = view.journals.get(first + index) is None
                if isinstance(error, JobKilledError) or (error is not None and is_unseen):
                    multirun.end_job(first + index, result)
                view.done(first + index, error)
            view.refresh()
            raise_if_stop_requested()
    return [returns[index] for index in range(len(jobs))]
