"""Levenberg-Marquardt on problems that are no networks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.optim import LM, NormalEquations
from edgewise.train import Objective, Table


class Residuals:
    """The sum of squares of a function's values, with derivatives by torch; counts what is asked of it."""

    def __init__(self, residuals: Callable[[Tensor], Tensor]) -> None:
        self.residuals = residuals
        self.costs = self.normals = 0

    def cost(self, vector: Tensor) -> float:
        self.costs += 1
        return float(self.residuals(vector).square().sum())

    def normal_equations(self, vector: Tensor) -> NormalEquations:
        self.normals += 1
        r, jacobian = self.residuals(vector), torch.func.jacrev(self.residuals)(vector)
        return NormalEquations(float(r @ r), jacobian.T @ r, jacobian.T @ jacobian)


def rosenbrock(v: Tensor) -> Tensor:
    return torch.stack([10 * (v[1] - v[0] ** 2), 1 - v[0]])


def point(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def matrix(n: int, m: int) -> Tensor:
    return torch.randn(n, m, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("start", [(-1.2, 1.0), (5.0, -7.0), (0.0, 100.0)])
def test_rosenbrocks_valley(start: tuple[float, float]) -> None:
    found, cost = LM(steps=200).minimize(Residuals(rosenbrock), point(*start))
    assert cost < 1e-20
    torch.testing.assert_close(found, point(1, 1))


def test_a_linear_problem_is_solved_to_rounding() -> None:
    a, b = matrix(30, 5), matrix(30, 1)[:, 0]
    problem = Residuals(lambda v: a @ v - b)
    found, cost = LM().minimize(problem, torch.zeros(5, dtype=torch.float64))
    expected = torch.linalg.lstsq(a, b.unsqueeze(1)).solution[:, 0]
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    assert cost == pytest.approx(float((a @ expected - b).square().sum()), rel=1e-9)
    assert problem.normals < 15


def test_a_problem_without_enough_rows_is_solved_as_well() -> None:
    a, b = matrix(3, 8), matrix(3, 1)[:, 0]
    _, cost = LM().minimize(Residuals(lambda v: a @ v - b), torch.zeros(8, dtype=torch.float64))
    assert cost < 1e-18


def test_scales_of_the_parameters_do_not_matter() -> None:
    scales = point(1e-2, 1e2)
    found, cost = LM(steps=200).minimize(Residuals(lambda v: rosenbrock(v * scales)), point(-1.2, 1.0) / scales)
    assert cost < 1e-16
    torch.testing.assert_close(found * scales, point(1, 1))


def test_the_cost_never_rises_and_is_the_one_returned() -> None:
    costs: list[float] = []
    problem = Residuals(rosenbrock)
    found, cost = LM(steps=50).minimize(problem, point(-1.2, 1.0), lambda _, value: bool(costs.append(value)))
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == cost == problem.cost(found)


def test_ends_when_no_step_helps() -> None:
    """At a minimum with a residual left, where every step makes it worse."""
    problem = Residuals(lambda v: torch.cat([v, v - 1]))
    found, cost = LM(steps=1000).minimize(problem, point(0.5, 0.5))
    assert found.tolist() == [0.5, 0.5]
    assert cost == 1.0
    assert problem.normals == 1


def test_ends_when_progress_is_slow() -> None:
    problem = Residuals(lambda v: torch.cat([v**3 + 1e-3 * v, torch.ones(1, dtype=torch.float64)]))
    LM(steps=1000, tolerance=1e-3).minimize(problem, point(1.0))
    assert problem.normals < 30


def test_ends_after_its_steps() -> None:
    for steps in (1, 4):
        seen: list[float] = []
        found, cost = LM(steps=steps).minimize(
            Residuals(rosenbrock), point(-1.2, 1.0), lambda _, c, seen=seen: bool(seen.append(c))
        )
        assert len(seen) <= steps
        assert cost == pytest.approx(Residuals(rosenbrock).cost(found))


def test_a_callback_ends_the_run() -> None:
    seen: list[Tensor] = []

    def callback(vector: Tensor, cost: float) -> bool:
        seen.append(vector)
        return len(seen) == 2

    found, _ = LM(steps=50).minimize(Residuals(rosenbrock), point(-1.2, 1.0), callback)
    assert len(seen) == 2
    assert torch.equal(found, seen[-1])


def test_steps_to_where_there_is_no_number_are_refused() -> None:
    """The undamped first step overshoots into the domain where log is undefined."""
    found, cost = LM(steps=100).minimize(Residuals(lambda v: torch.log(v) - 1.0), point(20.0))
    assert cost < 1e-18
    torch.testing.assert_close(found, point(1.0).exp())


def test_a_flat_problem_ends_at_its_start() -> None:
    found, cost = LM().minimize(Residuals(lambda v: 0 * v + 2), point(3.0, 4.0))
    assert found.tolist() == [3.0, 4.0]
    assert cost == 8.0


def test_the_start_is_not_written_to() -> None:
    start = point(-1.2, 1.0)
    LM().minimize(Residuals(rosenbrock), start)
    assert start.tolist() == [-1.2, 1.0]


# the network's sum of squares, in chunks


@pytest.mark.parametrize("base", [None, "silu"])
def test_the_networks_normal_equations_are_those_of_its_residuals(base, mixed_network, monkeypatch) -> None:
    import edgewise.train._objective as objective

    model = mixed_network([2, (2, 1), 2], base=base)
    x, weights = matrix(300, 2), matrix(300, 1)[:, 0].square()
    table = Table(x, matrix(300, 2).flip(0), weights / weights.mean())
    whole = Objective(ew.nn.clone(model), table)
    monkeypatch.setattr(objective, "_ENTRIES", 64)
    pieces = Objective(ew.nn.clone(model), table)
    assert pieces.chunk == 64
    vector = whole.start
    error = (model(x) - table.y).detach()
    cost = float((error.square().mean(1) * table.weights).mean())
    assert whole.cost(vector) == pytest.approx(cost, rel=1e-12)
    with torch.no_grad():
        jacobian = ew.nn.Pass(model, x).jacobian(whole.layout)
    root = (table.weights / (2 * 300)).sqrt()[:, None]
    jacobian, error = (jacobian * root.unsqueeze(-1)).flatten(0, 1), (error * root).flatten()
    for problem in (whole, pieces):
        normal = problem.normal_equations(vector)
        assert normal.cost == pytest.approx(problem.cost(vector), rel=1e-12)
        assert normal.cost == pytest.approx(cost, rel=1e-12)
        torch.testing.assert_close(normal.gradient, jacobian.T @ error)
        torch.testing.assert_close(normal.hessian.tril(), (jacobian.T @ jacobian).tril())
