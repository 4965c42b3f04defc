"""Fractions as people read them: errors in percent, differences in percentage points."""

import math

MISSING = "–"


def percent(fraction: float) -> str:
    """An error without its sign of percent: 0.0182 is '1.82', NaN a dash."""
    return MISSING if math.isnan(fraction) else f"{100 * fraction:.2f}"


def spread(mean: float, sd: float) -> str:
    """Mean and standard deviation in percent; the mean alone where there is no deviation."""
    return percent(mean) if math.isnan(sd) else f"{percent(mean)} ± {percent(sd)}"


def points(fraction: float) -> str:
    """A signed difference in percentage points: -0.0031 is '−0.31', NaN a dash."""
    text = MISSING if math.isnan(fraction) else f"{100 * fraction:+.2f}".replace("-", "−")
    return "0.00" if text in ("+0.00", "−0.00") else text


def interval(low: float, high: float) -> str:
    return MISSING if math.isnan(low) else f"{points(low)} to {points(high)}"


def p_value(p: float) -> str:
    if math.isnan(p):
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_equals(p: float) -> str:
    """The same inside a sentence: 'p = 0.002', 'p < 0.001'."""
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"
