"""One coordinate of a rectangle's equations: points, functions, test functions, and products of both."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from edgewise._typing import Array
from edgewise.pde._plane_edges import Edge, test_functions, traces
from edgewise.pde._plane_space import PlaneSpace
from edgewise.pde._space import Space


class Line:
    """One coordinate of a system: its Gauss points, functions and test functions there, and products of both."""

    def __init__(self, space: Space, coordinate: int, edges: list[Edge], plane: PlaneSpace, components: int) -> None:
        self.space, self.band = space, 2 * space.degree + 1
        self.at, self.weights = space.gauss(space.degree // 2 + 1)
        self._values: dict[int, Array] = {}
        self._traces: dict[tuple[float, int], Array] = {}
        self._patterns: dict[tuple[int | None, int], csr_matrix] = {}
        own = [edge for edge in edges if edge.side.coordinate == coordinate]
        chosen = [test_functions(space, [e for e in own if e.component == c], plane) for c in range(components)]
        weighted = self.weights[:, None] * self.values(0)
        self._tests: dict[int | None, Array] = {None: weighted} | {c: weighted @ z for c, z in enumerate(chosen)}

    @property
    def diagonals(self) -> int:
        return len(self.space) * self.band

    def values(self, order: int) -> Array:
        """All functions, or derivatives, at all points: (points, n)."""
        if order not in self._values:
            self._values[order] = self.space.matrix(self.at, order).toarray()
        return self._values[order]

    def trace(self, end: float, order: int) -> Array:
        """All functions, or derivatives, at an end: (n,)."""
        if (end, order) not in self._traces:
            self._traces[end, order] = traces(self.space, end, order)
        return self._traces[end, order]

    def tests(self, component: int | None) -> Array:
        """The test functions of a component, or all functions, times the weights: (points, n)."""
        return self._tests[component]

    def patterns(self, component: int | None, order: int) -> csr_matrix:
        """Products of test function i and the derivative of function i + d - degree at points: (n * band, points)."""
        if (component, order) not in self._patterns:
            rows, columns = self.places
            products = self.tests(component).T[rows] * self.values(order).T[columns] * (columns >= 0)[:, None]
            self._patterns[component, order] = csr_matrix(products)
        return self._patterns[component, order]

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """The functions i and i + d - degree, -1 where there is none: each (n * band,)."""
        n, k = len(self.space), self.space.degree
        rows = np.repeat(np.arange(n), self.band)
        columns = rows + np.tile(np.arange(self.band), n) - k
        return rows, columns % n if self.space.periodic else np.where((columns < 0) | (columns >= n), -1, columns)
