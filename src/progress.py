"""What a person sees of a job while it trains and when it is done; errors in percent."""

import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from src.metrics import Epoch


def shown(epochs: Iterator[Epoch], total: int, name: str) -> Iterator[Epoch]:
    """Pass epochs on, with a live bar on a terminal and a plain line each elsewhere."""
    if not sys.stderr.isatty():
        for epoch in epochs:
            print(f"{name}  epoch {epoch.epoch}/{total}  {errors(epoch)}", flush=True)
            yield epoch
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[errors]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=total, errors="")
        for epoch in epochs:
            progress.update(task, completed=epoch.epoch, errors=errors(epoch))
            yield epoch


def errors(epoch: Epoch) -> str:
    """The two errors of an epoch, in percent."""
    return f"train {epoch.train_error:6.2%}  validation {epoch.val_error:6.2%}"


def result_table(name: str, figures: dict[str, float]) -> Table:
    """One job's result."""
    table = Table(title=name)
    for heading in ("best validation", "at epoch", "final validation", "final train", "test"):
        table.add_column(f"{heading}", justify="right")
    percent = {key: f"{value:.2%}" for key, value in figures.items()}
    table.add_row(
        percent["best/val_error"],
        f"{figures['best/epoch']:.0f}",
        percent["final/val_error"],
        percent["final/train_error"],
        percent.get("test/error", "–"),
    )
    return table
