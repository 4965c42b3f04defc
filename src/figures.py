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
from PIL import Image, ImageDraw, ImageFont

from src.metrics import Epoch

MISTAKES, COLUMNS = 25, 5  # mistakes shown, the most confident first, and in a row
CELL = 84  # pixels for a mistake's image
BACKGROUND = 100  # images that tell whether all of them lie on black
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
    for left, title, quantity, scale in ((70, "error (%)", "error", 100), (475, "loss", "loss", 1)):
        panel = _Panel(draw, (left, 50, left + 310, 280), epochs)
        train = [scale * getattr(epoch, f"train_{quantity}") for epoch in epochs]
        val = [scale * getattr(epoch, f"val_{quantity}") for epoch in epochs]
        panel.frame([*train, *val], title)
        panel.curve(train, VERMILLION, is_full=False)
        panel.curve(val, BLUE, is_full=True)
    legend = ((325, "train", VERMILLION, "white"), (400, "validation", BLUE, BLUE))
    y, font = 18 * SUPERSAMPLING, _font(13 * SUPERSAMPLING)
    for x, name, color, fill in legend:
        _dot(draw, x * SUPERSAMPLING, y, color, fill)
        draw.text(((x + 9) * SUPERSAMPLING, y), name, INK, font, "lm")
    return _indexed(picture.reduce(SUPERSAMPLING))


class _Panel:
    """A pair of axes in a drawing; `box` is in pixels before supersampling."""

    def __init__(
        self, draw: ImageDraw.ImageDraw, box: tuple[int, ...], epochs: Sequence[Epoch]
    ) -> None:
        self.draw = draw
        self.left, self.top, self.right, self.bottom = (SUPERSAMPLING * side for side in box)
        self.steps = [epoch.epoch for epoch in epochs]

    def frame(self, values: Sequence[float], title: str) -> None:
        """Draw grid, ticks and title for a quantity with these values."""
        finite = [value for value in values if math.isfinite(value)] or [0.0]
        low, high = min(finite), max(finite)
        margin = (high - low) * 0.05 or abs(high) * 0.05 or 1
        self.low, self.high = low - margin, high + margin
        small, font = _font(12 * SUPERSAMPLING), _font(13 * SUPERSAMPLING)
        place: tuple[float, float]
        for tick in ticks(self.low, self.high):
            y = self.y(tick)
            self.draw.line((self.left, y, self.right, y), FAINT, SUPERSAMPLING)
            place = (self.left - 7 * SUPERSAMPLING, y)
            self.draw.text(place, f"{tick:.4g}", GREY, small, "rm")
        for step in (tick for tick in ticks(1, max(2, self.steps[-1])) if tick == int(tick) > 0):
            place = (self.x(step), self.bottom + 8 * SUPERSAMPLING)
            self.draw.text(place, f"{step:.0f}", GREY, small, "mt")
        bounds = (self.left, self.top, self.right, self.bottom)
        self.draw.rectangle(bounds, outline=GREY, width=SUPERSAMPLING)
        self.draw.text((self.left, self.top - 8 * SUPERSAMPLING), title, INK, font, "ls")
        place = ((self.left + self.right) / 2, self.bottom + 28 * SUPERSAMPLING)
        self.draw.text(place, "epoch", INK, font, "mt")

    def curve(self, values: Sequence[float], color: tuple[int, ...], is_full: bool) -> None:
        """Draw a line with a dot for each epoch, interrupted by values that are not finite."""
        pairs = zip(self.steps, values, strict=True)
        points = [(self.x(n), self.y(v)) if math.isfinite(v) else None for n, v in pairs]
        for a, b in pairwise(points):
            if a and b:
                self.draw.line((*a, *b), color, SUPERSAMPLING * (2 if is_full else 1))
        if len(points) <= 60:
            for point in filter(None, points):
                _dot(self.draw, *point, color, color if is_full else "white")

    def x(self, step: float) -> float:
        """Return the place of an epoch in pixels."""
        last = max(2, self.steps[-1])
        return self.left + (self.right - self.left) * (0.04 + 0.92 * (step - 1) / (last - 1))

    def y(self, value: float) -> float:
        """Return the place of a value in pixels."""
        return self.bottom - (self.bottom - self.top) * (value - self.low) / (self.high - self.low)


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
        picture.paste(_fitted(shown), (15 + column * pitch, row * pitch + 65))
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
    sheet = _tiled(shown / (limit or 1), math.ceil(math.sqrt(len(shown))), gap=1, filler=0)
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


def _fitted(image: Image.Image) -> Image.Image:
    """Enlarge an image by a whole number to fill a cell, or reduce one that is larger."""
    times = CELL // max(image.size)
    if times:
        return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    image.thumbnail((CELL, CELL))
    return image


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, color: tuple, fill: tuple | str) -> None:
    radius = 3 * SUPERSAMPLING
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill, color, SUPERSAMPLING)


def _mixed(amount: np.ndarray, color: tuple[int, ...]) -> np.ndarray:
    """Mix white at 0 with `color` at 1: (..., 3) uint8."""
    share = np.clip(amount, 0, 1)[..., None]
    return (255 + share * (np.array(color) - 255)).astype(np.uint8)


def _tiled(pictures: np.ndarray, columns: int, gap: int, filler: float) -> np.ndarray:
    """Lay (N, H, W) pictures out in rows of `columns`."""
    count, height, width = pictures.shape
    rows = max(1, -(-count // columns))
    sheet = np.full((rows * (height + gap), columns * (width + gap)), filler, dtype=np.float32)
    for place, picture in enumerate(pictures):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet
