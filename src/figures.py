"""Pictures of one job: learning curves, confusion matrix, mistakes, first-layer weights.

Every job draws them, so Pillow does it: matplotlib takes ten times as long, more than a small
training.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from src.metrics import Epoch

MISTAKES, COLUMNS = 25, 5  # mistakes shown, the most confident first, and in a row
CELL = 84  # pixels for a mistake's image
BACKGROUND = 100  # images that tell whether all of them lie on black
MAX_DOTS = 60  # epochs of a curve that are dots as well
MAX_CLASSES = 40  # in a confusion matrix
FILTERS = 64  # first-layer units shown
INK, GREY, FAINT = (29, 33, 41), (109, 116, 128), (225, 228, 232)
# Okabe and Ito, "Color universal design" (2008); their vermillion is an orange.
BLUE, VERMILLION = (0, 114, 178), (213, 94, 0)
SUPERSAMPLING = 2  # lines are drawn so many times as large, then reduced: this smooths them


def learning_curves(epochs: Sequence[Epoch]) -> Image.Image:
    """Draw train (hollow) and validation (full) error in percent, and loss, against the epoch."""
    picture = Image.new("RGB", (800 * SUPERSAMPLING, 330 * SUPERSAMPLING), "white")
    draw = ImageDraw.Draw(picture)
    steps = [epoch.epoch for epoch in epochs]
    for left, title, quantity, scale in ((70, "error (%)", "error", 100), (475, "loss", "loss", 1)):
        train = [scale * getattr(epoch, f"train_{quantity}") for epoch in epochs]
        val = [scale * getattr(epoch, f"val_{quantity}") for epoch in epochs]
        _panel(draw, (left, 50, left + 310, 280), title, steps, train, val)
    legend = ((325, "train", VERMILLION, "white"), (400, "validation", BLUE, BLUE))
    y, font = 18 * SUPERSAMPLING, _font(13 * SUPERSAMPLING)
    for x, name, color, fill in legend:
        _dot(draw, x * SUPERSAMPLING, y, color, fill)
        draw.text(((x + 9) * SUPERSAMPLING, y), name, INK, font, "lm")
    return _indexed(picture.reduce(SUPERSAMPLING))


def _panel(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    title: str,
    steps: Sequence[int],
    train: Sequence[float],
    val: Sequence[float],
) -> None:
    """Draw axes and two curves into a box of pixels before supersampling.

    A curve has a dot for each epoch, if there are few, and a gap where a value is not finite.
    """
    left, top, right, bottom = (SUPERSAMPLING * side for side in box)
    finite = [value for value in (*train, *val) if math.isfinite(value)] or [0.0]
    margin = (max(finite) - min(finite)) * 0.05 or abs(max(finite)) * 0.05 or 1
    low, high, last = min(finite) - margin, max(finite) + margin, max(2, steps[-1])
    small, font = _font(12 * SUPERSAMPLING), _font(13 * SUPERSAMPLING)

    def place(step: float, value: float) -> tuple[float, float]:
        x = left + (right - left) * (0.04 + 0.92 * (step - 1) / (last - 1))
        return x, bottom - (bottom - top) * (value - low) / (high - low)

    for tick in ticks(low, high):
        _, y = place(1, tick)
        draw.line((left, y, right, y), FAINT, SUPERSAMPLING)
        draw.text((left - 7 * SUPERSAMPLING, y), f"{tick:.4g}", GREY, small, "rm")
    for step in (tick for tick in ticks(1, last) if tick == int(tick) > 0):
        x, y = place(step, low)
        draw.text((x, y + 8 * SUPERSAMPLING), f"{step:.0f}", GREY, small, "mt")
    draw.rectangle((left, top, right, bottom), outline=GREY, width=SUPERSAMPLING)
    draw.text((left, top - 8 * SUPERSAMPLING), title, INK, font, "ls")
    draw.text(((left + right) / 2, bottom + 28 * SUPERSAMPLING), "epoch", INK, font, "mt")
    for values, color, fill, width in ((train, VERMILLION, "white", 1), (val, BLUE, BLUE, 2)):
        pairs = zip(steps, values, strict=True)
        points = [place(n, v) if math.isfinite(v) else None for n, v in pairs]
        for a, b in pairwise(points):
            if a and b:
                draw.line((*a, *b), color, SUPERSAMPLING * width)
        for point in filter(None, points if len(points) <= MAX_DOTS else ()):
            _dot(draw, *point, color, fill)


def ticks(low: float, high: float) -> list[float]:
    """Return four to nine round numbers between `low` and `high`."""
    power = 10 ** math.floor(math.log10((high - low) / 4))
    step = next(n * power for n in (5, 2, 1) if (high - low) / (n * power) >= 4)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(n * step, 12) for n in range(first, last + 1)]


def confusion_matrix(
    labels: np.ndarray, predicted: np.ndarray, names: Sequence[str]
) -> Image.Image:
    """Draw counts of true class (rows) against predicted class (columns), mistakes in colour.

    Raises ValueError for more classes than can be read.
    """
    classes = len(names)
    if classes > MAX_CLASSES:
        raise ValueError(f"{classes} classes; it has room for {MAX_CLASSES}")
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, predicted), 1)
    wrong = counts - np.diag(np.diag(counts))
    side, left, top = max(40, 200 // classes), 60, 45
    shade = wrong / max(1, wrong.max() * 1.2)
    cells = _mixed(shade, VERMILLION).repeat(side, 0).repeat(side, 1)
    width = left + classes * side + 20
    picture = Image.new("RGB", (width, top + classes * side + 50), "white")
    picture.paste(Image.fromarray(cells), (left, top))
    draw = ImageDraw.Draw(picture)
    middles = [side * n + side // 2 for n in range(classes)]
    for (true, guess), count in np.ndenumerate(counts):
        if count:
            place = (left + middles[guess], top + middles[true])
            draw.text(place, str(count), INK, _font(12), "mm")
    for name, middle in zip(names, middles, strict=True):
        draw.text((left - 10, top + middle), name[:7], GREY, _font(13), "rm")
        place = (left + middle, top + classes * side + 8)
        draw.text(place, name[: side // 7], GREY, _font(13), "mt")
    draw.rectangle((left, top, left + classes * side, top + classes * side), outline=GREY)
    title = f"{wrong.sum()} of {len(labels)} validation examples wrong"
    draw.text((width // 2, 20), title, INK, _font(14), "mm")
    draw.text((width // 2, picture.height - 14), "predicted", INK, _font(13), "mm")
    draw.text((10, top - 8), "true", INK, _font(13), "ls")
    return _indexed(picture)


def mistakes(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]
) -> Image.Image:
    """Draw the most confident mistakes, each with its true and its predicted class.

    Images (N, height, width) or (N, height, width, 3) in 0 to 255, labels (N,), probabilities
    (N, classes), of any split. Shapes that lie on black are drawn on white.
    """
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    rows, pitch = max(1, -(-len(worst) // COLUMNS)), CELL + 30
    picture = Image.new("RGB", (COLUMNS * pitch, rows * pitch + 45), "white")
    draw = ImageDraw.Draw(picture)
    is_on_black = images.ndim == 3 and images[:BACKGROUND].mean() < 128
    for place, k in enumerate(worst):
        row, column = divmod(place, COLUMNS)
        shown = Image.fromarray(255 - images[k] if is_on_black else images[k])
        shown = ImageOps.contain(shown, (CELL, CELL), Image.Resampling.BOX)
        picture.paste(shown, (15 + column * pitch, row * pitch + 65))
        text = f"{names[labels[k]][:7]} as {names[predicted[k]][:7]}, {confidence[k]:.0%}"
        place_of_text = (15 + column * pitch + CELL // 2, row * pitch + 55)
        draw.text(place_of_text, text, INK, _font(13 if len(text) < 16 else 10), "mm")
    title = f"{len(wrong)} mistakes; the most confident"
    draw.text((picture.width // 2, 20), title, INK, _font(14), "mm")
    return _indexed(picture) if images.ndim == 3 else picture


def first_layer(weights: np.ndarray) -> Image.Image:
    """Draw first-layer weights (units, height, width); blue is negative, orange positive."""
    shown = weights[:FILTERS]
    limit = float(np.abs(shown).max())
    sheet = _tiled(shown / (limit or 1), math.ceil(math.sqrt(len(shown))))
    times = max(1, 480 // sheet.shape[1])
    colors = np.where((sheet > 0)[..., None], _mixed(sheet, VERMILLION), _mixed(-sheet, BLUE))
    enlarged = Image.fromarray(colors).resize((sheet.shape[1] * times, sheet.shape[0] * times), 0)
    picture = Image.new("RGB", (enlarged.width + 30, enlarged.height + 75), "white")
    picture.paste(enlarged, (15, 40))
    draw = ImageDraw.Draw(picture)
    title = f"weights of {len(shown)} of {len(weights)} first-layer units"
    draw.text((picture.width // 2, 20), title, INK, _font(14), "mm")
    scale = f"blue -{limit:.2g}, white 0, orange +{limit:.2g}"
    draw.text((picture.width // 2, picture.height - 18), scale, INK, _font(13), "mm")
    return _indexed(picture)


def save(picture: Image.Image, path: Path) -> None:
    """Write a PNG into its folder, made where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, compress_level=1)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@lru_cache(maxsize=1)
def _palette() -> Image.Image:
    """Return the colours of a drawing: shades of its two colours, greys, and those of lines.

    Pillow takes the nearest to a colour's multiples of 4 below: white needs room around itself.
    """
    shades = [_mixed(np.linspace(0, 1, 32), color) for color in (VERMILLION, BLUE, (0, 0, 0))]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.concatenate([*shades, [INK, GREY, FAINT]]).astype(np.uint8).tobytes())
    return palette


def _indexed(picture: Image.Image) -> Image.Image:
    """Return a drawing in the colours of the palette, which is written in a quarter of the time."""
    return picture.quantize(palette=_palette(), dither=Image.Dither.NONE)


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, color: tuple, fill: tuple | str) -> None:
    radius = 3 * SUPERSAMPLING
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill, color, SUPERSAMPLING)


def _mixed(amount: np.ndarray, color: tuple[int, ...]) -> np.ndarray:
    """Mix white at 0 with `color` at 1: (..., 3) uint8."""
    share = np.clip(amount, 0, 1)[..., None]
    return (255 + share * (np.array(color) - 255)).astype(np.uint8)


def _tiled(pictures: np.ndarray, columns: int) -> np.ndarray:
    """Lay (N, H, W) pictures out in rows of `columns`, each with a line of zeros after it."""
    rows = -(-len(pictures) // columns)
    padded = np.pad(pictures, ((0, rows * columns - len(pictures)), (0, 1), (0, 1)))
    _, height, width = padded.shape
    grid = padded.reshape(rows, columns, height, width).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width)
