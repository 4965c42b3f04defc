"""Augmentations are held against moves written out, and against torchvision's."""

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from src.data import augment
from src.errors import InputError
from src.rng import stream

IMAGES = torch.rand(200, 2, 9, 7, generator=torch.Generator().manual_seed(0))


def moved(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """An image moved with zeros coming in."""
    channels, height, width = image.shape
    padded = np.zeros((channels, height + 20, width + 20), np.float32)
    padded[:, 10 + down : 10 + down + height, 10 + right : 10 + right + width] = image
    return padded[:, 10 : 10 + height, 10 : 10 + width]


def test_each_image_is_shifted_by_whole_pixels_of_its_own():
    found = augment.shift(IMAGES, stream(0, "augmentation"), pixels=2).numpy()
    seen = set()
    for image, shifted in zip(IMAGES.numpy(), found, strict=True):
        places = [(d, r) for d in range(-2, 3) for r in range(-2, 3)]
        matching = [place for place in places if np.array_equal(moved(image, *place), shifted)]
        assert len(matching) == 1
        seen.add(matching[0])
    assert len(seen) == 25


def test_an_affine_map_without_reach_changes_nothing():
    found = augment.affine(IMAGES, stream(0, ""), degrees=0, translate=0, scale=0)
    torch.testing.assert_close(found, IMAGES)


def test_a_turn_is_that_of_torchvision():
    image = torch.zeros(1, 1, 21, 21)
    image[0, 0, 4:17, 9:12] = 1
    image[0, 0, 4:7, 9:16] = 1
    angle = (torch.rand(4, 1, generator=stream(0, "")) * 2 - 1)[0].item() * 60
    found = augment.affine(image, stream(0, ""), degrees=60, translate=0, scale=0)
    bilinear = v2.InterpolationMode.BILINEAR
    turned = v2.functional.rotate(image, angle, interpolation=bilinear)
    opposite = v2.functional.rotate(image, -angle, interpolation=bilinear)
    nearest = min((found - turned).abs().max(), (found - opposite).abs().max())
    assert nearest < 1e-4
    assert (found - image).abs().max() > 0.1


def test_a_turn_of_a_wide_image_keeps_lengths():
    wide = torch.zeros(1, 1, 41, 81)
    wide[0, 0, 20, 30:51] = 1  # 21 pixels long
    draw = stream(0, "")
    found = augment.affine(wide.expand(300, -1, -1, -1), draw, degrees=90, translate=0, scale=0)
    rows, columns = found.amax(3)[:, 0] > 0.3, found.amax(2)[:, 0] > 0.3
    lengths = torch.hypot(rows.sum(1).float() - 1, columns.sum(1).float() - 1)
    assert lengths.min() > 18
    assert lengths.max() < 23


def test_scales_and_moves_stay_within_their_reach():
    image = torch.zeros(400, 1, 41, 41)
    image[:, :, 20, 20] = 1
    found = augment.affine(image, stream(1, ""), degrees=0, translate=0.1, scale=0)
    places = found.flatten(1).argmax(1)
    reach = torch.stack([places // 41 - 20, places % 41 - 20]).abs().amax()
    assert reach == 4  # a tenth of 41 pixels


def test_transforms_of_torchvision_draw_from_the_stream_and_from_nothing_else():
    flip = v2.RandomHorizontalFlip()
    before = torch.get_rng_state()
    found = augment.per_image(IMAGES, stream(0, "a"), flip)
    assert torch.equal(torch.get_rng_state(), before)
    flipped = [torch.equal(new, old.flip(-1)) for new, old in zip(found, IMAGES, strict=True)]
    kept = [torch.equal(new, old) for new, old in zip(found, IMAGES, strict=True)]
    assert all(a != b for a, b in zip(flipped, kept, strict=True))
    assert 70 < sum(flipped) < 130
    draw = stream(0, "a")
    again = torch.cat([augment.per_image(part, draw, flip) for part in IMAGES.split(64)])
    assert torch.equal(again, found)  # the stream goes on from one batch to the next


@pytest.mark.parametrize("name", ["shift", "affine"])
def test_rows_cannot_be_moved(name):
    reach = {"degrees": 1, "translate": 0, "scale": 0}
    arguments = {"shift": {"pixels": 1}, "affine": reach}[name]
    with pytest.raises(InputError, match=f"^augment={name}: needs images .* has \\(30,\\)"):
        getattr(augment, name)(torch.rand(5, 30), stream(0, ""), **arguments)
