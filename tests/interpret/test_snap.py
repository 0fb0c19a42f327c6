"""Snapping edges to functions, gauge, rounding, and formulas that are the network."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.expressions import evaluate
from edgewise.symbolic import canonicalize

X, Y = sympy.symbols("x y")


def rows(n: int = 500, d: int = 2, lo: float = -1.0, hi: float = 1.0, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * (hi - lo) + lo


def agree(model: ew.KAN, x: torch.Tensor, names: list[str]) -> float:
    """Largest difference between formula and forward, relative to the largest value."""
    values = evaluate(model.formula(names), names, x.numpy())
    with torch.no_grad():
        forward = model(x)[:, 0].numpy()
    return float(np.abs(values - forward).max() / np.abs(forward).max())


def test_the_hello_formula_comes_out_exactly_and_is_the_network() -> None:
    x = rows()
    y = torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2)
    fit = ew.fit(ew.KAN([2, 1, 1]), x, y)
    result = ew.symbolic.snap(fit.model, x, y)
    assert result.kept == []
    assert result.model.formula(["x", "y"]) == sympy.exp(sympy.sin(sympy.pi * X) + Y**2)
    assert result.error_after < 1e-14
    assert agree(result.model, rows(seed=1), ["x", "y"]) < 1e-12
    assert [s.function for s in result.snapped].count("exp") == 1
    assert "-> exp" in result.report()


def test_noise_does_not_hide_the_formula() -> None:
    x = rows(lo=0.5, hi=2.0)
    y = torch.sqrt(x[:, 0] ** 2 + x[:, 1] ** 2)
    noisy = y + 0.01 * y.std() * torch.randn(len(y), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    fit = ew.fit(ew.KAN([2, 1, 1]), x, noisy)
    result = ew.symbolic.snap(fit.model, x, noisy)
    assert result.model.formula(["x", "y"]) == sympy.sqrt(X**2 + Y**2)


def test_without_y_the_network_itself_is_the_target() -> None:
    x = rows(d=1)
    fit = ew.fit(ew.KAN([1, 1]), x, 2 * torch.cos(3 * x[:, 0]))
    assert ew.symbolic.snap(fit.model, x).model.formula(["x"]) == 2 * sympy.cos(3 * X)


def test_an_edge_that_no_function_fits_stays_a_spline_and_is_named() -> None:
    x = rows(d=1)
    y = torch.special.bessel_j0(10 * x[:, 0])
    fit = ew.fit(ew.KAN([1, 1]), x, y)
    result = ew.symbolic.snap(fit.model, x, y)
    assert result.kept == [(0, 0, 0)]
    assert "stays a spline" in result.report()
    assert result.error_after < 1e-3
    with pytest.raises(ew.InputError, match="still splines"):
        result.model.formula(["x"])


def test_the_library_can_be_restricted() -> None:
    x = rows(d=1, lo=0.5, hi=1.0)
    fit = ew.fit(ew.KAN([1, 1]), x, torch.exp(x[:, 0]))
    result = ew.symbolic.snap(fit.model, x, torch.exp(x[:, 0]), functions=["x^2", "sin"], slack=1e12)
    assert {s.function for s in result.snapped} <= {"x^2", "sin"}


def test_the_given_network_and_its_dtype_are_kept() -> None:
    x = rows(d=1)
    fit = ew.fit(ew.KAN([1, 1], dtype=torch.float32), x, x[:, 0] ** 2)
    before = fit.model.layers[0].coefficients.detach().clone()
    result = ew.symbolic.snap(fit.model, x, x[:, 0] ** 2)
    assert torch.equal(fit.model.layers[0].coefficients, before)
    assert fit.model.layers[0].symbols == {}
    assert result.model.dtype == torch.float32


@pytest.mark.parametrize(("arguments", "match"), [({"functions": ["sinn"]}, "sin"), ({"slack": 0.5}, "slack")])
def test_bad_arguments_are_named(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(ew.InputError, match=match):
        ew.symbolic.snap(ew.KAN([2, 1]), rows(), rows(d=1), **arguments)


def test_canonical_keeps_the_function_and_frees_fewer_constants() -> None:
    model = ew.KAN([2, (1, 1), 1])
    spec = {
        (0, 0, 0): ("sin", (2.0, 0.3, 1.5, 0.2)), (0, 0, 1): ("x^2", (3.0, 0.4, -2.0, 1.0)),
        (0, 1, 0): ("x", (0.1, 0.3, 0.7, -1 / 3)), (0, 1, 1): ("exp", (0.5, 0.7, 2.0, 0.1)),
        (0, 2, 0): ("log", (0.5, 2.0, 1.2, 0.4)), (0, 2, 1): ("x^3", (-2.0, 0.1, 0.3, 2.0)),
        (1, 0, 0): ("exp", (0.3, 0.2, 1.1, 0.5)), (1, 0, 1): ("tanh", (0.1, 0.2, 4.0, -0.5)),
    }  # fmt: skip
    for edge, (name, affine) in spec.items():
        model = ew.nn.set_function(model, *edge, name, affine)
    x = rows()
    new = canonicalize(model)
    with torch.no_grad():
        assert torch.allclose(new(x), model(x), rtol=1e-12, atol=1e-12)
    assert ew.nn.Layout(new).size < ew.nn.Layout(model).size
    assert agree(new, x, ["x", "y"]) < 1e-12


COMPILED = [
    sympy.exp(sympy.sin(sympy.pi * X) + Y**2), 2 * X / Y**2, (X + Y) / (1 + X * Y), X**2 + 3 * X + 1, X, X + 3,
    sympy.sqrt(2) * sympy.exp(-(X**2) / (2 * Y**2)) / (2 * sympy.sqrt(sympy.pi) * Y), X * (1 - Y) / Y,
    sympy.sin(X) * sympy.sin(X + 1) + X**2 * Y, sympy.log(X) ** 2 + sympy.log(X), sympy.exp(X) / (sympy.exp(X) + 1),
    sympy.Float(281428.48) * X ** sympy.Rational(3, 2) / sympy.sqrt(Y), X**Y, 2**X, sympy.Abs(X - Y),
]  # fmt: skip


@pytest.mark.parametrize("formula", COMPILED, ids=str)
def test_a_formula_becomes_the_network_that_computes_it(formula: sympy.Expr) -> None:
    model = ew.symbolic.network_of(formula, ["x", "y"])
    x = rows(lo=0.5, hi=2.0)
    truth = evaluate(formula, ["x", "y"], x.numpy())
    with torch.no_grad():
        values = model(x)[:, 0].numpy()
    assert np.abs(values - truth).max() <= 1e-12 * np.abs(truth).max()
    assert agree(model, x, ["x", "y"]) < 1e-12


@pytest.mark.parametrize(
    ("formula", "match"), [(sympy.Symbol("w") + X, "'w'"), (sympy.gamma(X), "gamma"), (sympy.I * X, "not real")]
)
def test_formulas_that_no_network_computes_are_refused(formula: sympy.Expr, match: str) -> None:
    with pytest.raises(ew.InputError, match=match):
        ew.symbolic.network_of(formula, ["x", "y"])
