"""Solutions that differential equations are compared with: they solve the equation, and finer ones agree."""

from __future__ import annotations

import math

import torch

from edgewise.pde import Box, Condition, Jet, Problem
from edgewise_bench.baselines import mlp
from edgewise_bench.benchmarks.pde.pinnacle import four_holes_reference
from edgewise_bench.datasets import burgers_at
from edgewise_bench.experiments.pde.problems import MLPUnknown, Truth, allen_cahn, burgers, exact, mlp_jets

STRIP = Box(t=(0, 1), x=(-1, 1))


def _jet(truth: Truth) -> Jet:
    return Jet.of(truth.value, truth.gradient, torch.zeros(len(truth.value), 2, 2), ("t", "x"))


def _slopes(of, points: torch.Tensor, step: float = 1e-5) -> torch.Tensor:
    """Derivatives of a function by differences."""
    ways = step * torch.eye(2, dtype=torch.float64)
    return torch.stack([(of(points + way) - of(points - way)) / (2 * step) for way in ways], 1)


def test_an_exact_solution_on_a_lattice() -> None:
    truth = exact(STRIP, lambda p: torch.sin(p.t) * p.x**2, 3, 4)
    assert truth.points.shape == (12, 2)
    assert truth.shape == (3, 4)
    t, x = truth.points.T
    assert torch.allclose(truth.gradient, torch.stack([torch.cos(t) * x**2, 2 * torch.sin(t) * x], 1))
    assert truth.errors(_jet(truth)) == (0.0, 0.0, 0.0, 0.0)
    off = truth.errors(_jet(truth) + 0.1)
    assert math.isclose(off.l2, 0.1) and math.isclose(off.h1, 0.1) and math.isclose(off.largest, 0.1)


def test_burgers_quadrature_has_converged() -> None:
    viscosity = 0.01 / math.pi
    points = STRIP.points(200, seed=1)
    found = burgers_at(points.numpy(), viscosity)
    assert (found - burgers_at(points.numpy(), viscosity, 4000)).abs().max() < 1e-11
    slopes = _slopes(lambda at: burgers_at(at.numpy(), viscosity)[:, 0], points)
    assert torch.allclose(found[:, 1:], slopes, rtol=1e-4, atol=1e-6)


def test_burgers_solution_obeys_its_equation_and_its_start() -> None:
    points = STRIP.points(200, seed=2)
    u = burgers_at(points.numpy(), 0.05)
    second = _slopes(lambda at: burgers_at(at.numpy(), 0.05)[:, 2], points)[:, 1]
    assert (u[:, 1] + u[:, 0] * u[:, 2] - 0.05 * second).abs().max() < 1e-6
    early = torch.stack([torch.full((9,), 1e-9), torch.linspace(-1, 1, 9)], 1).double()
    assert torch.allclose(burgers_at(early.numpy(), 0.05)[:, 0], -torch.sin(math.pi * early[:, 1]), atol=1e-6)
    assert burgers(STRIP, 0.05, 5, 8).value.shape == (40,)


def test_allen_and_cahns_series_has_converged() -> None:
    coarse, fine = (allen_cahn(STRIP, 1e-3, 5.0, 10, 64, finer) for finer in (4, 8))
    errors = coarse.errors(_jet(fine))
    assert torch.equal(coarse.points, fine.points)
    assert errors.l2 < 1e-6
    assert fine.value.abs().max() < 1.0 + 1e-9
    loose = allen_cahn(STRIP, 1e-3, 5.0, 10, 64, 4, tolerance=1e-8)
    assert coarse.errors(_jet(loose)).l2 < 1e-6


def test_a_mlp_derivatives_are_those_of_autograd() -> None:
    network = mlp([2, 7, 7, 1], activation="tanh")
    x = STRIP.points(20).requires_grad_()
    value, slope, bend = mlp_jets(network, x)
    own = torch.autograd.grad(network(x).sum(), x, create_graph=True)[0]
    assert torch.allclose(value, network(x))
    assert torch.allclose(slope[:, 0], own)
    for k in range(2):
        assert torch.allclose(bend[:, 0, k], torch.autograd.grad(own[:, k].sum(), x, retain_graph=True)[0])


def test_a_mlp_loss_weighs_conditions_and_has_constants() -> None:
    edge = Condition(STRIP.face(t=0), lambda u, p, c: u.value, weight=7)
    problem = Problem(STRIP, lambda u, p, c: (u.t - c.k, u.x), [edge], constants={"k": 3.0})
    unknown = MLPUnknown(problem, [2, 3, 1], points=30, boundary=10, seed=0)
    with torch.no_grad():
        for weight in unknown.network.parameters():
            weight.zero_()
        unknown.network[-1].bias.fill_(2.0)  # type: ignore[operator,union-attr]
    assert math.isclose(unknown.loss().item(), (3.0**2 + 0.0) / 2 + 7 * 2.0**2)
    unknown.loss().backward()
    assert unknown.constants["k"].grad is not None


def test_the_harmonic_function_around_four_holes_has_converged() -> None:
    one, two = four_holes_reference(), four_holes_reference(70, 18)
    assert one.error(two.values) < 1e-10 and float(two.values.min()) > 0 and float(two.values.max()) < 1
