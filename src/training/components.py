"""Components of a job: a model and all that its training needs, made from the resolved config."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from src.config.resolved import SHARED_GROUPS, Resolved
from src.data.splits import Splits
from src.errors import InputError
from src.metrics import BUILT_IN, LOSS, SPLITS, Epoch, Metric, defined
from src.models.normalize import Standard
from src.rng import global_stream, seed_globally, stream
from src.training.checkpoint import Checkpoint
from src.training.diagnostics import Loss
from src.training.fit import evaluate, fit
from src.training.instantiation import (
    blaming,
    require_factory,
    require_kind,
    require_like,
    require_loss,
    require_step,
)
from src.training.measures import Measure
from src.training.network import facts, filled_in, make, normalized
from src.training.precision import Precision, with_precision
from src.training.selection import Result, Weights, end_epoch, keep_best
from src.training.setup import Environment
from src.training.trial import require_weights, try_out


@dataclass(frozen=True)
class Components:
    """A model and all that its training needs."""

    splits: Splits
    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler
    per_update: bool  # whether the schedule steps at every update, not every epoch
    loss: Loss
    order: torch.Generator  # of the batches
    augment: Callable[..., torch.Tensor]  # of inputs and of a generator `draw`
    augmentation: torch.Generator  # draws for `augment`
    metrics: Mapping[str, Metric]
    measures: Mapping[str, Measure]  # beside loss and error

    def checkpoint(self, path: Path) -> Checkpoint:
        """Return the keeper of their state at `path` while they are trained."""
        state = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}
        return Checkpoint(path, state, {"order": self.order, "augmentation": self.augmentation})

    def train(
        self,
        config: Resolved,
        checkpoint: Checkpoint | None,
        watch: Callable[[Iterator[Epoch], Sequence[Epoch]], Iterator[Epoch]],
        save: Callable[[list[Epoch], Weights | None], None] | None,
    ) -> Result:
        """Train to the end, from where the checkpoint was left, and keep the best epoch.

        `watch` passes on the epochs as they come, and is told of those before them; `save`
        receives all of these and the best weights after each.
        """
        nested = config.nested
        earlier, weights = checkpoint.load() if checkpoint else ([], None)
        return keep_best(
            watch(self.epochs(config, len(earlier)), earlier),
            self.model,
            nested["patience"],
            by=nested["select_by"],
            metrics=self.metrics,
            earlier=earlier,
            weights=weights,
            save=save,
        )

    def epochs(self, config: Resolved, done: int) -> Iterator[Epoch]:
        """Train as the config says, after the epochs that are `done`."""
        nested = config.nested
        return fit(
            self.model,
            self.optimizer,
            self.splits,
            loss=self.loss,
            schedule=self.schedule,
            per_update=self.per_update,
            order=self.order,
            augment=partial(self.augment, draw=self.augmentation),
            measures=self.measures,
            epochs=range(done + 1, end_epoch(nested) + 1),
            batch_size=nested["batch_size"],
            clip_norm=nested["clip_norm"],
            diagnostics=nested["diagnostics"],
        )

    def test(self, weights: Weights | None) -> dict[str, float]:
        """Put the best epoch's weights into the model; return its test metrics, read once.

        Return nothing without such weights or without a labelled test set.
        """
        test = self.splits.test
        if weights is None:
            return {}
        self.model.load_state_dict(weights)
        if test is None or test.labels is None:
            return {}
        found = evaluate(self.model, test, self.loss, self.measures)
        return {f"test/{name}": value for name, value in found.items() if name != "loss"}


def build(config: Resolved, environment: Environment) -> Components:
    """Make the components and try them out; each draws from a stream of its own.

    Raises InputError naming the group with refused arguments, or whose part does not work.
    """
    nested: Mapping[str, Any] = config.nested
    splits, seed = environment.splits, nested["order_seed"]
    updates = nested["epochs"] * -(-len(splits.train) // nested["batch_size"])
    nested = filled_in(nested, facts(splits.input_shape, splits.classes, updates))
    for group in filter(nested.__contains__, SHARED_GROUPS):
        with blaming(config, group):
            require_factory(instantiate(nested[group]))
    with blaming(config, "augment"):
        augment = instantiate(nested["augment"])
        inputs, _ = splits.train.batch(slice(2))
        require_like(augment(inputs, draw=stream(seed, "trial")), inputs)
    model = _model(config, splits, environment.device)
    with blaming(config, "optimizer"):
        optimizer = _optimizer(nested["optimizer"], model)
        require_kind(optimizer, torch.optim.Optimizer, "a torch.optim.Optimizer")
        require_step(optimizer)
    with blaming(config, "schedule"):
        own = {key: value for key, value in nested["schedule"].items() if key != "interval"}
        schedule = instantiate(own)(optimizer)
        require_kind(schedule, LRScheduler, "a torch.optim.lr_scheduler.LRScheduler")
        inspect.signature(schedule.step).bind()  # nothing tells a schedule a metric
    with blaming(config, "loss"):
        loss = instantiate(nested["loss"])
        require_loss(loss)
    measures = _measures(config, nested)
    measured = try_out(model, splits, loss, measures, nested["batch_size"], config.choices)
    _check_tracked(nested, measured, splits)
    seed_globally(seed, "training")
    return Components(
        splits,
        model,
        optimizer,
        schedule,
        nested["schedule"].get("interval") == "update",
        loss,
        stream(seed, "batch order"),
        augment,
        stream(seed, "augmentation"),
        defined(config.flat),
        measures,
    )


def _model(config: Resolved, splits: Splits, device: torch.device) -> nn.Module:
    """Make the model on its device, behind its normalisation."""
    nested, shape = config.nested, splits.input_shape
    with blaming(config, "normalize"):
        normalize = make(nested["normalize"], shape, splits.classes)
        require_kind(normalize, nn.Module, "a torch.nn.Module")
        if isinstance(normalize, Standard):
            normalize.measure(splits.train)
    with blaming(config, "model"), global_stream(nested["init_seed"], "initialisation"):
        model = make(nested["model"], shape, splits.classes)
        require_kind(model, nn.Module, "a torch.nn.Module")
        require_weights(model)
        _draw_lazy_weights(model, splits.train.batch(slice(2))[0].cpu())
        model = normalized(normalize, model).to(device)
    return with_precision(model, Precision(nested["precision"]), device)


def _draw_lazy_weights(model: nn.Module, inputs: torch.Tensor) -> None:
    """Let lazy layers, which learn the shape of their inputs from a batch, draw their weights."""
    if any(map(nn.parameter.is_lazy, model.parameters())):
        with torch.no_grad():
            model.eval()(inputs)
        model.train()


def _optimizer(group: Mapping[str, Any], model: nn.Module) -> torch.optim.Optimizer:
    """Make the optimizer; without `decay_all` biases and norms are a group without decay."""
    own = {key: value for key, value in group.items() if key != "decay_all"}
    factory = instantiate(own, _convert_="all")
    if group.get("decay_all", True):
        return factory(model.parameters())
    weights = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    return factory([group for group in groups if group["params"]])


def _measures(config: Resolved, nested: Mapping[str, Any]) -> dict[str, Measure]:
    made = {}
    definitions: Mapping[str, Any] = nested.get("metrics") or {}
    for name, definition in definitions.items():
        with blaming(config, "metrics", name):
            made[name] = instantiate(definition["function"])
    return made


def _check_tracked(nested: Mapping[str, Any], measured: Collection[str], splits: Splits) -> None:
    """Raise InputError for a metric to select or to compare by that no epoch or test has."""
    names = [*BUILT_IN, *measured]
    is_tested = splits.test is not None and splits.test.labels is not None
    by_split = dict.fromkeys(SPLITS, names)
    by_split["test/"] = [name for name in names if name != LOSS.name] if is_tested else []
    for key, value, starts in (
        ("select_by", nested["select_by"], ("val/",)),
        ("compare.metric", nested["compare"]["metric"], ("test/", "val/", *SPLITS)),
    ):
        allowed = [f"{start}{name}" for start in starts for name in by_split[start]]
        if value is not None and value not in allowed:
            such = ", ".join([*dict.fromkeys(allowed)][:12])
            raise InputError(f"{key}={value}: no metric of these jobs; must be one such as {such}")
