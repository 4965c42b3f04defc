"""Fractions as people read them: errors in percent, differences in percentage points."""

import math

from src.metrics import ERROR, MISSING, Metric


def percent(fraction: float) -> str:
    """Format an error in percent without the sign: 0.0182 is '1.82', NaN a dash."""
    return ERROR.text(fraction)


def mean_sd(mean: float, sd: float, metric: Metric = ERROR) -> str:
    """Format mean and standard deviation; the mean alone if `sd` is NaN."""
    text = metric.text(mean)
    return text if math.isnan(sd) else f"{text} ± {metric.text(sd)}"


def points(fraction: float) -> str:
    """Format a difference in percentage points with its sign; NaN is a dash, 0.00 has no sign."""
    return ERROR.difference(fraction)


def interval(low: float, high: float, metric: Metric = ERROR) -> str:
    """Format both ends of an interval of differences; a dash if there is none."""
    return MISSING if math.isnan(low) else f"{metric.difference(low)} to {metric.difference(high)}"


def p_value(p: float) -> str:
    """Format p to three decimals; NaN, a test that was not made, is a dash."""
    if math.isnan(p):
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_equals(p: float) -> str:
    """Format p for a sentence: 'p = 0.002', 'p < 0.001'."""
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"


def seconds(value: float) -> str:
    """Format a duration: two decimals below 10 s, NaN a dash."""
    if math.isnan(value):
        return MISSING
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def count(number: int, noun: str) -> str:
    """Format a number of things: '1 seed', '10 seeds'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
