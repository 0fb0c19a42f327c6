"""Solvers and losses from outside the package: each trains a network that is pruned, snapped and exported."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.optim import BatchProblem, GradientSolver, LeastSquaresSolver, Needs, Step, StopReason
from edgewise.train import SOLVERS, Loss

X = 2 * torch.rand(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
Y = torch.sin(2 * X[:, 0])


@dataclass(frozen=True)
class TrustRegion(LeastSquaresSolver):
    """Dogleg steps within a radius, from the Gauss-Newton matrix."""

    needs = Needs.MATRIX
    steps: int = 100

    def minimize(
        self, problem: Any, start: Tensor, callback: Callable[[Tensor, float], bool] | None = None
    ) -> tuple[Tensor, float]:
        theta, radius = start, 1.0
        here = problem.normal_equations(theta)
        for _ in range(self.steps):
            step = self._dogleg(here.gradient, here.hessian.tril() + here.hessian.tril(-1).T, radius)
            cost = problem.cost(theta - step)
            if not cost < here.cost:
                radius /= 4
                continue
            theta, radius = theta - step, 2 * radius
            here = problem.normal_equations(theta)
            if callback is not None and callback(theta, cost):
                break
        return theta, here.cost

    def _dogleg(self, g: Tensor, h: Tensor, radius: float) -> Tensor:
        full = torch.linalg.solve(h + 1e-12 * h.diagonal().max() * torch.eye(len(g), dtype=g.dtype), g)
        if full.norm() <= radius:
            return full
        steepest = g * (g @ g) / (g @ h @ g)
        if steepest.norm() >= radius:
            return g * radius / g.norm()
        way = full - steepest
        a, b, c = way @ way, 2 * steepest @ way, steepest @ steepest - radius**2
        return steepest + way * (-b + (b * b - 4 * a * c).sqrt()) / (2 * a)


class ScaledDescent:
    """Exact steps along the gradient over the diagonal: no class of the package is inherited."""

    needs = Needs.PRODUCTS

    def minimize(self, problem: Any, start: Tensor, callback: Any = None) -> tuple[Tensor, float]:
        theta, cost = start, math.inf
        for _ in range(200):
            here = problem.operator(theta)
            way = here.gradient / here.diagonal.clamp_min(1e-12)
            length = here.gradient @ way / (way @ here.matvec(way)).clamp_min(1e-300)
            cost, trial = here.cost, theta - length * way
            if not problem.cost(trial) < cost:
                break
            theta = trial
            if callback is not None and callback(theta, cost):
                break
        return theta, cost

    def rough(self, tolerance: float, *, damping: float | None = None, products: int | None = None) -> Self:
        return self


@dataclass(frozen=True)
class Momentum(GradientSolver):
    """Gradient descent with momentum on minibatches."""

    needs = Needs.BATCHES
    epochs: int = 100
    rate: float = 0.05

    def minimize(self, problem: BatchProblem, callback: Callable[[Step], bool] = lambda step: False) -> StopReason:
        parameters = [*problem.parameters, *problem.constants]
        velocity = [torch.zeros_like(p) for p in parameters]
        for epoch in range(1, self.epochs + 1):
            total = 0.0
            for batch in problem.batches(50):
                loss, penalty = problem.loss(batch) / len(batch), problem.penalty()
                gradients = torch.autograd.grad(loss if penalty is None else loss + penalty, parameters)
                with torch.no_grad():
                    for p, v, g in zip(parameters, velocity, gradients, strict=True):
                        p.sub_(v.mul_(0.9).add_(self.rate * g))
                total += float(loss.detach()) * len(batch)
            errors = (total / len(problem), problem.validation_error())
            if callback(Step(epoch / self.epochs, epoch, self.epochs, errors=errors)):
                return StopReason.STOPPED
        return StopReason.STEPS_DONE


@dataclass(frozen=True)
class LogCosh(Loss):
    """mean_o 2 d^2 log cosh(r_o / d): r^2 for small residuals, linear for large ones."""

    width: float = 0.5
    name = "log_cosh"

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        z = ((outputs - y) / self.width).abs()
        return 2 * self.width**2 * (z + torch.log1p(torch.exp(-2 * z)) - math.log(2)).mean(1)

    def curvature(self, outputs: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
        z = (outputs - y) / self.width
        weight = 2 * torch.where(z.abs() < 1e-6, 1.0, z.tanh() / z).unsqueeze(-1) / y.shape[1]
        return lambda vectors: weight * vectors

    def scaled(self, factor: float) -> LogCosh:
        return replace(self, width=self.width * factor)


class Quantile:
    """The pinball loss of the 0.8 quantile, smoothed: no class of the package is inherited."""

    name = "quantile"
    classes = False
    baseline_fraction = 0.9

    def __init__(self, q: float = 0.8, smooth: float = 1e-2) -> None:
        self.q, self.smooth = q, smooth

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        r = y - outputs
        return ((r.square() + self.smooth**2).sqrt() / 2 + (self.q - 0.5) * r).mean(1)

    def gradient(self, outputs: Tensor, y: Tensor) -> Tensor:
        r = y - outputs
        return -(r / (r.square() + self.smooth**2).sqrt() / 2 + self.q - 0.5) / y.shape[1]

    def curvature(self, outputs: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
        weight = (1 / ((y - outputs).square() + self.smooth**2).sqrt() / 2 / y.shape[1]).unsqueeze(-1)
        return lambda vectors: weight * vectors

    def constant(self, y: Tensor, weights: Tensor, outputs: int) -> Tensor:
        return y.quantile(self.q, dim=0)

    def error(self, mean: float) -> float:
        return mean

    def scaled(self, factor: float) -> Quantile:
        return Quantile(self.q, self.smooth * factor)

    def tuned(self, outputs: Tensor, y: Tensor) -> Quantile:
        return self


def taken_on(fit: ew.train.FitResult, y: Tensor) -> None:
    """Prune, snap and export a network that was trained on sin(2 x0), with x1 of no use."""
    small = ew.prune(fit.model, X, y)
    assert small.narrow().columns == [0]
    snap = ew.symbolic.snap(small.model, X, y)
    compile(source := ew.export.numpy(snap.model, names=["a", "b"]), "exported", "exec")
    assert "sin" in source
    torch.testing.assert_close(snap.model(X)[:, 0], Y, rtol=0, atol=0.05)


@pytest.mark.parametrize(
    ("solver", "error"),
    [(TrustRegion(), 1e-4), (ScaledDescent(), 0.02), (Momentum(), 0.05)],
    ids=lambda s: type(s).__name__,
)
def test_a_solver_of_ones_own_is_taken_through(solver: Any, error: float) -> None:
    fit = ew.fit(ew.KAN([2, 1]), X, Y, solver=solver, grids=[10], options=ew.Options(restarts=1))
    assert fit.train_error < error
    assert fit.history and not fit.notes
    taken_on(fit, Y)


@pytest.mark.parametrize("loss", [LogCosh(), Quantile()], ids=lambda loss: loss.name)
@pytest.mark.parametrize("solver", ["lm", "cg", ew.optim.LBFGS(steps=60)], ids=["lm", "cg", "lbfgs"])
def test_a_loss_of_ones_own_is_taken_through(loss: Any, solver: Any) -> None:
    fit = ew.fit(ew.KAN([2, 1]), X, Y, loss=loss, solver=solver, grids=[10])
    assert fit.loss == loss.name
    taken_on(fit, Y)


def test_own_losses_do_what_they_are_for() -> None:
    """Log-cosh ignores outliers that a squared loss follows; the quantile lies above four fifths of the rows."""
    spoiled = torch.where(torch.arange(300) % 10 == 0, Y + 8, Y)
    with torch.no_grad():
        squared, robust = (
            float((ew.fit(ew.KAN([2, 1]), X, spoiled, loss=loss, grids=[3]).model(X)[:, 0] - Y).abs().median())
            for loss in ("squared", LogCosh(0.1))
        )
    assert robust < 0.1 * squared
    noisy = Y + torch.randn(300, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    fit = ew.fit(ew.KAN([2, 1]), X, noisy, loss=Quantile(0.8), grids=[3])
    assert float((noisy < fit.model(X)[:, 0]).double().mean()) == pytest.approx(0.8, abs=0.05)


def test_an_own_solver_and_loss_together_and_several_starts() -> None:
    fit = ew.fit(ew.KAN([2, 2, 1]), X, Y * X[:, 1], solver=TrustRegion(), loss=LogCosh(), grids=[3, 5])
    assert fit.train_error < 0.05
    classes = ew.fit(ew.KAN([2, 2]), X, (Y > 0).long(), solver=TrustRegion(), loss="cross_entropy", grids=[5])
    assert classes.train_accuracy > 0.95


@pytest.mark.parametrize("name", SOLVERS)
def test_every_named_solver_trains_and_repeats_itself(name: str) -> None:
    first, again = (
        ew.fit(ew.KAN([2, 1]), X[:100], Y[:100], solver=name, grids=[3], options=ew.Options(restarts=1))
        for _ in range(2)
    )
    assert first.train_error < 0.5 * float(Y.std())
    assert torch.equal(first.model(X), again.model(X))
    assert SOLVERS[name](False).needs in Needs


def test_what_is_no_solver_or_loss_is_refused() -> None:
    class Nameless:
        needs = Needs.MATRIX

    for solver in (Nameless(), TrustRegion, "newton"):
        with pytest.raises(ew.InputError, match=r"Unknown solver .*the members of edgewise\.optim"):
            ew.fit(ew.KAN([2, 1]), X, Y, solver=solver)  # type: ignore[arg-type]
    for loss in (LogCosh, object(), "log_cosh"):
        with pytest.raises(ew.InputError, match=r"Unknown loss .*the members of edgewise\.train\.Loss"):
            ew.fit(ew.KAN([2, 1]), X, Y, loss=loss)  # type: ignore[arg-type]
    rows = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=50)
    with pytest.raises(ew.InputError, match="First-order solvers take rows in memory"):
        ew.fit(ew.KAN([2, 1]), rows, solver=Momentum())
