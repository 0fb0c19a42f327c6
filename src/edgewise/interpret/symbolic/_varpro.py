"""Variable projection: the inner constants a, b of ``y = c f(a t + b) + d`` from their starts, with c, d linear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from edgewise.formulas.functions import Function

_FREQUENCIES = torch.cat([torch.logspace(-1.3, -0.3, 8), torch.arange(0.6, 64.0, 0.6)]).double()
_WIDTHS = torch.logspace(-1, 1.5, 14, dtype=torch.float64)
_CENTERS = torch.cat([torch.linspace(-1.6, 1.6, 17), torch.tensor([-3.0, -2.2, 2.2, 3.0])]).double()
_RATES = torch.logspace(-1.7, 2.7, 34, dtype=torch.float64)
_GAPS = torch.cat([torch.zeros(1), torch.logspace(-9, 2, 36)]).double()
_HALF_ENDS = torch.tensor([0.2, 0.6, 1.2, 2.0, 3.0, 4.5, 7.0], dtype=torch.float64)
_ENDS = torch.sigmoid(torch.cat([-_HALF_ENDS.flip(0), _HALF_ENDS]))


@dataclass(frozen=True)
class Traits:
    """What a search has to know of a function: its parity (1, -1 or 0) and whether 0 is a singular point."""

    parity: int
    singular: bool


@cache
def traits(function: Function) -> Traits:
    """Find the parity and the singular point of a function by evaluating it; a domain of one side has no parity."""
    u = torch.tensor([0.11, 0.37, 0.52, 0.83], dtype=torch.float64)
    f, g = function.torch(u), function.torch(-u)
    parity = 1 if torch.allclose(f, g, 1e-12, 0) else -1 if torch.allclose(f, -g, 1e-12, 0) else 0
    parity *= function.domain[0] == -function.domain[1]
    at_zero = function.torch(torch.zeros(1, dtype=torch.float64))
    return Traits(parity, function.domain[0] == 0 or not bool(torch.isfinite(at_zero)))


def start_grid(function: Function, origin: float, landmarks: Tensor) -> Tensor:
    """Return the coarse grid of (a, b), shape (G, 2).

    Parameters
    ----------
    function
        The function.
    origin
        The t of z = 0, where singular points like to be.
    landmarks
        The t at which the data show something: the tops of peaks, the neighborhood of poles.

    Examples
    --------
    >>> import torch
    >>> from edgewise.symbolic import start_grid
    >>> from edgewise import functions
    >>> start_grid(functions.get("x"), 0.0, torch.zeros(0)).tolist()
    [[1.0, 0.0]]
    """
    if function.gauge == "affine":
        return torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    if function.gauge == "shift":
        rates = torch.cat([_RATES, -_RATES])
        return torch.stack([rates, -rates.abs()], 1)
    if function.gauge == "scale":
        return _scale_starts(function, origin, landmarks)
    if function.name in ("sin", "cos"):
        phases = torch.arange(4, dtype=torch.float64) * (math.pi / 4)
        return torch.cartesian_prod(_FREQUENCIES, phases)
    low, high = function.domain
    if math.isfinite(low) and math.isfinite(high):
        return _bounded_starts(low, high, traits(function).parity)
    if math.isfinite(low) or math.isfinite(high):
        return _one_sided_starts(low, high)
    return _smooth_starts(function, landmarks)


def _scale_starts(function: Function, origin: float, landmarks: Tensor) -> Tensor:
    """Grids of ``sign (t - t0)``: t0 beyond the ends where it is singular, anywhere where it is not."""
    inside = torch.cat([torch.tensor([origin], dtype=torch.float64), landmarks])
    outside = 1 + _GAPS
    if function.domain[0] == 0:
        right = torch.stack([torch.ones_like(outside), outside], 1)
        left = torch.stack([-torch.ones_like(outside), outside], 1)
        return torch.cat([right, left, torch.tensor([[1.0, -origin], [-1.0, origin]], dtype=torch.float64)])
    if traits(function).singular:
        points = torch.cat([outside, -outside, inside])
    else:
        points = torch.cat([_CENTERS, outside[20:], -outside[20:], inside])
    rows = torch.stack([torch.ones_like(points), -points], 1)
    return rows if traits(function).parity else torch.cat([rows, -rows])


def _bounded_starts(low: float, high: float, parity: int) -> Tensor:
    """All pairs of end points of the argument inside a bounded domain."""
    ends = low + (high - low) * _ENDS
    first, last = torch.combinations(ends).unbind(1)
    rows = torch.stack([(last - first) / 2, (last + first) / 2], 1)
    return rows if parity else torch.cat([rows, rows * torch.tensor([-1.0, 1.0], dtype=torch.float64)])


def _one_sided_starts(low: float, high: float) -> Tensor:
    widths, gaps = torch.cartesian_prod(_WIDTHS, torch.logspace(-6, 2, 17, dtype=torch.float64)).unbind(1)
    b = low + gaps + widths if math.isfinite(low) else high - gaps - widths
    return torch.cat([torch.stack([widths, b], 1), torch.stack([-widths, b], 1)])


def _smooth_starts(function: Function, landmarks: Tensor) -> Tensor:
    rows = torch.cartesian_prod(_WIDTHS, _CENTERS)
    if len(landmarks):
        rows = torch.cat([rows, torch.cartesian_prod(torch.cat([_WIDTHS, 2 ** torch.arange(5, 9.0)]), landmarks)])
    a, center = rows.unbind(1)
    rows = torch.stack([a, -a * center], 1)
    return rows if traits(function).parity else torch.cat([rows, -rows])


_TINY = 1e-300


@dataclass(frozen=True)
class Batch:
    """Rows of arguments, each with its function; rows of one function stand together.

    Parameters
    ----------
    functions
        The functions.
    owner : (k,)
        Number of the function of each row, ascending.

    Examples
    --------
    >>> import torch
    >>> from edgewise.symbolic import Batch
    >>> from edgewise import functions
    >>> Batch.at(functions.get("log"), 1.0, 0.0, torch.tensor([1.0, -1.0]))
    tensor([0., nan], dtype=torch.float64)
    """

    functions: Sequence[Function]
    owner: Tensor

    @classmethod
    def of(cls, function: Function, count: int = 1) -> Batch:
        """Return rows of one function.

        Parameters
        ----------
        function
            The function.
        count
            How many rows.
        """
        return cls([function], torch.zeros(count, dtype=torch.long))

    @classmethod
    def at(cls, function: Function, a: float, b: float, z: Tensor) -> Tensor:
        """Return f(a z + b) of one function, (n,); NaN outside the domain.

        Parameters
        ----------
        function
            f.
        a
            Factor of the argument.
        b
            Shift of the argument.
        z : (n,)
            The points.
        """
        batch = cls.of(function)
        return batch.values(batch.arguments(torch.tensor([[a, b]], dtype=z.dtype), z))[0]

    def arguments(self, theta: Tensor, t: Tensor) -> Tensor:
        """Return ``a t + b`` (k, n): NaN outside the domain, on its end if only rounding put it outside.

        Parameters
        ----------
        theta : (k, 2)
            a and b of each row.
        t : (n,)
            The points.
        """
        domains = torch.tensor([f.domain for f in self.functions], dtype=torch.float64)
        low, high = domains[self.owner].T[..., None]
        a, b = theta[:, :1], theta[:, 1:]
        at = a * t
        u = at + b
        slack = 4e-16 * (at.abs() + b.abs())
        inside = torch.minimum(torch.maximum(u, low), high)
        return torch.where((u - inside).abs() <= slack, inside, torch.nan)

    def values(self, u: Tensor) -> Tensor:
        """Return f(u), row by row with the row's function; shape (k, n).

        Parameters
        ----------
        u : (k, n)
            The arguments.
        """
        counts = torch.bincount(self.owner, minlength=len(self.functions)).tolist()
        parts = zip(self.functions, torch.split(u, counts), counts, strict=True)
        return torch.cat([f.torch(part) for f, part, count in parts if count])

    def free(self) -> Tensor:
        """Return which of (a, b) may move, as 1.0 or 0.0; shape (k, 2)."""
        rows = [[f.gauge in ("none", "shift"), f.gauge in ("none", "scale")] for f in self.functions]
        return torch.tensor(rows, dtype=torch.float64)[self.owner]

    def take(self, rows: Tensor) -> Batch:
        """Return the batch of these rows.

        Parameters
        ----------
        rows
            Index or mask of the rows.
        """
        return Batch(self.functions, self.owner[rows])


def screen(function: Function, t: Tensor, grid: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted residual sums of squares of all starts for all targets, shape (m, G).

    Three matrix products serve all targets. Starts that leave the domain get infinity.

    Parameters
    ----------
    function
        The function.
    t : (n,)
        The points.
    grid : (G, 2)
        a and b of the starts.
    targets : (m, n)
        The targets.
    weights : (m, n)
        Factors of the residuals.

    Examples
    --------
    >>> import torch
    >>> from edgewise.symbolic import screen
    >>> from edgewise import functions
    >>> t = torch.linspace(-1, 1, 50, dtype=torch.float64)
    >>> grid = torch.tensor([[1.0, 0.0], [3.0, 0.0]], dtype=torch.float64)
    >>> found = screen(functions.get("sin"), t, grid, torch.sin(3 * t)[None], torch.ones(1, 50).double())
    >>> int(found.argmin())
    1
    """
    batch = Batch.of(function, len(grid))
    f = batch.values(batch.arguments(grid, t))
    scale = f.abs().amax(1, keepdim=True)
    good = torch.isfinite(scale) & (scale > 0)
    f = torch.where(good, f / scale, 0.0)
    f = f - f.mean(1, keepdim=True)
    w2 = weights.square()
    total = w2.sum(1, keepdim=True).clamp_min(_TINY)
    y = targets - (w2 * targets).sum(1, keepdim=True) / total
    wy = w2 * y
    fy = wy @ f.T
    ff = w2 @ f.square().T - (w2 @ f.T).square() / total
    yy = (wy * y).sum(1, keepdim=True)
    gain = torch.where(ff > 1e-13 * total, fy.square() / ff.clamp_min(_TINY), 0.0)
    return torch.where(good.T, (yy - gain).clamp_min(0.0), torch.inf)


@dataclass
class _Rows:
    """The data of the rows still moving: weighted centered y, weights, the unit vector of the constant."""

    batch: Batch
    y: Tensor
    w: Tensor
    e: Tensor
    free: Tensor

    def take(self, rows: Tensor) -> _Rows:
        return _Rows(self.batch.take(rows), *(v[rows] for v in (self.y, self.w, self.e, self.free)))


@dataclass
class _State:
    """Where the rows are: (a, b), and with c, d projected out the residual, unit f, and c f'."""

    theta: Tensor
    rss: Tensor
    residual: Tensor
    direction: Tensor
    slope: Tensor

    def take(self, rows: Tensor) -> _State:
        return _State(*(v[rows] for v in vars(self).values()))

    def put(self, better: Tensor, other: _State) -> None:
        rows = better.nonzero()[:, 0]
        for name, value in vars(self).items():
            value[rows] = getattr(other, name)[rows]


def _dot(x: Tensor, y: Tensor) -> Tensor:
    return torch.linalg.vecdot(x, y)[:, None]


def _evaluate(rows: _Rows, t: Tensor, theta: Tensor) -> _State:
    """Project y on f: the residual, the unit vector of f, and c f', all weighted."""
    with torch.enable_grad():
        u = rows.batch.arguments(theta, t).requires_grad_()
        f = rows.batch.values(u)
        (df,) = torch.autograd.grad(f.sum(), u)
    f = f.detach()
    used = rows.w > 0
    f = torch.where(used, f, 0.0)
    df = torch.where(used & torch.isfinite(df), df, 0.0)
    factor = rows.w / f.abs().amax(1, keepdim=True).clamp_min(_TINY)
    v = factor * f
    v = v - rows.e * _dot(rows.e, v)
    v = v - rows.e * _dot(rows.e, v)
    norm = v.norm(dim=1, keepdim=True).clamp_min(_TINY)
    v = v / norm
    along = _dot(v, rows.y)
    residual = rows.y - along * v
    rss = torch.nan_to_num(residual.square().sum(1), nan=torch.inf)
    return _State(theta, rss, residual, v, factor * df * (along / norm))


def _step(state: _State, rows: _Rows, t: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Marquardt step of (a, b), and the fall of the sum of squares an undamped one promises."""
    columns = []
    for i, column in enumerate((state.slope * t, state.slope)):
        column = column * rows.free[:, i : i + 1]
        for _ in range(2):
            column = column - rows.e * _dot(rows.e, column) - state.direction * _dot(state.direction, column)
        norm = column.norm(dim=1, keepdim=True).clamp_min(_TINY)
        columns += [column / norm, norm[:, 0]]
    p, p_norm, q, q_norm = columns
    rho = _dot(p, q)
    rest = q - rho * p
    rho = rho[:, 0]
    g1, g2, across = (_dot(v, state.residual)[:, 0] for v in (p, q, rest))
    rest2 = rest.square().sum(1)
    s2 = (across + damping * g2) / (damping * (2 + damping) + rest2).clamp_min(_TINY)
    s1 = (g1 - rho * s2) / (1 + damping)
    step = torch.stack([s1 / p_norm, s2 / q_norm], 1) * rows.free
    promise = g1.square() + torch.where(rest2 > 1e-20, across.square() / rest2.clamp_min(_TINY), 0.0)
    return torch.nan_to_num(step, nan=0.0, posinf=0.0, neginf=0.0), promise


def refine(
    batch: Batch, t: Tensor, y: Tensor, w: Tensor, theta: Tensor, *, steps: int = 60, tolerance: float = 1e-12
) -> tuple[Tensor, Tensor]:
    """Refine k starts by Levenberg-Marquardt; return (a, b) (k, 2) and residual sums of squares (k,).

    Accepted steps only ever lower the sum of squares.

    Parameters
    ----------
    batch
        The function of each start.
    t : (n,)
        The points.
    y : (k, n)
        The targets; (1, n) for the same in all rows.
    w : (k, n)
        Factors of the residuals; (1, n) for the same in all rows.
    theta : (k, 2)
        a and b to start from.
    steps
        Steps at most.
    tolerance
        A row stops when its sum of squares falls, or a full step promises to lower it, by less than this part.

    Examples
    --------
    >>> import torch
    >>> from edgewise.symbolic import Batch, refine
    >>> from edgewise import functions
    >>> t = torch.linspace(-1, 1, 50, dtype=torch.float64)
    >>> start = torch.tensor([[2.9, 0.2]], dtype=torch.float64)
    >>> theta, _ = refine(Batch.of(functions.get("sin")), t, torch.sin(3 * t)[None], torch.ones(1, 50).double(), start)
    >>> round(float(theta[0, 0]), 9)
    3.0
    """
    if not len(theta):
        return theta, theta[:, 0]
    y, w = y.expand(len(theta), -1), w.expand(len(theta), -1)
    e = w / w.norm(dim=1, keepdim=True).clamp_min(_TINY)
    y = w * y
    for _ in range(2):
        y = y - e * _dot(e, y)
    rows = _Rows(batch, y, w, e, batch.free())
    state = _evaluate(rows, t, theta)
    enough = 1e-33 * y.square().sum(1)
    theta, rss = state.theta.clone(), state.rss.clone()
    damping = torch.full_like(rss, 1e-3)
    index = torch.arange(len(rss))
    alive = torch.isfinite(rss) & rows.free.any(1)
    for _ in range(steps):
        count = int(alive.sum())
        if not count:
            break
        if count < 0.7 * len(alive):
            keep = alive.nonzero()[:, 0]
            rows, state = rows.take(keep), state.take(keep)
            damping, index, enough, alive = damping[keep], index[keep], enough[keep], alive[keep]
        step, promise = _step(state, rows, t, damping)
        alive = alive & (promise > tolerance * state.rss)
        trial = _evaluate(rows, t, state.theta + step)
        better = (trial.rss < state.rss) & alive
        small = better & (state.rss - trial.rss < tolerance * state.rss)
        state.put(better, trial)
        damping = torch.where(better, damping / 8, (damping * 8).clamp_min(1e-6))
        alive = alive & ~small & (damping < 1e6) & (state.rss > enough)
        theta[index], rss[index] = state.theta, state.rss
    return theta, rss
