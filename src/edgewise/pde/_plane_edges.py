"""What holds on the edges of a rectangle: which rows of the system say it, and the test functions that are left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde._evolution import Evolution, Part
from edgewise.pde._one_sided import one_sided
from edgewise.pde._plane_space import PlaneSpace
from edgewise.pde._sides import Side
from edgewise.pde._space import Space

_SINGULAR = 1e-12


@dataclass(frozen=True)
class Edge:
    """One row of a condition on one edge, which takes the place of a layer of a component's test functions.

    row: of the condition's equations. layer: how many rows the component has on this edge before. derived: how
    many derivatives by time of the condition it stands for, which follow for unknowns with u.tt. slopes: means of the
    row's derivatives by the parts that it reads.
    """

    side: Side
    row: int
    component: int
    layer: int
    derived: int
    slopes: dict[Part, float]

    @property
    def across(self) -> int:
        """The coordinate along the edge."""
        return 1 - self.side.coordinate

    def place(self, space: PlaneSpace) -> int:
        """The number of the functions of the edge's coordinate whose rows it takes."""
        own = space.both[self.side.coordinate]
        return self.layer if self.side.end == own.cells[0] else len(own) - 1 - self.layer

    def functions(self, space: PlaneSpace) -> Array:
        """What the condition says of the functions of the edge's coordinate, which are constant along it: (n,)."""
        own, k = space.both[self.side.coordinate], self.side.coordinate
        found = np.zeros(len(own))
        for (c, a, _), slope in self.slopes.items():
            if c == self.component and a[1 - k] == 0:
                found += slope * traces(own, self.side.end, a[k])
        return found


def traces(space: Space, end: float, order: int) -> Array:
    """All functions, or their derivatives, at an end: (n,)."""
    return space.matrix(np.array([end]), order).toarray()[0]


def edges_of(evolution: Evolution, space: PlaneSpace, begins: Array) -> list[Edge]:
    """Each row of the conditions at ends, with the component that it determines, as the initial values let see.

    That is the one whose value, or derivative of the highest order, the row reads most of; of an unknown and its
    derivative by time the latter.
    """
    found: list[Edge] = []
    for side in evolution.ends:
        left, slopes = at_start(evolution, side, space, begins)
        for row in range(len(left)):
            means = {part: float(slope[row].mean()) for part, slope in slopes.items() if bool(slope[row].any())}
            if not means:
                raise InputError(f"A condition at {_name(evolution, side)} says nothing of the unknowns.")
            own = Edge(side, row, _component(evolution, means, slopes, row), 0, 0, means)
            found += [replace(edge, layer=_layers(found, edge)) for edge in (own, *_derived(evolution, own))]
    for edge in found:
        if edge.layer > space.both[edge.side.coordinate].degree // 2:
            raise InputError(f"There are too many conditions at {_name(evolution, edge.side)}.")
    return found


def at_start(evolution: Evolution, side: Side, space: PlaneSpace, begins: Array) -> tuple[Tensor, dict[Part, Tensor]]:
    """What a condition leaves of the initial values along an edge, and its derivatives by the parts it reads."""
    across = space.both[1 - side.coordinate]
    along, _ = across.gauss(2)
    ends = [np.array([side.end]), along] if side.coordinate == 0 else [along, np.array([side.end])]
    points = np.stack([np.resize(part, len(along)) for part in ends], 1)
    parts, k = evolution.read(side.condition), side.coordinate
    normal = _along_normal(evolution, side, along, max((a[k] for _, a, _ in parts), default=0))
    given = {
        (c, a, b): torch.from_numpy(
            (normal[a[k], :, c] if not a[1 - k] else space.matrix(points, a) @ begins[:, c]) * (b == 0)
        )
        for c, a, b in parts
    }
    t = torch.full((len(along),), evolution.duration[0], dtype=torch.float64)
    return evolution.left(side.condition.equation, given, t, torch.from_numpy(points))


def _along_normal(evolution: Evolution, side: Side, along: Array, highest: int) -> Array:
    """The initial values' derivatives by an edge's coordinate at places along it: (highest + 1, places, components)."""

    def values(x: Array) -> Array:
        places = [np.repeat(x, len(along)), np.tile(along, len(x))]
        return evolution.initial(np.stack(places if side.coordinate == 0 else places[::-1], 1)).reshape(len(x), -1)

    low, high = evolution.intervals[side.coordinate]
    return one_sided(values, side.end, low + high - side.end, highest).reshape(highest + 1, len(along), -1)


def test_functions(space: Space, edges: list[Edge], plane: PlaneSpace) -> Array:
    """The functions of one coordinate that meet the edges' conditions, in the columns of those that are not taken.

    The columns of those that are taken are zero: (n, n).
    """
    found = np.eye(len(space))
    if edges:
        rows, taken = np.stack([edge.functions(plane) for edge in edges]), [edge.place(plane) for edge in edges]
        scale = np.abs(rows).max(1, keepdims=True)
        rows = rows / np.where(scale > 0, scale, 1.0)
        found[:, taken] = 0.0
        if np.isfinite(rows).all() and np.linalg.cond(rows[:, taken]) < 1 / _SINGULAR:
            others = np.setdiff1d(np.arange(len(space)), taken)
            found[np.array(taken)[:, None], others] = -np.linalg.solve(rows[:, taken], rows[:, others])
    return found


def _component(evolution: Evolution, means: dict[Part, float], slopes: dict[Part, Tensor], row: int) -> int:
    later = [c for c, _, b in means if evolution.components[c][1] > 0 and b == 0]
    if later:
        return max(later)
    return max(means, key=lambda part: (sum(part[1]) + part[2], float(slopes[part][row].abs().mean())))[0]


def _derived(evolution: Evolution, own: Edge) -> Iterator[Edge]:
    """The rows that follow for derivatives by time of a row's component."""
    upper = dict(evolution.links)
    while own.component in upper:
        slopes = {(upper[c], a, b): slope for (c, a, b), slope in own.slopes.items() if c in upper}
        own = replace(own, component=upper[own.component], derived=own.derived + 1, slopes=slopes)
        yield own


def _layers(found: list[Edge], edge: Edge) -> int:
    return sum(one.component == edge.component and one.side[1:] == edge.side[1:] for one in found)


def _name(evolution: Evolution, side: Side) -> str:
    return f"{evolution.problem.box.names[evolution.spaces[side.coordinate]]}={side.end:g}"
