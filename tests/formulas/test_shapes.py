"""The table of shapes: rows say the same as formulas and as programs, and registered functions join them."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.formulas.expressions import evaluate, read_formula
from edgewise.formulas.functions import Frame, Shape, shapes
from edgewise.formulas.programs import Program, shape_nodes
from edgewise.functions import Function

X = np.linspace(0.3, 2.2, 40)


def rows() -> list[Shape]:
    """Rows that are written as programs."""
    return list({shape.name: shape for search in ("reading", "evolution") for shape in shapes(search)}.values())


@pytest.mark.parametrize("shape", rows(), ids=lambda shape: shape.name)
def test_a_row_is_the_same_as_a_formula_and_as_a_program(shape: Shape) -> None:
    formula, constants = read_formula(shape.formula, ["x"], "A shape")
    numbers = {"B": 2.7, "C": 0.2, "D": 1.3}
    values = evaluate(
        formula.xreplace({each: sympy.Float(numbers[str(each)]) for each in constants}), ["x"], X[:, None]
    )
    program = Program.of(shape_nodes(shape, numbers))
    np.testing.assert_allclose(program.predict(X[:, None]), values, rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize("shape", shapes("reading"), ids=lambda shape: shape.name)
def test_starts_are_columns_of_equal_length(shape: Shape) -> None:
    assert shape.reading is not None
    starts = shape.reading(Frame.of(X))
    assert {np.shape(each) for each in starts.values()} <= {(len(each), 1) for each in starts.values()}
    assert len({len(each) for each in starts.values()}) <= 1
    assert {*starts} == {str(each) for each in read_formula(shape.formula, ["x"], "A shape")[1]}


def test_names_are_unique() -> None:
    for search in ("reading", "evolution", "curves", "dynamics"):
        names = [shape.name for shape in shapes(search)]
        assert len({*names}) == len(names)


@pytest.fixture
def bessel(monkeypatch: pytest.MonkeyPatch) -> Function:
    """A function that is registered for one test."""
    own = {name: ew.functions.get(name) for name in ew.functions.names()}
    monkeypatch.setattr("edgewise.formulas.functions._library._LIBRARY", own)
    return ew.functions.register(Function("I0", torch.special.i0, lambda z: sympy.besseli(0, z), complexity=3))


def test_a_registered_function_is_read_in_curves_and_evolved(bessel: Function) -> None:
    from edgewise.discovery.generators import curves
    from edgewise.formulas.programs import Evolution
    from edgewise.interpret.reading import read_formulas
    from edgewise.tables.additive import Gaussian, additive

    x = np.random.default_rng(3).uniform(0.1, 3, (400, 2))
    curved = np.i0(1.7 * x[:, 0])
    y = curved + np.sin(3 * x[:, 1]) + 0.02 * np.random.default_rng(4).normal(size=400)
    read = read_formulas(additive(x, y, [False] * 2, Gaussian()), x, y, ["a", "b"])
    assert any(formula.terms.get("a") == "I0" for formula in read)
    assert any(curve.has(sympy.besseli) for curve in curves(("a", "b"), x, curved, np.ones(400)))
    search = Evolution(x, curved * x[:, 1], max_complexity=8)
    search.run(4000)
    assert any("tabulated" in [node.operation for node in each.program.nodes] for each in search.front())
