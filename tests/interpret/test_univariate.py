"""Snapping data of one variable: composites, signs, noise, and refusals."""

from __future__ import annotations

import math

import pytest
import sympy
import torch

from edgewise import InputError, functions
from edgewise.discovery.univariate._law import (
    TRANSFORMS,
    Form,
    UnivariateLaw,
    economical,
    fitted,
    judged,
    senseless,
    simplified,
    with_slope,
)
from edgewise.discovery.univariate._univariate import snap_univariate
from edgewise.symbolic import curve_samples

Z = sympy.Symbol("z")
POSITIVE = (0.3, 4.0)
BOTH = (-2.0, 2.0)
BY_NAME = {transform.name: transform for transform in TRANSFORMS}

COMPOSITES = {
    "z/(e^z - 1)": (POSITIVE, lambda z: z / (z.exp() - 1)),
    "1/(e^z + e^-z)": (BOTH, lambda z: 1 / (z.exp() + (-z).exp())),
    "sqrt((1+z)/(1-z))": ((0.0, 0.9), lambda z: ((1 + z) / (1 - z)).sqrt()),
    "sin^2 z / z^2": (POSITIVE, lambda z: z.sin() ** 2 / z**2),
    "1/z - 1": (POSITIVE, lambda z: 1 / z - 1),
    "normal density": (BOTH, lambda z: torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)),
    "z e^-z": (POSITIVE, lambda z: z * torch.exp(-z)),
    "Planck": (POSITIVE, lambda z: 2 * z**3 / (torch.exp(1.7 * z) - 1)),
    "softplus": (BOTH, lambda z: torch.log(1 + z.exp())),
    "odd, square root below": ((-0.8, 0.8), lambda z: z / (1 - z**2).sqrt()),
    "negative": ((0.0, 0.95), lambda z: -3 / (1 - z**2).sqrt()),
    "refraction": ((-1.4, 1.4), lambda z: torch.asin(0.7 * z.sin())),
    "Bose at temperature z": (POSITIVE, lambda z: 1 / (torch.exp(1 / z) - 1)),
    "cos z^2": (BOTH, lambda z: torch.cos(z**2)),
    "power": (POSITIVE, lambda z: -3 * z**-2.25),
}


def sample(low, high, n=300, seed=0):
    return low + (high - low) * torch.rand(n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def noisy(y, level, seed=5):
    return y + level * y.std() * torch.randn(len(y), dtype=y.dtype, generator=torch.Generator().manual_seed(seed))


def values(law, z):
    return torch.from_numpy(sympy.lambdify(Z, law.expression(Z), "numpy")(z.numpy()) * (0 * z + 1).numpy())


@pytest.mark.parametrize("name", COMPOSITES)
def test_composites_are_exact(name):
    (low, high), curve = COMPOSITES[name]
    z = sample(low, high)
    law = snap_univariate(z, curve(z))[0]
    assert law.error < 1e-12
    fresh = sample(low, high, seed=1)
    torch.testing.assert_close(values(law, fresh), curve(fresh), rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(law.predict(fresh), curve(fresh), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("curve", "formula"),
    [
        (lambda z: z / (z.exp() - 1), Z / (sympy.exp(Z) - 1)),
        (lambda z: z * (-z).exp(), Z * sympy.exp(-Z)),
        (lambda z: z**2 * z.sin(), Z**2 * sympy.sin(Z)),
        (lambda z: 1 / (1 + z**2), 1 / (1 + Z**2)),
        (lambda z: (1 + z**2).sqrt(), sympy.sqrt(1 + Z**2)),
        (lambda z: (-1 / z).exp(), sympy.exp(-1 / Z)),
        (lambda z: z ** (2 / 3), Z ** sympy.Rational(2, 3)),
    ],
)
def test_simple_forms_are_found_as_written(curve, formula):
    z = sample(*POSITIVE)
    assert snap_univariate(z, curve(z))[0].expression(Z) == formula


@pytest.mark.parametrize("name", ["z/(e^z - 1)", "z e^-z", "1/(e^z + e^-z)", "softplus", "odd, square root below"])
def test_one_percent_noise_leaves_the_form(name):
    (low, high), curve = COMPOSITES[name]
    z = sample(low, high, 800)
    law = snap_univariate(z, noisy(curve(z), 0.01), noise=0.01)[0]
    assert law.error <= 0.0105
    clean = curve(z)
    assert float((law.predict(z) - clean).norm() / (clean - clean.mean()).norm()) < 2e-3
    exact = snap_univariate(z, clean)[0]
    assert law.form.function is exact.form.function
    assert law.complexity == exact.complexity


def test_noise_sheds_constants_and_may_cross_zero():
    z = sample(0.0, 3.0, 600)
    law = snap_univariate(z, noisy(torch.sqrt(z), 0.05), noise=0.05)[0]
    assert law.error <= 1.05 * 0.05
    assert law.complexity <= 4
    straight = snap_univariate(z, noisy(3 * z + 1, 0.02), noise=0.02)[0]
    assert straight.form.function.name == "x"


@pytest.mark.parametrize(("z_scale", "y_scale"), [(1e-9, 1e9), (1e9, 1e-9)])
def test_units_do_not_matter(z_scale, y_scale):
    z = sample(*POSITIVE)
    laws = snap_univariate(z_scale * z, y_scale * z**3 / (z.exp() - 1))
    assert laws[0].error < 1e-12


def test_laws_are_sorted_limited_and_distinct():
    z = sample(*BOTH)
    laws = snap_univariate(z, z + torch.sin(3 * z), limit=4)
    assert 1 <= len(laws) <= 4
    assert len({str(law.expression(Z)) for law in laws}) == len(laws)
    exact = snap_univariate(z, 2 * torch.sin(z))
    assert exact[0].error < 1e-12 < exact[-1].error or len(exact) == 1


def test_weights_silence_points():
    z = sample(*POSITIVE)
    y, weight = z * torch.exp(-z), torch.ones_like(z)
    y[:5], weight[:5] = 7.0, 0.0
    assert snap_univariate(z, y, weight=weight)[0].error < 1e-12


def test_zero_among_the_data_is_no_obstacle():
    z = torch.cat([sample(0, 2), torch.zeros(1, dtype=torch.float64)])
    assert snap_univariate(z, z * torch.exp(-z))[0].error < 1e-12


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: t.name)
def test_transforms_come_back(transform):
    y = torch.tensor([0.2, 0.7, 1.3], dtype=torch.float64)
    value = transform.forward(y)
    back, slope = with_slope(transform.back, value)
    torch.testing.assert_close(back, y)
    torch.testing.assert_close(slope * transform.slope(y), torch.ones_like(y))
    formula = [float(transform.formula(sympy.Float(v))) for v in value.tolist()]
    torch.testing.assert_close(torch.tensor(formula, dtype=torch.float64), y)


def test_fitting_improves_a_law_in_units_of_y():
    z = sample(*POSITIVE)
    data = curve_samples(z, 1 / (torch.exp(1.5 * z) - 0.5))
    start = UnivariateLaw(Form(functions.get("exp"), BY_NAME["reciprocal"]), 1.3, 0.0, 1.2, -0.3, math.inf)
    law = fitted(start, data, ["a", "c", "d"], steps=30)
    assert law.error < 1e-8 < judged(start, data).error
    assert (law.a, law.c, law.d) == pytest.approx((1.5, 1.0, -0.5), rel=1e-6)


def test_constants_that_mean_nothing_are_shed():
    z = sample(*BOTH, 500)
    data = curve_samples(z, noisy(torch.sin(2 * z), 0.05))
    start = UnivariateLaw(Form(functions.get("sin"), BY_NAME["identity"]), 1.95, 0.02, 0.97, 0.03, math.inf)
    law = economical(start, data)
    assert (law.b, law.c, law.d) == (0, 1, 0)
    assert law.a == pytest.approx(2, abs=0.05)


def test_constants_near_trivial_values_are_simplified():
    z = sample(*POSITIVE)
    start = UnivariateLaw(Form(functions.get("exp"), BY_NAME["reciprocal"]), 1 + 1e-13, 0.0, 1.0, -1 - 1e-13, math.inf)
    law = simplified(start, curve_samples(z, 1 / (z.exp() - 1)))
    assert (law.a, law.d) == (1, -1)


def test_limits_of_simpler_laws_are_senseless():
    form = Form(functions.get("atan"), BY_NAME["identity"])
    z = sample(*POSITIVE)
    data = curve_samples(z, 1 / z)
    assert senseless(UnivariateLaw(form, 1e5, 1e5, 1e4, 0.0, 1e-3), data)
    assert senseless(UnivariateLaw(form, 1.0, 0.0, 1e-310, 0.0, 0.0), data)
    assert not senseless(UnivariateLaw(form, 1.0, 0.0, 1.5, 0.0, 1e-3), data)


def test_bad_data_are_refused():
    z = sample(*POSITIVE, 20)
    y = z.clone()
    y[3] = math.inf
    with pytest.raises(InputError, match="1 of 20 points"):
        snap_univariate(z, y)
    with pytest.raises(InputError, match="equal length"):
        snap_univariate(z, z[:-1])
    with pytest.raises(InputError, match="constant"):
        snap_univariate(z, torch.ones_like(z))
    with pytest.raises(InputError, match="at least 3"):
        snap_univariate(z[:2], z[:2])
    for noise in (-0.1, math.nan):
        with pytest.raises(InputError, match="noise"):
            snap_univariate(z, z, noise=noise)
