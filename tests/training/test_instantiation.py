"""Groups whose target cannot make what is needed: each is named in a line, before training."""

import re

import pytest

from src.config.resolved import Resolved
from src.errors import InputError
from src.training.components import build
from src.training.setup import prepare

PARTIAL = {"_partial_": True}
FACTORIES = ("optimizer", "schedule", "augment")
SGD = {"_target_": "torch.optim.SGD", "lr": 0.1}
STEP = {"_target_": "torch.optim.lr_scheduler.StepLR", "step_size": 1}
GELU = {"_target_": "torch.nn.GELU"}

WRONG = {
    "a module that is not there": ("activation", {"_target_": "nowhere.GELU"}, "No module named"),
    "a name that is not there": (
        "activation",
        {"_target_": "torch.nn.GELUU"},
        r"_target_=torch\.nn\.GELUU: cannot be imported: .* \(did you mean GELU\?\)",
    ),
    "a number": ("activation", {"_target_": "math.pi"}, "callable"),
    "a module": ("activation", {"_target_": "torch.nn"}, "callable"),
    "one module for all layers": ("activation", GELU, "no factory .*`_partial_: true` is missing"),
    "an argument of what takes any": (
        "model",
        {"_target_": "faulty_parts.pass_on", "widht": 3},
        "unexpected keyword argument 'widht'",
    ),
    "a loss that makes losses": (
        "loss",
        {"_target_": "torch.nn.MSELoss"} | PARTIAL,
        "not a class: `_partial_: true` must be left out",
    ),
    "the class of a loss": (
        "loss",
        {"_target_": "hydra.utils.get_class", "path": "torch.nn.MSELoss"},
        "must be a loss, not a class",
    ),
    "a loss that is a number": ("loss", {"_target_": "builtins.int"}, "must be a module or a func"),
    "an optimizer at once": ("optimizer", SGD, "'params'; is `_partial_: true` missing"),
    "a list as optimizer": (
        "optimizer",
        {"_target_": "builtins.list"} | PARTIAL,
        "must be a torch.optim.Optimizer, not a list",
    ),
    "an optimizer that asks for the loss again": (
        "optimizer",
        {"_target_": "torch.optim.LBFGS"} | PARTIAL,
        "must take its steps without a closure",
    ),
    "an optimizer without a step": (
        "optimizer",
        {"_target_": "faulty_parts.Idle", "defaults": {}} | PARTIAL,
        "must have a method `step` of its own",
    ),
    "a schedule at once": ("schedule", STEP, "'optimizer'; is `_partial_: true` missing"),
    "a schedule that waits for a metric": (
        "schedule",
        {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau"} | PARTIAL,
        "'metrics'",
    ),
    "a word as device": ("device", {"_target_": "builtins.str"}, "must be a torch.device, not a s"),
    "a list as data": ("data", {"_target_": "builtins.dict"}, "must be Splits, not a dict"),
    "a program that ends": (
        "model",
        {"_target_": "faulty_parts.leave"},
        r"SystemExit: 3 \(.*faulty_parts\.py:7\)$",
    ),
    "a key that is not there": (
        "model",
        {"_target_": "faulty_parts.look"},
        r"KeyError: 'a' \(.*faulty_parts\.py:9\)$",
    ),
    **{
        f"{group} that ends what it is no part of": (
            group,
            {"_target_": "faulty_parts.close"} | (PARTIAL if group in FACTORIES else {}),
            r"GeneratorExit: for good \(.*faulty_parts\.py:17\)$",
        )
        for group in ("model", "data", "loss", "normalize", "device", *FACTORIES)
    },
    "an augmentation that crops": (
        "augment",
        {"_target_": "faulty_parts.crop"} | PARTIAL,
        r"must return \(2, 1, 28, 28\) torch\.float32 as it is given, not \(2, 1, 20, 28\) ",
    ),
}
FAULTY = """import sys
from torch.optim import Optimizer

class Idle(Optimizer):
    pass
def leave(**_):
    sys.exit(3)
def look(**_):
    return {}['a']
def pass_on(**all):
    return look_up(**all)
def look_up(classes, input_shape):
    return classes
def crop(images, draw):
    return images[:, :, :20]
def close(*_, **__):
    raise GeneratorExit('for good')
"""


@pytest.fixture
def refusal(config, tmp_path, monkeypatch):
    """Return what is said of a job with another node in a group."""
    (tmp_path / "faulty_parts.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)

    def told(group: str, node: dict) -> str:
        base = config("data=mnist_5k", "data.n=400", "device=cpu", "threads=1")
        changed = Resolved({**base.nested, group: node}, {**base.choices, group: "mine"})
        with pytest.raises(InputError) as refused:
            build(changed, prepare(changed))
        return str(refused.value)

    return told


@pytest.mark.parametrize(("group", "node", "said"), WRONG.values(), ids=WRONG)
def test_a_target_that_is_no_such_part_is_told_of_its_group(group, node, said, refusal):
    line = refusal(group, node)
    assert line.startswith(f"{group}=mine: ")
    assert re.search(said, line)
    assert "\n" not in line


@pytest.mark.parametrize(
    ("group", "node", "said"),
    [
        (
            "activation",
            GELU | PARTIAL | {"slope": 1},
            "activation.slope: unknown; must be one of a",
        ),
        (
            "model",
            {"_target_": "src.models.mlp.MLP", "widht": 3},
            "model.widht: unknown (did you mean width?); must be",
        ),
        ("optimizer", SGD | PARTIAL | {"betas": [0.9, 0.9]}, "optimizer.betas: unknown; must be"),
        (
            "loss",
            {"_target_": "torch.nn.CrossEntropyLoss", "weight": GELU | {"slop": 1}},
            "loss.weight.slop: unknown; must be one of approximate",
        ),
    ],
)
def test_an_argument_that_a_target_does_not_take_is_told_by_its_key(group, node, said, refusal):
    assert refusal(group, node).startswith(said)


def test_a_users_module_that_ends_the_program_or_is_no_python_is_told(
    refusal, tmp_path, monkeypatch
):
    (tmp_path / "ending_part.py").write_text("import sys\nsys.exit('bye')\n")
    (tmp_path / "stopping_part.py").write_text("raise GeneratorExit('bye')\n")
    (tmp_path / "unfinished_part.py").write_text("x = = 1\n")
    for name, said in (
        ("ending_part", "SystemExit: bye"),
        ("stopping_part", "GeneratorExit: bye"),
        ("unfinished_part", "SyntaxError: inv"),
    ):
        line = refusal("loss", {"_target_": f"{name}.Loss"})
        assert line.startswith("loss=mine: ")
        assert said in line


def test_a_partial_function_is_a_loss(config):
    base = config("data=mnist_5k", "data.n=400", "device=cpu", "threads=1")
    node = {"_target_": "torch.nn.functional.cross_entropy", "label_smoothing": 0.1} | PARTIAL
    smooth = Resolved({**base.nested, "loss": node}, base.choices)
    assert callable(build(smooth, prepare(smooth)).loss)


def test_a_model_that_is_not_there_is_told_once(refusal, caplog):
    for target in ("nowhere.Net", "torch.nn.Linaer"):
        assert "cannot be imported" in refusal("model", {"_target_": target})
    assert not caplog.records
