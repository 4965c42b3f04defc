"""Caveats of a comparison: what its reader must know besides the verdict, a sentence each."""

from collections import Counter
from collections.abc import Iterator

from src.compare.comparison import Comparison
from src.compare.formatting import count
from src.compare.sequential import size
from src.compare.summary import sentence
from src.metrics import ERROR


def caveats(comparison: Comparison) -> list[str]:
    """Return the caveats, the gravest first."""
    found = (
        _untuned,
        _post_hoc,
        _judged_before,
        _selection,
        _looks,
        _losses,
        _reasons,
        _disagreement,
    )
    return [text for about in (*found, _confounds, _code, _splits) for text in about(comparison)]


def _untuned(comparison: Comparison) -> Iterator[str]:
    if comparison.untuned:
        yield f"Untuned, at the settings of the config: {sentence(comparison.untuned)}"


def _post_hoc(comparison: Comparison) -> Iterator[str]:
    if comparison.post_hoc:
        beside = " The planned answer stays." * ("=" in comparison.post_hoc)
        yield (
            f"Post hoc: {comparison.post_hoc} was chosen when the results were known, so p "
            f"and intervals look surer than they are.{beside}"
        )


def _judged_before(comparison: Comparison) -> Iterator[str]:
    if comparison.judged_before:
        yield (
            f"An earlier sweep of these runs was judged by {comparison.judged_before}. What is "
            "chosen anew when results are known is not fixed in advance, so p and intervals look "
            "surer than they are."
        )


def _selection(comparison: Comparison) -> Iterator[str]:
    if comparison.criterion.selects_and_judges:
        yield (
            f"The {comparison.criterion.label} is judged on the samples that selected the epoch. "
            "It looks too good, and more so of long and noisy trainings, which a difference may be "
            "due to."
        )


def _looks(comparison: Comparison) -> Iterator[str]:
    plan = comparison.plan
    if not plan.earlier:
        return
    start = f"Looked at before with {' and '.join(str(size(each)) for each in plan.earlier)} seeds"
    if plan.is_kept(comparison.seeds):
        yield f"{start}, within the declared looks; what was decided then stays decided."
    else:
        level = max(pair.estimate.level for pair in comparison.pairs)
        is_reachable = level > 2 / 2**comparison.seeds
        limit = f"only below p = {level:.3f}" if is_reachable else "by no p"
        yield (
            f"{start}, which was not declared: a pair is decided {limit} at this look, so that all "
            "looks together err in 5 %."
        )


def _losses(comparison: Comparison) -> Iterator[str]:
    diverged = [f"{v.diverged} of {v.label}" for v in comparison.variants if v.diverged]
    if diverged:
        runs = [run for v in comparison.variants for run in v.runs if run.seed not in v.usable]
        guess = max(run.chance for run in runs)
        is_error = comparison.criterion.metric.name == ERROR.name
        note = f" (a guess: {ERROR.text(guess)} %)" if is_error else ""
        yield (
            f"{count(comparison.diverged, 'run')} diverged ({', '.join(diverged)}); "
            f"{'it' if comparison.diverged == 1 else 'each'} counts with "
            f"{comparison.criterion.of_diverged}{note}."
        )
    if comparison.failed:
        failed = ", ".join(f"{v.failed} of {v.label}" for v in comparison.variants if v.failed)
        yield (
            f"{count(comparison.failed, 'run')} failed or did not finish ({failed}); they have no "
            "value, and a variant that fails more often than another is not called better."
        )


def _reasons(comparison: Comparison) -> Iterator[str]:
    reasons = Counter(pair.reason for pair in comparison.pairs if pair.reason)
    for reason, pairs in reasons.items():
        yield f"{count(pairs, 'verdict')} changed: {reason}."


def _disagreement(comparison: Comparison) -> Iterator[str]:
    differ = [pair for pair in comparison.listed_pairs if pair.validation != pair.verdict]
    if differ:
        listed = "; ".join(
            f"{pair.a.label} against {pair.b.label} {pair.validation}, here {pair.verdict}"
            for pair in differ[:3]
        )
        more = f", and {len(differ) - 3} more" if len(differ) > 3 else ""
        yield f"The best validation error gives other verdicts: {listed}{more}."


def _confounds(comparison: Comparison) -> Iterator[str]:
    if comparison.confounds and comparison.pairs:
        keys = "; ".join(f"{k} ({', '.join(v)})" for k, v in comparison.confounds.items())
        tuned = {key for search in comparison.searches for key in search.settings}
        if tuned and tuned >= comparison.confounds.keys():
            yield f"Each variant has the settings that its own search chose: {keys}."
        else:
            yield (
                "Not only what names the variants differs between them, and its effect cannot be "
                f"told from theirs: {keys}."
            )


def _code(comparison: Comparison) -> Iterator[str]:
    if comparison.changed_code:
        yield (
            "The runs were trained by different code, and its effect cannot be told from that of "
            f"the factors: {', '.join(comparison.changed_code)}."
        )


def _splits(comparison: Comparison) -> Iterator[str]:
    sides = [(pair.a.usable, pair.b.usable) for pair in comparison.pairs]
    if any(a[seed].split != b[seed].split for a, b in sides for seed in a.keys() & b.keys()):
        yield "Some pairs of a seed were trained on different splits of the data."
