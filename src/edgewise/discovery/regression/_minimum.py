"""A formula at its fitted constants: whether that is a minimum, and which constants the rows determine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.expressions import FitData, FreeFormula, Tape

_OFFSET = 1e-5  # relative offset at a minimum
_POLISHED = 3  # steps at most
_RANK = 1e-11  # singular values that count as zero, of a Jacobian with columns of length 1
_TAKES_PART = 1e-3  # component of a constant in a direction without effect
_ROUNDING = 1e-15  # of the size of y


@dataclass(frozen=True)
class Minimum:
    """A formula at its fitted constants.

    `free` holds the constants that are fitted, `held` those at their bounds by name; `data` the rows with the weights
    of a robust loss, `weights` (n,), of that `scale` (None for least squares).
    """

    free: FreeFormula
    held: dict[str, float]
    data: FitData
    weights: Array
    scale: float | None = None

    @property
    def residual(self) -> Array:
        """What the formula leaves (n,), weighted."""
        tape = Tape(self.free.template, self.data.names, self.free.symbols)
        return self.data.weight * (self.data.y - tape.values(self.data.columns, self.free.values))

    @property
    def offset(self) -> float:
        """The relative offset: the part of the residual in the tangent plane over that across it; 0 at a minimum.

        What rounding leaves in the plane counts as nothing.

        Source: Bates and Watts, A relative offset orthogonality convergence criterion for nonlinear least squares
        (1981).
        """
        k, n = len(self.free.values), self.data.n
        residual, jacobian = self.residual, self.free.relative_jacobian(self.data)[1]
        if not k or not np.isfinite(jacobian).all() or n <= k:
            return 0.0 if not k else np.inf
        u, s, _ = np.linalg.svd(jacobian, full_matrices=False)
        inside = float(np.linalg.norm(u[:, s > _RANK * s[0]].T @ residual))
        if inside <= _ROUNDING * float(np.linalg.norm(self.data.weight * self.data.y)):
            return 0.0
        across = max(float(residual @ residual) - inside**2, 0.0)
        return inside / np.sqrt(k) / max(np.sqrt(across / (n - k)), 1e-300)

    @property
    def converged(self) -> bool:
        return self.offset < _OFFSET

    @property
    def undetermined(self) -> list[str]:
        """The names of constants that can change together without any change at the rows, to first order."""
        jacobian = self.free.relative_jacobian(self.data)[1]
        if not len(self.free.values) or not np.isfinite(jacobian).all():
            return [symbol.name for symbol in self.free.symbols]
        sizes = np.linalg.norm(jacobian, axis=0)
        _, s, vt = np.linalg.svd(jacobian / np.where(sizes > 0, sizes, 1.0), full_matrices=False)
        lacking = vt[s < _RANK]
        share = np.abs(lacking).max(0, initial=0.0)
        return [symbol.name for symbol, own in zip(self.free.symbols, share, strict=True) if own > _TAKES_PART]

    @property
    def settled(self) -> bool:
        """Whether this is a minimum that determines all constants."""
        return self.converged and not self.undetermined

    def polished(self) -> Minimum:
        """Return the minimum to its last digits, by Gauss-Newton steps while they lower the offset."""
        best = self
        for _ in range(_POLISHED):
            scales, jacobian = best.free.relative_jacobian(best.data)
            if not best.free.values or not np.isfinite(jacobian).all():
                break
            step = scales * np.linalg.lstsq(jacobian, best.residual, rcond=1e-12)[0]
            free = replace(best.free, values=tuple(float(v) for v in np.array(best.free.values) + step))
            values = Tape(free.template, best.data.names, free.symbols).values(best.data.columns, free.values)
            found = replace(best, free=replace(free, error=best.data.error(values)))
            if not (found.free.error <= best.free.error * (1 + 1e-12) and found.offset < best.offset):
                break
            best = found
        return best
