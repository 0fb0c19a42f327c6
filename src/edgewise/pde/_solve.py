"""Solving: from coarse grids to fine ones, points moved to where the equation is least obeyed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.nn import KAN, Layout, adapt_grid, clone
from edgewise.optim import LM
from edgewise.pde._objective import Objective, Term
from edgewise.pde._problem import Problem
from edgewise.pde._solution import Solution
from edgewise.train import Monitor, Options, Outcome

_GRIDS = (4, 6, 9, 14, 20, 30, 45)
_POOL = 8  # candidates for each point that is moved
_MOVED = 0.5  # of the points
_GAIN = 0.7  # of the error before: a finer grid that does not reach it ends the solving
_STARTS = 3
_TOLERANCE = 1e-5  # gain of a step, over the cost, below which three in a row end a run
_FRESH = 123_457  # added to a seed: points to judge on


def solve(
    problem: Problem, model: KAN | None = None, *, grids: Sequence[int] | Literal["auto"] = "auto", points: int = 1000,
    boundary: int = 400, steps: int = 60, adaptive: bool = True, options: Options | None = None,
) -> Solution:  # fmt: skip
    """Find the functions and constants for which an equation and its conditions hold.

    Minimizes  sum_terms weight * mean residual^2  over the network's coefficients and the unknown constants by
    Levenberg-Marquardt with the exact Jacobian: value, gradient and second derivatives go through the layers together.
    It starts at a coarse grid from several networks, of which the best is refined; before each grid, half of the points
    move to where the equation is least obeyed.

    Args:
        problem: what is to hold.
        model: the network to start from; by default KAN([d, 5, unknowns]) with splines of degree 5.
        grids: cell counts, coarse to fine; "auto" refines as long as what is left at fresh points falls.
        points: inside the domain; four times the parameters where that is more.
        boundary: on the boundary of each condition.
        steps: of the solver, twice at each grid.
        adaptive: whether points move.
        options: seed, time_limit, restarts (starts at the coarsest grid), callbacks and progress, as for `fit`.

    Errors: InputError for a network that has not the problem's inputs and outputs, a base or splines of degree below 3,
    residuals of another shape, or points that are no numbers.

    >>> import torch
    >>> from edgewise.pde import Box
    >>> box = Box(x=(0, 3))
    >>> wave = Problem(box, lambda u, p: u.xx + u.value, ansatz=lambda n, p: p.x + p.x**2 * n)  # u(0) = 0, u'(0) = 1
    >>> found = solve(wave, grids=[4, 8])
    >>> found.errors(lambda p: torch.sin(p.x)).largest < 1e-5
    True

    Source: Lagaris, Likas and Fotiadis (1998), for the ansatz; Wu et al., Computer Methods in Applied Mechanics and
    Engineering 403 (2023), for moving points.
    """
    own = options or Options()
    model = _started(problem, model, own.seed)
    order = _order(grids)
    monitor = Monitor(own)
    with monitor.running():
        solver = _Solver(problem, monitor, LM(steps=steps, tolerance=_TOLERANCE), points, boundary, adaptive)
        automatic = isinstance(grids, str)
        starts = _STARTS if isinstance(own.restarts, str) else int(own.restarts)
        state, outcome = solver.best_of(model, order[0], starts), Outcome.GRIDS_DONE
        best = state
        for grid in order[1:]:
            if (ended := monitor.ended()) is not None:
                outcome = ended
                break
            state = solver.trained(state, grid)
            if automatic and state.fresh > _GAIN * best.fresh:
                outcome = Outcome.CONVERGED
                best = min(best, state, key=lambda s: s.fresh)
                break
            best = state
    return Solution(problem, best.model, best.constants, monitor.history, monitor.ended() or outcome)


@dataclass(frozen=True)
class _State:
    """A network and constants, and the root mean square of what the equation leaves at fresh points."""

    model: KAN
    constants: dict[str, float]
    inside: Tensor
    fresh: float


class _Solver:
    def __init__(
        self, problem: Problem, monitor: Monitor, solver: LM, points: int, boundary: int, adaptive: bool
    ) -> None:
        self.problem, self.monitor, self.solver, self.seed = problem, monitor, solver, monitor.options.seed
        self.points, self.adaptive = points, adaptive
        self.conditions = [Term(c.equation, c.points(boundary, self.seed + 1), c.weight) for c in problem.conditions]
        self.fresh = problem.domain.points(points, self.seed + _FRESH)

    def best_of(self, model: KAN, grid: int, starts: int) -> _State:
        """The best of several starts at the coarsest grid."""
        inside = self.problem.domain.points(self.points, self.seed)
        found = []
        for k in range(max(1, starts)):
            first = model if k == 0 else _redrawn(model, self.seed + 1000 * k)
            found.append(self.trained(_State(first, dict(self.problem.numbers), inside, 0.0), grid))
            if self.monitor.ended() is not None:
                break
        return min(found, key=lambda state: state.fresh)

    def trained(self, state: _State, grid: int) -> _State:
        """Two runs at one grid; the knots, and half of the points, move before each."""
        model, constants, inside = state.model, state.constants, state.inside
        for turn in range(2):
            everywhere = torch.cat([inside, *(side for term in self.conditions for side in term.points)])
            model = adapt_grid(model, everywhere, grid)
            needed = 4 * Objective(self.problem, model, constants, []).layout.size
            if len(inside) < needed:
                inside = self.problem.domain.points(needed, self.seed)
            if self.adaptive and (turn or state.fresh):
                inside = self._moved(model, constants, inside, turn + grid)
            objective = self._objective(clone(model), constants, inside)
            vector = self.monitor.minimize(self.solver, objective, f"grid {grid}")
            model, constants = clone(objective.network(vector)), objective.constants(vector)
            if self.monitor.ended() is not None:
                break
        inner = objective.terms[0]
        train = float(objective.residual(vector, inner).square().mean().sqrt())
        fresh = float(objective.residual(vector, replace(inner, points=[self.fresh])).square().mean().sqrt())
        self.monitor.record(grid, len(vector), train, fresh)
        return _State(model, constants, inside, fresh)

    def _objective(self, model: KAN, constants: dict[str, float], inside: Tensor) -> Objective:
        inner = Term(self.problem.residual, [inside], 1.0)
        return Objective(self.problem, model, constants, [inner, *self.conditions])

    def _moved(self, model: KAN, constants: dict[str, float], inside: Tensor, turn: int) -> Tensor:
        """Replace half of the points by new ones, with a density that grows with the equation's residual."""
        count = int(_MOVED * len(inside))
        pool = self.problem.domain.points(_POOL * count, self.seed + 7919 * turn, "random")
        objective = self._objective(clone(model), constants, pool)
        left = objective.residual(objective.start, objective.terms[0])
        density = left / left.mean().clamp_min(1e-300) + 1.0
        generator = torch.Generator().manual_seed(self.seed + turn)
        chosen = torch.multinomial(density, count, generator=generator)
        return torch.cat([self.problem.domain.points(len(inside) - count, self.seed), pool[chosen]])


def _started(problem: Problem, model: KAN | None, seed: int) -> KAN:
    d = len(problem.domain.names)
    if model is None:
        return KAN([d, 5, problem.unknowns], grid=_GRIDS[0], degree=5, seed=seed)
    if model.n_in != d or model.n_out != problem.unknowns:
        raise InputError(
            f"The network must take {d} coordinates and give {problem.unknowns} unknowns. Got {model.widths}."
        )
    if not Layout(model).size and not problem.numbers:
        raise InputError("There is nothing to train: every edge of the network is locked, and no constant is unknown.")
    for layer in model.layers:
        if layer.base is not None:
            raise InputError(
                "A network for differential equations needs spline edges without a base: KAN(..., base=None)."
            )
        most = max(map(len, problem.orders))
        if layer.degree is not None and layer.degree < max(3, most + 1):
            raise InputError(
                f"The equation has derivatives of order {most}, and those of splines of degree {layer.degree} jump or "
                f"vanish. Use a degree of {max(3, most + 1)} or more."
            )
    return clone(model).double()


def _redrawn(model: KAN, seed: int) -> KAN:
    new, generator = clone(model), torch.Generator().manual_seed(seed)
    for layer in new.layers:
        layer.reset_parameters(generator)
    return new


def _order(grids: Sequence[int] | Literal["auto"]) -> list[int]:
    if isinstance(grids, str) and grids == "auto":
        return list(_GRIDS)
    if not grids or not all(is_int(g, 1) for g in grids):
        known = "'auto' or a list of cell counts, each an int >= 1, like [4, 8, 16]"
        raise InputError(f"'grids' must be {known}. Got {grids!r}.")
    return [int(grid) for grid in grids]
