"""Seeds of split, initialisation and order, each on its own."""

import torch


def drawn(components, *overrides: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The split's rows, the first weights, and the order of the batches."""
    made = components("model=mlp", *overrides)
    order = torch.randperm(100, generator=made.order)
    return made.splits.train.rows, next(made.model.parameters()), order


def equal(a, b) -> list[bool]:
    return [torch.equal(x, y) for x, y in zip(a, b, strict=True)]


def test_each_seed_decides_one_of_the_three(components):
    first = drawn(components, "seed=0")
    assert equal(first, drawn(components, "seed=1")) == [False, False, False]
    assert equal(first, drawn(components, "seed=1", "data.split_seed=0")) == [True, False, False]
    assert equal(first, drawn(components, "seed=1", "init_seed=0")) == [False, True, False]
    assert equal(first, drawn(components, "seed=1", "order_seed=0")) == [False, False, True]
