"""Exports: whatever the language, the same numbers as the network."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from exported import COMPILER, by_c, by_numpy, run_python
from hypothesis import given, settings
from hypothesis import strategies as st

import edgewise as ew
from edgewise import functions

N = 1000
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler")


# the networks: every function of the library, product nodes, several outputs, nested ones


def inside(name: str) -> tuple[float, float, float, float]:
    """Constants a, b, c, d that take [0, 1] into the domain of a function."""
    lo, hi = functions.get(name).domain
    if math.isfinite(lo) and math.isfinite(hi):
        return (0.8 * (hi - lo), lo + 0.1 * (hi - lo), 1.3, -0.7)
    if math.isfinite(lo):
        return (1.9, lo + 0.3, -1.3, 0.25)
    return (1.7, 0.3, 1 / 3, math.pi / 7)


def every_function() -> ew.KAN:
    """One output for each function, plus the second input."""
    names = functions.names()
    model = ew.KAN([2, len(names)])
    for j, name in enumerate(names):
        model = ew.nn.set_function(model, 0, j, 0, name, inside(name))
        model = ew.nn.set_function(model, 0, j, 1, "x", (0.1, 0.0, 1.0, 0.0))
    return model


def built(widths: list[Any], names: list[str], seed: int = 0, digits: int = 17) -> ew.KAN:
    """A network whose edges carry the named functions in turn, with constants of all kinds; wide ones lose some."""
    generator = torch.Generator().manual_seed(seed)
    model = ew.KAN(widths)
    count = 0
    for number, layer in enumerate(model.layers):
        for j in range(layer.n_out):
            for i in range(layer.n_in):
                draws = (torch.rand(4, generator=generator, dtype=torch.float64) - 0.4).tolist()
                a, b, c, d = (round(v + math.copysign(0.6, v), digits) for v in draws)
                affine = (a, b, c, d) if count % 3 else (round(3 * a) or 1.0, 0.5, -math.pi / 3, round(c, 2))
                model = ew.nn.set_function(model, number, j, i, names[count % len(names)], affine)
                if digits < 17 and i != j % layer.n_in and count % 4:
                    model = ew.nn.remove_edges(model, [(number, j, i)])
                count += 1
    return model


NETWORKS: dict[str, Callable[[], ew.KAN]] = {
    "every function": every_function,
    "sums": lambda: built([2, 3, 1], ["sin", "x^2", "exp", "tanh", "x", "gaussian"], digits=6),
    "products": lambda: built([3, (1, [2, 3]), 2], ["x", "cos", "x^2", "atan", "exp"], digits=3),
    "nested": lambda: built([2, 2, (0, 2), 2, 1], ["sin", "x", "tanh", "x^3", "gaussian"], seed=1, digits=2),
    "arities": lambda: built([2, (2, [5, 2]), (1, [2]), 1], ["x", "sin", "x", "tanh"], seed=2, digits=2),
    "pieces": lambda: built([2, 2, 1], ["abs", "x", "atan", "x^2"], seed=3),
    "constants": lambda: built([1, 1], ["x^2"], seed=4),
}


@pytest.fixture(scope="module")
def networks() -> dict[str, tuple[ew.KAN, list[str], np.ndarray, np.ndarray]]:
    """Each network with names, rows and what it makes of them."""
    out = {}
    for key, make in NETWORKS.items():
        model = make()
        x = torch.rand(N, model.n_in, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
        names = ["mass", "theta", "x_1"][: model.n_in]
        out[key] = (model, names, x.numpy(), model(x).detach().numpy())
    return out


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest one, relative to the value or, where it is near a root, to the spread of its column."""
    assert found.shape == expected.shape
    assert np.isfinite(expected).all()
    scale = np.maximum(np.abs(expected), 0.1 * expected.std(axis=0))
    return float((np.abs(found - expected) / scale).max())


def by_excel(text: str, x: np.ndarray, cells: list[str]) -> np.ndarray:
    """One formula evaluated by the `formulas` package, all rows at once."""
    import formulas

    call = formulas.Parser().ast(text)[1].compile()
    assert set(call.inputs) <= set(cells)
    columns = {cell: x[:, [k]] for k, cell in enumerate(cells)}
    if re.search(r"\b(ERFC?|MAX|MIN)\(", text):  # which the package takes one by one
        rows = [call(*(np.array([[columns[c][r, 0]]]) for c in call.inputs)) for r in range(len(x))]
        return np.array([float(np.asarray(row).item()) for row in rows])
    out = np.asarray(call(*(columns[cell] for cell in call.inputs))).ravel().astype(float)
    return np.broadcast_to(out, len(x))


def by_latex(text: str, names: list[str], x: np.ndarray) -> np.ndarray:
    """Read back by sympy's parser of LaTeX; names are told by how the parser reads them alone."""
    from sympy.parsing.latex import parse_latex

    from edgewise.export import latex_names

    read = text.replace(r"\left|", "|").replace(r"\right|", "|")
    read = read.replace(r"\operatorname{erf}", "W").replace(r"\operatorname{erfc}", "V")  # it knows those of one letter
    expression = parse_latex(read, backend="antlr")
    symbols = [parse_latex(latex_names(names)[name], backend="antlr") for name in names]
    expression = expression.xreplace({sympy.Symbol("pi"): sympy.pi})
    assert expression.free_symbols <= set(symbols), text
    known = {"W": np.vectorize(math.erf), "V": np.vectorize(math.erfc), "log": lambda v, e: np.log(v)}
    call = sympy.lambdify(symbols, expression, [known, "numpy"])
    return np.broadcast_to(call(*x.T), len(x))


@pytest.mark.parametrize("key", NETWORKS)
def test_numpy_agrees_with_the_network(key: str, networks) -> None:
    model, names, x, expected = networks[key]
    text = ew.export.numpy(model, names)
    assert difference(by_numpy(text, x), expected) < 1e-12
    assert max(map(len, text.splitlines())) < 140


@needs_compiler
@pytest.mark.parametrize("key", NETWORKS)
def test_c_agrees_with_the_network(key: str, networks, tmp_path: Path) -> None:
    model, names, x, expected = networks[key]
    text = ew.export.c(model, names)
    assert difference(by_c(text, x, model.n_out, tmp_path), expected) < 1e-12


@pytest.mark.parametrize("key", NETWORKS)
def test_torch_agrees_with_the_network(key: str, networks) -> None:
    model, names, x, expected = networks[key]
    rows = torch.from_numpy(x)
    module = ew.export.torch(model, names)
    assert difference(module(rows).detach().numpy(), expected) < 1e-12
    written = run_python(ew.export.torch_source(model, names), "Formula")()
    assert difference(written(rows).detach().numpy(), expected) < 1e-12


@pytest.mark.parametrize("key", NETWORKS)
def test_excel_agrees_with_the_network(key: str, networks) -> None:
    model, names, x, expected = networks[key]
    texts = ew.export.excel(model, names)
    columns = [by_excel(t, x, ["A2", "B2", "C2"][: len(names)]) for t in ([texts] if isinstance(texts, str) else texts)]
    assert difference(np.stack(columns, axis=1), expected) < 1e-9


@pytest.mark.parametrize("key", NETWORKS)
def test_latex_read_back_agrees_with_the_network(key: str, networks) -> None:
    model, names, x, expected = networks[key]
    formula = model.formula(names)
    columns = [
        by_latex(ew.export.latex(f, names), names, x) for f in (formula if isinstance(formula, list) else [formula])
    ]
    assert difference(np.stack(columns, axis=1), expected) < 1e-12


@pytest.mark.parametrize("key", NETWORKS)
def test_sympy_agrees_with_the_network(key: str, networks) -> None:
    model, names, x, expected = networks[key]
    formula = model.formula(names)
    columns = [
        np.broadcast_to(sympy.lambdify(sympy.symbols(names), f, ["scipy", "numpy"])(*x.T), N)
        for f in (formula if isinstance(formula, list) else [formula])
    ]
    assert difference(np.stack(columns, axis=1), expected) < 1e-12


# networks with splines


SPLINES: list[tuple[list[Any], dict[str, Any]]] = [
    ([1, 1], {"degree": 1}),
    ([2, 3, 1], {"base": "silu", "degree": 3}),
    ([2, (1, 1), 2], {"base": "identity", "degree": 2, "domain": (0.0, 0.7)}),
    ([2, (0, [3]), (1, 1), 1], {"degree": 5, "grid": 3}),
    ([2, 2, 1], {"degree": 9, "grid": 4}),
    ([2, 2, 1], {"basis": "linear", "grid": 7}),
    ([2, 2, 1], {"basis": "chebyshev", "grid": 9}),
    ([2, 2, 1], {"basis": "rbf", "base": "identity"}),
    ([2, (1, 1), 1], {"basis": "fourier", "grid": 4, "domain": (-2.0, 1.0)}),
]


@needs_compiler
@pytest.mark.parametrize(("widths", "arguments"), SPLINES)
@pytest.mark.parametrize("symbolic", [0.0, 0.4])
def test_networks_with_splines_agree_inside_and_beyond_the_knots(
    widths, arguments, symbolic, mixed_network, tmp_path
) -> None:
    model = mixed_network(widths, symbolic=symbolic, **arguments)
    x = 5 * torch.rand(N, model.n_in, dtype=torch.float64, generator=torch.Generator().manual_seed(6)) - 2.5
    x[:40] = x[:40].round(decimals=1)  # on knots too
    expected = model(x).detach().numpy()
    assert difference(by_numpy(ew.export.numpy(model, function="net"), x.numpy(), "net"), expected) < 1e-12
    text = ew.export.c(model, function="net")
    assert difference(by_c(text, x.numpy(), model.n_out, tmp_path, "net"), expected) < 1e-12


def test_knots_spread_unevenly_and_missing_values(tmp_path) -> None:
    x = torch.randn(200, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    model = ew.nn.adapt_grid(ew.KAN([2, 2, 1], seed=3), x, 8, quantiles=0.8)
    text = ew.export.numpy(model)
    assert difference(by_numpy(text, x.numpy()), model(x).detach().numpy()) < 1e-12
    holes = np.array([[np.nan, 0.0], [0.0, np.nan], [0.0, 0.0]])
    assert np.isnan(by_numpy(text, holes)).ravel().tolist() == [True, True, False]
    if COMPILER:
        assert np.isnan(by_c(ew.export.c(model), holes, 1, tmp_path)).ravel().tolist() == [True, True, False]


def test_inputs_named_like_parts_of_the_program(tmp_path) -> None:
    model = ew.KAN([3, 2, 1], seed=2)
    x = torch.rand(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    names = ["f_phi_0_0_0", "h1_1", "spline"]
    expected = model(x).detach().numpy()
    assert difference(by_numpy(ew.export.numpy(model, names), x.numpy()), expected) < 1e-12
    if COMPILER:
        assert difference(by_c(ew.export.c(model, names), x.numpy(), 1, tmp_path), expected) < 1e-12


@pytest.mark.parametrize("way", ["latex", "excel", "torch", "torch_source"])
def test_networks_with_splines_are_no_formula(way: str) -> None:
    with pytest.raises(ew.InputError, match="still splines"):
        getattr(ew.export, way)(ew.KAN([1, 1]))


def test_a_formula_too_long_to_read_goes_node_by_node(tmp_path) -> None:
    model = built([4, 8, 8, 8, 1], ["tanh", "x", "sin"])
    x = torch.rand(N, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    expected = model(x).detach().numpy()
    assert difference(by_numpy(ew.export.numpy(model), x.numpy()), expected) < 1e-12
    if COMPILER:
        assert difference(by_c(ew.export.c(model), x.numpy(), 1, tmp_path), expected) < 1e-12
    for way in (ew.export.latex, ew.export.excel, ew.export.torch):
        with pytest.raises(ew.InputError, match="too long to be written"):
            way(model)


# any formula


X, Y = sympy.symbols("x y")


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Formulas of formulas, real and of moderate size for x and y from 0.3 to 1.7."""
    small = sympy.Rational(1, 4)
    one = st.sampled_from(
        [
            lambda u: -u, lambda u: u**2, lambda u: (-u) ** 3, lambda u: -(u**2), sympy.sin, sympy.tanh, sympy.Abs,
            lambda u: 1 / (1 + u**2), lambda u: sympy.exp(-(u**2)), lambda u: sympy.sqrt(u**2 + 1),
            lambda u: (2 + sympy.cos(u)) ** sympy.Rational(2, 3), lambda u: sympy.log(2 + sympy.sin(u)),
            lambda u: 2 ** sympy.tanh(-u), lambda u: (1 + u**2) ** -2, lambda u: sympy.atan(u) ** 2 * small,
        ]
    )  # fmt: skip
    two = st.sampled_from(
        [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (2 + sympy.cos(b))]
    )
    return st.builds(lambda f, a: f(a), one, inner) | st.builds(lambda f, a, b: f(a, b), two, inner, inner)


LEAVES = st.sampled_from(
    [
        X,
        Y,
        sympy.Integer(2),
        sympy.Rational(-2, 3),
        sympy.pi / 2,
        sympy.Float("0.1"),
        sympy.Float("-1.7e-3"),
        sympy.sqrt(2),
    ]
)
FORMULAS = st.recursive(LEAVES, grown, max_leaves=6)
POINTS = np.random.default_rng(0).uniform(0.3, 1.7, (5, 2))


def exactly(formula: Any) -> np.ndarray:
    """Thirty digits, rounded."""
    rows = [float(formula.evalf(30, subs={X: sympy.Float(a, 40), Y: sympy.Float(b, 40)})) for a, b in POINTS]
    return np.array(rows)


def close(found: np.ndarray, formula: Any) -> None:
    np.testing.assert_allclose(found, exactly(formula), rtol=1e-11, atol=1e-13)


@given(FORMULAS)
def test_any_formula_in_numpy_and_torch(formula: Any) -> None:
    close(by_numpy(ew.export.numpy(formula, ["x", "y"]), POINTS)[:, 0], formula)
    rows = torch.from_numpy(POINTS)
    close(ew.export.torch(formula, ["x", "y"])(rows)[:, 0].detach().numpy(), formula)
    written = run_python(ew.export.torch_source(formula, ["x", "y"]), "Formula")()
    close(written(rows)[:, 0].detach().numpy(), formula)


@given(FORMULAS)
def test_any_formula_in_excel(formula: Any) -> None:
    close(by_excel(ew.export.excel(formula, ["x", "y"]), POINTS, ["A2", "B2"]), formula)


@given(FORMULAS)
@settings(max_examples=25)
def test_any_formula_in_latex(formula: Any) -> None:
    close(by_latex(ew.export.latex(formula, ["x", "y"]), ["x", "y"], POINTS), formula)


@needs_compiler
@given(st.lists(FORMULAS, min_size=20, max_size=30))
@settings(max_examples=3)
def test_any_formula_in_c(tmp_path_factory: pytest.TempPathFactory, formulas: list[Any]) -> None:
    text = ew.export.c(formulas, ["x", "y"])
    found = by_c(text, POINTS, len(formulas), tmp_path_factory.mktemp("c"))
    for column, formula in zip(found.T, formulas, strict=True):
        close(column, formula)
