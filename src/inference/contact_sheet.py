"""A picture of predictions: each example as it is and as the model sees it, with what it says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from src.errors import InputError
from src.figures import FAINT, GREY, INK, VERMILLION
from src.figures import save as save_png
from src.inference.examples import Example
from src.inference.fitting import flat
from src.inference.predictions import Prediction
from src.inference.trained_model import TrainedModel
from src.messages.error_text import clip, told_as

SIDE, GAP, ROW = 112, 12, 16  # pixels: of a picture, between things, of a line of text
WIDTH, HEIGHT = 3 * SIDE + 4 * GAP, SIDE + ROW + 2 * GAP  # pixels of a tile
COLUMNS, MAX_TILES = 3, 60  # tiles in a row, and of all predictions the first so many
MAX_CLASSES = 5  # classes, the most probable first


def save(file: Path, model: TrainedModel, predictions: Sequence[Prediction]) -> None:
    """Draw the first predictions into a PNG, wrong ones in colour.

    Raises InputError where it cannot be written, or examples are no pictures.
    """
    if len(model.shape) != 3:
        raise InputError(f"picture={file}: {model.name} takes no pictures")
    shown, font = predictions[:MAX_TILES], ImageFont.load_default(12)
    rows = -(-len(shown) // COLUMNS)
    sheet = Image.new("RGB", (min(COLUMNS, len(shown)) * WIDTH, rows * HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for place, prediction in enumerate(shown):
        left, top = place % COLUMNS * WIDTH + GAP, place // COLUMNS * HEIGHT + GAP
        example, shares = prediction.example, prediction.probabilities
        draw.text((left, top), clip(Path(example.name).name, 40), GREY, font)
        top += ROW
        for picture in _pictures(example):
            sheet.paste(picture, (left, top))
            left += SIDE + GAP
        best = np.argsort(-shares, kind="stable")[:MAX_CLASSES]
        lines = "\n".join(f"{shares[k]:.0%}  {clip(model.classes[k], 11)}" for k in best)
        color = INK if example.label in (None, prediction.index) else VERMILLION
        draw.multiline_text((left, top), lines, color, font, spacing=GAP)
    with told_as(f"picture={file}: cannot be written"):
        save_png(sheet, file)


def _pictures(example: Example) -> list[Image.Image]:
    """Return the file's picture, where there is one, and the fitted one, as squares."""
    fitted = Image.fromarray(example.inputs.transpose(1, 2, 0).squeeze())
    pictures = [fitted.convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)]
    if example.picture:
        with Image.open(example.picture) as opened:
            own = Image.fromarray(flat(ImageOps.exif_transpose(opened)))
        pictures.insert(0, ImageOps.pad(own, (SIDE, SIDE), color=FAINT))
    return pictures
