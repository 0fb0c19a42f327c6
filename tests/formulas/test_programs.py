"""Programs: values against numpy and sympy, derivatives, formulas and back, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import edgewise as ew
from edgewise.expressions import evaluate, parse
from edgewise.formulas.programs import (
    FUNCTIONS,
    OPERATIONS,
    Node,
    Program,
    apply,
    combine,
    constant,
    is_tame,
    prepare,
    scaled,
    variable,
)  # fmt: skip

NAMES = ["a", "b", "c"]
X = np.random.default_rng(0).uniform(0.4, 2.0, (300, 3))

VALUES = {
    "square": np.square,
    "cube": lambda u: u**3,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
}
BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}


@pytest.fixture(scope="module", autouse=True)
def compiled_programs() -> None:
    """Compile the kernels before anything else, since compiling is told on stderr."""
    prepare()


def reference(program: Program, x: np.ndarray) -> np.ndarray:
    """Return the values of a program, node by node in numpy."""
    stack: list[np.ndarray] = []
    with np.errstate(all="ignore"):
        for node in program.nodes:
            if node.operation == "variable":
                stack.append(node.weight * x[:, node.argument])
            elif node.operation == "constant":
                stack.append(np.full(len(x), node.weight))
            elif node.operation in BINARY:
                right, left = stack.pop(), stack.pop()
                stack.append(BINARY[node.operation](left, right))
            elif node.operation == "power":
                stack.append(np.abs(stack.pop()) ** node.weight)
            else:
                stack.append(node.weight * VALUES[node.operation](stack.pop()))
        return program.offset + program.scale * stack.pop()


numbers = st.floats(0.2, 2.0).map(lambda value: round(value, 3)) | st.floats(-2.0, -0.2).map(lambda v: round(v, 3))
leaves = st.builds(variable, st.integers(0, 2), numbers) | st.builds(constant, numbers)
shapes = st.recursive(
    leaves,
    lambda inner: (
        st.builds(combine, st.sampled_from(["add", "sub", "mul", "div"]), inner, inner)
        | st.builds(apply, st.sampled_from(FUNCTIONS), inner, numbers)
    ),
    max_leaves=8,
).filter(lambda nodes: len(nodes) <= 64)
programs = st.builds(Program.of, shapes, numbers, numbers)


def settled(program: Program) -> np.ndarray:
    """Return which rows are far from poles, jumps and overflows, by a small move of every row."""
    with np.errstate(all="ignore"):
        near, far = reference(program, X), reference(program, X * (1 + 1e-9))
        return np.isfinite(near) & (np.abs(near - far) < 1e-6 * (1 + np.abs(near))) & (np.abs(near) < 1e8)


@given(programs)
@settings(max_examples=150)
def test_values_are_those_of_numpy(program: Program) -> None:
    rows = settled(program)
    found, expected = program.predict(X), reference(program, X)
    np.testing.assert_allclose(found[rows], expected[rows], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_exact_to_rounding(name: str) -> None:
    x = np.linspace(-12, 12, 2001)[:, None]
    program = Program.of(apply(name, variable(0), 1.7))
    found, expected = program.predict(x), reference(program, x)
    assert (np.isnan(found) == np.isnan(expected)).all() or name == "log"
    usable = np.isfinite(expected) & np.isfinite(found)
    np.testing.assert_allclose(found[usable], expected[usable], rtol=1e-13, atol=2e-15)
    assert usable.mean() > 0.49


def test_values_outside_the_domain_are_not_numbers() -> None:
    x = np.array([[-1.0], [0.0], [np.nan], [1e7], [800.0], [1.0]])
    with np.errstate(all="ignore"):
        for name in FUNCTIONS:
            found = Program.of(apply(name, variable(0), 1.5)).predict(x)
            assert np.isnan(found[2]) and np.isfinite(found[5]), name
    assert np.isnan(Program.of(apply("log", variable(0))).predict(x)[:3]).all()
    assert np.isnan(Program.of(apply("sqrt", variable(0))).predict(x)[0])
    assert np.isnan(Program.of(apply("sin", variable(0))).predict(x)[3])
    assert np.isposinf(Program.of(apply("exp", variable(0))).predict(x)[4])


@given(programs)
def test_derivatives_are_those_of_differences(program: Program) -> None:
    rows = settled(program)
    if not rows.any():
        return
    x, constants = X[rows][:40], program.constants
    found, scale = program.jacobian(x), 1 + np.abs(program.predict(x))
    for k in range(len(constants)):
        step = 1e-5 * np.eye(len(constants))[k]
        above, below = (program.with_constants(constants + sign * step).predict(x) for sign in (1, -1))
        curved = program.with_constants(constants + 2 * step).predict(x)
        smooth = np.abs(curved - 2 * above + program.predict(x)) < 1e-6 * scale
        expected = (above - below) / 2e-5
        np.testing.assert_allclose(found[smooth, k], expected[smooth], rtol=1e-3, atol=1e-3 * scale[smooth].max())


@given(programs)
def test_a_program_as_a_formula_has_its_values(program: Program) -> None:
    rows = settled(program)
    expression = program.expression(NAMES)
    assert {symbol.name for symbol in expression.free_symbols} <= set(NAMES)
    found, expected = evaluate(expression, NAMES, X), program.predict(X)
    usable = rows & np.isfinite(found)
    np.testing.assert_allclose(found[usable], expected[usable], rtol=1e-5, atol=1e-6)


TEXTS = [
    "3*a + 2*b - 4*c + 1",
    "3*exp(-a/2)*b + 1",
    "a*b/(c + 2)",
    "a^4 - 2*a^3 + b^2/7",
    "sqrt(a^2 + b^2)",
    "sin(2*a + 1)*cos(b) - tanh(c)",
    "1/(1 + exp(-a))",
    "2^a + a^b",
    "tan(a/3) + cosh(b)",
    "a^1.5/b^0.3 + log(a + b)/c^2",
    "abs(a - b) + c^(-2)",
    "5",
    "2*(a + b)^2*(c - 1)",
    "-a/(b*c)",
    "6.67*a*b/c^2",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_formula_becomes_a_program_and_comes_back(text: str) -> None:
    formula = parse(text)
    program = Program.from_expression(formula, NAMES)
    assert program is not None
    expected = evaluate(formula, NAMES, X)
    np.testing.assert_allclose(program.predict(X), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(evaluate(program.expression(NAMES), NAMES, X), expected, rtol=1e-12, atol=1e-12)


def test_formulas_without_a_program() -> None:
    x = sympy.Symbol("a")
    assert Program.from_expression(sympy.gamma(x), NAMES) is None
    assert Program.from_expression(sympy.Symbol("unknown") + x, NAMES) is None
    assert Program.from_expression(sympy.Add(*(sympy.sin(k * x) for k in range(1, 30))), NAMES) is None
    assert Program.from_expression(x**31, NAMES) is None
    assert Program.from_expression(sympy.nan, NAMES) is None


def test_numbers_are_folded_into_their_neighbors() -> None:
    inner = combine("mul", variable(0, 6.02e-05), variable(1, 2.0))
    assert Program.of(inner, scale=196.6).expression(NAMES) == sympy.Float(196.6 * 6.02e-05 * 2) * sympy.sympify("a*b")
    squares = Program.of(apply("square", combine("add", variable(0, 4.0), variable(1, 2.0)), 3.0), scale=2.0)
    a, b = sympy.symbols("a b")
    assert squares.expression(NAMES) == 96 * (a + sympy.Float(0.5) * b) ** 2
    power = Program.of(apply("power", variable(0, 4.0), 0.5))
    assert power.expression(NAMES) == 2 * sympy.sqrt(sympy.Abs(a))
    assert power.expression(NAMES, positive=["a"]) == 2 * sympy.sqrt(a)


def test_complexity_counts_what_is_free() -> None:
    counts = {
        "4*a + cos(2*b)": 4,
        "a*b": 3,
        "3*a*b + 7": 3,
        "a^3": 3,
        "a^2": 2,
        "exp(-a)": 2,
        "b + 2*exp(-a)": 4,
        "sin(b) + 2*exp(-a)": 7,
    }
    for text, count in counts.items():
        program = Program.from_expression(parse(text), NAMES)
        assert program is not None and program.complexity == count, text


def test_scaling_a_shape_scales_its_values() -> None:
    for nodes in (
        variable(0),
        apply("power", variable(0), 1.5),
        combine("sub", variable(0), apply("exp", variable(1))),
    ):
        np.testing.assert_allclose(
            Program.of(scaled(nodes, 3.0)).predict(X), 3 * Program.of(nodes).predict(X), rtol=1e-14
        )


def test_programs_are_values() -> None:
    program = Program.of(variable(1, 2.0), 3.0, 1.0)
    assert program == Program.of(variable(1, 2.0), 3.0, 1.0) and hash(program) == hash(Program.of(program.nodes, 3, 1))
    assert len(OPERATIONS) == 16 and program.columns == (1,) and len(program) == 1
    np.testing.assert_array_equal(program.predict(np.empty((0, 2))), np.empty(0))


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Program.of([]), "1 to 64 nodes"),
        (lambda: Program.of([*variable(0)] * 65), "1 to 64 nodes"),
        (lambda: Program.of([Node("add")]), "lacks arguments"),
        (lambda: Program.of([*variable(0), *variable(1)]), "make 2 formulas"),
        (lambda: Program.of([Node("sine")]), "Unknown operation"),
        (lambda: Program.of(variable(-1)), "counted from 0"),
        (lambda: Program.of(variable(0, np.nan)), "must be finite"),
        (lambda: Program((99,), (0,), (1.0,)), "Opcodes"),
        (lambda: Program((1,), (0,), ()), "one length"),
        (lambda: Program.of(variable(3)).predict(X), "reads column 3"),
        (lambda: Program.of(variable(0)).predict(X[0]), "table"),
        (lambda: Program.of(variable(1)).expression(["a"]), "reads column 1"),
        (lambda: Program.of(variable(0)).with_constants(np.zeros(5)), "2 constants"),
    ],
)
def test_bad_programs_are_refused(make: object, what: str) -> None:
    assert callable(make)
    with pytest.raises(ew.InputError, match=what):
        make()


def test_powers_of_powers_are_not_tame() -> None:
    """sympy multiplies such powers out where it asks whether a tanh of them is finite: a search hung there."""
    nodes = variable(0)
    for _ in range(10):
        nodes = apply("square", nodes)
    points = np.linspace(0.5, 1, 50)[:, None]
    assert is_tame(Program.of(nodes[:7]), points, 0, 1)
    assert not is_tame(Program.of(nodes), points, 0, 1)
