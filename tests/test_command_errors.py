"""Command lines that Hydra refuses, told in one line, by the command's own parsing of them."""

import re
import sys
from dataclasses import dataclass

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from src.command_errors import SWEPT, is_users, one_line
from src.config import files
from src.config.hydra_internals import MAIN, check_options
from src.config.resolved import resolve
from src.config.resolvers import register_resolvers
from src.errors import InputError, Refused
from src.folders import ROOT

WRONG = {
    "a key": ("epoch=3", r"^epoch: unknown \(did you mean epochs\?\)$"),
    "a key like none": ("xyz=3", r"^xyz: unknown; must be one of activation, .*, tune$"),
    "a key of a group": ("model.widht=3", r"^model.widht: unknown \(did you mean width\?\); must "),
    "a metric that is not chosen": (
        "metrics.ece.bins=0",
        r"^metrics.ece.bins=0: must go with metrics=\[ece\], which chooses it$",
    ),
    "a key without its group": ("width=3", r"^width: unknown \(did you mean model.width\?\)$"),
    "an added key": ("+lr=3", r"^lr: unknown \(did you mean optimizer.lr\?\)$"),
    "a key like one that a sweep fills in": ("id=3", r"^id: unknown(?! .did you mean sweep.id)"),
    "a group": ("modle=mlp", r"^modle: unknown \(did you mean model\?\)$"),
    "an option": ("model=mpl", r"^model=mpl: unknown \(did you mean mlp\?\); must be one of cnn, "),
    "one of several options": (
        "metrics=[macro_f]",
        r"^metrics=macro_f: unknown \(did you mean macro_f1\?\); must be one of accuracy, ",
    ),
    "a word": ("trian", "^trian: must be KEY=VALUE$"),
    "nothing": ("", "^'': must be KEY=VALUE$"),
    "a second =": ("compare.baseline=model=mlp", "needs quotes: 'compare.baseline=\"model=mlp\"'$"),
    "letters beyond ASCII": ("data.label=größe", "needs quotes: 'data.label=\"größe\"'$"),
    "a bracket in a name": ("data.train=a (1).csv", "needs quotes: 'data.train=\"a .1..csv\"'$"),
    "a list without its end": ("model.channels=[1,", r"^model.channels=\[1,: not key=value .*: "),
    "a space without its end": (
        "++tune.space={optimizer.lr: log(0.01, 1}",
        r"^tune.space=.optimizer.lr: log.0.01, 1.: not key=value",
    ),
    "a space of one setting": (
        "tune.space.optimizer.lr=log(0.01, 1)",
        r"^tune.space.optimizer.lr=log\(0.01, 1\): a space is a mapping, such as tune.space={opt",
    ),
    "a quoted one": ("tune.space.optimizer.lr='log(1, 2)'", "^tune.space.*unknown; a space is a m"),
    "several values": ("seed=range(3)", "^seed=range.3.: several values are a sweep, which needs "),
    "several words": (
        "model=mlp,cnn",
        "^model=mlp,cnn: several values are a sweep, which needs -m",
    ),
    "no option": ("model=null", "^model=null: "),
    "a word that is a number": ("model=nan", "^model=nan: "),
    "a number as option": ("activation=3", "^activation=3: "),
    "a key below no mapping": ("hydra.sweeper.params.foo=1", "^hydra.sweeper.params.foo: unknown$"),
    "a mode": ("hydra.mode=ONCE", "hydra.mode=ONCE.*RUN, MULTIRUN"),
    "a deleted group": ("~schedule", "^schedule: must be given; schedule=OPTION$"),
    "a deleted activation": ("~activation", "^activation: must be given"),
    "a deleted key": ("~epochs", "^epochs: must be given$"),
    "a deleted key of tracking": ("~tracking.uri", "^tracking.uri: must be given$"),
    "a deleted margin": ("~compare.margin", "^compare.margin: must be given$"),
    "no address": ("tracking.uri=here", "^tracking.uri=here: must be sqlite:///FILE, or the addr"),
    "memory": ("tracking.uri='sqlite:///:memory:'", "^tracking.uri=.* must be sqlite:///FILE"),
    "no target": ("~loss._target_", "^loss=cross_entropy: must have `_target_: NAME`"),
    "a number as target": ("loss._target_=3", "^loss=cross_entropy: loss._target_=3: must be MOD"),
    "a word as partial": (
        "activation._partial_=yes please",
        "^activation._partial_=.* true or fal",
    ),
    "one of two betas": ("optimizer.betas=[0.9]", "^optimizer.betas=.*two numbers of at least 0"),
    "words as betas": ("optimizer.betas=[a,b]", "^optimizer.betas=.*two numbers of at least 0"),
    "a number as key": ("+model={3: 4}", "^model.3: must be a word, as every key$"),
    "an interpolation of nothing": ("epochs=${nowhere}", "^epochs: .*'nowhere' not found$"),
    "an interpolation of itself": ("epochs=${epochs}", "^epochs: Recursive interpolation"),
    "an unknown resolver": ("epochs=${ask:me}", "^epochs: Unsupported interpolation type ask$"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("argument", "line"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_in_a_line_that_names_it(argument, line, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["src/train.py", "/tmp", "optimizer=adam", argument])
    files.forget()  # what commands of other tests have loaded in this process
    register_resolvers()
    with initialize_config_dir(str(ROOT / "conf"), **MAIN), pytest.raises(Exception) as raised:  # noqa: PT011
        _resolved(sys.argv[2:])
    assert is_users(raised.value)
    said = one_line(raised.value)
    assert re.search(line, said), said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("--multrun", r"^--multrun: unknown \(did you mean --multirun\?\); --help lists"),
        ("--maximise", "^--maximise: unknown; --help lists"),
        ("--epochs=3", "^--epochs: unknown; .* keys are set without dashes$"),
        ("--cfg=nothing", "invalid choice: 'nothing'"),
        ("--config-dir", "expected one argument"),
        ("epochs", "^epochs: must be KEY=VALUE$"),
        ("", "^'': must be KEY=VALUE$"),
    ],
)
def test_an_option_or_a_word_that_is_none_is_told_in_a_line(argument, line):
    for arguments in ([argument], [argument, "-m", "seed=0,1"], ["epochs=3", argument]):
        with pytest.raises(InputError, match=line):
            check_options(arguments)
    check_options(["--config-dir", str(ROOT / "conf"), "-m", "~activation", "seed=0,1"])


@dataclass
class _SweeperOfOthers:
    params: dict[str, str] | None = None


def test_a_mapping_that_omegaconf_cannot_merge_is_told_in_a_line():
    config = OmegaConf.create({"hydra": {"sweeper": OmegaConf.structured(_SweeperOfOthers)}})
    try:
        OmegaConf.update(config, SWEPT, {"optimizer.lr": "interval(0.01, 0.1)"}, merge=True)
    except AttributeError as error:
        raised = error
    else:
        pytest.skip("OmegaConf merges it, as of 2.4")
    assert is_users(raised)
    assert one_line(raised) == (
        "hydra.sweeper.params={…}: must be set in a file; the command line takes no mapping; "
        "KEY=VALUES without it are swept as well"
    )


def test_a_bug_of_this_project_is_no_users_error():
    with pytest.raises(AssertionError) as bug:
        _fail()
    assert not is_users(bug.value)
    assert not is_users(KeyError("a"))
    bug_in_a_callback = Refused()
    bug_in_a_callback.__cause__ = KeyError("a")
    assert not is_users(bug_in_a_callback)
    assert is_users(ConfigCompositionException("theirs"))


def test_of_a_long_value_the_key_and_what_must_hold_are_told():
    told = one_line(InputError(f"epochs={9_999 * '9'}: must be an integer of at most 10"))
    assert re.fullmatch(r"epochs=9+ … 9+: must be an integer of at most 10", told)
    assert len(told) < 700


def _resolved(overrides: list[str]) -> None:
    cfg = compose("config", overrides, return_hydra_config=True)
    resolve(cfg, cfg.hydra.runtime.choices)


def _fail() -> None:
    raise AssertionError("of our own")
