"""The formula of a network: its values, its names, its constants, and splines in the way."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import edgewise as ew
from edgewise import functions


def safe_network(widths: list[Any], names: list[str], seed: int) -> tuple[ew.KAN, Tensor]:
    """A network of the named functions whose every argument lies in [0.3, 0.9], and rows for it."""
    generator = torch.Generator().manual_seed(seed)
    model = ew.KAN(widths)
    x = torch.rand(40, model.n_in, generator=generator, dtype=torch.float64)
    h, count = x, 0
    for number, layer in enumerate(model.layers):
        for j, i in product(range(layer.n_out), range(layer.n_in)):
            lo, hi = float(h[:, i].min()), float(h[:, i].max())
            a = 0.6 / max(hi - lo, 0.2)
            c, d = (torch.rand(2, generator=generator, dtype=torch.float64) - 0.5).tolist()
            affine = (a, 0.3 - a * lo, c + math.copysign(0.3, c), d)
            model = ew.nn.set_function(model, number, j, i, names[count % len(names)], affine)
            count += 1
        h = model.nodes[number + 1].combine(model.layers[number](h)).detach()
    return model, x


def evaluate(expressions: list[sympy.Expr], names: list[str], x: Tensor) -> np.ndarray:
    call = sympy.lambdify([sympy.Symbol(name) for name in names], expressions, ["scipy", "numpy"])
    values = call(*x.numpy().T)
    return np.stack([np.broadcast_to(value, len(x)) for value in values], axis=1)


@given(
    widths=st.sampled_from(
        [[1, 1], [2, 1], [1, 2, 1], [2, (1, 1), 1], [2, (0, [3]), 2], [3, (0, [2, 4])], [1, 1, 1, 1]]
    ),
    names=st.lists(st.sampled_from([*functions.names(), "x^2/3", "x^-0.7"]), min_size=1, max_size=6),
    seed=st.integers(0, 10_000),
)
def test_the_formula_is_the_network(widths: list[Any], names: list[str], seed: int) -> None:
    model, x = safe_network(widths, names, seed)
    formula = model.formula()
    expressions = [formula] if model.n_out == 1 else formula
    assert len(expressions) == model.n_out
    values = evaluate(expressions, [f"x{i + 1}" for i in range(model.n_in)], x)
    y = model(x).detach().numpy()
    assert np.isfinite(y).all()
    np.testing.assert_allclose(values, y, rtol=1e-12, atol=1e-12 * np.abs(y).max())


def test_the_formula_of_products_of_every_arity() -> None:
    model = ew.KAN([1, (1, [2, 3, 4])])
    for j in range(10):
        model = ew.nn.set_function(model, 0, j, 0, "x", (1.0, float(j), 1.0, 0.0))
    t = sympy.Symbol("t")
    first, *products = model.formula(["t"])
    assert first == t
    for found, group in zip(products, ([1, 2], [3, 4, 5], [6, 7, 8, 9]), strict=True):
        assert sympy.expand(found - sympy.prod([t + j for j in group])) == 0


def test_the_formula_leaves_out_removed_edges() -> None:
    model = ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 1, "sin")
    model = ew.nn.remove_edges(model, [(0, 0, 0)])
    assert model.formula(["a", "b"]) == sympy.sin(sympy.Symbol("b"))
    assert ew.nn.remove_edges(model, [(0, 0, 1)]).formula() == 0


def test_constants_of_the_formula_are_exact_where_they_can_be() -> None:
    model = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "sin", (2 * math.pi, 0.5, 1 / 3, 0.0))
    t = sympy.Symbol("t")
    assert model.formula(["t"]) == sympy.sin(2 * sympy.pi * t + sympy.Rational(1, 2)) / 3


def test_splines_in_the_way_of_a_formula_are_named() -> None:
    model = ew.nn.set_function(ew.KAN([2, 2, 1]), 0, 1, 0, "sin")
    with pytest.raises(ew.InputError) as caught:
        model.formula()
    message = str(caught.value)
    assert "5 edges (layer, j, i) are still splines: (0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 0, 0), (1, 0, 1)" in message
    assert "snap" in message


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], ["a", "a"], [], "ab", ["a", 3], ["a", ""]], ids=repr)
def test_names_must_be_one_text_for_each_input(names: Any) -> None:
    model = ew.nn.set_function(ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "x"), 0, 0, 1, "x")
    with pytest.raises(ew.InputError, match="2 different names"):
        model.formula(names)


@pytest.mark.parametrize("name", ["lambda", "x + y", "__import__('os')", "x'", "2"])
def test_names_are_symbols_and_never_code(name: str) -> None:
    model = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "x^2")
    assert model.formula([name]) == sympy.Symbol(name) ** 2
