"""Components of variance: against another library, closed forms, and planted ones."""

import numpy as np
import pytest

from src.compare.variance import components

SOURCES = ("split", "initialisation", "order")


def planted(draw: np.random.Generator, shape: tuple[int, int, int], *sd: float) -> np.ndarray:
    """Errors of a crossed design with these standard deviations: one a source, and the rest."""
    errors = draw.normal(0, sd[3], shape)
    for axis in range(3):
        sizes = [1, 1, 1]
        sizes[axis] = shape[axis]
        errors = errors + draw.normal(0, sd[axis], sizes)
    return errors


def test_mean_squares_are_those_of_statsmodels():
    import pandas as pd
    import statsmodels.formula.api as smf
    from statsmodels.stats.anova import anova_lm

    errors = planted(np.random.default_rng(0), (3, 4, 5), 1.0, 0.7, 0.3, 0.5)
    rows = [(*place, errors[place]) for place in np.ndindex(*errors.shape)]
    frame = pd.DataFrame(rows, columns=["a", "b", "c", "y"])
    table = anova_lm(smf.ols("y ~ (C(a) + C(b) + C(c)) ** 2", frame).fit())
    ms = {name.replace("C(", "").replace(")", ""): v for name, v in table["mean_sq"].items()}
    found = {"".join("abc"[SOURCES.index(s)] for s in c.sources): c.variance for c in
             components(errors, SOURCES)}  # fmt: skip
    assert found["abc"] == pytest.approx(ms["Residual"])
    assert found["ab"] == pytest.approx((ms["a:b"] - ms["Residual"]) / 5)
    assert found["a"] == pytest.approx((ms["a"] - ms["a:b"] - ms["a:c"] + ms["Residual"]) / 20)


def test_two_sources_agree_with_restricted_maximum_likelihood():
    import pandas as pd
    import statsmodels.formula.api as smf

    draw = np.random.default_rng(1)
    errors = draw.normal(0, 1, (6, 1)) + draw.normal(0, 2, (1, 6)) + draw.normal(0, 0.5, (6, 6))
    rows = [(*place, errors[place], 1) for place in np.ndindex(*errors.shape)]
    frame = pd.DataFrame(rows, columns=["a", "b", "y", "all"])
    parts = {"a": "0 + C(a)", "b": "0 + C(b)"}
    fit = smf.mixedlm("y ~ 1", frame, groups="all", vc_formula=parts, re_formula="0").fit()
    a, b, rest = components(errors, ["a", "b"])
    assert [a.variance, b.variance] == pytest.approx(fit.vcomp, rel=0.01)
    assert rest.variance == pytest.approx(fit.scale, rel=0.01)


@pytest.mark.slow  # simulates sweeps
def test_planted_components_are_recovered():
    """The mean estimate is the planted variance, and 95 % intervals hold it in about 95 %."""
    draw, sd, trials = np.random.default_rng(2), (1.0, 0.6, 0.3, 0.5), 200
    found = [components(planted(draw, (6, 6, 6), *sd), SOURCES) for _ in range(trials)]
    for place, true in zip((0, 1, 2, -1), np.square(sd), strict=True):
        own = [parts[place] for parts in found]
        variances = [part.variance for part in own]
        assert np.mean(variances) == pytest.approx(true, abs=4 * np.std(variances) / trials**0.5)
        covered = np.mean([part.low <= true <= part.high for part in own])
        assert covered > 0.9  # three standard errors below 95 %; it may be conservative


def test_a_source_without_effect_has_an_interval_from_zero():
    errors = planted(np.random.default_rng(3), (5, 5, 5), 1.0, 0.0, 0.0, 0.5)
    _, initialisation, order, *_ = components(errors, SOURCES)
    assert initialisation.low == order.low == 0
