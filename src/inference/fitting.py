"""Pictures of any size, colour and polarity, fitted to the examples that a model was trained on.

As MNIST was made (LeCun et al., "Gradient-based learning applied to document recognition", 1998):
light ink on a dark ground, scaled into a box of 20x20 pixels with its proportions kept, and placed
so that its centre of mass is the centre of the 28x28 pixels.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps
from scipy.ndimage import center_of_mass

BOX = 20 / 28  # of the ink in the picture
FAINT = 0.3  # of the strongest ink; what is fainter does not bound the ink
NOISE = 0.1  # of the strongest ink; what is fainter is ground
MAX_SIDE = 1_000  # pixels; a photograph is reduced first


def fit(picture: Image.Image, shape: Sequence[int], box: float | None = BOX) -> np.ndarray:
    """Return a picture as an example of `shape`, (channels, height, width) uint8.

    `box` is the share of the frame that ink fills, see `ink_box`. A picture of the right size on a
    dark ground is taken as it is. Without a box it is scaled and cut to its middle.
    """
    channels, height, width = shape
    picture = ImageOps.exif_transpose(picture)
    if channels != 1 or box is None:
        mode = "L" if channels == 1 else "RGB"
        fitted = ImageOps.fit(picture.convert(mode), (width, height), Image.Resampling.LANCZOS)
        return np.asarray(fitted).reshape(height, width, channels).transpose(2, 0, 1)
    pixels = flat(picture)
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    ground = np.median(np.concatenate(edges), axis=0)  # its colour (3,)
    is_grey = (pixels == pixels[..., :1]).all()
    if pixels.shape[:2] == (height, width) and ground.mean() < 128 and is_grey:
        return pixels[None, :, :, 0]
    distance = np.abs(pixels - ground).max(2)
    ink = distance / (distance.max() or 1)
    ink[ink < NOISE] = 0
    return _centred(ink, height, width, box)[None]


def ink_box(examples: np.ndarray) -> float | None:
    """Return the share of the frame that ink fills in examples (N, *shape), as MNIST's 20/28.

    None where examples are no ink on a dark ground: photographs, several channels, rows of a table.
    """
    if examples.ndim != 4 or examples.shape[1] != 1:
        return None
    inked = examples[:, 0] > 0
    if not inked.any():  # nothing is known of them
        return BOX
    edges = (inked[:, 0], inked[:, -1], inked[:, :, 0], inked[:, :, -1])
    if np.concatenate([edge.ravel() for edge in edges]).mean() > 0.5:
        return None
    spans = [np.ptp(np.flatnonzero(each.any(axis))) + 1 for each in inked for axis in (0, 1)]
    return min(1.0, float(max(spans)) / min(inked.shape[1:]))


def flat(picture: Image.Image) -> np.ndarray:
    """Return (height, width, 3) uint8 on white, where a picture was transparent."""
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    picture = picture.convert("RGB")
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX)
    return np.asarray(picture)


def _centred(ink: np.ndarray, height: int, width: int, box: float) -> np.ndarray:
    """Return ink (h, w) from 0 to 1 in its box around the centre of (height, width) uint8."""
    rows, columns = (np.flatnonzero((ink > FAINT).any(axis)) for axis in (1, 0))
    if not len(rows):
        return np.zeros((height, width), dtype=np.uint8)
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(box * height / cut.shape[0], box * width / cut.shape[1])
    size = tuple(max(1, round(scale * side)) for side in (cut.shape[1], cut.shape[0]))
    small = np.asarray(Image.fromarray(np.float32(cut)).resize(size, Image.Resampling.BOX))
    small = small / small.max()
    canvas = np.zeros((height, width))
    sides = zip(canvas.shape, small.shape, center_of_mass(small), strict=True)
    top, left = (min(max(0, round(side / 2 - at)), side - own) for side, own, at in sides)
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.round(255 * canvas).astype(np.uint8)
