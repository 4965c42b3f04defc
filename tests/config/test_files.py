"""Config files that cannot be one: each is refused in a line with its name and the line in it."""

import re
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.file_config_source import FileConfigSource

from src.command_errors import one_line
from src.config.files import check_content, forget
from src.config.hydra_internals import MAIN, name_config_files
from src.config.resolvers import register_resolvers
from src.errors import InputError
from src.folders import ROOT

GELU = "_target_: torch.nn.GELU\n_partial_: true\n"
GLOBAL = "# @package _global_\n"


@pytest.fixture(autouse=True)
def _other_tests_read_files_as_hydra_does(monkeypatch):
    monkeypatch.setattr(FileConfigSource, "load_config", FileConfigSource.load_config)
    yield
    forget()


@pytest.fixture
def refusal(tmp_path):
    """Return what Hydra says of a file `GROUP/mine.yaml` with this content."""

    def told(group: str, content: str | bytes) -> str:
        file = tmp_path / group / "mine.yaml"
        file.parent.mkdir()
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        register_resolvers()
        name_config_files()
        with initialize_config_dir(str(ROOT / "conf"), **MAIN), pytest.raises(Exception) as raised:  # noqa: PT011
            compose("config", [f"hydra.searchpath=['file://{tmp_path}']", f"{group}=mine"])
        said = one_line(raised.value)
        assert "\n" not in said
        assert len(said) < 300
        return said.replace(f"{tmp_path}/", "")

    return told


UNREADABLE = {
    "a tab": ("_target_: torch.nn.GELU\n\tslope: 1\n", ":2: found .*character.* that .* spaces"),
    "an open bracket": ("a: 1\nb: [torch.nn.GELU\nc: true\n", ":3: .*expected ',' or ']'"),
    "a key twice": (GELU + "_partial_: false\n", ":3: found duplicate key _partial_"),
    "an object of Python": (GELU + "x: !!python/object/apply:os.system [w]\n", ":3: !!python/"),
    "a name of Python": (GELU + "x: !!python/name:os.system\n", ":3: !!python/name"),
    "Latin-1": (GELU.encode() + b"# gr\xfc\xdfe\n", ":3: byte 0xfc: must be saved as UTF-8"),
    "Latin-1, late": (GELU.encode() + b"#" * 9_000 + b"\n# \xfc", ":4: byte 0xfc: must be saved"),
    "UTF-16": (GELU.encode("utf-16"), ":1: byte 0xff: must be saved as UTF-8"),
    "a zero byte": (GELU.encode() + b"\0\n", ":3: character 0x0: must be text"),
    "two documents": (GELU + "---\n" + GELU, ":3: `---`: must be one document"),
    "an alias of nothing": (GELU + "a: *nowhere\n", ":3: found undefined alias"),
    "an alias of itself": ("a: &itself [*itself]\n", "(:1)?: must not contain itself"),
    "a list as a key": (GELU + "? [1, 2]\n: 4\n", ":3: found unhashable key"),
    "no key": (GELU + "null: 4\n", ": Incompatible key type"),
    "a set": (GELU + "a: !!set {b, c}\n", ": Value 'set' is not a supported primitive type"),
    "an open interpolation": (GELU + "a: ${seed\n", ": .*seed"),
    "nothing": ("", ": is empty; must be a mapping"),
    "blank lines": ("\n \n", ": is empty; must be a mapping"),
    "a list": ("- a\n- b\n", ": is a list; must be a mapping"),
    "a word": ("torch.nn.GELU\n", ": is one word; must be a mapping"),
    "a number": ("3\n", ": Invalid loaded object type: int"),
}


@pytest.mark.parametrize("group", ["activation", "experiment"])
@pytest.mark.parametrize(("content", "line"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_mapping_is_named_with_the_line(group, content, line, refusal):
    assert re.search(f"^{group}/mine.yaml{line}", refusal(group, content))


MEANINGLESS = {
    "another experiment's group": (
        "experiment",
        "epochs: 3\n",
        "must begin with the line `# @pack",
    ),
    "an unknown option": (
        "experiment",
        f"{GLOBAL}defaults: [override /model: mlpp]\n",
        r"^model=mlpp: unknown \(did you mean mlp\?\); must be one of cnn, ",
    ),
    "an unknown group": (
        "experiment",
        f"{GLOBAL}defaults: [override /modell: mlp]\n",
        "^In 'experiment/mine': .* override '.*modell",
    ),
    "defaults that are a word": (
        "experiment",
        f"{GLOBAL}defaults: mlp\n",
        "Invalid defaults list in 'experiment/mine', defaults must be a list",
    ),
    "defaults that are not there": (
        "activation",
        f"defaults: [rely]\n{GELU}",
        "^activation/mine: its defaults list names activation/rely: no such file",
    ),
    "defaults that lead back": (
        "activation",
        f"defaults: [mine]\n{GELU}",
        "activation/mine.yaml: its defaults list, .* leads back to itself",
    ),
    "a word of Hydra's misspelt": (
        "experiment",
        f"{GLOBAL}hydra: {{swepeer: {{params: {{seed: 1}}}}}}\n",
        "^In 'experiment/mine': .*'swepeer'",
    ),
}


@pytest.mark.parametrize(("group", "content", "line"), MEANINGLESS.values(), ids=MEANINGLESS)
def test_a_file_that_names_what_is_not_there_is_told(group, content, line, refusal):
    assert re.search(line, refusal(group, content))


@pytest.mark.parametrize(
    ("name", "content", "overrides", "line"),
    [
        ("experiment/mine", f"{GLOBAL}epochs: 0\n", [], "experiment/mine.yaml: epochs=0: must be"),
        ("experiment/mine", f"{GLOBAL}epochs: 0\n", ["epochs=-1"], "epochs=-1: must be"),
        ("experiment/mine", f"{GLOBAL}eppochs: 0\n", [], "experiment/mine.yaml: eppochs: unknown"),
        (
            "metrics/mine",
            "mine: {unit: none}\n",
            [],
            "metrics/mine.yaml: metrics.mine: must have the keys direction, unit, function",
        ),
        (
            "experiment/mine",
            f"{GLOBAL}compare: {{margn: 1}}\n",
            [],
            "experiment/mine.yaml: compare.margn: unknown",
        ),
        (
            "activation/mine",
            "_target_: torch.nn.LeakyReLU\nnegative_slope: steep\n",
            [],
            "activation/mine.yaml: activation.negative_slope=steep: must be",
        ),
        (
            "activation/mine",
            "_target_: torch.nn.ELU\nalpha: ${nowhere}\n",
            [],
            "activation/mine.yaml: activation.alpha: ",
        ),
    ],
)
def test_a_wrong_value_is_told_with_the_file_that_sets_it(
    name, content, overrides, line, tmp_path, config
):
    file = tmp_path / f"{name}.yaml"
    file.parent.mkdir()
    file.write_text(content)
    name_config_files()
    with pytest.raises(InputError) as raised:
        config(f"hydra.searchpath=['file://{tmp_path}']", name.replace("/", "="), *overrides)
    assert one_line(raised.value).replace(f"{tmp_path}/", "").startswith(line)


def test_the_file_of_a_users_own_option_is_named_and_of_this_project_none(tmp_path, config):
    (tmp_path / "activation").mkdir()
    (tmp_path / "activation/mine.yaml").write_text(GELU)
    name_config_files()
    config(f"hydra.searchpath=['file://{tmp_path}']", "activation=mine", "model=cnn")
    own, theirs = InputError("activation=mine: no callable"), InputError("model=cnn: no logits")
    assert one_line(own) == f"{tmp_path}/activation/mine.yaml: activation=mine: no callable"
    assert one_line(theirs) == "model=cnn: no logits"


def test_a_file_of_comments_alone_is_an_option_that_sets_nothing(tmp_path):
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe/none.yaml").write_text(f"{GLOBAL}# Nothing.\n")
    register_resolvers()
    name_config_files()
    with initialize_config_dir(str(ROOT / "conf"), **MAIN):
        cfg = compose("config", [f"hydra.searchpath=['file://{tmp_path}']", "recipe=none"])
    assert cfg.epochs == 10


def test_every_file_of_this_project_can_be_read():
    for file in Path(ROOT, "conf").rglob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        package = "_global_" if "@package _global_" in text else None
        name = file.relative_to(ROOT / "conf").with_suffix("").as_posix()
        check_content(file, name, yaml.safe_load(text) or {}, package)
