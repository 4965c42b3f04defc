"""Arms of a sweep: its variants as they were typed, before their settings are tuned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from src.config.schema import UNTUNABLE_KEYS, covers, leaves
from src.config.search_space import Dimension, parse
from src.errors import InputError
from src.messages.error_text import nearest
from src.sweep.tuning import SamplerKind, grid_points
from src.training.selection import end_epoch

FIRST_TUNING_SEED = 1_000


@dataclass(frozen=True, eq=False)
class Arm:
    """A variant as it was typed."""

    label: str  # the overrides that tell it apart; "" where there is no other
    overrides: Mapping[str, str]  # key: the whole override; all of its jobs but for the seed

    def job(self, seed: int, settings: Mapping[str, str], *others: str) -> tuple[str, ...]:
        """Return the overrides of one of its jobs; `settings` count before those typed."""
        own = [line for key, line in self.overrides.items() if key not in settings]
        return (*own, *assigned(settings), f"seed={seed}", *others)

    def job_name(self, seed: int, settings: Mapping[str, str]) -> str:
        """Return the name of one of its jobs."""
        return " ".join(filter(None, [self.label, *assigned(settings), f"seed={seed}"]))


def assigned(settings: Mapping[str, str]) -> list[str]:
    """Return settings as they are typed."""
    return [f"{key}={value}" for key, value in settings.items()]


def tuning_seeds(asked: int | Sequence[int], reporting: Iterable[int]) -> list[int]:
    """Return the seeds that settings are chosen on; none of them is reported.

    Raises InputError for a seed that was asked for and is.
    """
    taken = set(reporting)
    if isinstance(asked, int):
        free = (seed for seed in range(FIRST_TUNING_SEED, 2**32) if seed not in taken)
        return [next(free) for _ in range(asked)]
    if shared := sorted(taken & set(asked)):
        raise InputError(
            f"tune.seeds={list(asked)}: must be disjoint from the reporting seeds; "
            f"{shared[0]} is one of them"
        )
    return list(asked)


def check_space(
    tune: Mapping[str, Any], varied: Sequence[str], arms: Mapping[str, Mapping[str, Any]]
) -> tuple[Dimension, ...]:
    """Return the space over which every arm is tuned; `arms` are resolved configs by label.

    Raises InputError for a key that the sweep varies, that an arm lacks, or that is no setting.
    """
    space = parse(tune["space"])
    for dimension in space:
        key, where = dimension.key, f"tune.space.{dimension.key}"
        if key in varied:
            raise InputError(f"{where}: must not be swept as well; {key} tells variants apart")
        if covers(UNTUNABLE_KEYS, key) or (tune["halving"] and key in ("epochs", "stop_after")):
            raise InputError(f"{where}: must be a setting in which trials may differ")
        if not dimension.choices and any(isinstance(t.get(key), Mapping) for t in arms.values()):
            raise InputError(f"{where}={dimension.scale}(…): must be choice(…) of its options")
        known = {label: {*nested, *dict(leaves(nested))} for label, nested in arms.items()}
        for label, keys in known.items():
            if key not in keys:
                is_known = any(key in others for others in known.values())
                meant = (name for name in keys if not covers(UNTUNABLE_KEYS, name))
                hint = "" if is_known else nearest(key, meant)
                said = f"must be a setting of every variant; {label} lacks it{hint}"
                raise InputError(f"{where}={dimension.scale}(…): {said}")
    if tune["sampler"] == SamplerKind.TPE and find_spec("optuna") is None:
        raise InputError("tune.sampler=tpe: must have Optuna, by `pip install 'optuna>=5,<6'`")
    trials = tune["budget"]
    if tune["sampler"] == SamplerKind.GRID and not (trials := len(grid_points(space, trials))):
        raise InputError(
            f"tune.budget={tune['budget']}: must have room for a grid over "
            f"{', '.join(map(str, space))}"
        )
    last = min(end_epoch(nested) for nested in arms.values())
    if tune["halving"] and tune["halving"] > min(trials, last):
        most = f"the trials, {trials}, and the epochs, {last}"
        raise InputError(f"tune.halving={tune['halving']}: must be at most {most}; it cuts nothing")
    return space
