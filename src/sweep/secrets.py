"""Protection of credentials that Hydra would write into a multirun's folder as typed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, ListConfig, OmegaConf, read_write

from src.config.resolvers import register_resolver
from src.messages.credentials import redact


def hide_secrets(config: DictConfig) -> None:
    """Replace every value with credentials by `${secret:NUMBER}` before Hydra writes the config.

    The resolver holds the values in memory; Hydra's launchers hand resolvers on to their jobs.
    """
    secrets: list[str] = []
    with read_write(config), read_write(config.hydra):
        for lines in (config.hydra.overrides.task, config.hydra.overrides.hydra):
            for parent, key in list(_secret_texts(lines)):
                parent[key] = _hide_in_override(parent[key], secrets)
        for parent, key in list(_secret_texts(config)):
            parent[key] = _hide(parent[key], secrets)
    register_resolver("secret", lambda number: secrets[number])


def _secret_texts(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the place of each text that shows credentials: its container and its key there."""
    for key in range(len(node)) if isinstance(node, ListConfig) else list(node):
        if OmegaConf.is_missing(node, key) or OmegaConf.is_interpolation(node, key):
            continue
        if isinstance(node[key], DictConfig | ListConfig):
            yield from _secret_texts(node[key])
        elif isinstance(node[key], str) and redact(node[key]) != node[key]:
            yield node, key


def _hide_in_override(line: str, secrets: list[str]) -> str:
    (override,) = OverridesParser.create().parse_overrides([line])
    value = override.value()
    if not isinstance(value, str):  # a choice or a list: no key takes addresses like that
        return redact(line)
    return f"{line.partition('=')[0]}={_hide(value, secrets)}"


def _hide(value: str, secrets: list[str]) -> str:
    if value not in secrets:
        secrets.append(value)
    return f"${{secret:{secrets.index(value)}}}"


def make_private(folder: Path) -> None:
    """Create Hydra's file of a multirun's config, readable for its owner alone."""
    record = folder / "multirun.yaml"
    record.touch(mode=0o600)
    record.chmod(0o600)
