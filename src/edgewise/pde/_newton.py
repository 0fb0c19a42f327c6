"""Gauss-Newton steps by a band, undamped where that lowers the cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from edgewise.optim import LeastSquaresSolver, Needs

_TOLERANCE = 1e-3  # of the cost: a gain below it is the last
_LEAST, _MOST = 1e-15, 1e6  # dampings that are tried after none
_ROUNDING = 1e-12  # a damping below it makes up for rounding only


class BandNewton(LeastSquaresSolver):
    """Minimizes the squares of a `LatticeObjective`; `settled` says whether an undamped step would gain nothing more.

    (H + mu diag H) s = g,  theta <- theta - s.  mu begins at 0, and grows tenfold until the cost falls.
    """

    needs: ClassVar[Needs] = Needs.MATRIX

    def __init__(self, steps: int) -> None:
        self.steps, self.taken, self.settled = steps, 0, False

    def minimize(
        self, problem: Any, start: Tensor, callback: Callable[[Tensor, float], bool] | None = None
    ) -> tuple[Tensor, float]:
        vector, cost, damping = start, float("inf"), 0.0
        for taken in range(1, self.steps + 1):
            self.taken = taken
            normal = problem.normal(vector)
            cost, before = normal.cost, vector
            while damping <= _MOST:
                step = normal.step(damping)
                if step is not None:
                    gain = float(normal.gradient @ step)
                    value = problem.cost(vector - step)
                    if value < cost:
                        vector, cost = vector - step, value
                        break
                    if gain < _TOLERANCE * normal.cost:
                        break
                damping = max(_LEAST, 10 * damping)
            little = not cost < (1 - _TOLERANCE) * normal.cost
            self.settled = little and damping <= _ROUNDING
            if (vector is not before and callback is not None and callback(vector, cost)) or little:
                break
            damping = damping / 10 if damping > _LEAST else 0.0
        return vector, cost
