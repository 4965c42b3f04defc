"""Fractions as people read them: errors in percent, differences in percentage points."""

import math

MINUS, MISSING = "\N{MINUS SIGN}", "\N{EN DASH}"


def percent(fraction: float) -> str:
    """An error without its sign of percent: 0.0182 is '1.82', NaN a dash."""
    return MISSING if math.isnan(fraction) else f"{100 * fraction:.2f}"


def spread(mean: float, sd: float) -> str:
    """Mean and standard deviation in percent; the mean alone where there is no deviation."""
    return percent(mean) if math.isnan(sd) else f"{percent(mean)} ± {percent(sd)}"


def points(fraction: float) -> str:
    """A difference in percentage points with its sign; NaN is a dash, and 0.00 has no sign."""
    if math.isnan(fraction):
        return MISSING
    text = f"{100 * fraction:+.2f}".replace("-", MINUS)
    return text if text.strip("+0.") not in ("", MINUS) else "0.00"


def interval(low: float, high: float) -> str:
    """Both ends in percentage points; a dash where there is no interval."""
    return MISSING if math.isnan(low) else f"{points(low)} to {points(high)}"


def p_value(p: float) -> str:
    """To three decimals; NaN, a test that was not made, is a dash."""
    if math.isnan(p):
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_equals(p: float) -> str:
    """The same inside a sentence: 'p = 0.002', 'p < 0.001'."""
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"


def count(number: int, noun: str) -> str:
    """'1 seed', '10 seeds'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
