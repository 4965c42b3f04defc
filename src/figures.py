"""The pictures of one job: how it learned, what it mixes up and got wrong, what it looks for.

Every job draws them, so everything has its place beforehand: a layout that matplotlib finds by
drawing on trial takes four times as long.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from src.metrics import Epoch

MISTAKES = 25  # shown, the most confident first
FILTERS = 64  # first-layer units shown


def learning_curves(epochs: Sequence[Epoch]) -> Figure:
    """Train and validation error in percent, and loss, against the epoch."""
    figure = Figure(figsize=(8, 3.2))
    places = ((0.09, 0.16, 0.39, 0.79), (0.59, 0.16, 0.39, 0.79))
    for place, quantity, scale in zip(places, ("error", "loss"), (100, 1), strict=True):
        axes = figure.add_axes(place)
        for part, style in (("train", "o--"), ("val", "o-")):
            values = [scale * getattr(epoch, f"{part}_{quantity}") for epoch in epochs]
            label = {"train": "train", "val": "validation"}[part]
            axes.plot([e.epoch for e in epochs], values, style, markersize=3, label=label)
        axes.set(xlabel="epoch", ylabel="error (%)" if scale == 100 else quantity)
        axes.xaxis.set_label_coords(0.5, -0.12)
        axes.yaxis.set_label_coords(-0.14, 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=6)
        axes.yaxis.get_major_locator().set_params(nbins=5)
        axes.grid(alpha=0.3)
    axes.legend()
    return figure


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> Figure:
    """Counts of true class (rows) against predicted class (columns); mistakes carry the colour."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, predicted), 1)
    mistakes = counts - np.diag(np.diag(counts))
    figure = Figure(figsize=(5, 5))
    axes = figure.add_axes((0.1, 0.08, 0.85, 0.85))
    axes.imshow(
        mistakes, cmap="Oranges", interpolation="nearest", vmax=max(1, mistakes.max() * 1.5)
    )
    for (true, guess), count in np.ndenumerate(counts):
        if count:
            axes.text(guess, true, count, ha="center", va="center", fontsize=8)
    ticks = range(classes)
    axes.set(xlabel="predicted", ylabel="true", xticks=ticks, yticks=ticks)
    axes.xaxis.set_label_coords(0.5, -0.06)
    axes.yaxis.set_label_coords(-0.07, 0.5)
    axes.set_title(f"{mistakes.sum()} of {len(labels)} validation digits wrong", y=1.01)
    return figure


def mistakes(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """The wrong predictions made with most confidence; `true → predicted, probability`.

    Images (N, 28, 28), labels (N,), probabilities (N, classes), of any split.
    """
    predicted = probabilities.argmax(1)
    confidence = probabilities.max(1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    figure = Figure(figsize=(6.4, 6.6))
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.9), xticks=(), yticks=(), frame_on=False)
    axes.imshow(_tiled(images[worst], columns=5, gap=10), cmap="gray_r", interpolation="nearest")
    for place, k in enumerate(worst):
        row, column = divmod(place, 5)
        text = f"{labels[k]} → {predicted[k]}, {confidence[k]:.0%}"
        axes.text(column * 38 + 14, row * 38 - 2, text, ha="center", fontsize=8)
    axes.set_title(f"{len(wrong)} mistakes; the most confident (true → predicted)", y=1.03)
    return figure


def first_layer(weights: np.ndarray) -> Figure:
    """The first layer's weights as pictures (units, height, width); blue negative, red positive."""
    shown = weights[:FILTERS]
    limit = np.abs(shown).max()
    figure = Figure(figsize=(5.8, 6.2))
    axes = figure.add_axes((0.02, 0.06, 0.96, 0.88), xticks=(), yticks=(), frame_on=False)
    tiled = _tiled(shown, columns=int(np.ceil(np.sqrt(len(shown)))), gap=1)
    axes.imshow(tiled, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_title(f"weights of {len(shown)} of {len(weights)} first-layer units", y=1.01)
    scale = f"blue −{limit:.2g}, white 0, red +{limit:.2g}"  # noqa: RUF001
    figure.text(0.5, 0.02, scale, ha="center")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, its folder made where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.set_dpi(80)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # once, where savefig draws twice
    Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(path, compress_level=1)


def _tiled(pictures: np.ndarray, columns: int, gap: int) -> np.ndarray:
    """(N, H, W) pictures in rows of `columns`, NaN in the gaps, which is drawn as nothing."""
    count, height, width = pictures.shape
    rows = max(1, -(-count // columns))
    sheet = np.full((rows * (height + gap), columns * (width + gap)), np.nan, dtype=np.float32)
    for place, picture in enumerate(pictures):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet
