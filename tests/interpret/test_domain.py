"""Where formulas are defined and where they extrapolate, checked against their own values."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.symbolic import domain

A, B = sympy.symbols("a b")

SHOWN = [
    (sympy.log(A), ["a > 0"]),
    (sympy.log(3 * A - 1), ["a > 1/3"]),
    (sympy.log(2 - A), ["a < 2"]),
    (sympy.sqrt(A - B), ["a - b >= 0"]),
    (1 / sympy.sqrt(A), ["a > 0"]),
    (sympy.sqrt(A) / A, ["a > 0"]),
    (B / A + sympy.sqrt(A), ["a > 0"]),
    (A ** sympy.Rational(2, 3), ["a >= 0"]),
    (1 / (A * B), ["a != 0", "b != 0"]),
    (1 / (2 * A - 3) ** 2, ["a != 3/2"]),
    (sympy.tan(2 * A), ["cos(2*a) != 0"]),
    (1 / sympy.cos(A), ["cos(a) != 0"]),
    (sympy.asin(2 * A), ["a <= 1/2", "a >= -1/2"]),
    (sympy.acos(A / 4), ["a <= 4", "a >= -4"]),
    (sympy.atanh(A), ["a < 1", "a > -1"]),
    (sympy.acosh(A), ["a >= 1"]),
    (A**B, ["a > 0"]),
    (2**B, []),
    (A**2 + sympy.exp(B), []),
    (sympy.sqrt(A**2 + B**2), []),
    (1 / (1 + sympy.exp(A)), []),
    (sympy.log(sympy.exp(A) + 1), []),
    (sympy.sqrt(1 + A**2), []),
    (1 / sympy.cosh(A), []),
    (1 / sympy.log(A), ["a > 0", "log(a) != 0"]),
    (sympy.Float(2.0) / (A - sympy.Float(0.5)), ["a != 0.5"]),
]


@pytest.mark.parametrize(("formula", "expected"), SHOWN, ids=str)
def test_conditions_are_read_off_the_formula(formula: sympy.Expr, expected: list[str]) -> None:
    assert [str(c) for c in domain(formula).conditions] == expected


@pytest.mark.parametrize("formula", [f for f, _ in SHOWN], ids=str)
def test_where_conditions_hold_the_formula_is_finite_and_elsewhere_not(formula: sympy.Expr) -> None:
    grid = np.linspace(-5, 5, 41)
    x = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    call = sympy.lambdify([A, B], formula, ["scipy", "numpy"])
    with np.errstate(all="ignore"):
        values = np.broadcast_to(np.asarray(call(*x.T.astype(complex))), len(x))
    real = np.isfinite(values) & (np.abs(values.imag) < 1e-9 * (1 + np.abs(values.real)))
    defined = domain(formula, names=["a", "b"]).defined(x)
    assert (real | ~defined).all(), "defined, but not finite or not real"
    if formula != A**B and not formula.has(sympy.acosh):  # real at whole exponents; numpy's cuts are one-sided
        assert (defined | ~real).all()


@pytest.mark.parametrize("name", ew.functions.names())
def test_every_function_of_the_library_has_the_conditions_of_its_row(name: str) -> None:
    row = ew.functions.get(name)
    u = torch.linspace(-3, 3, 121, dtype=torch.float64)
    low, high = row.domain
    periodic = name in ("tan", "1/cos")
    inside = torch.isfinite(row.torch(u)) if periodic or name == "1/tanh" else (u >= low) & (u <= high)
    inside &= torch.isfinite(row.torch(u))
    found = domain(row.sympy(A), names=["a"]).defined(u.unsqueeze(1))
    assert (found == inside.numpy()).all()


def test_data_show_ranges_failing_rows_poles_and_ends() -> None:
    x = np.linspace(-1, 1, 200)[:, None]
    assert "fails in 100 of 200 rows" in str(domain(sympy.log(A), x))
    assert "which lie on both sides" in str(domain(1 / A, x))
    assert "the data come close" in str(domain(sympy.log(A + sympy.Float("1.001")), x))
    found = domain(sympy.log(A + 5), x)
    assert found.notes == []
    assert found.ranges == {"a": (-1.0, 1.0)}
    assert str(found).splitlines() == [
        "defined where a > -5",
        "data: a from -1 to 1; beyond, the formula extrapolates",
    ]
    assert found.inside([[0.0], [1.0], [1.1]]).tolist() == [True, True, False]
    assert found.defined([[0.0], [-6.0]]).tolist() == [True, False]
    assert str(domain(sympy.exp(A))) == "defined everywhere"


def test_a_network_states_its_domain_splines_too() -> None:
    model = ew.KAN([2, 1, 1], domain=(-1.0, 2.0))
    model = ew.nn.set_function(model, 0, 0, 0, "log", (1.0, 0.5, 1.0, 0.0))
    x = torch.rand(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = domain(model, x, ["a", "b"])
    assert [str(c) for c in found.conditions] == ["a > -1/2"]
    assert set(found.splines) == {"phi_0_0_1", "phi_1_0_0"}
    assert found.splines["phi_0_0_1"] == (B, -1.0, 2.0)
    assert "phi_0_0_1 is a spline for b from -1 to 2" in str(found)
    assert found.inside(x).shape == (50,)
    with torch.no_grad():
        hidden = ew.nn.trace(model, x).inputs[1][:, 0].numpy()
    assert (found.inside(x) == (hidden >= -1) & (hidden <= 2)).all()
    assert found.inside([[0.5, 7.0]]).tolist() == [False]
    assert found.defined([[-0.6, 0.0], [0.0, 0.0]]).tolist() == [False, True]


def test_a_condition_beyond_a_spline_is_evaluated_through_the_network() -> None:
    model = ew.nn.set_function(ew.KAN([1, 1, 1], seed=3), 1, 0, 0, "log", (1.0, 0.0, 1.0, 0.0))
    x = torch.linspace(-1, 1, 40, dtype=torch.float64).unsqueeze(1)
    found = domain(model, x)
    assert [str(c) for c in found.conditions] == ["phi_0_0_0(x1) > 0"]
    with torch.no_grad():
        assert (found.defined(x) == torch.isfinite(model(x))[:, 0].numpy()).all()


def test_several_outputs_have_one_domain() -> None:
    model = ew.symbolic.network_of(sympy.log(A), ["a"])
    assert [str(c) for c in domain(model, names=["a"]).conditions] == ["a > 0"]
    assert [str(c) for c in domain([sympy.log(A), 1 / B]).conditions] == ["a > 0", "b != 0"]


BAD = [
    (lambda: domain("log(a)"), "network or of sympy expressions"),
    (lambda: domain([]), "network or of sympy expressions"),
    (lambda: domain(sympy.Function("phi_0_0_0")(A)), "Give the network"),
    (lambda: domain(sympy.log(A), names=["b"]), "'names' must list the inputs"),
    (lambda: domain(sympy.log(A), names="a"), "'names' must list the inputs"),
    (lambda: domain(sympy.log(A), [[1.0, 2.0]]), "x must have 1 columns"),
    (lambda: domain(sympy.log(A)).defined([[1.0, 2.0]]), "x must have 1 columns"),
    (lambda: domain(sympy.log(A), [[float("nan")]]), "nan"),
    (lambda: domain(ew.KAN([2, 1]), names=["a"]), "2 different names"),
]


@pytest.mark.parametrize(("call", "match"), BAD, ids=[m for _, m in BAD])
def test_what_has_no_domain_is_refused(call, match: str) -> None:
    with pytest.raises(ew.InputError, match=match):
        call()
