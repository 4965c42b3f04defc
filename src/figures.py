"""The pictures of one job: how it learned, what it mixes up, what it got wrong, what it looks for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from src.metrics import Epoch

MISTAKES = 25  # shown, the most confident first
FILTERS = 64  # first-layer units shown


def learning_curves(epochs: Sequence[Epoch]) -> Figure:
    """Train and validation error in percent, and loss, against the epoch."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, quantity, scale in zip(
        figure.subplots(1, 2), ("error", "loss"), (100, 1), strict=True
    ):
        for part, style in (("train", "o--"), ("val", "o-")):
            values = [scale * getattr(epoch, f"{part}_{quantity}") for epoch in epochs]
            label = {"train": "train", "val": "validation"}[part]
            axes.plot([e.epoch for e in epochs], values, style, markersize=3, label=label)
        axes.set(xlabel="epoch", ylabel="error (%)" if scale == 100 else quantity)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    axes.legend()
    return figure


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> Figure:
    """Counts of true class (rows) against predicted class (columns); mistakes carry the colour."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, predicted), 1)
    mistakes = counts - np.diag(np.diag(counts))
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(mistakes, cmap="Oranges", vmax=max(1, mistakes.max() * 1.5))
    for (true, guess), count in np.ndenumerate(counts):
        if count:
            axes.text(guess, true, count, ha="center", va="center", fontsize=8)
    axes.set(
        xlabel="predicted", ylabel="true", xticks=range(classes), yticks=range(classes),
        title=f"{mistakes.sum()} of {len(labels)} validation digits wrong",
    )  # fmt: skip
    return figure


def mistakes(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """The wrong predictions made with most confidence; `true → predicted, probability`.

    Images (N, 28, 28), labels (N,), probabilities (N, classes), of any split.
    """
    predicted = probabilities.argmax(1)
    confidence = probabilities.max(1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    figure = Figure(figsize=(6.4, 6.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(_tiled(images[worst], columns=5, gap=10), cmap="gray_r")
    for place, k in enumerate(worst):
        row, column = divmod(place, 5)
        text = f"{labels[k]} → {predicted[k]}, {confidence[k]:.0%}"
        axes.text(column * 38 + 14, row * 38 - 2, text, ha="center", fontsize=8)
    axes.set_title(f"{len(wrong)} mistakes; the most confident (true → predicted)", pad=14)
    axes.axis("off")
    return figure


def first_layer(weights: np.ndarray) -> Figure:
    """The first layer's weights as pictures (units, height, width); blue negative, red positive."""
    shown = weights[:FILTERS]
    limit = np.abs(shown).max()
    figure = Figure(figsize=(6.4, 6.4), layout="constrained")
    axes = figure.subplots()
    tiled = _tiled(shown, columns=int(np.ceil(np.sqrt(len(shown)))), gap=1)
    image = axes.imshow(tiled, cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(image, shrink=0.6)
    axes.set_title(f"weights of {len(shown)} of {len(weights)} first-layer units")
    axes.axis("off")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, its folder made where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _tiled(pictures: np.ndarray, columns: int, gap: int) -> np.ndarray:
    """(N, H, W) pictures in rows of `columns`, NaN in the gaps, which is drawn as nothing."""
    count, height, width = pictures.shape
    rows = max(1, -(-count // columns))
    sheet = np.full((rows * (height + gap), columns * (width + gap)), np.nan)
    for place, picture in enumerate(pictures):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet
