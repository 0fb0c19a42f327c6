"""The formula is the network: product nodes of every arity, several outputs, splines beside symbols."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import edgewise as ew
from edgewise.symbolic import spline_functions

NAMES = ["u", "v", "w"]
# Defined everywhere: whatever a layer before gives, these can take it.
ANYWHERE = [
    "x", "x^2", "x^3", "exp", "sin", "cos", "tanh", "atan", "gaussian", "abs", "asinh", "logistic", "softplus", "erf",
    "sinc", "1/cosh", "1/(1+x^2)", "sqrt(1+x^2)", "1/sqrt(1+x^2)",
]  # fmt: skip


def rows(n: int = 200, d: int = 3, seed: int = 0) -> torch.Tensor:
    return 2 * torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) - 1


def difference(model: ew.KAN, x: torch.Tensor) -> float:
    """Largest difference between formulas and forward, relative to the largest value of each output."""
    names = NAMES[: model.n_in]
    formulas = model.formula(names, splines="symbols")
    formulas = formulas if isinstance(formulas, list) else [formulas]
    assert len(formulas) == model.n_out
    call = sympy.lambdify(names, formulas, [spline_functions(model), "scipy", "numpy"])
    values = np.stack([np.broadcast_to(value, len(x)) for value in call(*x.numpy().T)], axis=1)
    with torch.no_grad():
        forward = model(x).numpy()
    scale = np.abs(forward).max(0)
    assert np.isfinite(forward).all()
    assert (scale > 0).all()
    return float((np.abs(values - forward) / scale).max())


@st.composite
def networks(draw: st.DrawFn, symbolic: float) -> ew.KAN:
    """Networks with at least two product nodes of arity 2 to 5 in a layer, and one to three outputs."""
    arities = draw(st.lists(st.integers(2, 5), min_size=2, max_size=3))
    sums, outputs = draw(st.integers(0, 2)), draw(st.integers(1, 3))
    last = draw(st.sampled_from([outputs, (outputs - 1, [draw(st.integers(2, 5))])]))
    model = ew.KAN([3, (sums, arities), last], grid=3, seed=draw(st.integers(0, 99)))
    random = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    for depth, layer in enumerate(model.layers):
        for j in range(layer.n_out):
            for i in range(layer.n_in):
                share, which = torch.rand(2, generator=random).tolist()
                if share < symbolic:
                    a, b, c, d = (torch.rand(4, generator=random, dtype=torch.float64) * 1.6 - 0.8).tolist()
                    name = ANYWHERE[int(which * len(ANYWHERE))]
                    model = ew.nn.set_function(model, depth, j, i, name, (a, b, c + 1, d))
                elif share > 0.9 and i > 0:
                    model = ew.nn.remove_edges(model, [(depth, j, i)])
    return model


@pytest.mark.slow
@settings(max_examples=25)
@given(networks(symbolic=1.0))
def test_symbolic_networks_are_their_formulas(model: ew.KAN) -> None:
    assert difference(model, rows()) < 1e-12
    assert not any(f.atoms(sympy.core.function.AppliedUndef) for f in np.atleast_1d(model.formula(NAMES)))


@pytest.mark.parametrize(("inner", "formula"), [("exp", "exp(u)"), ("x^3", "u**2*Abs(u)"), ("sqrt", "sqrt(u)")])
def test_absolute_values_are_those_of_real_numbers(inner: str, formula: str) -> None:
    model = ew.nn.set_function(ew.nn.set_function(ew.KAN([1, 1, 1]), 0, 0, 0, inner), 1, 0, 0, "abs")
    assert str(model.formula(["u"])) == formula
    assert difference(model, rows(d=1).abs()) < 1e-12


@settings(max_examples=25)
@given(networks(symbolic=0.5))
def test_mixed_networks_are_their_formulas(model: ew.KAN) -> None:
    assert difference(model, rows()) < 1e-12


@pytest.mark.parametrize("arity", [2, 3, 4, 5])
@pytest.mark.parametrize("basis", ew.bases.BASES)
def test_every_basis_and_arity(arity: int, basis: str) -> None:
    model = ew.KAN([2, (1, [arity, arity]), 2], basis=basis, grid=4, seed=arity, base="silu")
    model = ew.nn.set_function(model, 0, 1, 0, "sin", (2.0, 0.3, 1.5, 0.2))
    assert difference(model, rows(d=2)) < 1e-12


@pytest.mark.parametrize("name", ew.functions.names())
def test_every_function_is_its_formula_in_a_product(name: str) -> None:
    model = ew.symbolic.network_of(sympy.Symbol("u") * sympy.Symbol("v") * sympy.Symbol("w"), NAMES)
    for j in range(3):
        model = ew.nn.set_function(model, 0, j, j, name, (0.3, 0.5, 1.3, -0.2))
    assert difference(model, rows()) < 1e-12


def test_beyond_the_knots_formula_and_network_go_on_together() -> None:
    assert difference(ew.KAN([2, (1, [3]), 1], seed=1), 5 * rows(d=2)) < 1e-12


def test_float32_networks_agree_to_their_rounding(mixed_network: Callable[..., ew.KAN]) -> None:
    model = mixed_network([2, 2, 1], dtype=torch.float32)
    assert difference(model, rows(d=2)) < 1e-5


def test_spline_functions_take_numbers_and_arrays() -> None:
    (curve,) = spline_functions(ew.KAN([1, 1])).values()
    assert isinstance(curve(0.25), float)
    assert curve(np.zeros((2, 3))).shape == (2, 3)
    assert curve(np.full((2, 3), 0.25))[1, 2] == curve(0.25)


def test_splines_are_refused_or_named() -> None:
    model = ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "exp")
    with pytest.raises(ew.InputError, match=r"1 edges .*\(0, 0, 1\).*splines='symbols'"):
        model.formula(["x", "y"])
    with pytest.raises(ew.InputError, match="'splines' must be"):
        model.formula(["x", "y"], splines="pieces")
    with pytest.raises(ew.InputError, match="Give the input another name"):
        model.formula(["x", "phi_0_0_1"], splines="symbols")
    assert str(model.formula(["x", "y"], splines="symbols")) == "phi_0_0_1(y) + exp(x)"
