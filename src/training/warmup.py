"""Learning rate that warms up and cools down (Goyal et al. 2017; Loshchilov & Hutter 2017)."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def warmup_cosine(optimizer: Optimizer, updates: int, warmup: float) -> LRScheduler:
    """Return a schedule to step at each of `updates`.

    In the first share `warmup` of them the learning rate rises linearly to the optimizer's, then it
    falls to 0 in half a cosine.
    """
    rising = round(warmup * updates)

    def factor(update: int) -> float:
        if update < rising:
            return (update + 1) / (rising + 1)
        return (1 + math.cos(math.pi * (update - rising) / max(1, updates - rising))) / 2

    return LambdaLR(optimizer, factor)
