"""The function library: every row says the same thing as a tensor operation and as a formula."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise import InputError, functions

POWERS = ["x^2/3", "x^-0.5", "x^7/2", "x^6", "x^-4", "x^0.3", "x^1/3"]


def inside(function, fractions):
    """Points of the domain, clear of 0 where a pole may be."""
    low, high = max(function.domain[0], -3.0), min(function.domain[1], 3.0)
    points = low + (high - low) * (0.01 + 0.98 * torch.tensor(fractions, dtype=torch.float64))
    return points[points.abs() > 1e-2]


@pytest.mark.parametrize("name", functions.names() + POWERS)
@settings(max_examples=5, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=3, max_size=6))
def test_tensor_formula_and_derivative_agree(name, fractions):
    function = functions.get(name)
    u = inside(function, fractions).requires_grad_()
    f = function.torch(u)
    assert torch.isfinite(f).all()
    z = sympy.Symbol("z")
    formula = function.sympy(z)
    expected = [float(formula.subs(z, sympy.Float(v, 30))) for v in u.tolist()]
    torch.testing.assert_close(f.detach(), torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-13)
    (df,) = torch.autograd.grad(f.sum(), u)
    slope = formula.subs(z, sympy.Symbol("z", real=True)).diff()
    z = sympy.Symbol("z", real=True)
    expected = [float(slope.subs(z, sympy.Float(v, 30))) for v in u.tolist()]
    torch.testing.assert_close(df, torch.tensor(expected, dtype=torch.float64), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", functions.names())
def test_second_derivatives_are_those_of_the_formula(name):
    u = inside(functions.get(name), [0.07, 0.31, 0.52, 0.86]).requires_grad_()
    (slope,) = torch.autograd.grad(functions.get(name).torch(u).sum(), u, create_graph=True)
    found = torch.autograd.grad(slope.sum(), u)[0] if slope.requires_grad else torch.zeros_like(u)
    z = sympy.Symbol("z", real=True)
    curvature = sympy.diff(functions.get(name).sympy(z), z, 2)
    expected = [float(curvature.subs(z, sympy.Float(v, 30))) for v in u.tolist()]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-10)


def test_sinc_is_smooth_at_zero():
    at = torch.zeros(1, dtype=torch.float64)
    assert torch.func.jacfwd(torch.func.jacrev(functions.get("sinc").torch))(at).item() == pytest.approx(-1 / 3)


@pytest.mark.parametrize("name", functions.names())
def test_poles_are_where_the_function_is_infinite(name):
    function = functions.get(name)
    inside = [p for p in function.poles if function.domain[0] <= p <= function.domain[1]]
    assert list(function.poles) == inside
    assert torch.isinf(function.torch(torch.tensor(inside, dtype=torch.float64))).all()
    at_zero = function.torch(torch.zeros(1, dtype=torch.float64))
    assert bool(torch.isfinite(at_zero)) or 0.0 in (*function.poles, *function.domain)


@pytest.mark.parametrize("name", functions.names())
def test_outside_the_domain_nothing_is_finite(name):
    function = functions.get(name)
    low, high = function.domain
    beyond = [v for v in (low - 0.5, high + 0.5) if abs(v) < float("inf")]
    if name in ("tan", "1/cos", "1/tanh"):  # the domain ends at poles, and they go on beyond
        ends = torch.tensor([end for end in (low, high) if abs(end) < float("inf")], dtype=torch.float64)
        assert (function.torch(ends).abs() > 1e15).all()
        return
    assert not torch.isfinite(function.torch(torch.tensor(beyond, dtype=torch.float64))).any()


def test_the_library_is_large_and_named_once():
    names = functions.names()
    assert len(names) >= 40
    assert len(functions.names(core=True)) == 26
    assert len(set(names)) == len(names)
    assert all(functions.get(name).name == name for name in names)


@pytest.mark.parametrize(("name", "same"), [("x^0.5", "sqrt"), ("x^-1", "1/x"), ("x^1", "x"), ("x^3/2", "x^1.5")])
def test_powers_have_one_name(name, same):
    assert functions.get(name) is functions.get(same)


def test_fractional_powers_are_exact():
    z = sympy.Symbol("z")
    assert functions.get("x^2/3").sympy(z) == z ** sympy.Rational(2, 3)
    assert functions.get("x^-0.125").sympy(z) == z ** sympy.Rational(-1, 8)
    assert functions.get(functions.get("x^0.4").name).sympy(z) == z ** sympy.Rational(2, 5)


@pytest.mark.parametrize(
    "exponent", ["0.123456789", "-0.000000000001", "123456.123456789012", "999999.5", "999999", "-1/999999", "0.4"]
)
def test_the_name_of_a_power_is_read_back(exponent):
    row = functions.get(f"x^{exponent}")
    assert functions.get(row.name) is row
    assert row.sympy(sympy.Symbol("z")).exp == sympy.Rational(exponent)


X, Y = sympy.symbols("x y")
ABSOLUTE = {
    sympy.exp(X): "exp(x)",
    -2 * X * sympy.exp(Y): "2*exp(y)*Abs(x)",
    sympy.sin(X) ** 2 + 1: "sin(x)**2 + 1",
    sympy.sqrt(X): "sqrt(x)",  # undefined where the root is
    sympy.exp(X) - Y: "Abs(y - exp(x))",
    sympy.Abs(X - 1) - 2: "Abs(Abs(x - 1) - 2)",
    sympy.Integer(-3): "3",
}


@pytest.mark.parametrize("argument", ABSOLUTE, ids=str)
def test_the_absolute_value_is_that_of_a_real_number(argument):
    form = functions.get("abs").sympy(argument)
    assert str(form) == ABSOLUTE[argument]
    u, v = sympy.symbols("u v")
    assert form.xreplace({X: u, Y: v}) == functions.get("abs").sympy(argument.xreplace({X: u, Y: v}))


@pytest.mark.parametrize("name", ["sinn", "x^0", "x^1/0", "x^inf", "x^1e999999999", "", "x^", 3])
def test_unknown_names_list_known_ones(name):
    with pytest.raises(InputError, match="Unknown function"):
        functions.get(name)


def test_unknown_names_list_the_nearest_first():
    with pytest.raises(InputError, match=r"Known: sinh?, "):
        functions.get("sinn")


def test_register_adds_and_refuses(monkeypatch):
    rows = functions.register.__globals__["_LIBRARY"]
    monkeypatch.setitem(functions.register.__globals__, "_LIBRARY", dict(rows))
    row = functions.Function("test-cubic-root", lambda x: x.sign() * x.abs() ** (1 / 3), sympy.cbrt)
    assert functions.register(row) is functions.get("test-cubic-root")
    assert "test-cubic-root" in functions.names()
    with pytest.raises(InputError, match="taken"):
        functions.register(functions.get("sin"))
    with pytest.raises(InputError, match="Unknown gauge"):
        functions.register(functions.Function("new", torch.sin, sympy.sin, gauge="slide"))
    with pytest.raises(InputError, match="cannot differentiate"):
        functions.register(functions.Function("new", torch.special.bessel_j0, lambda z: sympy.besselj(0, z)))
    with pytest.raises(InputError, match="not finite at 1/2"):
        functions.register(functions.Function("new", torch.acosh, sympy.acosh, (1.0, float("inf"))))


def test_the_library_does_not_import_sympy():
    code = "import sys, edgewise.functions as f; f.get('x^2/3'); assert 'sympy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
