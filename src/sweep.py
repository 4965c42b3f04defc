"""Hydra's hooks."""
from hydra.experimental.callback import Callback
class Hooks(Callback):
    pass
