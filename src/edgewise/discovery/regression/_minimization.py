"""The search for the minimum of a loss over the constants of a formula, and whether it is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sympy

from edgewise._typing import Array, Part
from edgewise.discovery.regression._loss import RobustLoss
from edgewise.formulas.expressions import FitData, FreeFormula, Starts, Tape, exact_constant

_RANK = 1e-11  # singular values that count as zero, of a Jacobian with columns of length 1


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
        rounding = 1e-15  # of the size of y
        k, n = len(self.free.values), self.data.n
        residual, jacobian = self.residual, self.free.relative_jacobian(self.data)[1]
        if not k or not np.isfinite(jacobian).all() or n <= k:
            return 0.0 if not k else np.inf
        u, s, _ = np.linalg.svd(jacobian, full_matrices=False)
        inside = float(np.linalg.norm(u[:, s > _RANK * s[0]].T @ residual))
        if inside <= rounding * float(np.linalg.norm(self.data.weight * self.data.y)):
            return 0.0
        across = max(float(residual @ residual) - inside**2, 0.0)
        return inside / np.sqrt(k) / max(np.sqrt(across / (n - k)), 1e-300)

    @property
    def converged(self) -> bool:
        offset = 1e-5  # relative offset at a minimum
        return self.offset < offset

    @property
    def undetermined(self) -> list[str]:
        """The names of constants that can change together without any change at the rows, to first order."""
        return undetermined(self.free.relative_jacobian(self.data)[1], self.free.symbols)

    @property
    def settled(self) -> bool:
        """Whether this is a minimum that determines all constants."""
        return self.converged and not self.undetermined

    def polished(self) -> Minimum:
        """Return the minimum to its last digits, by Gauss-Newton steps while they lower the offset."""
        polished = 3  # steps at most
        best = self
        for _ in range(polished):
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


def undetermined(jacobian: Array, symbols: Sequence[sympy.Symbol]) -> list[str]:
    """Return the names of constants in directions that a Jacobian (n, k) does not see."""
    takes_part = 1e-3  # component of a constant in a direction without effect
    if not len(symbols) or not np.isfinite(jacobian).all():
        return [symbol.name for symbol in symbols]
    sizes = np.linalg.norm(jacobian, axis=0)
    _, s, vt = np.linalg.svd(jacobian / np.where(sizes > 0, sizes, 1.0), full_matrices=False)
    share = np.abs(vt[s < _RANK]).max(0, initial=0.0)
    return [symbol.name for symbol, own in zip(symbols, share, strict=True) if own > takes_part]


_STEPS = 2000  # evaluations of a fit
_STARTS, _GENERATIONS, _SEARCHES = 12, 8, 3


@dataclass(frozen=True)
class Minimization:
    """The search for the constants of `formula`: `start` holds known values by symbol, `bounds` (low, high)."""

    formula: Part
    constants: tuple[sympy.Symbol, ...]
    data: FitData
    start: Mapping[sympy.Symbol, float] = field(default_factory=dict)
    bounds: Mapping[sympy.Symbol, tuple[float, float]] = field(default_factory=dict)

    def minimum(self, loss: RobustLoss | None) -> Minimum | None:
        """Return the least minimum that was found, None where the formula is undefined everywhere that was tried.

        From values for all constants, the minimum near them, or near them with the linear constants solved for; else,
        or if that fails, the best from many starts, and from others if that is no minimum or leaves constants open.
        """
        best = self._from(self._near(), self.data)
        for seed in range(_SEARCHES):
            if best is not None and self._at(best, self.data).settled:
                break
            found = self._from(self._far(seed), self.data)
            best = found if best is None or (found is not None and found.error < best.error) else best
        if best is None:
            return None
        best = self._positive(best)
        return self._at(best, self.data) if loss is None else self._robust(best, loss)

    def _starts(self, data: FitData) -> Starts:
        known = tuple(self.start.get(constant) for constant in self.constants)
        return Starts(self.formula, self.constants, known, data, self.bounds)

    def _near(self) -> list[FreeFormula]:
        """Return the formula at the given start, and with its linear constants solved for; none without a start."""
        if {*self.start} != {*self.constants}:
            return []
        values = tuple(self.start[constant] for constant in self.constants)
        solved = self._starts(self.data).solved(values)
        return [FreeFormula(self.formula, self.constants, values), *([] if solved is None else [solved])]

    def _far(self, seed: int) -> list[FreeFormula]:
        """Return the formula fitted to some of the rows, or at the best starts where these are all."""
        screened = 2000  # rows that the starts are compared on
        finalists = 3  # that are fitted to all rows, if there are more
        data = self.data
        if data.n > screened:
            data = data.rows(np.arange(data.n) % (data.n // screened) == 0)
        found = self._starts(data).best(_STARTS, seed, _GENERATIONS)
        if data is self.data:
            return found
        fitted = [self._fitted(start, data) for start in found]
        return sorted(fitted, key=lambda each: each.error)[:finalists]

    def _from(self, starts: list[FreeFormula], data: FitData) -> FreeFormula | None:
        """Return the least minimum from some starts; of equal ones that where relative changes matter least.

        Between equidistant rows, a wave of a far shorter period has the same values at the rows.
        """
        even = 1e-7  # relative difference of equal errors
        found = [self._fitted(start, data) for start in starts]
        least = min((each.error for each in found), default=np.inf)
        equal = [each for each in found if each.error <= least * (1 + even) and np.isfinite(least)]
        if len(equal) < 2:
            return next(iter(equal), None)
        sizes = [float(np.linalg.norm(each.relative_jacobian(data)[1])) for each in equal]
        return equal[int(np.argmin(np.round(np.log(sizes), 6)))]

    def _fitted(self, free: FreeFormula, data: FitData) -> FreeFormula:
        if not self.bounds:
            return free.fit(data, _STEPS)
        from scipy.optimize import least_squares

        tape = Tape(free.template, data.names, free.symbols)
        low, high = np.array([self.bounds.get(c, (-np.inf, np.inf)) for c in free.symbols]).T
        start = np.clip(free.values, low, high)
        if not np.isfinite(tape.values(data.columns, start)).all():
            return replace(free, error=np.inf)

        def residual(values: Array) -> Array:
            return data.weight * (tape.values(data.columns, values) - data.y)

        def jacobian(values: Array) -> Array:
            return data.weight[:, None] * tape.jacobian(data.columns, values)[1]

        with np.errstate(all="ignore"):
            try:
                found = least_squares(
                    residual, start, jacobian, (low, high), ftol=1e-15, xtol=1e-15, gtol=1e-15,  # type: ignore[arg-type]
                    x_scale="jac", max_nfev=_STEPS,
                ).x  # fmt: skip
            except (ValueError, np.linalg.LinAlgError):  # a Jacobian that is not finite
                return replace(free, error=np.inf)
        return replace(free, values=tuple(map(float, found)), error=data.error(tape.values(data.columns, found)))

    def _at(self, free: FreeFormula, data: FitData) -> Minimum:
        """Return the minimum with constants held at bounds, where that costs nothing."""
        near = 1e-4  # of a constant's size: a bound that it may stand at
        held: dict[str, float] = {}
        for symbol, value in zip(free.symbols, free.values, strict=True):
            for bound in self.bounds.get(symbol, ()):
                if np.isfinite(bound) and abs(value - bound) <= near * max(abs(value), abs(bound)) + 1e-12:
                    pinned = free.pinned(free.symbols.index(symbol), exact_constant(bound))
                    lost = {*free.symbols} - {*pinned.symbols} - {symbol}
                    fitted = pinned.fit(data, _STEPS)
                    if not lost and fitted.error <= free.error * (1 + 1e-9) and self._inside(fitted):
                        free, held[symbol.name] = fitted, bound
                        break
        if self.bounds and not held:  # the last digits, where no bound is near
            last = free.fit(data, _STEPS)
            free = last if self._inside(last) else free
        found = Minimum(free, held, data, np.ones(data.n))
        polished = found.polished()
        return polished if self._inside(polished.free) else found

    def _inside(self, free: FreeFormula) -> bool:
        return all(
            low <= value <= high
            for value, (low, high) in zip(
                free.values, (self.bounds.get(s, (-np.inf, np.inf)) for s in free.symbols), strict=True
            )
        )

    def _positive(self, free: FreeFormula) -> FreeFormula:
        """Return the formula with positive constants where signs make no difference, as in exp(-(x/w)**2).

        The sign may go over to a factor, as that of the period p in b*sin(x/p).
        """
        values, linear = dict(zip(free.symbols, free.values, strict=True)), self._starts(self.data).linear
        for symbol in free.symbols:
            if values[symbol] >= 0 or symbol in linear:
                continue
            for others in ((), *((other,) for other in linear)):
                turned = (symbol, *others)
                same = free.template.xreplace({each: -each for each in turned}) == free.template
                if same and not {*turned} & {*self.bounds}:
                    values |= {each: -values[each] for each in turned}
                    break
        return replace(free, values=tuple(values.values()))

    def _robust(self, free: FreeFormula, loss: RobustLoss) -> Minimum:
        """Return the minimum of a robust loss, by least squares that are reweighted; Tukey's from Huber's."""
        if loss.name == "tukey":
            free = self._reweighted(free, RobustLoss("huber"))[0]
        free, weights, scale = self._reweighted(free, loss)
        data = replace(self.data, weight=self.data.weight * np.sqrt(weights))
        return replace(self._at(free, data), weights=weights, scale=scale)

    def _reweighted(self, free: FreeFormula, loss: RobustLoss) -> tuple[FreeFormula, Array, float]:
        reweighted = 200
        still = 1e-10  # relative change of the error of a robust fit that ends it
        data, error = self.data, np.inf
        for _ in range(reweighted):
            values = Tape(free.template, data.names, free.symbols).values(data.columns, free.values)
            residual = data.weight * (data.y - values)
            scale = loss.scale(residual)
            weights = loss.weights(residual, scale)
            own = replace(data, weight=data.weight * np.sqrt(weights))
            before = own.error(values)
            if abs(before - error) <= still * before:
                break
            free, error = self._fitted(free, own), before
        return free, weights, scale
