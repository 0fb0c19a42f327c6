"""Gauss-Newton steps by a band, undamped where that lowers the cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from edgewise.pde._normal import Normal
from edgewise.train.optim import LeastSquaresSolver, Needs

_TOLERANCE = 1e-3  # of the cost: a gain below it is the last
_LEAST, _MOST = 1e-15, 1e6  # dampings that are tried after none, where rounding makes the matrix indefinite
_NONLINEAR = 1e-6  # where the equation is not linear
_CUT = 30.0  # what the damping falls by after a step
_ROUNDING = 1e-12  # a damping below it makes up for rounding only


class BandNewton(LeastSquaresSolver):
    """Minimizes the squares of a `LatticeObjective`; `settled` says whether an undamped step would gain nothing more.

    (H + mu diag H) s = g,  theta <- theta - s.  mu begins at 0, and grows tenfold until the cost falls. A cost below
    `floor` is rounding; `first` is the cost at the start.
    """

    needs: ClassVar[Needs] = Needs.MATRIX

    def __init__(self, steps: int, floor: float = 0.0) -> None:
        self.steps, self.floor, self.first = steps, floor, 0.0
        self.taken, self.settled = 0, False

    def minimize(
        self, problem: Any, start: Tensor, callback: Callable[[Tensor, float], bool] | None = None
    ) -> tuple[Tensor, float]:
        vector, cost, damping, again = start, float("inf"), 0.0, True
        for taken in range(1, self.steps + 1):
            self.taken = taken
            normal, before = problem.normal(vector), vector
            cost = normal.cost
            self.first = cost if taken == 1 else self.first
            if cost <= self.floor:
                self.settled = True
                break
            vector, cost, damping = _lower(problem, normal, vector, damping)
            if vector is not before and callback is not None and callback(vector, cost):
                break
            if cost < (1 - _TOLERANCE) * normal.cost:
                damping, again = (damping / _CUT if damping > _LEAST else 0.0), True
            elif damping > _ROUNDING and again:
                damping, again = 0.0, False  # little may have been gained for the damping alone
            else:
                self.settled = damping <= _ROUNDING
                break
        return vector, cost


def _lower(problem: Any, normal: Normal, vector: Tensor, damping: float) -> tuple[Tensor, float, float]:
    """A step with the least damping, from one on, that lowers the cost: vector, cost, and the damping."""
    while damping <= _MOST:
        step = normal.step(damping)
        if step is not None:
            cost = problem.cost(vector - step)
            if cost < normal.cost:
                return vector - step, cost, damping
            if float(normal.gradient @ step) < _TOLERANCE * normal.cost:
                break
        damping = max(_LEAST if step is None else _NONLINEAR, 10 * damping)
    return vector, normal.cost, damping
