"""The front of whole formulas: order, errors, several outputs, splines that stay, refusals."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.symbolic import Front, front, network_complexity, spline_functions

A, B = sympy.symbols("a b")
FEW = ["x", "x^2", "sin", "cos", "exp", "tanh"]
SHORT = ew.Options(restarts=1, progress=False)


def rows(n: int = 300, d: int = 2) -> torch.Tensor:
    return 2 * torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1


@cache
def product() -> tuple[ew.KAN, torch.Tensor, torch.Tensor, Front]:
    x = rows()
    y = torch.sin(3 * x[:, 0]) * torch.exp(-(x[:, 1] ** 2))
    model = ew.fit(ew.KAN([2, (0, 1)], seed=1), x, y, grids=[5, 10, 20], options=SHORT).model
    return model, x, y, front(model, x, y, names=["a", "b"], functions=[*FEW, "gaussian"], beam=4)


def check(found: Front, x: torch.Tensor, y: torch.Tensor) -> None:
    """Every entry's formula, network, error and complexity belong together, and the front is one."""
    y = y.reshape(len(y), -1)
    for entry in found:
        with torch.no_grad():
            forward = entry.model(x)
        assert float((forward - y).square().mean().sqrt()) == pytest.approx(entry.error, rel=1e-6, abs=1e-14)
        assert entry.complexity == network_complexity(entry.model)
        call = sympy.lambdify(["a", "b"][: x.shape[1]], entry.formulas, [spline_functions(entry.model), "numpy"])
        values = np.stack([np.broadcast_to(value, len(x)) for value in call(*x.numpy().T)], 1)
        assert np.abs(values - forward.numpy()).max() <= 1e-12 * max(1.0, float(forward.abs().max()))
    assert [e.complexity for e in found] == sorted({e.complexity for e in found})
    assert all(b.error < a.error for a, b in zip(found, list(found)[1:], strict=False))
    assert found.best in list(found)


def test_simple_approximations_come_before_the_exact_formula() -> None:
    _, x, y, found = product()
    check(found, x, y)
    assert found.best.formula == sympy.exp(-(B**2)) * sympy.sin(3 * A)
    assert found.best is found[len(found) - 1]
    assert len(found) >= 2
    assert found[0].error > 0.1
    assert found[0].complexity < found.best.complexity
    assert found.best.choices[0, 0, 1] == "constant"
    assert found.best.choices[0, 1, 1] == "gaussian"


def test_the_table_and_the_text_show_the_front() -> None:
    *_, found = product()
    table = found.table()
    assert list(table.columns) == ["complexity", "error", "formula", "best"]
    assert list(table["complexity"]) == [e.complexity for e in found]
    assert table["best"].sum() == 1
    assert table["formula"].iloc[-1] == "exp(-b**2)*sin(3*a)"
    text = repr(found)
    assert text.count("\n") == len(found)
    assert "> " in text


def test_the_network_is_not_changed_and_an_entry_can_be_used() -> None:
    model, x, _, found = product()
    assert all(not layer.symbols for layer in model.layers)
    assert found[0].model.formula(["a", "b"]) == found[0].formula
    assert found.best.model(x).shape == (len(x), 1)


def test_several_outputs_share_one_front() -> None:
    x = rows()
    y = torch.stack([torch.sin(3 * x[:, 0]) + x[:, 1], torch.exp(x[:, 1])], 1)
    model = ew.fit(ew.KAN([2, 2]), x, y, grids=[10, 20], options=SHORT).model
    found = front(model, x, y, names=["a", "b"], functions=FEW, beam=3, tries=2)
    check(found, x, y)
    assert found.best.formula == (sympy.sin(3 * A) + B, sympy.exp(B))
    assert list(found.table().columns) == ["complexity", "error", "formula 1", "formula 2", "best"]


def test_what_no_function_fits_stays_a_spline_of_the_formula() -> None:
    x = rows(d=1)
    y = torch.special.bessel_j0(10 * x[:, 0])
    model = ew.fit(ew.KAN([1, 1]), x, y, grids=[30], options=SHORT).model
    found = front(model, x, None, names=["a"], functions=["x", "tanh"])
    check(found, x, model(x).detach())
    assert str(found.best.formula) == "phi_0_0_0(a)"
    assert found.best.choices == {(0, 0, 0): None}


def test_locked_edges_stay_as_they_are() -> None:
    model, x, y, _ = product()
    found = front(ew.nn.lock(model, [(0, 0, 0)]), x, y, functions=FEW, beam=2, tries=1)
    for entry in found:
        assert (0, 0, 0) not in entry.choices
        assert (0, 0) not in entry.model.layers[0].symbols


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"beam": 0}, "'beam'"),
        ({"tries": 1.5}, "'tries'"),
        ({"names": ["a"]}, "2 different names"),
        ({"functions": ["sinus"]}, "sinus"),
        ({"functions": []}, "No function is left"),
    ],
    ids=str,
)
def test_what_makes_no_front_is_refused_before_the_work(arguments: dict, match: str) -> None:
    with pytest.raises(ew.InputError, match=match):
        front(ew.KAN([2, 1]), rows(), rows(d=1), **arguments)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [(A, 1), (A + B, 3), (2 * A, 2), (sympy.sin(3 * A), 3), (sympy.exp(A) * B, 4), (sympy.sqrt(A**2 + B**2), 7)],
    ids=str,
)
def test_complexity_counts_functions_constants_and_joins(formula: sympy.Expr, expected: int) -> None:
    assert network_complexity(ew.symbolic.network_of(formula, ["a", "b"])) == expected
