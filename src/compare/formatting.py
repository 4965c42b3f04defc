"""Numbers as people read them; NaN is a dash."""

import math

from src.metrics import ERROR, MISSING, Metric


def mean_sd(mean: float, sd: float, metric: Metric = ERROR) -> str:
    """Format mean and standard deviation; the mean alone if `sd` is NaN."""
    text = metric.text(mean)
    return text if math.isnan(sd) else f"{text} ± {metric.text(sd)}"


def interval(low: float, high: float, metric: Metric = ERROR) -> str:
    """Format both ends of an interval of differences."""
    if math.isinf(low) and math.isinf(high):
        return "unbounded"
    return MISSING if math.isnan(low) else f"{metric.difference(low)} to {metric.difference(high)}"


def p_value(p: float) -> str:
    """Format p to three decimals: '0.031', '< 0.001'."""
    if math.isnan(p):
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def seconds(value: float) -> str:
    """Format a duration: two decimals below 10 s."""
    if math.isnan(value):
        return MISSING
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def count(number: int, noun: str) -> str:
    """Format a number of things: '1 seed', '10 seeds'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
