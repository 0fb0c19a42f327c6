"""Six differential equations, their solutions, and the baselines that solve them too."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import pi
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import jets_of
from edgewise._typing import Array
from edgewise.pde import Box, Condition, Errors, Jet, Problem, measured, periodic
from edgewise_bench.baselines import (
    Term,
    default_dtype,
    problem_loss,
    problem_terms,
    pykan_refined,
    seeded_mlp,
    silenced,
)
from edgewise_bench.datasets import burgers_at


class Truth(NamedTuple):
    """A solution on a lattice of some shape: points (n, 2), values (n,), gradients (n, 2)."""

    points: Tensor
    value: Tensor
    gradient: Tensor
    shape: tuple[int, int]

    def errors(self, found: Jet) -> Errors:
        """Return the errors of a function at the points."""
        off, gradient = found.value - self.value, found.gradient - self.gradient
        square, h1 = float(off.square().mean()), float(gradient.square().sum(1).mean())
        size = float(self.value.square().mean())
        return Errors(square**0.5, (square + h1) ** 0.5, (square / size) ** 0.5, float(off.abs().max()))


def exact(box: Box, function: Callable[..., Any], rows: int, columns: int) -> Truth:
    """Return a solution written as a function of p: lambda p: torch.sin(p.x)."""
    x = _lattice(box, rows, columns)
    true: Jet = function(SimpleNamespace(**Jet.coordinates(x, box.names)))
    return Truth(x, true.value, true.gradient, (rows, columns))


def burgers(box: Box, viscosity: float, rows: int, columns: int) -> Truth:
    """Solve u_t + u u_x = viscosity u_xx with u = -sin(pi x) at t = 0, for Box(t=(0, T), x=(-1, 1))."""
    x = _lattice(box, rows, columns)
    found = burgers_at(x.numpy(), viscosity)
    return Truth(x, found[:, 0], found[:, 1:], (rows, columns))


def allen_cahn(
    box: Box, diffusion: float, reaction: float, rows: int, columns: int, finer: int = 4, tolerance: float = 1e-10
) -> Truth:
    """Solve u_t = diffusion u_xx + reaction (u - u^3), periodic, with u = sin(pi x / 2)^2 cos(pi x) at t = 0.

    Fourier collocation in x for Box(t=(0, T), x=(-1, 1)), at `finer` times as many points as columns; an explicit
    Runge-Kutta method of order 8 in t. The lattice's last row is at t = T, its first column at x = -1.
    """
    from scipy.integrate import solve_ivp

    modes = finer * columns
    x, t = -1 + 2 * np.arange(modes) / modes, np.linspace(box.low[0], box.high[0], rows + 1)
    wave = np.pi * np.fft.rfftfreq(modes, 1 / modes)

    def derivative(_: float, u: Array) -> Array:
        return np.fft.irfft(-diffusion * wave**2 * np.fft.rfft(u), modes) + reaction * (u - u**3)

    start = np.sin(np.pi * x / 2) ** 2 * np.cos(np.pi * x)
    found = solve_ivp(derivative, (t[0], t[-1]), start, "DOP853", t[1:], rtol=tolerance, atol=tolerance)
    u = found.y.T
    by_x, by_t = np.fft.irfft(1j * wave * np.fft.rfft(u), modes), np.stack([derivative(0, part) for part in u])
    value, first, second = (torch.from_numpy(part[:, ::finer].ravel()) for part in (u, by_t, by_x))
    points = torch.cartesian_prod(torch.from_numpy(t[1:]), torch.from_numpy(x[::finer].copy()))
    return Truth(points, value, torch.stack([first, second], 1), (rows, columns))


def _lattice(box: Box, rows: int, columns: int) -> Tensor:
    """Return the cell centers of a two-dimensional box."""
    low, high = box.ends
    sides = [
        low[k] + (high[k] - low[k]) * (torch.arange(count, dtype=torch.float64) + 0.5) / count
        for k, count in enumerate((rows, columns))
    ]
    return torch.cartesian_prod(*sides)


_SQUARE = Box(x=(-1, 1), y=(-1, 1))
_ROD = Box(t=(0, 1), x=(0, 1))
_STRIP = Box(t=(0, 1), x=(-1, 1))
_CONDUCTIVITY = 0.1
_VISCOSITY = 0.02
_DIFFUSION, _REACTION = 1e-2, 5.0
_LARGE = (2, 75, 75, 75, 1)  # 11,701 parameters: about 20 times those of the splines


@dataclass(frozen=True)
class Task:
    """A problem, the MLPs that it is solved with, and how many points all networks see.

    truth takes the rows and columns of a lattice. constant: the true value of the unknown one, where there is one.
    """

    title: str
    problem: Callable[[], Problem]
    truth: Callable[[int, int], Truth]
    points: int = 2240  # four for each parameter of a network [2, 5, 1] of splines
    boundary: int = 400
    small: tuple[int, ...] = (2, 15, 15, 15, 1)
    large: tuple[int, ...] = _LARGE
    constant: float | None = None


def _poisson() -> Problem:
    def load(p: Any) -> Any:
        bent = -(pi**2) * (1 + 4 * p.y**2) * torch.sin(pi * p.x) * torch.sin(pi * p.y**2)
        return bent + 2 * pi * torch.sin(pi * p.x) * torch.cos(pi * p.y**2)

    edge = Condition(_SQUARE.boundary(), lambda u, p: u.value, weight=100)
    return Problem(_SQUARE, lambda u, p: u.xx + u.yy - load(p), [edge])


def _helmholtz() -> Problem:
    def left(u: Any, p: Any) -> Any:
        return u.xx + u.yy + u.value - (1 - 17 * pi**2) * torch.sin(pi * p.x) * torch.sin(4 * pi * p.y)

    return Problem(_SQUARE, left, ansatz=lambda n, p: (1 - p.x**2) * (1 - p.y**2) * n)


def _warm(p: Any) -> Any:
    """Return the heat equation's solution."""
    rate = _CONDUCTIVITY * pi**2
    return torch.exp(-rate * p.t) * torch.sin(pi * p.x) + 0.5 * torch.exp(-9 * rate * p.t) * torch.sin(3 * pi * p.x)


def _heat() -> Problem:
    def whole(n: Any, p: Any) -> Any:
        return torch.sin(pi * p.x) + 0.5 * torch.sin(3 * pi * p.x) + p.t * p.x * (1 - p.x) * n

    return Problem(_ROD, lambda u, p: u.t - _CONDUCTIVITY * u.xx, ansatz=whole)


def _burgers() -> Problem:
    def whole(n: Any, p: Any) -> Any:
        return -torch.sin(pi * p.x) + p.t * (1 - p.x**2) * n

    return Problem(_STRIP, lambda u, p: u.t + u.value * u.x - _VISCOSITY * u.xx, ansatz=whole)


def _allen_cahn() -> Problem:
    def left(u: Any, p: Any) -> Any:
        return u.t - _DIFFUSION * u.xx - _REACTION * (u.value - u.value**3)

    def whole(n: Any, p: Any) -> Any:
        return 0.5 * (1 - torch.cos(pi * p.x)) * torch.cos(pi * p.x) + p.t * n

    return Problem(_STRIP, left, [periodic(_STRIP, "x")], ansatz=whole)


def _viscosity() -> Problem:
    measurements = 500
    at = _STRIP.points(measurements, seed=5)
    values = burgers_at(at.numpy(), _VISCOSITY)[:, 0]
    known = [measured(at, values)]
    return Problem(_STRIP, lambda u, p, c: u.t + u.value * u.x - c.nu * u.xx, known, constants={"nu": 0.1})


TASKS = {
    "poisson": Task(
        "u_xx + u_yy = f, zero at the edge",
        _poisson,
        partial(exact, _SQUARE, lambda p: torch.sin(pi * p.x) * torch.sin(pi * p.y**2)),
        large=(2, 100, 100, 100, 1),
    ),
    "helmholtz": Task(
        "u_xx + u_yy + u = f, zero at the edge",
        _helmholtz,
        partial(exact, _SQUARE, lambda p: torch.sin(pi * p.x) * torch.sin(4 * pi * p.y)),
    ),
    "heat": Task("u_t = 0.1 u_xx", _heat, partial(exact, _ROD, _warm), points=1280),
    "burgers": Task("u_t + u u_x = 0.02 u_xx", _burgers, partial(burgers, _STRIP, _VISCOSITY)),
    "allen-cahn": Task(
        "u_t = 0.01 u_xx + 5 (u - u^3), periodic", _allen_cahn, partial(allen_cahn, _STRIP, _DIFFUSION, _REACTION)
    ),
    "viscosity": Task(
        "that of Burgers' equation from 500 measurements",
        _viscosity,
        partial(burgers, _STRIP, _VISCOSITY),
        constant=_VISCOSITY,
    ),
}
"""The problems by their name."""


class MLPUnknown(torch.nn.Module):
    """An MLP and a problem's unknown constants, at points as many as a problem's `solve` has.

    The loss is that of `solve`: the mean square of the equation inside plus the weight times that of each condition.
    """

    def __init__(self, problem: Problem, sizes: Sequence[int], points: int, boundary: int, seed: int) -> None:
        super().__init__()
        self.problem, self.network = problem, seeded_mlp(sizes, seed)
        self.constants = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(torch.tensor(v, dtype=torch.float64)) for name, v in problem.constants.items()}
        )
        self.terms = problem_terms(problem, points, boundary, seed)

    def at(self, points: Tensor) -> Any:
        """Return the unknown with its derivatives at points (n, d)."""
        return self.problem.unknown(jets_of(*mlp_jets(self.network, points)), points)

    def loss(self) -> Tensor:
        return problem_loss(self.problem, self.terms, self.at, dict(self.constants.items()))


def mlp_jets(network: torch.nn.Sequential, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return values (n, m), gradients (n, m, d) and second derivatives (n, m, d, d) of a tanh MLP at points (n, d).

    >>> from edgewise_bench.baselines import mlp
    >>> [tuple(part.shape) for part in mlp_jets(mlp([2, 5, 1], activation="tanh"), torch.zeros(3, 2).double())]
    [(3, 1), (3, 1, 2), (3, 1, 2, 2)]
    """
    n, d = x.shape
    rows, columns = torch.triu_indices(d, d)
    value, gradient = x, torch.eye(d, dtype=x.dtype).unsqueeze(1).expand(-1, n, -1)
    hessian = x.new_zeros(len(rows), n, d)
    for layer in network:
        if isinstance(layer, torch.nn.Linear):
            value, gradient, hessian = layer(value), gradient @ layer.weight.T, hessian @ layer.weight.T
        else:
            value = torch.tanh(value)
            first = 1 - value * value
            hessian = first * (hessian - 2 * value * gradient[rows] * gradient[columns])
            gradient = first * gradient
    place = torch.zeros(d, d, dtype=torch.long)
    place[rows, columns] = place[columns, rows] = torch.arange(len(rows))
    return value, gradient.permute(1, 2, 0), hessian[place].permute(2, 3, 0, 1)


def autograd_jet(module: Any, points: Tensor, names: tuple[str, ...]) -> Jet:
    """Return value, gradient and second derivatives of a network's first output at points (n, d)."""
    x = points.detach().clone().requires_grad_()
    value = module(x)[:, 0]
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    rows = [torch.autograd.grad(part.sum(), x, create_graph=True)[0] for part in gradient.unbind(1)]
    return Jet.of(value, gradient, torch.stack(rows, dim=1), names)


def pykan_solution(
    problem: Problem, widths: Sequence[int], points: int, boundary: int, grids: Sequence[int], steps: int, seed: int
) -> tuple[Any, float]:
    """Train on coarse grids, then on finer ones, with knots updated every five steps; return model and seconds."""
    terms, model = problem_terms(problem, points, boundary, 0), None
    inside = terms[0][1][0]
    models, began = pykan_refined(widths, grids, inside, seed), time.process_time()
    with default_dtype(torch.float64), silenced():
        for model in models:
            _train(model, problem, terms, inside, steps)
    return model, time.process_time() - began


def _train(model: Any, problem: Problem, terms: list[Term], inside: Tensor, steps: int) -> None:
    grid_steps = 5  # of pykan, between two moves of the knots
    optimizer = torch.optim.LBFGS(
        model.parameters(), lr=1, history_size=10, line_search_fn="strong_wolfe", tolerance_grad=1e-32,
        tolerance_change=1e-32,
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = problem_loss(problem, terms, lambda side: autograd_jet(model, side, problem.box.names), {})
        total.backward()
        return total

    for step in range(steps):
        if step % grid_steps == 0:
            model.update_grid_from_samples(inside)
        optimizer.step(closure)  # type: ignore[arg-type]
