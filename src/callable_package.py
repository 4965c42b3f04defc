"""Packages that can be called as the function of their name: `from src import sweep, compare`."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """A package whose call is the function of its name in `src.interface`, imported by then.

    A function of that name in `src` would hide the package from `import src.sweep.multirun`.
    """

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the function."""
        function = getattr(import_module("src.interface"), self.__name__.rpartition(".")[2])
        return function(*arguments, **options)


def make_callable(name: str) -> None:
    """Let the package `name` be called (https://docs.python.org/3/reference/datamodel.html)."""
    sys.modules[name].__class__ = CallablePackage
