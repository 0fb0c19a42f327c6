"""The solution of an equation of evolution, one function over all slabs of time; and solutions from files."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._jets import Order
from edgewise._printable import printable
from edgewise._typing import Array, Data
from edgewise.nn import KAN, lock
from edgewise.pde.geometry._jet import Jet, orders_up_to
from edgewise.pde.marching._evolution import Evolution
from edgewise.pde.marching._slab import Slab, by_slab, on_grid, slabs_of, tensors_of
from edgewise.pde.marching._trajectory import Trajectory
from edgewise.pde.result._file import Refused, read, require_same
from edgewise.pde.result._sampling import Convergence, Outcome, Packed
from edgewise.pde.result._solution import FoundSolution, Solution, checked_order
from edgewise.pde.splines._networks import Factors, network_of_factors
from edgewise.pde.splines._space import Space
from edgewise.pde.statement._interface import pieced
from edgewise.pde.statement._problem import Problem, paired
from edgewise.pde.statement._strong import strong
from edgewise.tables.io import Malformed, read_model
from edgewise.train import Row

_DAMAGED = "is damaged: restore it from a backup, or save the solution again"


class Level(NamedTuple):
    """One march through all of time: the accuracy asked of each slab, its size, and how it differs from the one before.

    cells: the most of a slab. change: relative L2 distance from the level before, an estimate of that one's error.
    """

    accuracy: float
    slabs: int
    cells: int
    parameters: int
    steps: int
    change: float
    seconds: float


@dataclass(frozen=True)
class Marched(FoundSolution):
    """What `march` returns: the unknowns as functions of all times and places.

    `reached` is the time until which there is a solution, the end of the box unless the outcome says otherwise.

    Parameters
    ----------
    problem
        The problem that was solved.
    evolution
        The problem as an equation of evolution: which coordinates are time and space, and the order of each unknown in
        time.
    slabs
        The pieces of time, in order.
    error
        The estimated relative L2 error, its distance from a finer solution.
    outcome
        How the march ended.
    history
        The levels, one row each.
    """

    problem: Problem
    evolution: Evolution
    slabs: list[Slab]
    error: float
    outcome: Outcome
    history: list[Level]

    @property
    def time_axis(self) -> int:
        return self.evolution.time

    @property
    def reached(self) -> float:
        return self.slabs[-1].end

    @property
    def parameters(self) -> int:
        """The number of coefficients, all slabs together."""
        return sum(slab.inner.size for slab in self.slabs)

    def at(self, points: Data, order: int = 2) -> Jet | tuple[Jet, ...]:
        """Return the unknown at points with its derivatives: a Jet, or a tuple of them.

        Parameters
        ----------
        points : (n, d)
            Points of the domain, up to the time that was reached.
        order
            The highest order of derivatives, at most 4.

        Raises
        ------
        InputError
            For points of another shape or outside the range, and an order that is not known.
        """
        orders = orders_up_to(checked_order(order), len(self.problem.box.names))
        jets = tuple(self._jet(v, self.checked(points), orders) for v in range(self.problem.unknowns))
        return self.problem.presented(jets[0] if len(jets) == 1 else jets)

    def _jet(self, v: int, points: Tensor, orders: list[Order]) -> Jet:
        found = {order: torch.empty(len(points), dtype=torch.float64) for order in orders}
        x, t = points[:, list(self.evolution.spaces)].numpy(), points[:, self.evolution.time].numpy()
        chunk = 4000  # points at a time
        for slab, rows in by_slab(self.slabs, t):
            for some in np.array_split(rows, max(1, len(rows) // chunk)):
                for order in orders:
                    values = slab.scattered(self.evolution.part(v, order), t[some], x[some])
                    found[order][some] = torch.from_numpy(values)
        return Jet(found, self.problem.box.names)

    def network(self, slab: int) -> KAN:
        """Return the network that a slab is, of all coordinates, with locked edges of time.

        It is KAN([2, (0, [2] * R), unknowns]). Its outputs are the unknowns from `slabs[slab].begin` to
        `slabs[slab].end`, to rounding. It can be drawn, saved, pruned and exported as any other.

        Parameters
        ----------
        slab
            The number of the slab, from 0.

        Raises
        ------
        InputError
            In two coordinates of space, where a slab is no network.
        """
        if self._is_plane:
            raise InputError("Only slabs of equations in one coordinate of space are networks.")
        return network_of(self.evolution, self.slabs[slab])

    def on_grid(self, t: Array, x: Array | tuple[Array, Array], unknown: int = 0) -> Array:
        """Return an unknown at all times and all places: (times, places), or (times, first, second) in two coordinates.

        Parameters
        ----------
        t : (times,)
            Times.
        x : (places,)
            Places; of two coordinates of space (first, second), places of each.
        unknown
            The number of the unknown, where there are several.
        """
        lines = x if self._is_plane else (x,)
        places = [np.asarray(line, dtype=np.float64) for line in lines]
        t = np.asarray(t, dtype=np.float64)
        outputs = self.problem.outputs_of(unknown)
        parts = [on_grid(self.slabs, self.evolution.part(v, ())[0], t, places) for v in outputs]
        whole = parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1]
        return whole.reshape(len(t), *map(len, places))

    @property
    def _is_plane(self) -> bool:
        return len(self.evolution.spaces) > 1

    def finer(self, free: int, held: Mapping[int, float]) -> Array:
        """Return places in the cells of the slab at a time, which a curve should not miss.

        Parameters
        ----------
        free
            The number of the coordinate along which places are wanted.
        held
            The values of the other coordinates, by their numbers.
        """
        if free == self.evolution.time:
            return np.empty(0)
        slab = next(slab for slab, _ in by_slab(self.slabs, np.array([held[self.evolution.time]])))
        cells, each = slab.space.lines[self.evolution.spaces.index(free)].cells, 6
        return (cells[:-1, None] + np.diff(cells)[:, None] * np.arange(each) / each).ravel()

    def packed(self) -> Packed:
        """Return what a file holds of the march: its slabs; InputError in two coordinates of space."""
        if self._is_plane:
            raise InputError("Only marches in one coordinate of space can be saved.")
        time, degree = self.problem.box.names[self.evolution.time], self.slabs[0].space.degree
        return Packed("march", {"time": time, "degree": degree, "slabs": len(self.slabs)}, tensors_of(self.slabs))

    def facts(self) -> list[tuple[str, str]]:
        """Return what a report says of the march: rows (label, value)."""
        rows = [("Slabs", str(len(self.slabs))), ("Parameters", str(self.parameters))]
        if self.reached < self.evolution.duration[1]:
            rows.append(("Reached", f"{self.problem.box.names[self.evolution.time]} = {self.reached:.6g}"))
        return rows

    def in_words(self) -> list[str]:
        """Return the levels, a sentence each."""
        return [
            f"Accuracy {row.accuracy:.2g} of each slab: {row.slabs} slabs of up to {row.cells} cells, {row.parameters} "
            f"parameters{'' if math.isnan(row.change) else f', relative change {row.change:.2g}'}, {row.seconds:.1f} s."
            for row in self.history
        ]

    def convergence(self) -> Convergence | None:
        """Return the changes from level to level as a curve; None where there are less than two."""
        changes = [row.change for row in self.history if not math.isnan(row.change)]
        caption, places = "The change from level to level", [2.0 + k for k in range(len(changes))]
        return Convergence(caption, "level", "change", places, {"": changes}) if len(changes) > 1 else None

    def __repr__(self) -> str:
        return (
            f"Marched({len(self.slabs)} slabs until {self.problem.box.names[self.evolution.time]}={self.reached:g}, "
            f"parameters={self.parameters}, error={self.error:.2g}, outcome={self.outcome.name}: "
            f"{self.outcome.message})"
        )


def network_of(evolution: Evolution, slab: Slab) -> KAN:
    """Return a slab as KAN([2, (0, [2] * R), unknowns]), whose edges of time are locked, to rounding."""
    (line,), degree, time = slab.space.lines, slab.space.degree, evolution.time
    moment = Space(np.array([slab.begin, slab.end]), degree)
    tau = 0.5 - 0.5 * np.cos(np.pi * (np.arange(2 * degree) + 0.5) / (2 * degree))
    matrix = moment.matrix(slab.begin + slab.length * tau).toarray()
    in_space, in_time, sums = list[Array](), list[Array](), list[int]()
    for v in range(len(evolution.orders)):
        c, _, _ = evolution.part(v, ())
        if slab.changing[c]:
            in_space.append(slab.begins[:, c])
            in_time.append(np.ones_like(tau))
        in_space += [slab.inner[:, c, m] for m in range(slab.inner.shape[2])]
        in_time += list(slab.shapes(c, tau).T)
        sums += [v] * (len(in_space) - len(sums))
    polynomials = np.linalg.lstsq(matrix, np.stack(in_time, 1), rcond=None)[0]
    factors = (Factors(evolution.spaces[0], line, np.stack(in_space, 1)), Factors(time, moment, polynomials))
    model = network_of_factors(factors, sums, len(evolution.orders))
    return lock(model, [(0, 2 * r + 1, time) for r in range(len(sums))])


def load(path: str | os.PathLike[str], problem: Problem) -> Solution | Marched | Trajectory:
    """Read a solution that `found.save` wrote; it gives the same values to the last bit.

    The file holds the network, or the slabs of `march`, and how they were found, but not the problem's functions.
    Nothing in the file is run.

    Parameters
    ----------
    path
        The safetensors file.
    problem
        The problem as it was when it was solved. Its coordinates, domain, equation, ansatz and conditions are compared
        with what the file says of them.

    Returns
    -------
    Solution, Marched or Trajectory
        What `solve` or `march` returned.

    Raises
    ------
    InputError
        For a file that is missing, damaged, no solution, or one of another problem.

    Examples
    --------
    >>> import tempfile, torch
    >>> from edgewise.pde import Problem, load
    >>> from edgewise.pde import Box, solve
    >>> wave = Problem(Box(x=(0, 3)), lambda u, p: u.xx + u.value, ansatz=lambda n, p: p.x + p.x**2 * n)
    >>> found = solve(wave, grids=[4])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found.save(f"{folder}/wave.safetensors")
    ...     again = load(f"{folder}/wave.safetensors", wave)
    >>> torch.equal(again([[1.0], [2.0]]), found([[1.0], [2.0]]))
    True
    """
    if not isinstance(problem, Problem):
        raise InputError(f"load takes the file, then the problem that was solved. Got {type(problem).__name__}.")
    try:
        said, tensors = read(path)
        stated = paired(problem)
        try:
            problem = pieced(stated)
            require_same(said["problem"], problem)
        except Refused:
            if (whole := strong(stated)) is None:
                raise
            problem = pieced(whole)
            require_same(said["problem"], problem)
        return _built(problem, said, tensors)
    except Refused as why:
        raise InputError(f"{path} {printable(str(why))}.") from None


def _built(problem: Problem, said: dict[str, Any], tensors: dict[str, Tensor]) -> Solution | Marched | Trajectory:
    makers = {"solution": _solution_of, "march": _march_of, "trajectory": Trajectory.unpacked}
    make = makers.get(said["kind"])
    if make is None:
        raise Refused(f"holds a {said['kind']!s:.30}, not a solution: name another file")
    try:
        return make(problem, said, tensors)
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError):
        raise Refused(_DAMAGED) from None


def _solution_of(problem: Problem, said: dict[str, Any], tensors: dict[str, Tensor]) -> Solution:
    try:
        model = read_model(BytesIO(tensors["network"].numpy().tobytes())).model
    except Malformed as why:
        raise Refused(f"holds a network that {why}") from None
    fits = model.n_in == len(problem.domain.names) and model.n_out == problem.unknowns
    if not fits or list(said["constants"]) != list(problem.numbers):
        raise Refused(_DAMAGED)
    history, outcome = [Row(*row) for row in said["history"]], Outcome[said["outcome"]]
    return Solution(
        problem, model, said["constants"], history, outcome, said["error"], said["residual"],
        advice=str(said.get("advice", "")),
    )  # fmt: skip


def _march_of(problem: Problem, said: dict[str, Any], tensors: dict[str, Tensor]) -> Marched:
    evolution = Evolution.of(problem, said["time"])
    slabs = slabs_of(tensors, evolution, said["degree"])
    if len(slabs) != said["slabs"] or not slabs:
        raise Refused(_DAMAGED)
    history = [Level(*row) for row in said["history"]]
    return Marched(problem, evolution, slabs, said["error"], Outcome[said["outcome"]], history)
