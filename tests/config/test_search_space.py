"""Search spaces as they are typed, and the values that they hold."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from src.config.search_space import Dimension, Scale, parse, quoted, unquoted
from src.errors import InputError


def test_each_kind_of_dimension_is_read():
    space = {
        "optimizer.lr": "log(0.005, 1)",
        "optimizer.momentum": " uniform( 0,0.99 ) ",
        "model.width": "int(16, 512)",
        "model.channels": "choice([16,32], [8,16])",
    }
    assert parse(space) == (
        Dimension("optimizer.lr", Scale.LOG, 0.005, 1),
        Dimension("optimizer.momentum", Scale.UNIFORM, 0, 0.99),
        Dimension("model.width", Scale.INT, 16, 512),
        Dimension("model.channels", Scale.CHOICE, choices=("[16,32]", "[8,16]")),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("log(1, 0.005)", "the lower one first"),
        ("uniform(1, 1)", "the lower one first"),
        ("log(0, 1)", "two numbers above 0"),
        ("uniform(0, inf)", "two finite numbers"),
        ("uniform(0, nan)", "two finite numbers"),
        ("uniform(0)", "two numbers"),
        ("int(0.5, 3)", "two integers"),
        ("choice(a)", "at least two values"),
        ("choice(a, a)", "each once"),
        ("choice(a, )", "at least two values"),
        ("range(1, 2)", "log(low, high), uniform"),
        ("0.1", "log(low, high), uniform"),
    ],
)
def test_a_space_that_means_nothing_is_refused_by_name(text, words):
    with pytest.raises(InputError) as refused:
        parse({"optimizer.lr": text})
    said = str(refused.value)
    assert said.startswith(f"tune.space.optimizer.lr={text}: must be ")
    assert words in said
    assert "\n" not in said


def test_an_empty_space_is_refused():
    with pytest.raises(InputError, match=r"tune\.space"):
        parse({})


def test_positions_are_spread_on_the_scale():
    (log,) = parse({"lr": "log(0.01, 1)"})
    assert [log.at(u) for u in (0, 0.25, 0.5, 1)] == ["0.01", "0.0316", "0.1", "1.0"]
    (even,) = parse({"p": "uniform(-1, 1)"})
    assert [float(even.at(u)) for u in (0, 0.5, 1)] == [-1, 0, 1]
    (whole,) = parse({"width": "int(1, 3)"})
    assert [whole.at((k + 0.5) / 9) for k in range(9)] == [*"111222333"]
    (choice,) = parse({"loss": "choice(mse, cross_entropy)"})
    assert [choice.at(u) for u in (0, 0.49, 0.5, 1)] == ["mse", "mse", *["cross_entropy"] * 2]


def test_rounding_does_not_leave_the_range():
    (dimension,) = parse({"lr": "uniform(0.12345, 0.98765)"})
    assert [dimension.at(u) for u in (0, 1)] == ["0.12345", "0.98765"]


@pytest.mark.parametrize(
    "typed",
    [
        "tune.space={optimizer.lr: log(0.005, 1)}",
        "tune.space={optimizer.lr:log(0.005,1),model.width:int(8,64)}",
        "+tune.space={ optimizer.lr: 'log(0.005, 1)' , loss: choice(mse, cross_entropy) }",
        "tune.space={}",
    ],
)
def test_hydra_reads_a_space_as_it_is_typed(typed):
    (override,) = OverridesParser.create().parse_overrides([quoted(typed)])
    value = override.value()
    assert all(isinstance(text, str) and "(" in text for text in value.values())
    assert len(value) == typed.count(":")
    shown = unquoted(quoted(typed))
    assert "'" not in shown, "as a person types it"
    assert shown.startswith("tune.space=")
    assert quoted(shown) == quoted(typed), "and runs as it is shown"


@pytest.mark.parametrize("second", ["optimizer.lr: log(0.1, 1)", " optimizer.lr :log(0.01, 1)"])
def test_a_setting_that_a_space_has_twice_is_refused(second):
    with pytest.raises(InputError, match=r"^tune\.space\.optimizer\.lr: must stand in .* once$"):
        quoted(f"tune.space={{optimizer.lr: log(0.01, 1), model.width: int(1, 2),{second}}}")


@pytest.mark.parametrize("typed", ["seed=range(10)", "tune.space=null", "tune.budget=20", "-m"])
def test_no_other_argument_is_changed(typed):
    assert quoted(typed) == unquoted(typed) == typed
