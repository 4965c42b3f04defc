"""Right and wrong predictions as a short text: a bit an example, for tests on shared examples."""

import base64

import numpy as np


def encode(correct: np.ndarray) -> str:
    """Return (examples,) bool as text: their number, and the bits in base64."""
    return f"{len(correct)}:{base64.b64encode(np.packbits(correct).tobytes()).decode()}"


def decode(text: str) -> np.ndarray | None:
    """Return what was encoded, (examples,) bool; None for a text that is empty or damaged."""
    count, _, bits = text.partition(":")
    try:
        packed = np.frombuffer(base64.b64decode(bits, validate=True), np.uint8)
        examples = int(count)
    except ValueError:
        return None
    if examples < 0 or not 0 <= 8 * len(packed) - examples < 8:
        return None
    return np.unpackbits(packed, count=examples).astype(bool)
