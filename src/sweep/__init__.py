"""A multirun: its jobs composed, checked and planned, begun, and closed with its answer."""

from src.callable_package import make_callable

make_callable(__name__)
