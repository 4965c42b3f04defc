"""Register a sweep's winner: `python -m src.register name=NAME [sweep=last|RUN_ID]`.

The best run of the winning variant becomes a version of the registered model NAME, with the
verdict as its description and the alias champion: models:/NAME@champion. Refused where the winner
is undecided against another variant. Of crossed seeds and of a search, in which no variants are
compared, it is the best run.

  name=NAME              of the registered model
  sweep=last|RUN_ID      the sweep; the last one is the default
  --anyway               register the lowest mean error although it may be chance
  tracking.KEY=VALUE     where the runs are, as for training
"""

from collections.abc import Sequence

from src import command_line
from src.compare import Comparison
from src.compare.comparison import judge_all_pairs
from src.compare.contrasts import Verdict
from src.errors import InputError

ALIAS = "champion"


def main(arguments: Sequence[str]) -> None:
    """Register and print the version. Raises InputError where nothing can be registered."""
    words = command_line.parse(arguments, ("name", "sweep"), ("--anyway",))
    words.no_files()
    name = words.value("name")
    if not name:
        raise InputError("name=NAME: must be given: the registered model's")
    from src.answers.recorded_jobs import conclude_again
    from src.inference import publish
    from src.tracking import logged_model, sweep_runs
    from src.tracking.run_source import RunSource

    source = RunSource(words.tracking)
    store, sweep = words.tracking.open(), source.sweep(words.value("sweep"))
    answer, candidates = conclude_again(source, sweep), sweep.usable
    found = answer.result
    if isinstance(found, Comparison):
        winners = {run.run_id for run in found.best.usable.values()}
        candidates = [record for record in candidates if record.run.run_id in winners]
        if rivals := undecided(found):
            among = " among all pairs" if found.effects else ""
            reason = f"{found.best.label} is not decided{among} against {', '.join(rivals)}"
            if "--anyway" not in words.flags:
                raise InputError(f"{reason}; --anyway registers it all the same")
            print(f"warning: {reason}")
    record = sweep_runs.ranked(candidates)[0]
    model_id = publish.publish_run(store, record)
    version = logged_model.register(store, model_id, name, answer.verdict, ALIAS)
    print(f"models:/{name}@{ALIAS} is version {version}: {record.name} (models:/{model_id})")


def undecided(comparison: Comparison) -> list[str]:
    """Return the variants against which that of the lowest mean error is not decided.

    It is decided where it is better, or equivalent within the margin, in the family of all pairs,
    since the results chose it.
    """
    best = comparison.best
    decided = {
        rival
        for pair in judge_all_pairs(comparison)
        for one, rival, won in ((pair.a, pair.b, Verdict.BETTER), (pair.b, pair.a, Verdict.WORSE))
        if one is best and pair.verdict in (won, Verdict.EQUIVALENT)
    }
    return [v.label for v in comparison.variants if v is not best and v not in decided]


if __name__ == "__main__":
    command_line.run(main, __doc__)
