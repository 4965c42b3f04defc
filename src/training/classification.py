"""Measures that torchmetrics has, but that need more than a call of it in their YAML.

It is imported when one is taken: that takes as long as torch itself.
"""

from torch import Tensor


def calibration_error(logits: Tensor, labels: Tensor, bins: int) -> Tensor:
    """Return the expected calibration error in `bins` equal bins of confidence.

    Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning".
    """
    from torchmetrics.functional.classification import multiclass_calibration_error

    # Probabilities: torchmetrics takes logits that happen to lie in [0, 1] for such.
    probabilities = logits.softmax(1)
    return multiclass_calibration_error(probabilities, labels, logits.shape[1], n_bins=bins)


def class_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the fraction wrong of the examples of each class, (classes,)."""
    from torchmetrics.functional.classification import multiclass_recall

    return 1 - multiclass_recall(logits, labels, logits.shape[1], average="none")
