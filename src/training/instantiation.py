"""The making of a config's groups, of which every mistake is told in one line."""

import inspect
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pydoc import ErrorDuringImport, locate
from typing import Any

from hydra.errors import InstantiationException
from torch import Tensor, nn
from torch.optim import Optimizer

from src.config.resolved import Resolved
from src.errors import InputError
from src.messages.error_text import nearest, place, sentence, unknown
from src.process.signals import is_stop
from src.training.network import parameters


@contextmanager
def blaming(config: Resolved, group: str, name: str = "") -> Iterator[None]:
    """Raise an InputError that names the group for all that its target raises, but for a stop.

    `name` is that of a metric, of which a config may have many.
    """
    key = f"{group}.{name}.function" if name else group
    node = config.nested[group][name]["function"] if name else config.nested[group]
    try:
        yield
    except BaseException as error:  # a part is anybody's code
        if is_stop(error):
            raise
        is_hydras = isinstance(error, InstantiationException)
        cause = error.__cause__ if is_hydras and error.__cause__ else error
        if isinstance(cause, InputError):
            raise cause from error
        said = sentence(cause)
        if taken := re.search(r"unexpected keyword argument '(\w+)'", said):
            for wrong, allowed in _not_taken(node, taken[1], key):
                raise InputError(unknown(wrong, allowed)) from error
        option = name or config.choices.get(group)
        raise InputError(f"{group}={option}: {_reason(cause, said, node)}") from error


def _not_taken(node: object, name: str, key: str) -> Iterator[tuple[str, list[str]]]:
    """Yield keys that are called `name` and no parameters of their target, and its parameters."""
    if not isinstance(node, Mapping):
        return
    if name in node and (allowed := parameters(str(node.get("_target_")))):
        kinds = {parameter.kind for parameter in allowed.values()}
        if name not in allowed and inspect.Parameter.VAR_KEYWORD not in kinds:
            yield f"{key}.{name}", [*allowed]
    for part, below in node.items():
        yield from _not_taken(below, name, f"{key}.{part}")


def _reason(error: BaseException, said: str, node: Mapping[str, Any]) -> str:
    if isinstance(error, ImportError) and said.startswith("Error loading"):
        return _not_imported(str(node.get("_target_")), error.__cause__ or error)
    if re.search(r"missing \d+ required positional argument", said) and "_partial_" not in node:
        return f"{said}; is `_partial_: true` missing, or a key?"
    is_sentence = isinstance(error, TypeError | ValueError | InstantiationException) and said
    return (said if is_sentence else f"{type(error).__name__}: {said}") + place(error)


def _not_imported(target: str, error: BaseException) -> str:
    module, _, name = target.rpartition(".")
    hint = place(error)
    with suppress(ErrorDuringImport):  # the module itself cannot be imported
        hint = nearest(name, dir(locate(module)))
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return f"_target_={target}: cannot be imported: {said}{hint}"


def require_factory(component: object) -> None:
    """Raise TypeError or ValueError unless each layer can make its own part by the component."""
    if isinstance(component, nn.Module):
        raise ValueError("one module is no factory for all layers: `_partial_: true` is missing")
    if not callable(component):
        raise ValueError(f"must be a function or a class, not a {type(component).__name__}")
    if isinstance(component, partial):
        with suppress(ValueError):  # some functions in C have no signature
            inspect.signature(component.func).bind_partial(*component.args, **component.keywords)


def require_kind(component: object, kind: type, words: str) -> None:
    """Raise ValueError unless the component is of its kind, `words` for people."""
    if isinstance(component, partial):
        raise ValueError(f"must be {words}: `_partial_: true` must be left out")
    if not isinstance(component, kind):
        raise ValueError(f"must be {words}, not a {type(component).__name__}")


def require_step(optimizer: Optimizer) -> None:
    """Raise ValueError unless an optimizer has a `step` that takes no closure."""
    if inspect.unwrap(type(optimizer).step) is inspect.unwrap(Optimizer.step):
        raise ValueError("must have a method `step` of its own")
    try:
        inspect.signature(optimizer.step).bind()
    except TypeError as error:
        raise ValueError("must take its steps without a closure; this one needs one") from error


def require_like(augmented: object, inputs: Tensor) -> None:
    """Raise ValueError unless what an augmentation returns can stand for its inputs."""
    if not isinstance(augmented, Tensor):
        raise ValueError(f"must return a tensor, not a {type(augmented).__name__}")
    if (augmented.shape, augmented.dtype) != (inputs.shape, inputs.dtype):
        wanted, found = (f"{tuple(t.shape)} {t.dtype}" for t in (inputs, augmented))
        raise ValueError(f"must return {wanted} as it is given, not {found}")


def require_loss(loss: object) -> None:
    """Raise ValueError for a class, or what would make one, instead of a loss."""
    made = loss.func if isinstance(loss, partial) else loss
    if isinstance(made, type):
        raise ValueError("must be a loss, not a class: `_partial_: true` must be left out")
    if not callable(made):
        raise ValueError(f"must be a module or a function, not a {type(made).__name__}")
