"""Linear systems of splines: bands with borders and constraints, and normal equations that are added up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded
from torch import Tensor

from edgewise._typing import Array
from edgewise.kernels.bands import add_to_band
from edgewise.pde.splines._space import Space


def bordered(band: Array, side: Array, corner: Array, right: Array) -> Array:
    """Return the columns that [[B, side], [side*, corner]] takes to those of `right`; LinAlgError where B is no good.

    B is Hermitian and positive definite, given by the diagonals of its lower triangle, which are overwritten.
    """
    size = band.shape[1]
    factor = (cholesky_banded(band, overwrite_ab=True, lower=True, check_finite=False), True)
    if not len(corner):
        return cho_solve_banded(factor, right, check_finite=False)
    both = cho_solve_banded(factor, np.hstack([right[:size], side]), check_finite=False)
    inner, spread = both[:, : right.shape[1]], both[:, right.shape[1] :]
    outer = np.linalg.solve(corner - side.conj().T @ spread, right[size:] - side.conj().T @ inner)
    return np.concatenate([inner - spread @ outer, outer])


class Band:
    """Solves  min 1/2 d* H d - Re g* d  subject to  A d = a  for Hermitian H that adds up over the cells of a space.

    `width` unknowns belong to each of the space's functions. H is given by its lower blocks, as `gathered` makes them:
    (degree + 1, functions, width, width), of which [r, j] leads from function j to function j + r. A periodic space's
    last functions, which meet its first, are a border that is eliminated at the end.
    """

    def __init__(self, space: Space, width: int) -> None:
        self.space, self.width, self.count = space, width, len(space)
        self.outer = space.degree if space.periodic else 0
        self.inner = self.count - self.outer

    def gathered(self, cells: Array) -> Array:
        """The lower blocks, (degree + 1, functions, w, w), of the sum of cells' matrices.

        cells: (cells, degree + 1, w, degree + 1, w).
        """
        n, k, w = len(cells), self.space.degree, cells.shape[2]
        found = np.zeros((k + 1, n + k, w, w))
        for row in range(k + 1):
            for column in range(row + 1):
                found[row - column, column : column + n] += cells[:, row, :, column]
        return self._folded(found, 1)

    def summed(self, cells: Array) -> Array:
        """The sum of vectors of cells, (cells, degree + 1, ...), function by function."""
        n, k = cells.shape[:2]
        found = np.zeros((n + k - 1, *cells.shape[2:]), dtype=cells.dtype)
        for row in range(k):
            found[row : row + n] += cells[:, row]
        return self._folded(found, 0)

    def solved(self, blocks: Array, g: Array, left: Array, rows: Array) -> Array | None:
        """Return d, (functions, width); None if H is not positive definite.

        blocks: H, see above. g (functions, width). left (C,) and rows (C, functions, width): a and A.
        """
        rows = rows.reshape(len(rows), self.count * self.width)
        scale = 0.0
        if len(rows):  # the multipliers' solution is the same with A*A added, and H then is well conditioned
            diagonal = np.abs(np.einsum("jww->jw", blocks[0]))
            scale = float(diagonal.max() / np.max(np.sum(np.abs(rows) ** 2, axis=1)))
        right = np.column_stack([g.ravel() + scale * (rows.conj().T @ left), rows.conj().T])
        found = self._solution(blocks, scale**0.5 * rows, right)
        if found is None:
            return None
        d, spread = found[:, 0], found[:, 1:]
        if len(rows):
            d = d - spread @ np.linalg.solve(rows @ spread, rows @ d - left)
        return d.reshape(self.count, self.width)

    def _folded(self, found: Array, axis: int) -> Array:
        """What reaches beyond a periodic space's last function belongs to its first."""
        if not self.space.periodic:
            return found
        own, beyond = np.split(found, [self.count], axis)
        first = [slice(None)] * axis + [slice(beyond.shape[axis])]
        own[tuple(first)] += beyond
        return own

    def _solution(self, blocks: Array, rows: Array, right: Array) -> Array | None:
        """The columns that H + rows* rows takes to those of `right`."""
        across, corner = self._border(blocks)
        try:
            return bordered(self._band(blocks, rows), across.conj().T, corner, right)
        except (LinAlgError, ValueError):
            return None

    def _band(self, blocks: Array, rows: Array) -> Array:
        """The lower band of H + rows* rows without its border, as LAPACK has it."""
        k, w, inner = self.space.degree, self.width, self.inner
        half, size = (k + 1) * w, inner * w
        band = np.zeros((half + 1, size + half), dtype=complex, order="F")
        for r in range(k + 1):
            for i in range(w):
                for j in range(w if r else i + 1):
                    band[r * w + i - j, j : size - r * w : w] = blocks[r, : inner - r, i, j]
        if len(rows):  # entry (i, j), i >= j, lies at i + half * j, so that a strided view is the whole matrix
            item = band.itemsize
            view = as_strided(band, (size, size), (item, item * half))
            for place in (slice(0, half), slice(size - half, size)):
                own = rows[:, place]
                own = own[np.abs(own).sum(1) > 0]
                view[place, place] += np.tril(own.conj().T @ own)
        band[0] *= 1 + 1e-15  # a ridge
        return band[:half, :size]

    def _border(self, blocks: Array) -> tuple[Array, Array]:
        """What leads from the other functions to a periodic space's last ones, and those among themselves."""
        w, n, inner, outer = self.width, self.count, self.inner, self.outer
        across = np.zeros((outer, w, inner, w), dtype=complex)
        corner = np.zeros((outer, w, outer, w), dtype=complex)
        for r in range(self.space.degree + 1 if outer else 0):
            low, beyond, both = np.arange(r), np.arange(outer - r, outer), np.arange(outer - r)
            across[low, :, inner - r + low] += blocks[r, inner - r : inner]
            across[beyond, :, low] += blocks[r, n - r :].conj().mT
            corner[both + r, :, both] += blocks[r, inner : n - r]
            if r:
                corner[both, :, both + r] += blocks[r, inner : n - r].conj().mT
        return across.reshape(outer * w, inner * w), corner.reshape(outer * w, outer * w)


class _Rows(NamedTuple):
    """Rows (C, Q, K) in columns (C, K), and by constants (C, Q, c)."""

    columns: Array
    values: Array
    constants: Array

    @property
    def count(self) -> int:
        return self.values.shape[0] * self.values.shape[1]

    def scaled(self, scale: Array) -> _Rows:
        """The rows of unknowns in other units; the constants' factors come last."""
        own = self.constants * scale[len(scale) - self.constants.shape[2] :]
        return _Rows(self.columns, self.values * scale[self.columns][:, None], own)

    def squares(self, size: int) -> Array:
        """Squares of the norms of columns."""
        found = np.bincount(self.columns.ravel(), np.einsum("cqk,cqk->ck", self.values, self.values).ravel(), size)
        found[size - self.constants.shape[2] :] += np.einsum("cqk,cqk->k", self.constants, self.constants)
        return found

    def image(self, s: Array) -> Array:
        """What the rows make of unknowns, (C Q,)."""
        found = np.matmul(self.values, s[self.columns][:, :, None])[:, :, 0]
        return (found + self.constants @ s[len(s) - self.constants.shape[2] :]).ravel()

    def turned(self, left: Array, size: int) -> Array:
        """The transpose's image of (C Q,)."""
        each = left.reshape(len(self.values), -1)
        found = np.bincount(self.columns.ravel(), np.matmul(each[:, None], self.values).ravel(), size)
        found[size - self.constants.shape[2] :] += np.einsum("cqk,cq->k", self.constants, each)
        return found


class Normal:
    """Least squares  min |J s - r|^2  of rows that are added up.

    `cost` is the sum of squares of r, `left` what the last solution leaves of it.

    Unknown k has the place `places[k]` in a band of width `band`, or none, -1: then no row sees it, and it is zero.
    Columns have norm one in what follows, and none is left out, however small it was. The band of J'J, factored, is
    but the preconditioner of conjugate gradients on J, which gives what a factorization of J itself would give.
    """

    def __init__(self, places: Array, band: int, constants: int, local: int, *, orthogonal: bool = False) -> None:
        self.size, self.constants, self.band, self.cost, self.left = len(places), constants, band, 0.0, 0.0
        self.local, self.orthogonal = local, orthogonal
        self.seen = int(places.max(initial=-1)) + 1
        self.places = np.concatenate([places, np.arange(self.seen, self.seen + constants)])
        self._added: list[_Rows] = []
        self._dense = np.zeros((0, self.seen + constants))
        self._rests: list[Array] = []
        self._dense_rests: list[float] = []
        self._factor: Callable[[Array], Array] | None = None  # the last, and what is on its diagonal
        self._damped: tuple[float, float] | None = None

    def add(self, columns: Tensor, rows: Tensor, constants: Tensor, rest: Tensor) -> None:
        """Add rows (C, Q, K) with entries in columns (C, K), by constants (C, Q, c), and what they leave (C Q,)."""
        places = self.places[columns.numpy()].astype(np.int32)
        self._added.append(_Rows(places, rows.numpy(), constants.numpy()))
        self._rests.append(rest.numpy())
        self.cost += float(rest.square().sum())

    def add_dense(self, row: Array, rest: float) -> None:
        """Add one row (size + constants,) that sees all unknowns; these come after the others."""
        own = np.zeros((1, self.seen + self.constants))
        kept = self.places >= 0
        own[0, self.places[kept]] = row[kept]
        self._dense = np.concatenate([self._dense, own])
        self._dense_rests.append(rest)
        self.cost += rest**2

    @property
    def residual(self) -> Array:
        """What the rows leave."""
        return np.concatenate([*self._rests, np.array(self._dense_rests)])

    def step(self, damping: float = 0.0) -> Tensor | None:
        """The s of least squares, with `damping` times the squares of s added; None where it is not finite."""
        return self.solved(self.residual, damping)

    @cached_property
    def _scaled(self) -> tuple[list[_Rows], Array, Array]:
        """The rows, and those that see all unknowns, with columns of norm one; and the factors that make them so."""
        n = self.seen + self.constants
        with np.errstate(invalid="ignore", over="ignore"):  # where rows are not finite
            norms = np.sqrt(sum((rows.squares(n) for rows in self._added), (self._dense**2).sum(0)))
            scale = np.where(norms > 1e-13 * norms.max(initial=0.0), 1 / np.maximum(norms, 1e-300), 0.0)
            return [self._added.pop(0).scaled(scale) for _ in range(len(self._added))], self._dense * scale, scale

    def _image(self, s: Array) -> Array:
        """J s."""
        rows, dense, _ = self._scaled
        return np.concatenate([*(own.image(s) for own in rows), dense @ s])

    def _turned(self, left: Array) -> Array:
        """J' r."""
        rows, dense, scale = self._scaled
        ends = np.cumsum([0, *(own.count for own in rows)])
        found = dense.T @ left[ends[-1] :]
        for own, (start, end) in zip(rows, pairwise(ends.tolist()), strict=True):
            found += own.turned(left[start:end], len(scale))
        return found

    def _factored(self, damping: float, ridge: float) -> Callable[[Array], Array] | None:
        """What the factored band makes of a right side, with the constants as a border."""
        rows, dense, _ = self._scaled
        n, lower = self.seen, not self.orthogonal
        band = self._cholesky(damping + ridge) if lower else self._triangle(damping + ridge**2)
        if band is None:
            return None
        inner = self._with_whole(lambda right: cho_solve_banded((band, lower), right, check_finite=False))
        side = np.concatenate([*(own.constants.reshape(own.count, -1) for own in rows), dense[:, n:]])
        across = np.stack([self._turned(own)[:n] for own in side.T], 1) if self.constants else np.zeros((n, 0))
        spread = inner(across) if self.constants else across
        corner = side.T @ side + damping * np.eye(self.constants) - across.T @ spread
        if not np.isfinite(corner).all():
            return None
        turned = np.linalg.pinv(corner + 1e-13 * np.eye(self.constants), hermitian=True)

        def solved(right: Array) -> Array:
            own = inner(right[:n])
            outer = turned @ (right[n:] - across.T @ own)
            return np.concatenate([own - spread @ outer, outer])

        return solved

    def _with_whole(self, solved: Callable[[Array], Array]) -> Callable[[Array], Array]:
        """The same with whole rows that see all unknowns in the place of their windows, by Woodbury's formula."""
        k = len(self._scaled[1])
        if not k:
            return solved
        both = np.zeros((2 * k, self.seen))
        both[:k] = self._scaled[1][:, : self.seen]
        for row, (first, own) in zip(both[k:], self._windows(), strict=True):
            row[first : first + len(own)] = own
        spread = solved(both.T)
        turned = np.linalg.pinv(np.diag(np.repeat([1.0, -1.0], k)) + both @ spread)

        def whole(right: Array) -> Array:
            own = solved(right)
            return np.asarray(own - spread @ (turned @ (both @ own)))

        return whole

    def _windows(self) -> Iterator[tuple[int, Array]]:
        """A part of each row that sees all unknowns, that a band can hold: its first place and its entries."""
        for own in self._scaled[1][:, : self.seen]:
            first = int(np.argmax(np.convolve(own**2, np.ones(min(self.band + 1, len(own))), "valid")))
            yield first, own[first : first + self.band + 1]

    def _cholesky(self, ridge: float) -> Array | None:
        """The lower factor of J'J with a ridge, as LAPACK has bands; None where it is not positive definite."""
        rows, _, scale = self._scaled
        columns = np.zeros((self.seen, self.band + 1))
        for own in rows:
            step = max(1, 1_000_000 // own.values.shape[2] ** 2)
            for k in range(0, len(own.values), step):
                some = own.values[k : k + step]
                add_to_band(columns, np.matmul(some.transpose(0, 2, 1), some), own.columns[k : k + step])
        band = columns.T
        for first, own in self._windows():
            for d in range(len(own)):
                band[d, first : first + len(own) - d] += own[d:] * own[: len(own) - d]
        band[0] += ridge + (scale[: self.seen] == 0)
        try:
            return cholesky_banded(band, overwrite_ab=True, lower=True, check_finite=False)
        except (LinAlgError, ValueError):
            return None

    def _triangle(self, ridge: float) -> Array:
        """The upper factor of J by orthogonal steps from the first unknown to the last, as LAPACK has bands.

        Its errors are those of J, where those of J'J are their squares. Rows of two places far apart count as two.
        """
        every, _, scale = self._scaled
        n, wide = self.seen, self.band + 1
        starts: dict[int, list[Array]] = {}
        for places, rows, _ in every:
            near = bool((places.max(1) - places.min(1) < wide).all())
            step = places.shape[1] if near and places.shape[1] <= wide else self.local
            for k in range(0, places.shape[1], step):
                part, values = places[:, k : k + step], rows[:, :, k : k + step]
                first = part.min(1)
                spread = np.zeros((*values.shape[:2], wide))
                np.put_along_axis(spread, (part - first[:, None])[:, None], values, 2)
                for at, own in zip(first.tolist(), list[Array](spread), strict=True):
                    starts.setdefault(at, []).append(own)
        for first, window in self._windows():
            edge = np.zeros((1, wide))
            edge[0, : len(window)] = window
            starts.setdefault(first, []).append(edge)
        upper, front = np.zeros((wide, n)), np.zeros((0, wide))
        for k in range(n):
            new = starts.get(k, ())
            kept = len(front)
            whole = np.zeros((kept + 1 + sum(map(len, new)), wide))
            whole[:kept, :-1] = front[:, 1:]
            whole[kept, 0] = ridge**0.5 + (scale[k] == 0)
            if new:
                whole[kept + 1 :] = np.concatenate(new)
            triangle = np.asarray(np.linalg.qr(whole, mode="r")) if len(whole) > 1 else whole
            for d in range(min(wide, n - k)):
                upper[wide - 1 - d, k + d] = triangle[0, d]
            front = triangle[1:]
        return upper

    def length(self, step: Tensor) -> float:
        """The norm of a step of unknowns whose columns have norm one."""
        scale = np.zeros(self.size + self.constants)
        kept = self.places >= 0
        scale[kept] = self._scaled[2][self.places[kept]]
        return float(np.linalg.norm(step.numpy()[scale > 0] / scale[scale > 0]))

    def solved(self, right: Array, damping: float = 0.0) -> Tensor | None:
        """The s of  min |J s - right|^2 + damping |s|^2,  by conjugate gradients; None where it is not finite."""
        rows, dense, _ = self._scaled
        known = (dense, right, *(part for own in rows for part in own[1:]))
        if not all(np.isfinite(part).all() for part in known):
            return None
        ridge = LEAST_RIDGE
        while ridge < MOST_RIDGE:
            if self._damped != (damping, ridge):
                self._damped, self._factor = (damping, ridge), self._factored(damping, ridge)
            found = None if self._factor is None else self._gradients(self._factor, right, damping)
            if found is not None:
                return found
            ridge *= 100
        return None

    @np.errstate(over="ignore", invalid="ignore")
    def _gradients(self, factor: Callable[[Array], Array], right: Array, damping: float) -> Tensor | None:
        scale, rest = self._scaled[2], right.copy()
        s, gradient = np.zeros(len(scale)), self._turned(right)
        direction = factor(gradient)
        size = first = float(gradient @ direction)
        self.left = float(rest @ rest)
        for _ in range(MOST_GRADIENTS):
            if not size > 0:
                break
            image = self._image(direction)
            length = size / max(float(image @ image + damping * direction @ direction), 1e-300)
            after = rest - length * image
            left = float(after @ after)
            if not left <= self.left and damping == 0:  # what is left falls, but for rounding
                break
            s, rest, self.left = s + length * direction, after, left
            gradient = self._turned(rest) - damping * s
            next_one = factor(gradient)
            before, size = size, float(gradient @ next_one)
            if not size > 1e-30 * first:
                break
            direction = next_one + size / before * direction
        if not np.isfinite(s).all():
            return None
        found = np.zeros(self.size + self.constants)
        kept = self.places >= 0
        found[kept] = (s * scale)[self.places[kept]]
        return torch.from_numpy(found)


LEAST_RIDGE = 1e-14  # added to the band's diagonal of ones
MOST_RIDGE = 1e-6
MOST_GRADIENTS = 60  # steps of conjugate gradients
