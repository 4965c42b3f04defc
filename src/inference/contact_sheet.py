"""A picture of predictions: each example as it is and as the model sees it, with what it says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from src.errors import InputError
from src.figures import BLUE, FAINT, GREY, INK, VERMILLION
from src.figures import save as save_png
from src.inference.examples import Example
from src.inference.predictions import Prediction
from src.inference.trained_model import TrainedModel
from src.messages.error_text import clip, refusal

SIDE, GAP, ROW = 112, 12, 16  # pixels: of a picture, between things, of a line of text
NAME, BARS, SHARE = 70, 64, 36  # pixels: of a class's name, the longest bar, its percentage
COLUMNS, MAX_TILES = 3, 60  # tiles in a row, and of all predictions the first so many
MAX_CLASSES = 5  # classes, the most probable first


def save(file: Path, model: TrainedModel, predictions: Sequence[Prediction]) -> None:
    """Draw the first predictions into a PNG.

    Raises InputError where it cannot be written, or examples are no pictures.
    """
    if len(model.shape) != 3:
        raise InputError(f"picture={file}: {model.name} takes no pictures")
    shown = predictions[:MAX_TILES]
    columns = min(COLUMNS, len(shown))
    width, height = 4 * GAP + 2 * SIDE + NAME + BARS + SHARE, SIDE + ROW + 2 * GAP
    rows = -(-len(shown) // COLUMNS)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    for place, prediction in enumerate(shown):
        row, column = divmod(place, COLUMNS)
        _tile(sheet, draw, (column * width + GAP, row * height + GAP), model, prediction)
    try:
        save_png(sheet, file)
    except (OSError, ValueError) as error:  # ValueError: no format of this name
        raise InputError(f"picture={file}: cannot be written: {refusal(error)}") from error


def _tile(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    model: TrainedModel,
    prediction: Prediction,
) -> None:
    left, top = corner
    font, is_wrong = (
        ImageFont.load_default(12),
        prediction.example.label not in (None, prediction.index),
    )
    draw.text((left, top), clip(Path(prediction.example.name).name, 40), GREY, font)
    top += ROW
    for place, picture in enumerate(_pictures(prediction.example)):
        sheet.paste(picture, (left + place * (SIDE + GAP), top))
    left += 2 * (SIDE + GAP)
    shares = prediction.probabilities
    for row, index in enumerate(np.argsort(-shares, kind="stable")[:MAX_CLASSES]):
        y, ink = top + row * (ROW + 4), INK if row == 0 else GREY
        color = (VERMILLION if is_wrong else BLUE) if row == 0 else FAINT
        draw.text((left, y), clip(model.classes[index], 11), ink, font)
        end = left + NAME + max(1, round(BARS * float(shares[index])))
        draw.rectangle((left + NAME, y + 2, end, y + ROW - 3), fill=color)
        draw.text((end + 5, y), f"{shares[index]:.0%}", ink, font)


def _pictures(example: Example) -> list[Image.Image]:
    """Return the file's picture and the fitted one, as squares."""
    fitted = Image.fromarray(example.inputs.transpose(1, 2, 0).squeeze())
    pictures = [fitted.convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)]
    if example.picture:
        with Image.open(example.picture) as opened:
            own = ImageOps.exif_transpose(opened).convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", own.size, "white"), own).convert("RGB")
        pictures.insert(0, ImageOps.pad(flat, (SIDE, SIDE), color=FAINT))
    return pictures
