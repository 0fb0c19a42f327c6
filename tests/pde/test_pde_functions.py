"""Unknown functions in differential equations: found from noisy measurements, bands, formulas, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise import pde

ONCE = ew.Options(restarts=1)
ROD = pde.Box(x=(0, 1))
QUICK = ["x", "x^2", "x^3", "exp", "sin"]


def temperature(x):
    """(k u')' = -10 with k = 1 + x^2 / 2, u = 0 and k u' = 5 at x = 0."""
    return 5 * math.sqrt(2) * torch.atan(x / math.sqrt(2)) - 10 * torch.log(1 + x**2 / 2)


def rod(noise: float, seed: int = 0, rows: int = 80, **more) -> pde.Problem:
    def heat(u, p, c):
        k = c.k(p.x)
        return k.value * u.xx + k.x * u.x + 10

    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, dtype=torch.float64, generator=generator)
    y = temperature(x) + noise * temperature(x).std() * torch.randn(rows, dtype=torch.float64, generator=generator)
    cold = pde.Condition(ROD.face(x=0), lambda u, p, c: (u.value, c.k(p.x).value * u.x - 5))
    return pde.Problem(ROD, heat, [cold, pde.measured(x[:, None], y)], functions={"k": "x"} | more)


def test_a_coefficient_is_exact_where_measurements_are() -> None:
    k = pde.solve(rod(0.0), grids=[4, 8, 16], options=ONCE).functions["k"]
    at = k.curve(50)
    assert (k(at) - 1 - at**2 / 2).abs().max() < 1e-5
    assert repr(k).startswith("FoundCoefficient(x from 0")


def test_a_coefficient_from_noisy_measurements_has_a_band_and_a_formula() -> None:
    found = pde.solve(rod(0.02, seed=1), grids=[4, 8], options=ONCE)
    k = found.functions["k"]
    at = k.curve(100)
    low, high = k.band(at)
    true = 1 + at**2 / 2
    assert (k(at) - true).square().mean().sqrt() < 0.02
    assert ((low <= true) & (true <= high)).double().mean() > 0.9
    assert found.noise[0] == pytest.approx(0.02 * float(temperature(at).std()), rel=0.3)
    wide, narrow = k.standard_error([0.5, 0.25]).tolist()
    assert wide > 1.5 * narrow  # u' = 0 in the middle
    reading = pde.read(found, "k", functions=QUICK)
    assert str(reading.expression) == "x**2/2 + 1" and reading.function == "x^2"
    assert reading.score < reading.others[1][1] and "x**2/2" in repr(reading)
    assert torch.allclose(reading.solution.functions["k"](at), true)


def test_a_law_of_the_unknown_is_found() -> None:
    line = pde.Box(t=(0, 2))
    at = torch.linspace(0, 2, 60, dtype=torch.float64)
    noise = 0.003 * torch.randn(60, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    rate = pde.Problem(
        line, lambda u, p, c: u.t + c.r(u.value).value, [pde.measured(at[:, None], 1 / (1 + at) + noise)],
        functions={"r": "u"},
    )  # fmt: skip
    found = pde.solve(rate, grids=[4, 8], options=ONCE)
    r = found.functions["r"]
    assert float(r.low) == pytest.approx(1 / 3, abs=0.02) and float(r.high) == pytest.approx(1, abs=0.02)
    us = r.curve(50)
    assert (r(us) - us**2).square().mean().sqrt() < 0.03
    assert str(pde.read(found, "r", functions=QUICK).expression) == "u**2"


def test_a_function_of_two_arguments_is_known_along_the_solution() -> None:
    line = pde.Box(t=(0, 1))
    at = torch.linspace(0, 1, 60, dtype=torch.float64)
    true = 2 * torch.exp(at) - at - 1  # u' = t + u
    growth = pde.Problem(
        line, lambda u, p, c: u.t - c.s(p.t, u.value).value, [pde.measured(at[:, None], true)],
        functions={"s": ("t", "u")},
    )  # fmt: skip
    s = pde.solve(growth, grids=[4, 8], options=ONCE).functions["s"]
    along = torch.stack([at, true], dim=1)
    assert (s(along) - at - true).abs().max() < 1e-4
    assert s.standard_error(along).shape == (60,)
    with pytest.raises(ew.InputError, match="one argument"):
        s.curve()


def test_constants_have_standard_errors() -> None:
    box = pde.Box(t=(0, 1))
    at = torch.linspace(0, 1, 40, dtype=torch.float64)
    offs = []
    for seed in range(12):
        noise = 0.01 * torch.randn(40, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        decay = pde.Problem(
            box, lambda u, p, c: u.t + c.k * u.value, [pde.measured(at[:, None], torch.exp(-2 * at) + noise)],
            constants={"k": 1.0},
        )  # fmt: skip
        found = pde.solve(decay, ew.KAN([1, 1], degree=5), grids=[4], points=50, options=ONCE)
        offs.append((found.constants["k"] - 2) / found.standard_errors["k"])
        assert found.noise[0] == pytest.approx(0.01, rel=0.4)
    assert 0.5 < np.std(offs) < 1.6
    assert "±" in repr(found)


def test_a_function_of_ones_own_and_a_fixed_smoothing() -> None:
    stated = pde.Coefficient("x", ew.KAN([1, 1], grid=5, degree=3), start=2.0, smoothing=1e9)
    found = pde.solve(rod(0.02, k=stated), grids=[4], options=ONCE)
    k = found.functions["k"]
    at = k.curve(9)
    assert k.model.layers[0].grid == 5 and k.smoothing == 1e9
    assert k(at).diff().diff().abs().max() < 1e-4  # so stiff that it is straight


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pde.Coefficient(()), "are names"),
        (lambda: pde.Coefficient("2x"), "are names"),
        (lambda: pde.Coefficient(("x", "x")), "different names"),
        (lambda: pde.Coefficient("x", start=math.nan), "finite"),
        (lambda: pde.Coefficient("x", smoothing="much"), "'auto' or a number"),
        (lambda: pde.Coefficient("x", smoothing=-1.0), "'auto' or a number"),
        (lambda: pde.Coefficient("x", ew.KAN([2, 1])), "1 inputs and one output"),
        (lambda: pde.Coefficient("x", ew.KAN([1, 1], base="silu")), "without a base"),
        (lambda: pde.Problem(ROD, lambda u, p, c: u.x, constants={"k": 1.0}, functions={"k": "x"}), "as both"),
        (lambda: pde.solve(pde.Problem(ROD, lambda u, p, c: c.k(u).value, functions={"k": "u"})), "c.D.u.value."),
        (lambda: pde.solve(pde.Problem(ROD, lambda u, p, c: c.k().value, functions={"k": "u"})), "Got none"),
        (lambda: _found().band([0.5], level=1.5), "'level'"),
        (lambda: pde.solve(rod(0.1), grids=[3], steps=2, options=ONCE).save("x.pde"), "cannot be saved as a whole"),
        (lambda: _found()(np.zeros((3, 2))), "Arguments x of shape"),
        (lambda: pde.read(pde.solve(rod(0.1), grids=[3], steps=2, options=ONCE), "q"), "unknown function 'q'"),
    ],
)
def test_what_cannot_be_is_refused(act, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()


def _found() -> pde.FoundCoefficient:
    return pde.solve(rod(0.1), grids=[3], steps=2, options=ONCE).functions["k"]


def test_a_function_without_measurements_is_found_but_not_read() -> None:
    problem = pde.Problem(
        ROD, lambda u, p, c: (u.x - 1, c.k(p.x).value * u.x - torch.exp(p.x)),
        [pde.Condition(ROD.face(x=0), lambda u, p, c: u.value)], functions={"k": pde.Coefficient("x", smoothing=0.0)},
    )  # fmt: skip
    found = pde.solve(problem, grids=[4], options=ONCE)
    assert (found.functions["k"]([0.2, 0.9]) - torch.tensor([0.2, 0.9]).exp()).abs().max() < 1e-4
    with pytest.raises(ew.InputError, match="read from measurements"):
        pde.read(found, "k")
