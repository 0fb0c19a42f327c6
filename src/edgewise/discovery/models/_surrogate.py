"""Smooth models of a problem, whose gradients structure is read from: polynomials, sparse expansions, processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import islice

import torch
from torch import Tensor

from edgewise._typing import Formula
from edgewise.discovery.tables import Problem
from edgewise.interpret.symmetries import Coordinates, Scales, TableProcess

_TERMS = 2000  # that may be chosen from
_BLOCK = 5  # terms chosen at a time, at least ...

Term = tuple[tuple[int, int], ...]
"""Column and degree of each factor."""


@dataclass(frozen=True)
class Expansion:
    """sum_k c_k prod_i T_aki(u_i): Chebyshev polynomials of columns scaled to [-1, 1], over few of all terms.

    residual (n,): of each row, had it been left out; `settled`: more terms do not help, as where
    noise is left; `powers` holds T_0, T_1, ... of each column and their slopes.
    """

    residual: Tensor
    settled: bool
    terms: Tensor
    factors: Tensor
    powers: list[tuple[Tensor, Tensor]]
    widths: Tensor

    def read(self) -> tuple[Tensor, Tensor]:
        """Values (n,) and gradient (n, m) by the columns, at the rows that were fitted."""
        gradient = [self._summed(i) * 2 / self.widths[i] for i in range(len(self.powers))]
        return self._summed(None), torch.stack(gradient, dim=1)

    def _summed(self, slope_of: int | None) -> Tensor:
        product = torch.ones(len(self.residual), len(self.terms), dtype=self.factors.dtype)
        for i, pair in enumerate(self.powers):
            used = self.terms[:, i]
            if i == slope_of or bool(used.any()):
                product *= pair[i == slope_of][:, used]
        return product @ self.factors


@lru_cache(maxsize=64)
def exponents(m: int, limit: int = _TERMS) -> Tensor:
    """Degrees (terms, m) with sum a_i^q <= D^q for the largest D with few enough terms.

    >>> exponents(2, 8).tolist()
    [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [2, 0]]
    """
    power = 0.75  # of the degrees of a term of more than three columns: below 1 prefers terms of few columns
    highest = 60  # the largest degree
    few_terms = 3
    best: list[Term] = []
    norm = 1.0 if m <= few_terms else power
    for top in range(1, highest + 1):
        found = list(islice(_terms(m, top**norm, norm), limit + 1))
        if len(found) > limit:
            break
        best = found
    rows = [[degrees.get(i, 0) for i in range(m)] for degrees in map(dict, best)]
    return torch.tensor(sorted(rows), dtype=torch.int64).reshape(-1, m)


def _terms(m: int, left: float, norm: float, first: int = 0) -> Iterator[Term]:
    """Degrees of the columns from the first on, without those of degree 0."""
    yield ()
    for i in range(first, m if left + 1e-9 >= 1 else first):
        degree = 1
        while degree**norm <= left + 1e-9:
            for rest in _terms(m, left - degree**norm, norm, i + 1):
                yield ((i, degree), *rest)
            degree += 1


def expand(columns: Tensor, target: Tensor, weight: Tensor) -> Expansion | None:
    """Fit a sparse polynomial by orthogonal matching pursuit; None where a column is constant or there are few rows.

    Terms are chosen by their correlation with the residual, a few at a time, and orthogonalised; the number of terms
    is the one of least leave-one-out error r_i / (1 - h_ii). Shapes: columns (n, m), target and weight (n,).

    Source: Blatman and Sudret, Adaptive sparse polynomial chaos expansion (2011), for hyperbolic sets of terms.
    """
    n, m = columns.shape
    low, high = columns.amin(0), columns.amax(0)
    if n < 4 * _BLOCK or bool((high - low <= 1e-12 * torch.maximum(low.abs(), high.abs())).any()):
        return None
    degrees = exponents(m)
    if not len(degrees):  # too many columns to choose even from the columns themselves
        return None
    scaled = (2 * columns - low - high) / (high - low)
    powers = [_chebyshev(scaled[:, i], int(degrees[:, i].max())) for i in range(m)]
    table = torch.ones(n, len(degrees), dtype=columns.dtype)
    for i, (values, _) in enumerate(powers):
        table *= values[:, degrees[:, i]]
    table *= weight.unsqueeze(1)
    norms = table.norm(dim=0).clamp_min(1e-300)
    table /= norms
    chosen, coefficients, residual, settled = _pursue(table, weight * target)
    return Expansion(residual, settled, degrees[chosen], coefficients / norms[chosen], powers, high - low)


def _chebyshev(u: Tensor, degree: int) -> tuple[Tensor, Tensor]:
    """T_0 .. T_degree at u (n,) and their derivatives, each (n, degree + 1)."""
    values, slopes = [torch.ones_like(u), u], [torch.zeros_like(u), torch.ones_like(u)]
    for _ in range(2, degree + 1):
        slopes.append(2 * values[-1] + 2 * u * slopes[-1] - slopes[-2])
        values.append(2 * u * values[-1] - values[-2])
    return torch.stack(values[: degree + 1], 1), torch.stack(slopes[: degree + 1], 1)


def _pursue(table: Tensor, aim: Tensor) -> tuple[list[int], Tensor, Tensor, bool]:
    """Columns of a normalised table (n, terms), their coefficients, leave-one-out residuals (n,), and `settled`."""
    growth = 6  # terms for one that is chosen at a time, at least a block
    patience = 4  # blocks without gain before the choice ends, and half as many terms again
    no_better = 1.25  # the error of half the terms over that of all, up to which more of them no longer help
    early = 0.5  # of all terms that it could have, below which the choice stopped by itself
    share = 3  # rows for each term at least
    independent = 1e-9  # norm of what the chosen terms leave of one that is no sum of them
    n = len(aim)
    most = max(1, n // share)
    basis = torch.zeros(n, most + _BLOCK, dtype=aim.dtype)
    free = torch.ones(table.shape[1], dtype=torch.bool)
    chosen: list[int] = []
    residual, leverage = aim.clone(), torch.zeros(n, dtype=aim.dtype)
    best, kept, left_out = math.inf, 0, residual
    spanned = -1  # chosen terms by which a whole block was last found to be sums of them
    errors: list[tuple[int, float]] = []
    batch, tiny = [0], 1e-13 * float(aim.norm()) / math.sqrt(n)
    while batch and len(chosen) < most:
        free[batch] = False
        k, new = len(chosen), table[:, batch]
        for _ in range(2):
            new = new - basis[:, :k] @ (basis[:, :k].T @ new)
        new, triangle = torch.linalg.qr(new)
        good = triangle.diagonal().abs() > independent
        if not bool(good.any()) and spanned < k:
            spanned = k
            others = table[:, free] - basis[:, :k] @ (basis[:, :k].T @ table[:, free])
            if bool((others.norm(dim=0) < independent / 2).all()):  # no other term adds anything
                free[:] = False
                break
        new = new[:, good]
        chosen += [j for j, ok in zip(batch, good.tolist(), strict=True) if ok]
        basis[:, k : len(chosen)] = new
        residual = residual - new @ (new.T @ residual)
        leverage = leverage + new.square().sum(1)
        loo = residual / (1 - leverage).clamp_min(1e-3)
        error = float(loo.square().mean().sqrt())
        errors.append((len(chosen), error))
        if error < best:
            best, kept, left_out = error, len(chosen), loo
        elif len(chosen) > 1.5 * kept + patience * _BLOCK or error > 1.5 * best:
            break
        if best <= tiny:
            break
        gains = (table.T @ residual).abs().masked_fill(~free, -1.0)
        count = min(max(_BLOCK, len(chosen) // growth), most + _BLOCK - len(chosen), int(free.sum()))
        batch = gains.topk(count).indices.tolist() if count > 0 else []
    chosen = chosen[:kept]
    solution = torch.linalg.lstsq(table[:, chosen], aim.unsqueeze(1), driver="gelsy").solution[:, 0]
    half = [e for size, e in errors if size <= kept // 2]
    settled = bool(half) and half[-1] < no_better * best
    return chosen, solution, left_out, settled or (kept < early * most and bool(free.any()))


@dataclass(frozen=True)
class Surrogate:
    """A smooth model of a problem: its held-out error, and values and gradients of the target at every row.

    `structure` names its shape; `settled` says that more freedom no longer helped.
    """

    structure: str
    coordinates: Coordinates
    error: float
    settled: bool
    left: Callable[[], Tensor]
    """Residuals (n,), weighted."""
    read: Callable[[], tuple[Tensor, Tensor]]
    """Values (n,) and gradient (n, m) by the columns."""
    scales: Scales | None = None
    """Of a process: what a like one starts from, and the columns that they are of."""
    expressions: tuple[Formula, ...] = ()

    @property
    def residual(self) -> Tensor:
        """Residuals (n,), weighted."""
        return self.left()


@dataclass(frozen=True)
class Recalled:
    """What is remembered of a surrogate: all but its values, which take room."""

    structure: str
    coordinates: Coordinates
    error: float
    settled: bool
    scales: Scales | None
    expressions: tuple[Formula, ...]

    @classmethod
    def of(cls, model: Surrogate) -> Recalled:
        """Return what is remembered of a model."""
        return cls(model.structure, model.coordinates, model.error, model.settled, model.scales, model.expressions)

    def model(self, again: Callable[[], Surrogate | None]) -> Surrogate:
        """Return the model, which is fitted again where its values are asked for."""

        @cache
        def fitted() -> Surrogate:
            found = again()
            assert found is not None
            return found

        return Surrogate(
            self.structure, self.coordinates, self.error, self.settled, lambda: fitted().residual,
            lambda: fitted().read(), self.scales, self.expressions,
        )  # fmt: skip


def expanded(problem: Problem, noise: float, like: Surrogate | None = None, enough: float = 0.0) -> Surrogate | None:
    """The best sparse polynomial of the columns or their logarithms, for the target or its logarithm.

    What is seen of an exact target is fitted with equal weights, under which terms are nearly orthogonal and are chosen
    well; where noise is known, with those of its own spread, and without a quarter of the rows, whose error counts: of
    many terms, noise chooses some. Coordinates of `like` come first; the first error below `enough` ends the trials.
    """
    best = None
    for coordinates in _choices(problem, like, ("itself", "log", "square")):
        found = _expanded(problem, coordinates, noise)
        if found is not None and (best is None or found.error < best.error):
            best = found
        if best is not None and best.error < enough:
            break
    return best


def _choices(problem: Problem, like: Surrogate | None, seen: tuple[str, ...]) -> list[Coordinates]:
    """The columns or their logarithms, the target as itself or, where it has one sign, as what is named."""
    positive = tuple(map(problem.positive, range(problem.n_columns)))
    choices = [
        Coordinates(logs, target_as, float(torch.sign(problem.target[0])))
        for target_as in (seen if problem.sign else ("itself",))
        for logs in dict.fromkeys(((False,) * len(positive), positive))
    ]
    if like is not None:
        old = like.coordinates
        choices.sort(key=lambda c: (c.target_as != old.target_as, any(c.logs) != any(old.logs)))
    return choices


def smoothed(problem: Problem, like: Surrogate | None = None) -> Surrogate | None:
    """A Gaussian process, made for noise, of the columns or their logarithms, for the target or its logarithm.

    The error is of rows left out. What the process sees, and the scales that it starts from, are those of `like`; else
    what does best on a few rows.
    """
    few_rows = 250  # rows that tell what a process should see
    if like is not None and like.scales is not None:
        return _smoothed(problem, _choices(problem, like, ("itself", "log"))[0], _inherited(problem, like))
    few = problem.rows(torch.randperm(len(problem.target), generator=torch.Generator().manual_seed(0))[:few_rows])
    trials = [_smoothed(few, coordinates, None) for coordinates in _choices(problem, None, ("itself", "log"))]
    best = min((t for t in trials if t is not None), key=lambda trial: trial.error, default=None)
    return None if best is None else _smoothed(problem, best.coordinates, best.scales)


def _inherited(problem: Problem, like: Surrogate) -> Scales:
    """The scales of a process with other columns: what columns were there already keep their lengths."""
    assert like.scales is not None
    lengths = dict(zip(like.expressions, like.scales.lengths.tolist(), strict=True))
    new = min(lengths.values())
    kept = torch.tensor([lengths.get(e, new) for e in problem.expressions], dtype=torch.float64)
    return replace(like.scales, lengths=kept)


def _smoothed(problem: Problem, coordinates: Coordinates, start: Scales | None) -> Surrogate | None:
    explained = 2.0  # times the noise that a process found: its error where it has explained the rest
    u, t = coordinates.inputs(problem.columns), coordinates.target(problem.target)
    finite = bool(torch.isfinite(u).all() and torch.isfinite(t).all())
    if not finite or not bool((u.std(0) > 0).all()) or float(t.std()) == 0:
        return None
    try:
        found = TableProcess.of(coordinates, problem.columns, problem.target, problem.weight, start=start)
    except RuntimeError:  # a covariance that cannot be factored: columns that are all but equal
        return None
    kept = found.process.kept
    left_out = problem.weight[kept] * found.residual
    error = float(left_out.square().mean().sqrt())
    if not math.isfinite(error):
        return None

    def read() -> tuple[Tensor, Tensor]:
        return found.values(problem.columns)[:, 0], found.slopes(problem.columns)[:, :, 0]

    residual = torch.zeros_like(problem.target)
    residual[kept] = left_out
    settled = error < explained * found.noise
    return Surrogate(
        "process", coordinates, error, settled, lambda: residual, read, found.process.scales, problem.expressions
    )


def _expanded(problem: Problem, coordinates: Coordinates, noise: float) -> Surrogate | None:
    each_held = 4  # one row in four is held out of noisy data
    u, t, weight = coordinates.inputs(problem.columns), coordinates.target(problem.target), problem.weight
    if not bool(torch.isfinite(t).all()):
        return None
    if coordinates.target_as == "log":
        size = (problem.weight * problem.target).abs()
        weight = size / (noise**2 + (1e-3 * size) ** 2).sqrt() if noise > 0 else torch.ones_like(size)
    elif coordinates.target_as == "square":
        size = problem.target.abs()
        weight = problem.weight / (size + 0.5 * size.median()) if noise > 0 else torch.ones_like(size)
    held = torch.zeros(len(t), dtype=torch.bool)
    if noise > 0:
        held[torch.randperm(len(t), generator=torch.Generator().manual_seed(0))[: len(t) // each_held]] = True
    found = expand(u, t, weight * ~held)
    if found is None:
        return None
    predicted = found.read()[0] if noise > 0 else t - found.residual / weight
    left_out = problem.weight * (problem.target - coordinates.back(predicted))
    error = float(left_out[held if noise > 0 else ~held].square().mean().sqrt())
    if not math.isfinite(error):
        return None

    def read() -> tuple[Tensor, Tensor]:
        values, gradient = found.read()
        values = coordinates.back(values)
        return values, coordinates.gradient(problem.columns, values, gradient)

    return Surrogate("polynomial", coordinates, error, found.settled, lambda: left_out, read)


def neighbor_correlation(columns: Tensor, residual: Tensor) -> float:
    """Correlation of residuals between nearest neighbors: near zero for noise, positive where structure is left."""
    z = (columns - columns.mean(0)) / columns.std(0).clamp_min(1e-300)
    rows = torch.randperm(len(z), generator=torch.Generator().manual_seed(0))[:2000]
    distance = torch.cdist(z[rows], z[rows])
    distance.fill_diagonal_(float("inf"))
    r = residual[rows] - residual[rows].mean()
    spread = float(r.square().mean())
    return float((r * r[distance.argmin(1)]).mean()) / spread if spread > 0 else 0.0
