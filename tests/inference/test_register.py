"""`python -m src.register` on sweeps that were put at the store."""

import numpy as np
import pytest

from src.errors import InputError
from src.register import main, undecided
from tests.compare.records import compare_runs, make_run

SOFTMAX = (0.2, 0.21, 0.19, 0.22, 0.2, 0.21)
MLP = (0.11, 0.1, 0.12, 0.13, 0.11, 0.12)


@pytest.fixture
def put(runs):
    def sweep(**errors: tuple[float, ...]) -> list[str]:
        jobs = [
            ((f"model={model}", f"seed={seed}"), error)
            for model, found in errors.items()
            for seed, error in enumerate(found)
        ]
        return runs.sweep(*jobs)[1]

    return sweep


@pytest.fixture(scope="module")
def last_sweep(runs) -> None:
    """A sweep to choose from."""
    runs.sweep((("model=softmax", "seed=0"), 0.2), (("model=mlp", "seed=0"), 0.1))


@pytest.mark.slow  # torch.export takes seconds to import
def test_the_winners_best_run_is_the_champion_with_its_verdict(runs, put, capsys):
    found = put(softmax=SOFTMAX, mlp=MLP)
    for version in ("1", "2"):
        main([*runs.words, "name=digits", "sweep=last"])
        assert f"models:/digits@champion is version {version}: model=mlp seed=1" in (
            capsys.readouterr().out
        )
        champion = runs.store.client.get_model_version_by_alias("digits", "champion")
        assert champion.version == int(version)
        assert champion.run_id == found[6 + 1]
        assert champion.description.startswith("model=mlp is better than model=softmax")
        model = runs.store.client.get_logged_model(champion.source.removeprefix("models:/"))
        assert model.source_run_id == champion.run_id
    put(softmax=SOFTMAX, mlp=(0.2, 0.21, 0.18, 0.21, 0.21, 0.2))
    main([*runs.words, "name=others", "--anyway"])
    assert "warning: model=mlp is not decided against model=softmax" in capsys.readouterr().out
    other = runs.store.client.get_model_version_by_alias("others", "champion")
    assert other.description.startswith("Undecided")


@pytest.mark.slow  # the server's answers
def test_what_chance_may_have_made_is_not_registered(runs, put):
    put(softmax=SOFTMAX, mlp=(0.2, 0.21, 0.18, 0.21, 0.21, 0.2))
    with pytest.raises(
        InputError, match="model=mlp is not decided against model=softmax; --anyway"
    ):
        main([*runs.words, "name=never"])
    # Better than the baseline is not enough where a third variant may be as good.
    put(softmax=SOFTMAX, mlp=MLP, cnn=(0.11, 0.1, 0.12, 0.12, 0.11, 0.12))
    with pytest.raises(InputError, match=r"model=cnn is not decided against .*model=mlp; --"):
        main([*runs.words, "name=never"])
    assert not runs.store.client.search_registered_models("name = 'never'")


def test_the_best_of_a_factorial_design_is_judged_against_all_others():
    """Others than those in its report, as those of which each factor has another level."""
    errors = {("a", "1"): 5, ("a", "2"): 4, ("a", "3"): 6, ("b", "1"): 4, ("b", "2"): 2}
    for last, rivals in ((6, []), (2.01, ["act=b depth=3"])):
        runs = [
            make_run({"act": act, "depth": depth}, seed, [(error + wobble) / 100])
            for (act, depth), error in (errors | {("b", "3"): last}).items()
            for seed, wobble in enumerate([-0.1, 0.1] * 4 if depth == "3" else [0] * 8)
        ]
        found = compare_runs(runs, margin=0.001)
        assert found.best.label == "act=b depth=2"
        assert undecided(found) == rivals


def test_what_the_report_of_a_design_does_not_decide_is_not_registered():
    means = {("a", "1"): 3, ("a", "2"): 2.6, ("b", "1"): 2.6, ("b", "2"): 2.2}
    for number in range(10, 20):
        draw = np.random.default_rng(number).normal(0, 0.3, (4, 8))
        runs = [
            make_run({"act": act, "depth": depth}, seed, [(mean + noise) / 100])
            for ((act, depth), mean), by_seed in zip(means.items(), draw, strict=True)
            for seed, noise in enumerate(by_seed)
        ]
        found = compare_runs(runs, margin=0.01)
        sides = [{p.a, p.b} - {found.best} for p in found.pairs if p.verdict == "undecided"]
        assert {v.label for s in sides if len(s) == 1 for v in s} <= {*undecided(found)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name=NAME: must be given"),
        (["name=a", "digits"], "digits: unknown"),
        (["name=a", "sweep=nothing"], "nothing: no run with this id"),
        (["name=a/b", "--anyway"], "name=a/b: "),
    ],
)
def test_bad_input_is_one_line(words, said, runs, last_sweep):
    with pytest.raises(InputError) as refused:
        main([*runs.words, *words])
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
