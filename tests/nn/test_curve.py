"""Reading one curve as one function: exact recovery, gauges, scales, noise, and refusals."""

from __future__ import annotations

import math

import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise import InputError, functions, symbolic
from edgewise.symbolic import CurveFit, curve_samples, fit_curve, rank_curves, score

Z = sympy.Symbol("z")


def random(n, seed=0):
    return torch.rand(n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def noise(n, seed=0):
    return torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def arguments(function, n=200):
    """Arguments f(u) is clearly curved on, inside the domain."""
    low, high = {"1/x": (0.2, 3), "1/x^2": (0.2, 3), "1/x^3": (0.3, 3), "gaussian": (-1, 2.2)}.get(
        function.name, function.domain
    )
    low, high = max(low, -2.0), min(high, 3.0)
    middle, half = (low + high) / 2, (high - low) / 2
    return middle + 0.96 * half * (2 * random(n) - 1)


constant = st.floats(0.3, 3).flatmap(lambda v: st.sampled_from([v, -v]))


@pytest.mark.parametrize("name", functions.names())
@settings(max_examples=3, deadline=None)
@given(a=constant, b=st.floats(-2, 2), c=constant, d=st.floats(-2, 2))
def test_every_function_is_recovered_from_exact_data(name, a, b, c, d):
    function = functions.get(name)
    u = arguments(function)
    z, y = (u - b) / a, c * function.torch(u) + d
    fit = fit_curve(function, z, y)
    assert fit.error <= 1e-12
    torch.testing.assert_close(fit.predict(z), y, rtol=1e-10, atol=1e-10)
    if function.gauge == "none":
        assert abs(fit.a) == pytest.approx(abs(a), rel=1e-9)
        assert abs(fit.c) == pytest.approx(abs(c), rel=1e-9)
    if function.gauge == "scale":
        assert abs(fit.a) == 1
    if function.gauge == "shift":
        assert fit.b == 0
        assert fit.a == pytest.approx(a, rel=1e-9)


@pytest.mark.parametrize("name", functions.names())
@pytest.mark.parametrize(("z_scale", "y_scale"), [(1e-12, 1e12), (1e9, 1e-9)])
def test_units_do_not_matter(name, z_scale, y_scale):
    function = functions.get(name)
    u = arguments(function)
    fit = fit_curve(name, z_scale * (u - 0.3) / 1.7, y_scale * (2 * function.torch(u) - 1))
    assert fit.error <= 1e-12


@pytest.mark.parametrize(
    ("name", "z", "a", "b", "c", "d"),
    [
        ("sin", 2 * random(100), 2.0, -0.5, 3.0, 1.0),
        ("sin", 2 * random(100), 2.0, 0.0, -1.0, 0.0),
        ("cos", 2 * random(100) - 1, 40.0, 2.5, 0.1, 0.0),
        ("x^2", random(100), 1.0, -0.5, 3.0, 1.0),
        ("sqrt", random(100), 1.0, 0.0, 2.0, 0.0),
        ("log", random(100), -1.0, 1.0, 2.0, 0.0),
        ("exp", random(100), -8.0, 0.0, 2.0, 0.5),
        ("tanh", 2 * random(100) - 1, 30.0, -12.0, 2.0, 0.5),
        ("gaussian", 2 * random(500) - 1, 50.0, -20.0, 2.0, 0.5),
        ("1/x", 2 * random(500) - 1, 1.0, 0.0, 1.0, 0.0),
        ("1/x", 2 * random(500) - 1, 1.0, -0.3, 2.0, 1.0),
        ("log", 10 ** (9 * random(200) - 6), 1.0, 0.0, 1.0, 0.0),
        ("sqrt", torch.cat([random(100), torch.zeros(1)]), 1.0, 0.0, 1.0, 0.0),
    ],
)
def test_constants_come_back_in_the_canonical_gauge(name, z, a, b, c, d):
    z = z.double()
    fit = fit_curve(name, z, c * functions.get(name).torch(a * z + b) + d)
    assert (fit.a, fit.b, fit.c, fit.d) == pytest.approx((a, b, c, d), rel=1e-9, abs=1e-9)
    trivial = [abs(a) == 1, b == 0, c == 1, d == 0]
    assert fit.complexity == functions.get(name).complexity + 4 - sum(trivial)


def test_weights_silence_points():
    z = random(60)
    y = torch.exp(2 * z)
    y[7], weight = 100.0, torch.ones(60)
    weight[7] = 0
    assert fit_curve("exp", z, y, weight).error < 1e-12
    assert fit_curve("exp", z, y).error > 1e-2


def test_expression_and_prediction_agree():
    z = random(50)
    fit = fit_curve("tanh", z, 2 * torch.tanh(3 * z - 1) + 0.5)
    expression = fit.expression(Z)
    values = sympy.lambdify(Z, expression, "math")
    values = [values(v) for v in z.tolist()]
    torch.testing.assert_close(fit.predict(z), torch.tensor(values, dtype=torch.float64), rtol=1e-12, atol=1e-12)
    assert fit_curve("exp", z, torch.exp(z)).expression(Z) == sympy.exp(Z)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("sin", -3, 3),
        ("exp", -2, 2),
        ("x^2", -1, 2),
        ("1/x", 0.2, 2),
        ("log", 0.05, 3),
        ("sqrt", 0, 2),
        ("gaussian", -2.5, 2.5),
        ("tanh", -3, 3),
    ],
)
def test_one_percent_noise_keeps_the_right_function_first_or_second(name, low, high):
    function = functions.get(name)
    for seed in range(2):
        u = low + (high - low) * random(500, seed)
        y = function.torch(u)
        fits = rank_curves((u - 0.2) / 1.5, y + 0.01 * y.std() * noise(500, seed + 10))
        assert name in [fit.function.name for fit in fits[:2]]


def test_ranking_puts_the_simplest_adequate_function_first():
    z = 0.5 + random(200)
    fits = rank_curves(z, 2 * torch.log(z) + 1)
    assert fits[0].function.name == "log"
    assert [score(f) for f in fits] == sorted(score(f) for f in fits)
    straight = rank_curves(z, torch.sin(1.3 * z) + 0.2, floor=0.4)
    assert straight[0].function.name == "x"
    chosen = rank_curves(z, z**3, functions=["x^2", functions.get("exp")])
    assert {fit.function.name for fit in chosen} == {"x^2", "exp"}


def test_functions_undefined_on_the_data_fit_never():
    row = functions.Function("test-nowhere", lambda x: torch.full_like(x, torch.nan) * x, sympy.sin)
    z = random(50)
    assert math.isinf(fit_curve(row, z, z**2).error)
    assert rank_curves(z, z**2, functions=[row]) == []


def test_user_functions_of_any_domain_are_fitted():
    row = functions.Function("test-entropy", lambda x: x * torch.log(x), lambda x: x * sympy.log(x), (0.0, math.inf))
    u = 0.1 + 3 * random(200)
    assert fit_curve(row, (u - 0.5) / 2, 3 * row.torch(u) - 1).error < 1e-11


@pytest.mark.parametrize("call", [lambda z, y, w=None: fit_curve("sin", z, y, w), rank_curves])
def test_bad_data_are_refused(call):
    z = random(10)
    y = z.clone()
    y[3] = math.nan
    with pytest.raises(InputError, match="1 of 10 points"):
        call(z, y)
    with pytest.raises(InputError, match="equal length"):
        call(z, z[:-1])
    with pytest.raises(InputError, match="constant"):
        call(z, torch.full_like(z, 0.1))
    with pytest.raises(InputError, match="All z are"):
        call(torch.ones(5), torch.arange(5.0))
    with pytest.raises(InputError, match="at least 3"):
        call(z[:2], z[:2])
    with pytest.raises(InputError, match="weights"):
        call(z, z, -z)


def test_an_unknown_function_is_refused():
    with pytest.raises(InputError, match="Unknown function"):
        fit_curve("sinus", random(5), random(5))


def test_screening_matches_least_squares_one_by_one():
    t, function = 2 * random(40) - 1, functions.get("tanh")
    grid = torch.tensor([[1.0, 0.2], [3.0, -1.0]], dtype=torch.float64)
    targets, weights = torch.stack([t**2, torch.sin(3 * t)]), 0.5 + random(80).reshape(2, 40)
    rss = symbolic.screen(function, t, grid, targets, weights)
    for i in range(2):
        for j in range(2):
            columns = torch.stack([torch.tanh(grid[j, 0] * t + grid[j, 1]), torch.ones_like(t)], 1)
            a, b = weights[i][:, None] * columns, weights[i] * targets[i]
            left = b - a @ torch.linalg.lstsq(a, b[:, None]).solution[:, 0]
            assert float(rss[i, j]) == pytest.approx(float(left.square().sum()), rel=1e-9)


def test_refinement_only_improves():
    t = 2 * random(60) - 1
    theta = torch.tensor([[1.0, 0.2], [6.0, 1.0], [2.0, -1.0]], dtype=torch.float64)
    y, w = torch.sin(3 * t + 1).expand(3, -1), torch.ones(3, 60, dtype=torch.float64)
    batch = symbolic.Batch.of(functions.get("sin"), 3)
    _, before = symbolic.refine(batch, t, y, w, theta, steps=0)
    _, after = symbolic.refine(batch, t, y, w, theta)
    assert (after <= before).all()
    assert after.min() < 1e-25


def test_samples_are_sorted_and_standardised():
    samples = curve_samples(torch.tensor([3.0, 1.0, 2.0]), torch.tensor([9.0, 1.0, 4.0]))
    t, y, _ = samples.sample(10)
    assert t.tolist() == [-1, 0, 1]
    assert y.argmax() == 2
    assert isinstance(fit_curve("x", samples.z, samples.y), CurveFit)
