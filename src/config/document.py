"""The YAML document of a config, for people and for OmegaConf, without credentials."""

from collections.abc import Mapping
from typing import Any, cast

import yaml

from src.messages.credentials import redact

FIRST_OF_NUMBERS = "+-.0123456789"  # OmegaConf reads more of them than YAML 1.1, such as 1e-3


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """PyYAML's dumper, in C if possible: OmegaConf's own takes a tenth of a small job."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if text[:1] in FIRST_OF_NUMBERS else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


def document(nested: Mapping[str, Any]) -> str:
    """Return the document of nested plain values."""
    options = {"allow_unicode": True, "sort_keys": False}
    return cast(str, yaml.dump(_redacted(nested), Dumper=_Dumper, **options))


def _redacted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _redacted(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(part) for part in value]
    return redact(value) if isinstance(value, str) else value
