"""What discovery does with two or three columns that nothing reduces: quotients under noise, curves that multiply."""

from __future__ import annotations

import math

import pytest
import sympy
import torch
from torch import Tensor

from edgewise._deadline import Deadline
from edgewise.discovery.generators import trees
from edgewise.discovery.generators._endgame import linear_in, univariate
from edgewise.discovery.generators._regression import regressions
from edgewise.discovery.judging._judge import Judge
from edgewise.discovery.tables._table import Problem
from edgewise.train import Options

A, B, C = sympy.symbols("a b c")


def _problem(columns: Tensor, y: Tensor, noise: float, seed: int = 1) -> Problem:
    spread = y.std()
    noisy = y + noise * spread * torch.randn(len(y), generator=torch.Generator().manual_seed(seed), dtype=y.dtype)
    return Problem(columns, (A, B, C)[: columns.shape[1]], noisy, torch.full_like(y, 1 / float(spread)))


def _columns(*ranges: tuple[float, float], rows: int = 600) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    low, high = torch.tensor(ranges, dtype=torch.float64).T
    return low + (high - low) * torch.rand(rows, len(ranges), generator=generator, dtype=torch.float64)


def _cheapest(problem: Problem, smooth: Tensor, noise: float) -> sympy.Expr:
    """The formula that a judge takes of those handed on."""
    names = tuple(str(e) for e in problem.expressions)
    judge = Judge(names, problem.columns.numpy(), problem.target.numpy(), problem.weight.numpy())
    judged = [judge.judged(formula, noise) for formula in regressions(problem, smooth, noise)]
    return min((c for c in judged if c is not None), key=lambda c: (c.complexity + c.fitted, c.error)).expression


@pytest.mark.parametrize(
    ("truth", "ranges"),
    [
        ((1 - A**2) / (1 + A * sympy.cos(B)), [(0.2, 0.9), (1.0, 5.0)]),
        (sympy.sqrt(A**2 + B**2), [(1.0, 3.0), (1.0, 3.0)]),
        pytest.param((A + B) / (1 + A * B), [(0.1, 1.0), (0.1, 1.0)], marks=pytest.mark.slow),
        pytest.param(A / (B + C), [(1.0, 3.0), (1.0, 3.0), (1.0, 3.0)], marks=pytest.mark.slow),
        (1 + A * sympy.cos(B), [(0.2, 2.0), (1.0, 5.0)]),
    ],
    ids=str,
)
def test_a_quotient_is_found_under_noise(truth: sympy.Expr, ranges: list[tuple[float, float]]) -> None:
    columns = _columns(*ranges)
    y = sympy.lambdify((A, B, C)[: len(ranges)], truth, "math")
    smooth = torch.tensor([y(*row) for row in columns.tolist()], dtype=torch.float64)
    found = _cheapest(_problem(columns, smooth, 0.01), smooth, 0.01)
    assert sympy.simplify(found - truth) == 0


def test_nothing_is_handed_on_where_no_quotient_leaves_only_noise() -> None:
    columns = _columns((0.0, 1.0), (0.0, 1.0))
    y = torch.sign(torch.sin(40 * columns[:, 0]) * torch.sin(40 * columns[:, 1])) + columns[:, 0]
    assert list(regressions(_problem(columns, y, 0.01), y, 0.01)) == []


@pytest.mark.parametrize("count", [1, 4])
def test_only_two_or_three_columns_are_regressed(count: int) -> None:
    columns = _columns(*[(1.0, 2.0)] * count)
    problem = Problem(columns, sympy.symbols(f"x:{count}"), columns[:, 0], torch.ones(len(columns)).double())
    assert list(regressions(problem, columns[:, 0], 0.01)) == []


@pytest.mark.parametrize("power", [0.0, 0.5, -0.5])
def test_a_curve_that_multiplies_a_function_of_the_other_column_is_freed(power: float) -> None:
    columns = _columns((0.2, 8.0), (-3.0, 3.0))
    a, b = columns.T
    problem = _problem(columns, a**power * (1 + (1 + 2 * a).sqrt() * b.cos()), 0.0)
    truth = A ** sympy.nsimplify(power) * (1 + sympy.sqrt(1 + 2 * A) * sympy.cos(B))
    rows = [{A: 0.7, B: 0.3}, {A: 5.0, B: -2.0}]

    def same(formula: sympy.Expr) -> bool:
        return all(abs(float(formula.subs(row)) - float(truth.subs(row))) < 1e-9 for row in rows)

    assert any(same(formula) for rest in linear_in(problem, 0.0) for formula in univariate(rest, 0.0))


def test_a_target_that_is_linear_in_no_function_is_left_alone() -> None:
    columns = _columns((0.2, 3.0), (0.2, 3.0))
    a, b = columns.T
    assert list(linear_in(_problem(columns, (a * b).sin() + (a + b).sqrt(), 0.0), 0.0)) == []


def test_small_networks_are_fitted_without_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fitted(Exception):
        pass

    def trained(model: object, u: Tensor, t: Tensor, options: Options, **_: object) -> None:
        assert options.time_limit is None
        raise Fitted

    monkeypatch.setattr("edgewise.discovery.generators._endgame.trained", trained)
    x = _columns((0.5, 2), (0.5, 2), rows=60)
    with pytest.raises(Fitted):
        next(trees(_problem(x, x[:, 0] * x[:, 1], 0.0), 0.0, Deadline(math.inf), 0))
