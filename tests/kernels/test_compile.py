"""Formulas as networks: each is the network that computes it, and comes back from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.expressions import SyntaxNode, syntax_tree
from edgewise.interpret.symbolic import _edges, network_of, parse
from edgewise_bench.datasets import equations, strogatz

X, Y = sympy.symbols("x y")
_NUMPY = {"ln": np.log, "abs": np.abs} | {
    name: getattr(np, name)
    for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "tanh", "arcsin", "arccos", "arctan", "log10")
}


def value(node: SyntaxNode, columns: dict[str, np.ndarray]) -> Any:
    """A formula worked out by numpy straight from its tree, without sympy and without a network."""
    parts = [value(part, columns) for part in node.parts]
    if node.kind == "number":
        return float(node.text)
    if node.kind == "name":
        return columns[node.text] if node.text in columns else {"pi": math.pi, "e": math.e}[node.text]
    if node.kind == "call":
        return _NUMPY[node.text](*parts)
    if node.kind == "sum":
        return sum(parts[1:], start=parts[0])
    if node.kind == "product":
        return math.prod(parts[1:], start=parts[0])
    return {"negative": lambda u: -u, "inverse": lambda u: 1 / u, "power": lambda u, v: u**v}[node.kind](*parts)


def agrees(text: str, names: Sequence[str], x: np.ndarray) -> ew.KAN:
    """The network of a formula, once it and what comes back from it agree with the text at the rows of x."""
    model = network_of(text, names)
    truth = np.broadcast_to(value(syntax_tree(text), dict(zip(names, x.T, strict=True))), len(x))
    with torch.no_grad():
        given = model(torch.from_numpy(x))[:, 0].numpy()
    symbols = [sympy.Symbol(name) for name in names]
    again = np.broadcast_to(sympy.lambdify(symbols, model.formula(names), "numpy")(*x.T), len(x))
    assert np.isfinite(truth).all()
    size = max(float(truth.std()), 1e-3 * float(np.abs(truth).max()))
    assert np.abs(given - truth).max() <= 1e-12 * size
    assert np.abs(again - truth).max() <= 1e-12 * size
    return model


def rows(n_in: int, count: int = 100) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.5, 2.0, (count, n_in))


#: what other compilers lose or cannot read, and what is unusual; the widths of the network
FORMULAS = {
    "sin(5*a) + cos(3*a)": [1, 2, 1],
    "2*a + 3": [1, 1],
    "a^b": [2, (0, 1), 1],
    "a": [1, 1],
    "a*b*c*d": [4, (0, [4])],
    "(a + b)^2": [2, 1, 1],
    "sin(cos(exp(a)))": [1, 1, 1, 1],
    "a^0.5": [1, 1],
    "abs(a - b)": [2, 1, 1],
    "a^2 + a": [1, 2, 1],
    "exp(a) + exp(2*a) + exp(3*a) + a": [1, 4, 1],
    "a*b + c*d + sin(a)*sin(b)*sin(c)": [4, (0, [2, 2, 3]), 1],
    "(a + b)*(a - b)/(a*b + 1)": [2, (2, 1), (0, [3])],
    "a^pi": [1, 1, 1],
    "a^0.123456789": [1, 1, 1],
    "a^-2.5": [1, 1],
    "2^a": [1, 1],
    "a^a^a": [1, (1, 1), (0, 1), 1],
    "(a*b)^c": [3, (1, 1), (0, 1), 1],
    "a^(b + 1)": [2, (0, 1), 1],
    "a*(b + 1)*(b + 2)": [2, (0, [3])],
    "sin(a)^2*cos(a)^2/a": [1, 3, (0, [3])],
    "3*sin(a)*7": [1, 1],
    "1/(1/a + 1/b)": [2, 1, 1],
    "log10(a) + ln(b)": [2, 1],
    "abs(a*b - 1)^0.5": [2, (0, 1), 1, 1],
    "exp(-a^2)": [1, 1, 1],
    "a - a + b": [1, 1],
    "281428.48*a^1.5/sqrt(b)": [2, (0, 1)],
    "1e-200*a*1e-50": [1, 1],
}


def varying_powers_as_exp(form: sympy.Expr) -> sympy.Expr:
    return form.replace(
        lambda part: part.is_Pow and not part.exp.is_number, lambda part: sympy.exp(part.exp * sympy.log(part.base))
    )


#: hold log 2, log 10 or a number that no exact constant is: decimals come back
DECIMALS = ("2^a", "log10(a) + ln(b)", "a^0.123456789", "1e-200*a*1e-50")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_its_network_and_comes_back(text: str) -> None:
    names = sorted(symbol.name for symbol in parse(text).free_symbols)
    names = ["a", "b"] if text == "a - a + b" else names
    model = agrees(text, names, rows(len(names)))
    assert model.widths[1:] == FORMULAS[text][1:]
    if text not in DECIMALS:
        assert model.formula(names) == varying_powers_as_exp(parse(text))


@pytest.mark.parametrize("text", ["3", "pi/7", "3*sqrt(2)/4", "0", "a - a", "-1e-30"])
def test_constants_are_networks_too(text: str) -> None:
    model = agrees(text, ["a", "b"], rows(2))
    assert model.formula(["a", "b"]) == parse(text)


@pytest.mark.parametrize("equation", equations(), ids=lambda equation: equation.name)
def test_each_feynman_equation_is_a_network_and_comes_back(equation: Any) -> None:
    model = agrees(equation.formula, equation.names, equation.sample(1000, seed=1))
    if equation.name != "I.41.16":  # its 1/(2 pi^3) comes back as a decimal
        assert model.formula(equation.names) == parse(equation.formula, equation.names)


@pytest.mark.parametrize("system", strogatz(), ids=lambda system: f"{system.name}-{system.derivative}")
def test_each_strogatz_system_is_a_network_and_comes_back(system: Any) -> None:
    agrees(system.formula, ["x", "y"], rows(2))


#: terms that start at one node: equal up to a coefficient, functions of one another's values, in factors and arguments
SHARED = {
    "a + pi*a": [1, 1],
    "4*pi*a + a": [1, 1],
    "a + sqrt(2)*a": [1, 1],
    "a*b*c + pi*a*b*c": [3, (0, [3]), 1],
    "sin(a) + pi*sin(a) - e*sin(a) + 3": [1, 1],
    "(a + pi*a + 1)*(b + pi*b)": [2, (0, 1)],
    "exp(-(a^2 + pi*a^2 + b))": [2, 1, 1],
    "a + sin(a) + cos(sin(a))": [1, 2, 1, 1],
    "a + sin(a) + cos(sin(a)) + exp(cos(sin(a))) + sin(a)^2": None,
    "sin(a) + pi*sin(a) + exp(a) + cos(sin(a))": None,
    "a*b + sin(a*b) + exp(sin(a*b)) + pi*a*b + pi*sin(a*b)": None,
    "1/(a + pi*a) + 1/a + pi/a + exp(1/a) + exp(exp(1/a))": None,
}


@pytest.mark.parametrize("text", SHARED)
def test_terms_that_start_at_one_node_all_count(text: str) -> None:
    names = sorted(symbol.name for symbol in parse(text).free_symbols)
    model = agrees(text, names, rows(len(names)))
    assert SHARED[text] is None or len(model.layers) == len(SHARED[text]) - 1


def test_terms_that_cancel_leave_no_edge() -> None:
    x = sympy.Symbol("x")
    assert network_of(x + sympy.pi * x - (1 + sympy.pi) * x, ["x"]).formula(["x"]) == 0


@pytest.mark.parametrize("change", [{"c": 2.0}, {"function": "x^2"}, {"b": 1e-9}], ids=str)
def test_a_network_that_is_not_its_formula_is_refused(change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    term = _edges._term
    monkeypatch.setattr(_edges, "_term", lambda *given: term(*given)._replace(**change))
    with pytest.raises(ew.InputError, match=r"cannot be compiled faithfully: at x = .*the network gives"):
        network_of("x + sin(y)", ["x", "y"])


def test_two_edges_between_the_same_nodes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_edges, "_relayed", lambda terms: set())
    with pytest.raises(ew.InputError, match="cannot be compiled faithfully"):
        network_of("x + sin(x)", ["x"])


def test_several_formulas_are_the_outputs_of_one_network_in_their_order() -> None:
    texts = ["x*y", "x + y", "sin(x)*y*z", "3", "z", "x*y"]
    model = network_of(texts, ["x", "y", "z"])
    assert model.n_out == 6
    assert model.formula(["x", "y", "z"]) == [parse(text) for text in texts]
    x = rows(3)
    truth = np.column_stack([x[:, 0] * x[:, 1], x[:, 0] + x[:, 1], np.sin(x[:, 0]) * x[:, 1] * x[:, 2]])
    with torch.no_grad():
        assert np.allclose(model(torch.from_numpy(x))[:, :3], truth, rtol=1e-14)


def test_sums_before_products_need_no_further_layer() -> None:
    assert network_of(["x + y", "x*y"]).widths == [2, (1, 1)]
    assert len(network_of(["x*y", "x + y"]).layers) == 2


def test_products_of_arity_two_to_five_stand_in_one_layer() -> None:
    text = "a*b + sin(a*b*c) + exp(a*b*c*d/9) + 1/(a*b*c*d*f)"
    model = agrees(text, ["a", "b", "c", "d", "f"], rows(5))
    assert sorted(arity for nodes in model.nodes for arity in nodes.arities) == [2, 3, 4, 5]


def test_names_order_the_inputs_and_unused_ones_have_no_edges() -> None:
    x = torch.tensor([[2.0, 3.0, 5.0]], dtype=torch.float64)
    assert network_of("y - x", ["x", "unused", "y"])(x).item() == 3.0
    assert not network_of("y - x", ["x", "unused", "y"]).layers[0].mask[:, 1].any()
    assert network_of("x10 - x2")(x[:, :2]).item() == 1.0  # x2 comes before x10


def test_sympy_numbers_and_text_give_the_same_network() -> None:
    positive = sympy.Symbol("x", positive=True)
    for given in ("2*x + 1", 2 * X + 1, 2 * positive + 1, ("2*x + 1",)):
        assert network_of(given).formula(["x"]) == 2 * X + 1
    assert network_of(3, ["x"]).formula(["x"]) == 3
    assert network_of(0.5, ["x"]).formula(["x"]) == sympy.Rational(1, 2)
    assert network_of(sympy.Abs(sympy.exp(X))).formula(["x"]) == sympy.exp(X)


def test_further_layers_pass_the_outputs_on() -> None:
    x = torch.from_numpy(rows(2))
    shallow, deep = network_of("x*y"), network_of("x*y", layers=4)
    assert deep.widths == [2, (0, 1), 1, 1, 1]
    assert torch.equal(deep(x), shallow(x))


@pytest.mark.parametrize("equation", equations()[::4], ids=lambda equation: equation.name)
def test_no_constant_of_the_network_can_stand_in_for_others(equation: Any) -> None:
    """The Jacobian by the free constants has full rank, so that training is never degenerate."""
    model = ew.nn.perturb(network_of(equation.formula, equation.names, layers=3), 0.003)
    x = torch.from_numpy(equation.sample(400, seed=2))
    layout = ew.nn.Layout(model)
    jacobian = ew.nn.Pass(model, x).jacobian(layout)[:, 0]
    values = torch.linalg.svdvals(jacobian / jacobian.norm(dim=0))
    assert layout.size >= 1
    assert values[-1] > 1e-9 * values[0]


def test_a_saved_network_of_a_formula_is_the_same(tmp_path: Any) -> None:
    model, x = network_of("a*exp(-b^0.123)/c"), torch.from_numpy(rows(3))
    ew.save(model, tmp_path / "law.safetensors")
    assert torch.equal(ew.load(tmp_path / "law.safetensors")(x), model(x))


def deep() -> sympy.Expr:
    form = X
    for _ in range(3000):
        form = sympy.sin(form, evaluate=False)
    return form


REFUSED = [
    (sympy.gamma(X), "'gamma'"), (sympy.Max(X, 1), "'Max'"), (sympy.atan2(X, Y), "'atan2'"),
    (sympy.Piecewise((X, X > 0), (0, True)), "'Piecewise'"), (sympy.Integral(X, X), "'Integral'"),
    (sympy.I * X, "not real"), ((-2) ** X, "not real"), (sympy.Integer(10) ** 400 * X, "not real and finite"),
    (sympy.zoo, "not finite"), (sympy.oo * X, "not finite"), (float("nan"), "not finite"), (X > 1, "sympy expression"),
    (sympy.Matrix([X]), "sympy expression"), (None, "NoneType"), (True, "bool"), (3j, "complex"), ({}, "dict"),
    ([], "empty list"), (["x", "y +"], "found the end"), ("x + w", "'w'"), (sympy.Symbol("w"), "'w'"),
    (deep, "nested too deeply"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_no_network_computes_is_refused(formula: Any, words: str) -> None:
    with pytest.raises(ew.InputError, match=words) as caught:
        network_of(formula() if callable(formula) and not isinstance(formula, sympy.Basic) else formula, ["x", "y"])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_bad_names_and_layers_are_refused() -> None:
    with pytest.raises(ew.InputError, match="'names' must list"):
        network_of("x", "x")
    with pytest.raises(ew.InputError, match="holds no name"):
        network_of("3")
    for layers in (0, -1, 1.5, True, "2"):
        with pytest.raises(ew.InputError, match="'layers' must be an int"):
            network_of("x", layers=layers)  # type: ignore[arg-type]
