"""Named random streams: fixed by seed and name, and by nothing else."""

import torch

from src.rng import global_stream, stream


def draw(generator=None):
    return torch.rand(4, generator=generator).tolist()


def test_a_stream_is_fixed_by_its_seed_and_name():
    assert draw(stream(3, "split")) == draw(stream(3, "split"))


def test_streams_of_different_names_or_seeds_share_no_draws():
    names = ("split", "initialisation", "batch order")
    firsts = [draw(stream(seed, name)) for seed in range(20) for name in names]
    assert len({value for first in firsts for value in first}) == 20 * 3 * 4


def test_no_seed_of_one_name_is_another_seed_of_another():
    assert draw(stream(11, "a/1")) != draw(stream(1, "a/11"))


def test_the_global_stream_draws_what_the_stream_draws_and_is_put_back():
    torch.manual_seed(5)
    expected = draw()
    torch.manual_seed(5)
    with global_stream(3, "initialisation"):
        assert draw() == draw(stream(3, "initialisation"))
    assert draw() == expected


def test_the_largest_seed_is_a_seed():
    assert len(draw(stream(2**32 - 1, "split"))) == 4
