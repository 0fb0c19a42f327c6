"""A system of equations whose terms and constants are known: rates, and what they change with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._inputs import NO_INPUTS, Inputs
from edgewise.dynamics._library import Terms
from edgewise.dynamics._prior import Fixed


@dataclass(frozen=True)
class System:
    """z_j' = sum_k coefficients[j, k] g_k(z, t; inner), with coefficients only where the mask is set.

    With `order` 2 the states are positions and velocities: the rates of the first half are the second half, and the
    equations are those of the velocities. Parameters are the coefficients under the mask, row by row, then the inner
    constants that its terms use. Terms are functions of the states and, after them, of the inputs. `fixed` is added to
    the rates.

    Shapes: mask and coefficients (E, K), inner (W,).
    """

    terms: Terms
    mask: Array
    coefficients: Array
    inner: Array
    order: int = 1
    inputs: Inputs = NO_INPUTS
    fixed: Fixed | None = None

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """The equation and the term of each coefficient."""
        rows, columns = np.nonzero(self.mask)
        return rows, columns

    @cached_property
    def used_inner(self) -> list[int]:
        """The inner constants that terms under the mask use."""
        on = np.atleast_1d(self.mask.any(axis=0))
        return sorted({w for k, w in self.terms.pairs if on[k]})

    @property
    def n_parameters(self) -> int:
        return len(self.places[0]) + len(self.used_inner)

    @property
    def n_states(self) -> int:
        return self.terms.n_states - len(self.inputs)

    @property
    def parameters(self) -> Array:
        return np.concatenate([self.coefficients[self.places], self.inner[self.used_inner]])

    def at(self, parameters: Array) -> System:
        """Return the system with other parameters."""
        count = len(self.places[0])
        coefficients, inner = np.zeros_like(self.coefficients), self.inner.copy()
        coefficients[self.places] = parameters[:count]
        inner[self.used_inner] = parameters[count:]
        return replace(self, coefficients=coefficients, inner=inner)

    def rates(self, z: Array, t: Array) -> Array:
        """Return the rates (S, m) at states (S, m) and times (S,)."""
        arguments = self._arguments(z, t)
        own = (self.coefficients @ self.terms.values(arguments, t, self.inner)).T
        if self.fixed is not None:
            own = own + (self.fixed.coefficients @ self.fixed.terms.values(arguments, t, np.empty(0))).T
        return own if self.order == 1 else np.concatenate([z[:, self.n_states // 2 :], own], axis=1)

    def _arguments(self, z: Array, t: Array) -> Array:
        return np.concatenate([z.T, self.inputs.at(t)]) if self.inputs else z.T

    def cancellation(self, z: Array, t: Array) -> float:
        """Return the largest spread of a term over that of its equation, at arguments (S, m) and times (S,).

        Terms that nearly cancel, as those of x - sin(x) near zero do, are an expansion of something else.
        """
        values = self.terms.values(z.T, t, self.inner)
        with np.errstate(all="ignore"):
            spreads = np.abs(self.coefficients) * values.std(axis=1)
            whole = (self.coefficients @ values).std(axis=1)
            ratios = np.where(self.mask, spreads, 0.0).max(axis=1) / whole
        return float(np.nan_to_num(ratios, nan=0.0).max())

    def smallest(self, z: Array, t: Array) -> float:
        """Return the smallest size of a term over the largest of its equation, at arguments (S, m) and times (S,)."""
        with np.errstate(all="ignore"):
            sizes = np.abs(self.coefficients) * np.sqrt((self.terms.values(z.T, t, self.inner) ** 2).mean(axis=1))
        sizes = np.where(self.mask, np.nan_to_num(sizes, nan=np.inf), np.nan)[self.mask.any(axis=1)]
        return float((np.nanmin(sizes, axis=1) / np.nanmax(sizes, axis=1)).min()) if len(sizes) else 1.0

    def slopes(self, z: Array, t: Array) -> tuple[Array, Array, Array]:
        """Return rates (S, m), derivatives by states (S, m, m), and by parameters (S, m, P)."""
        values, gradients, inner = self.terms.slopes(self._arguments(z, t), t, self.inner)
        gradients = gradients[:, : self.n_states]
        gradients[~self.coefficients.any(axis=0)] = 0.0  # may be infinite
        n, m, first = len(t), self.n_states, self.n_states - len(self.mask)
        rates, by_state = np.empty((n, m)), np.zeros((n, m, m))
        rates[:, first:] = (self.coefficients @ values).T
        flat = self.coefficients @ gradients.reshape(len(gradients), m * n)
        by_state[:, first:] = flat.reshape(len(self.mask), m, n).transpose(2, 0, 1)
        if self.fixed is not None:
            known, slopes, _ = self.fixed.terms.slopes(self._arguments(z, t), t, np.empty(0))
            rates[:, first:] += (self.fixed.coefficients @ known).T
            by_state[:, first:] += np.einsum("jk,kms->sjm", self.fixed.coefficients, slopes[:, :m])
        if first:
            rates[:, :first] = z[:, first:]
            by_state[:, np.arange(first), np.arange(first, m)] = 1.0
        by_parameter = np.zeros((n, m, self.n_parameters))
        rows, columns = self.places
        by_parameter[:, first + rows, np.arange(len(rows))] = values[columns].T
        for value, (k, w) in zip(inner, self.terms.pairs, strict=True):
            if w in self.used_inner:
                by_parameter[:, first:, len(rows) + self.used_inner.index(w)] += np.outer(
                    value, self.coefficients[:, k]
                )
        return rates, by_state, by_parameter

    def compact(self) -> System:
        """Return the same system without the terms that no equation has: it is evaluated faster."""
        on = np.flatnonzero(self.mask.any(axis=0))
        if len(on) == len(self.terms):
            return self
        terms = _compact(self.terms, tuple(on.tolist()))
        return replace(self, terms=terms, mask=self.mask[:, on], coefficients=self.coefficients[:, on])


_KEPT: dict[tuple[int, tuple[int, ...]], tuple[Terms, Terms]] = {}


def _compact(terms: Terms, on: Sequence[int]) -> Terms:
    key = (id(terms), tuple(on))
    known = _KEPT.get(key)
    if known is None or known[0] is not terms:
        if len(_KEPT) > 256:
            _KEPT.clear()
        _KEPT[key] = known = (terms, Terms([terms.expressions[k] for k in on], terms.n_states, terms.inner))
    return known[1]
