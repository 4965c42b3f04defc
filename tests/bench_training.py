"""Speed and memory of training, beside the usual ways of doing it, in one process.

    MNIST_ROOT=… python tests/bench_training.py [repetitions]

Each pair runs in turn, so that whatever else the machine does meets both; the ratio is of the
fastest of the repetitions.
"""

import os
import resource
import sys
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from src.data import mnist
from src.data.download import folder
from src.data.splits import Split
from src.models.cnn import CNN
from src.models.init import matched
from src.models.mlp import MLP
from src.rng import global_stream, stream
from src.training.fit import evaluate, train_epoch

BATCH = 64
TO_TENSOR, NORMALIZE = transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))
TRANSFORMS = {
    # https://github.com/pytorch/examples/blob/main/mnist/main.py, where most loops come from
    "ToTensor and Normalize": [TO_TENSOR, NORMALIZE],
    "ToTensor alone": [TO_TENSOR],
}


def make(kind: str) -> nn.Module:
    """The models of the config's defaults, from the same draws."""
    with global_stream(0, "initialisation"):
        if kind == "mlp":
            return MLP(1, 200, "none", 0.0, nn.ReLU, matched, (1, 28, 28), 10)
        return CNN([16, 32], 5, "max", 100, "none", 0.0, nn.ReLU, matched, (1, 28, 28), 10)


def trained(kind: str, epoch: Callable[[nn.Module, torch.optim.Optimizer], None]) -> float:
    """Seconds that an epoch of updates takes."""
    model = make(kind)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    start = time.perf_counter()
    epoch(model, optimizer)
    return time.perf_counter() - start


def usual(root: str, steps: list) -> Callable[[nn.Module, torch.optim.Optimizer], None]:
    """torchvision's dataset through transforms and a DataLoader, as tutorials do."""
    dataset = datasets.MNIST(root, transform=transforms.Compose(steps))
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)
    loss = nn.CrossEntropyLoss()

    def epoch(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for images, labels in loader:
            optimizer.zero_grad()
            loss(model(images), labels).backward()
            optimizer.step()

    return epoch


def bare(images: torch.Tensor, labels: torch.Tensor) -> Callable:
    """A loop over float tensors, and nothing else."""
    loss = nn.CrossEntropyLoss()

    def epoch(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            loss(model(images[batch]), labels[batch]).backward()
            optimizer.step()

    return epoch


def ours(train: Split) -> Callable:
    """Do what a job does."""
    loss, order = nn.CrossEntropyLoss(), stream(0, "batch order")
    return lambda model, optimizer: train_epoch(model, optimizer, train, loss, order, BATCH, None)


def compare(title: str, kind: str, other: Callable, own: Callable, repetitions: int) -> None:
    """Print the seconds of both and their ratio."""
    pairs = [(trained(kind, other), trained(kind, own)) for _ in range(repetitions)]
    others, owns = (min(times) for times in zip(*pairs, strict=True))
    print(f"{title}: {others:.2f} s, here {owns:.2f} s: {others / owns:.2f} times as fast here")


def main() -> None:
    """Print all figures; the memory first, before torchvision's own copies count."""
    root, repetitions = os.environ["MNIST_ROOT"], int((sys.argv[1:] or ["3"])[0])
    images, labels, *_ = mnist.read(folder("mnist", root), "mnist")
    train = Split(images, labels, torch.arange(len(labels)))
    for kind in ("mlp", "cnn"):
        model = make(kind)
        ours(train)(model, torch.optim.SGD(model.parameters(), 0.05))
        evaluate(model, train, nn.CrossEntropyLoss())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{kind}: an epoch and its evaluation, peak memory so far {peak:.2f} GiB")
    for threads in (1, torch.get_num_threads()):
        torch.set_num_threads(threads)
        print(f"{threads} threads:")
        own, plain = ours(train), bare(images.float() / 255, labels)
        for title, steps in TRANSFORMS.items():
            loop = usual(root, steps)
            compare(f"  MLP, DataLoader, {title}", "mlp", loop, own, repetitions)
        compare("  MLP, bare loop over tensors", "mlp", plain, own, repetitions)
        compare("  CNN, bare loop over tensors", "cnn", plain, own, 2)


if __name__ == "__main__":
    main()
