"""Targets over decades: searched in logarithms where these scatter evenly, and said so."""

from __future__ import annotations

import numpy as np
import pytest

import edgewise as ew
from edgewise.discovery import Discovery
from edgewise.expressions import evaluate

EXPONENT = 0.771


def allometric(n: int = 80, seed: int = 0, scatter: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Return 3 x^0.771 over five decades of x, the scatter that of the logarithm."""
    rng = np.random.default_rng(seed)
    x = 10 ** rng.uniform(-2, 3, n)
    return x, 3 * x**EXPONENT * np.exp(scatter * rng.standard_normal(n))


@pytest.fixture(scope="module")
def found() -> Discovery:
    x, y = allometric()
    return ew.discover(x[:, None], y, names=["m"], target="rate", effort=500)


def test_a_power_law_over_decades_is_found_from_raw_columns(found: Discovery) -> None:
    assert found.logarithmic and found.relative
    free = found.uncertainty().free
    assert found.best.complexity == 5 and len(free.values) == 2, found
    assert any(abs(c.value - EXPONENT) < 3 * c.error < 0.1 for c in found.constants()), found.text()
    assert "as those of log(rate): the target covers" in str(found)
    assert "standard deviation of log(rate)" in str(found)


def test_a_law_found_in_logarithms_has_its_name_and_constants(found: Discovery) -> None:
    named = found.best.named
    assert named is not None and "power law" in {named.name, *named.alike}
    values = sorted(constant.value for constant in named.constants.values())
    assert values == pytest.approx(sorted(c.value for c in found.constants()), rel=1e-4)


def test_error_bars_are_those_of_a_line_in_logarithms(found: Discovery) -> None:
    x, y = allometric()
    columns, logs = np.column_stack([np.ones(len(x)), np.log(x)]), np.log(y)
    line, rest, *_ = np.linalg.lstsq(columns, logs, rcond=None)
    covariance = np.linalg.inv(columns.T @ columns) * rest[0] / (len(x) - 2)
    exponent = next(c for c in found.constants() if abs(c.value - line[1]) < 0.02)
    assert exponent.error == pytest.approx(np.sqrt(covariance[1, 1]), rel=0.02)
    prefactor = next(c for c in found.constants() if c is not exponent)
    assert prefactor.error / prefactor.value == pytest.approx(np.sqrt(covariance[0, 0]), rel=0.05)


def test_bands_are_positive_and_hold_what_they_say(found: Discovery) -> None:
    x, y = allometric(2000, seed=1)
    values, low, high = found.predict(x[:, None], interval=0.9)
    assert (low > 0).all() and (values < high).all()
    assert 0.86 < np.mean((low < y) & (y < high)) < 0.95
    joined = found.predict(x[:, None], interval=0.9, forms=True)
    assert 0.86 < np.mean((joined[1] < y) & (y < joined[2])) < 0.95
    assert found.ceiling is not None and np.isfinite(found.ceiling.predict(x[:, None])).all()


@pytest.mark.slow
def test_far_rows_are_named_and_do_not_bend_the_law() -> None:
    x, y = allometric(60, seed=2, scatter=0.3)
    far = np.argsort(-x)[:3]
    y[far] /= 100
    found = ew.discover(x[:, None], y, names=["m"], target="rate", effort=500, loss="huber")
    assert {*far.tolist()} <= {*found.noise_model.lessened}, found
    values = [each for each in found if each.complexity == 5]
    slopes = [np.diff(np.log(evaluate(each.expression, ["m"], np.array([[1.0], [10.0]]))))[0] for each in values]
    assert any(abs(slope / np.log(10) - EXPONENT) < 0.1 for slope in slopes), found


SLOW = [pytest.param(case, marks=pytest.mark.slow) for case in ("small noise", "asked")]


@pytest.mark.parametrize("case", ["exact", "few decades", *SLOW])
def test_other_tables_are_searched_as_they_are(case: str) -> None:
    x, y = allometric(60)
    law = 3 * x**EXPONENT
    if case == "few decades":
        x, y = np.linspace(1, 10, 60), np.linspace(1, 10, 60) * (1 + 0.3 * np.cos(np.arange(60.0)))
    if case == "exact":
        y = law
    if case == "small noise":
        y = law * (1 + 0.01 * np.cos(np.arange(60.0)))
    require = ["m"] if case == "asked" else ()
    found = ew.discover(x[:, None], y, names=["m"], effort=200, require=require)
    assert not found.logarithmic, found
    assert case != "exact" or found.outcome.name == "EXACT"
