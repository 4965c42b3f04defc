"""Pictures fitted as MNIST was made, against MNIST itself."""

import numpy as np
import pytest
from PIL import Image

from src.inference.fitting import BOX, fit, ink_box

SHAPE = (1, 28, 28)


def enlarged(digit: np.ndarray, ground=(250, 240, 230), ink=(60, 20, 90)) -> Image.Image:
    """The digit in dark ink, seven times as large, in a corner of a wide light sheet."""
    strength = np.asarray(Image.fromarray(digit).resize((196, 196), Image.Resampling.BILINEAR))
    strength = strength[..., None] / 255
    sheet = np.tile(np.float64(ground), (300, 420, 1))
    sheet[90:286, 20:216] = np.float64(ground) * (1 - strength) + np.float64(ink) * strength
    return Image.fromarray(sheet.astype(np.uint8))


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """The correlation of two pictures, at most a pixel apart: a centre may be rounded."""
    shifts = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    moved = [np.roll(b, shift, (0, 1)) for shift in shifts]
    return max(np.corrcoef(a.ravel(), each.ravel())[0, 1] for each in moved)


def middle(pixels: np.ndarray, axis: int) -> float:
    mass = pixels[0].sum(1 - axis)
    return float((mass * np.arange(28)).sum() / mass.sum())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ground", "ink"),
    [((255, 255, 255), (0, 0, 0)), ((20, 30, 40), (230, 220, 90)), ((0, 110, 0), (190, 0, 0))],
    ids=["dark on light", "light on dark", "two colours of one brightness"],
)
def test_a_digit_of_any_size_place_and_colour_comes_back(pictures, ground, ink):
    digits = pictures[0][:40, 0].numpy()
    fitted = np.stack([fit(enlarged(digit, ground, ink), SHAPE)[0] for digit in digits])
    alike = [likeness(a, b) for a, b in zip(digits, fitted, strict=True)]
    assert np.mean(alike) > 0.95
    assert np.min(alike) > 0.85


@pytest.mark.slow
def test_ink_fills_mnists_box_around_its_centre_of_mass(pictures):
    # Measured on MNIST's own 10,000 test digits: the longer side is 20 pixels in every one of the
    # first 1,000, and the centre of mass lies within half a pixel of 14 in all.
    for digit in pictures[0][:40, 0].numpy():
        fitted = fit(enlarged(digit), SHAPE)
        sides = [np.ptp(np.flatnonzero(fitted[0].any(axis))) + 1 for axis in (0, 1)]
        assert max(sides) == 20
        assert [abs(middle(fitted, axis) - 14) <= 0.55 for axis in (0, 1)] == [True, True]


def test_what_is_an_example_already_is_not_touched(pictures):
    for digit in pictures[0][:20, 0].numpy():
        assert (fit(Image.fromarray(digit), SHAPE)[0] == digit).all()


def test_a_light_ground_is_inverted(pictures):
    digit = pictures[0][0, 0].numpy()
    fitted = fit(Image.fromarray(255 - digit), SHAPE)
    assert np.corrcoef(fitted.ravel(), digit.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_of_picture_is_read(mode):
    sheet = Image.new("L", (60, 80), 255)
    sheet.paste(0, (25, 10, 35, 70))
    converted = Image.fromarray(np.uint16(sheet) * 257) if mode == "I;16" else sheet.convert(mode)
    fitted = fit(converted, SHAPE)
    assert fitted[0, 4:24, 13:15].min() > 200
    assert fitted[0, :, :10].max() == 0


def test_transparent_is_a_light_ground():
    sheet = Image.new("RGBA", (60, 80), (0, 0, 0, 0))
    sheet.paste((0, 0, 0, 255), (25, 10, 35, 70))
    assert fit(sheet, SHAPE)[0, 4:24, 13:15].min() > 200


def test_a_photograph_is_turned_as_its_camera_was_held(tmp_path):
    sheet = Image.new("L", (60, 80), 255)
    sheet.paste(0, (25, 10, 35, 70))
    turned = Image.Exif()
    turned[0x0112] = 6  # https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf: turned by 90°
    sheet.rotate(90, expand=True).save(tmp_path / "photo.jpg", exif=turned, quality=95)
    with Image.open(tmp_path / "photo.jpg") as photo:
        fitted = fit(photo, SHAPE)
    assert fitted[0, 6:23, 13:15].min() > 180


def test_an_empty_sheet_is_an_empty_example():
    assert not fit(Image.new("RGB", (50, 40), "white"), SHAPE).any()
    assert not fit(Image.new("RGB", (1, 1), "black"), SHAPE).any()


def test_a_coloured_example_is_scaled_and_cut_to_its_middle():
    sheet = Image.new("RGB", (128, 64), (10, 20, 30))
    sheet.paste((200, 100, 50), (32, 0, 96, 64))
    fitted = fit(sheet, (3, 32, 32))
    assert fitted.shape == (3, 32, 32)
    assert [int(np.median(channel)) for channel in fitted] == [200, 100, 50]


def test_the_box_of_ink_is_read_from_examples(pictures):
    assert ink_box(pictures[0][:8].numpy() / 255) == BOX == 20 / 28  # LeCun et al. 1998
    filled = np.zeros((2, 1, 10, 10))
    filled[:, 0, :, 3:7] = 1  # from edge to edge, as clothes are
    assert ink_box(filled) == 1
    assert ink_box(np.random.default_rng(0).random((2, 1, 8, 8))) is None  # photographs
    assert ink_box(np.zeros((2, 3, 8, 8))) is None
    assert ink_box(np.zeros((2, 4))) is None
    assert ink_box(np.zeros((2, 1, 8, 8))) == BOX


def test_ink_that_fills_the_frame_is_not_cut():
    sheet = Image.new("L", (60, 80), 255)
    sheet.paste(0, (5, 10, 55, 30))
    sheet.paste(0, (5, 30, 15, 70))  # most of its mass lies above the middle
    fitted = fit(sheet, SHAPE, box=1.0)
    assert fitted[0, 0].max() > 200
    assert fitted[0, -1].max() > 200


def test_a_photograph_in_grey_keeps_its_ground():
    sheet = Image.new("L", (56, 28), 90)
    assert set(fit(sheet, SHAPE, box=None).ravel().tolist()) == {90}
