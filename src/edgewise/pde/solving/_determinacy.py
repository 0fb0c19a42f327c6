"""Whether a problem has a solution, and one only: by least squares on three lattices, each twice as fine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets, sum_of
from edgewise._typing import Array
from edgewise.kernels import one_thread
from edgewise.pde.geometry._domain import Box, Face
from edgewise.pde.geometry._jet import values_of
from edgewise.pde.result._sampling import Outcome
from edgewise.pde.solving._even_lattice import EvenLattice, Known, LeastSquares, NotFinite
from edgewise.pde.solving._settings import EXAMINATION
from edgewise.pde.statement._condition import Condition, Integral, Measured
from edgewise.pde.statement._interface import Pieced, count_of
from edgewise.pde.statement._problem import Problem, Weak
from edgewise.pde.statement._terms import Term, linearized, term_of

Examined = Callable[[Sequence[Condition]], list[LeastSquares]]


class Determinacy(NamedTuple):
    """What is said of a problem: NO_SOLUTION, UNDETERMINED, or None; and what to do about it.

    free: how many functions could be added to a solution.
    """

    outcome: Outcome | None = None
    advice: str = ""
    free: int = 0


def is_examined(problem: Problem) -> bool:
    """Whether a problem has residuals at points of one or two coordinates, and no measurements or unknown functions."""
    d = len(problem.domain.names)
    known = any(isinstance(condition, Measured) for condition in problem.conditions)
    few = problem.unknowns <= EXAMINATION.most_unknowns.get(d, 0) * count_of(problem)
    return few and not known and not problem.functions and not isinstance(problem.residual, Weak)


def unknown_corners(problem: Problem) -> list[tuple[float, float]]:
    """Re-entrant corners of a domain near which solutions are singular, if no function is there to say how."""
    domain, known = problem.domain, {function.corner.at for function in problem.terms}
    if len(domain.names) != 2 or problem.ansatz is not None:
        return []
    corners = [] if isinstance(domain, Box) else [corner.at for corner in domain.corners() if corner.reentrant]
    regions = problem.regions if isinstance(problem, Pieced) else ()
    inner = torch.tensor([corner.at for region in regions for corner in region.corners()], dtype=torch.float64)
    corners += [(x, y) for x, y in inner[domain.contains(inner)].tolist()] if len(inner) else []
    return [corner for corner in corners if corner not in known]


def is_linear(problem: Problem) -> bool:
    """Whether the equation and its conditions are linear in the unknowns and constants, seen at two random ones."""
    rng, names = torch.Generator().manual_seed(5), list(problem.numbers)
    terms = [Term(problem.residual, [problem.domain.points(16, 3)], 1.0)]
    terms += [Term(condition.equation, condition.points(4, 3), 1.0) for condition in problem.conditions]
    for term in terms:
        slopes = []
        for _ in range(2):
            jets: list[Jets] = [
                {
                    o: torch.randn(len(term), problem.unknowns, dtype=torch.float64, generator=rng)
                    for o in problem.orders
                }
                for _ in term.points
            ]
            numbers = torch.randn(len(names), dtype=torch.float64, generator=rng)
            rows = linearized(problem, names, term, jets, numbers)
            slopes.append(torch.cat([*(part.flatten() for r in rows for by in r.by for part in by.values()),
                                     *(r.constants.flatten() for r in rows)]))  # fmt: skip
        one, two = slopes
        if not bool(torch.isfinite(one).all()) or float((one - two).abs().max()) > 1e-9 * float(one.abs().max()):
            return False
    return True


@one_thread()
def determinacy(problem: Problem, known: Known | None = None) -> Determinacy:
    """Examine a linear problem, or one that is linearized about known functions.

    Three lattices, each of cells half as wide, show how many solutions it has.

    With J the rows of the equation and its conditions (see `EvenLattice.rows`), a function v whose |J v| / |v| falls to
    nothing may be added to any solution. Where what the squares leave falls as well, there are many solutions; where
    it does not, and is smooth, there is none. Nothing is said of an equation whose highest derivatives do not outweigh
    the others in a cell of the last lattice.
    """
    if isinstance(problem, Pieced):  # functions of one side of an interface are free on the other
        return undetermined(problem)
    constants = _numbers(problem, problem.numbers)

    def examined(conditions: Sequence[Condition]) -> list[LeastSquares]:
        return [lattice.solved(conditions, constants, known) for lattice in _lattices(problem)]

    found = _advised(problem, examined, examined)
    return found if found.outcome is not None else undetermined(problem)


@one_thread()
def determinacy_near(problem: Problem, known: Known, numbers: Mapping[str, float], *, solved: bool) -> Determinacy:
    """Examine a problem that is not linear about what is known.

    Those are the equations linearized about a solution; or, where what is known is none, those of the nearest to it
    that Levenberg-Marquardt steps find on each lattice.
    """
    if isinstance(problem, Pieced):
        return undetermined(problem)
    constants = _numbers(problem, numbers)

    def near(conditions: Sequence[Condition]) -> list[LeastSquares]:
        return [lattice.about(conditions, constants, known) for lattice in _lattices(problem)]

    def found(conditions: Sequence[Condition]) -> list[LeastSquares]:
        levels: list[LeastSquares] = []
        for lattice in _lattices(problem):
            begin = levels[-1].jets if levels else known
            levels.append(lattice.stepped(conditions, constants, begin))
        return levels

    if not solved:
        return _advised(problem, found, near)
    try:
        levels = near(problem.conditions)
    except NotFinite:
        return Determinacy()
    free = _free(levels) if levels[-1].fine else 0
    if not free:
        return undetermined(problem)
    return Determinacy(Outcome.UNDETERMINED, _missing(problem, levels[-1], free), free)


def undetermined(problem: Problem) -> Determinacy:
    """Whether a constant may be added to an unknown, or a part of the boundary has no condition that needs one.

    It needs one where the equation has one unknown and is elliptic, and no place has two. Lattices do not tell where
    the boundary cuts them, and are too large to be examined in three coordinates or with many unknowns.
    """
    domain, names, pieces = problem.domain, list(problem.numbers), count_of(problem)
    if isinstance(problem.residual, Weak) or problem.functions or problem.ansatz is not None:
        return Determinacy()
    terms = [Term(problem.residual, [domain.points(64, 3)], 1.0)]
    terms += [term_of(condition, 16, 3) for condition in problem.conditions]
    some = torch.Generator().manual_seed(5)
    slopes: list[list[Jets]] = []
    levels = []  # what a constant that is added to an unknown changes in an equation
    for term in terms:
        shape = len(term), problem.unknowns
        jets: list[Jets] = [
            {o: torch.rand(shape, dtype=torch.float64, generator=some) for o in problem.orders} for _ in term.points
        ]
        rows = linearized(problem, names, term, jets, torch.ones(len(names), dtype=torch.float64))
        slopes.append([by for row in rows for by in row.by])
        levels += [sum_of(by[()].view(len(term), pieces, -1).sum(1) for by in row.by) for row in rows]
    for k in range(problem.unknowns // pieces):
        if all(float(level[:, k].abs().max()) < EXAMINATION.nothing for level in levels):
            return Determinacy(Outcome.UNDETERMINED, _level(problem, k), 1)
    if pieces > 1 or isinstance(domain, Box) or len(domain.names) != 2:
        return Determinacy()
    one = slopes[0][0]
    elliptic = problem.unknowns == 1 and len(slopes[0]) == 1 and max(map(len, problem.orders)) == 2
    if not elliptic or any(len(own) > 1 for own in slopes[1:]) or (0, 0) not in one or (1, 1) not in one:
        return Determinacy()
    mixed = one[(0, 1)] if (0, 1) in one else torch.zeros_like(one[()])
    if not bool((4 * one[(0, 0)] * one[(1, 1)] > mixed**2).all()):
        return Determinacy()
    rim, size = domain.boundary().points(200, 3), float((domain.ends[1] - domain.ends[0]).norm())
    held = torch.zeros(len(rim), dtype=torch.bool)
    for condition in problem.conditions:
        if isinstance(condition.where, Tensor) or isinstance(condition, Integral) or condition.also is not None:
            continue
        for curve in condition.where.curves():
            held |= curve.distances(rim) < 1e-6 * size
    if float((~held).double().mean()) < EXAMINATION.open_rim:
        return Determinacy()
    x, y = rim[~held][0].tolist()
    said = f"A part of the boundary has no condition, for instance near ({x:.3g}, {y:.3g}), and the equation needs one."
    return Determinacy(Outcome.UNDETERMINED, said, 1)


def _numbers(problem: Problem, numbers: Mapping[str, float]) -> Array:
    return np.array([numbers[name] for name in problem.numbers], dtype=float)


def _lattices(problem: Problem) -> list[EvenLattice]:
    return [EvenLattice(problem, cells) for cells in EXAMINATION.cells[len(problem.domain.names)]]


def _advised(problem: Problem, examined: Examined, near: Examined) -> Determinacy:
    """What the levels tell, with the conditions that are missing, or one of which is too many."""
    try:
        levels = examined(problem.conditions)
    except NotFinite:
        return Determinacy()
    outcome, free = _said(levels)
    if outcome is Outcome.UNDETERMINED:
        return Determinacy(outcome, _missing(problem, levels[-1], free), free)
    if outcome is not Outcome.NO_SOLUTION or free:
        return Determinacy(outcome, "", free)
    if unknown_corners(problem):  # splines leave as much of a solution that is singular there
        return Determinacy()
    each, surplus = _single(problem.conditions), []
    for k, one in enumerate(each):
        fewer = [*each[:k], *each[k + 1 :]]
        if _free(near(fewer)):
            continue
        others = examined(fewer)
        if others[-1].fine and _falls(others) and not _free(others):
            surplus.append(one.place)
    if not surplus:
        return Determinacy(outcome, "", free)
    places = " or ".join(dict.fromkeys(surplus))
    return Determinacy(outcome, f"There is one condition too many: without that {places} there is a solution.", free)


def _missing(problem: Problem, level: LeastSquares, free: int) -> str:
    """Which conditions are missing, by where the function that is free is largest."""
    domain, lattice = problem.domain, level.lattice
    values = _changed(problem, level, lattice.inside)
    sizes = values.square().mean(0).sqrt()
    u = int(sizes.argmax())
    size, name = float(sizes[u]), "the unknown" if problem.unknowns == 1 else f"unknown {u}"
    if not size > 0:
        return "An unknown constant is not determined by the equation and its conditions."
    if free == 1 and float(values[:, u].mean().abs()) > EXAMINATION.constant * size:
        return _level(problem, u)
    count, where = "One condition is" if free == 1 else "Conditions are", ""
    if isinstance(domain, Box):
        faces = [Face(domain, (side,)) for side in domain.boundary().fixed]
        on = [float(_changed(problem, level, face.points(20))[:, u].square().mean().sqrt()) for face in faces]
        ((k, end),) = faces[int(np.argmax(on))].fixed
        where = f", for instance at {domain.names[k]} = {end:g}" if max(on) > size else ""
    return f"{count} missing for {name}{where}."


def _level(problem: Problem, unknown: int) -> str:
    name = "the unknown" if problem.unknowns == 1 else f"unknown {unknown}"
    return (
        f"One condition is missing: a constant can be added to {name}. Hold its value at a place, or its mean by "
        "pde.Integral."
    )


def _changed(problem: Problem, level: LeastSquares, points: Tensor) -> Tensor:
    """By how much the function that is held least changes the unknowns at points, (n, unknowns)."""
    found = []
    for coefficients in (level.weak[:, 0], 0 * level.weak[:, 0]):
        jets = level.lattice.jets(points, coefficients)
        numbers = dict(zip(problem.numbers, coefficients[len(coefficients) - len(problem.numbers) :], strict=True))
        found.append(values_of(problem.unknown(jets, points, (), numbers)))
    return found[0] - found[1]


def _single(conditions: Sequence[Condition]) -> list[Condition]:
    """Conditions on several faces as one for each."""
    found = []
    for one in conditions:
        where = one.where
        if isinstance(where, Face) and one.also is None:
            found += [replace(one, where=Face(where.box, (side,))) for side in where.fixed]
        else:
            found.append(one)
    return found


def _free(levels: Sequence[LeastSquares]) -> int:
    """How many functions no equation holds, to the precision of three lattices."""
    (_, two, three), last = (level.weakest for level in levels), levels[-1]
    count = 0
    for s2, s3 in zip(two, three, strict=False):
        if not (
            s3 < max(EXAMINATION.nothing, last.floor)
            or s2 < EXAMINATION.nothing
            or (s3 < EXAMINATION.weaker * s2 and s3 < EXAMINATION.weak)
        ):
            break
        count += 1
    return count


def _falls(levels: Sequence[LeastSquares]) -> bool:
    """Whether what the squares leave falls from lattice to lattice."""
    last = levels[-1]
    return last.residual < max(EXAMINATION.exact, last.rounding, min(EXAMINATION.solved, 0.5 * levels[-2].residual))


def _said(levels: Sequence[LeastSquares]) -> tuple[Outcome | None, int]:
    """The outcome that three lattices tell, and how many functions are free."""
    before, last = levels[-2:]
    if not last.fine:
        return None, 0
    free = _free(levels)
    if _falls(levels):
        return (Outcome.UNDETERMINED if free else None), free
    same = last.residual > EXAMINATION.same * before.residual and last.smooth > EXAMINATION.smooth and last.settled
    return (Outcome.NO_SOLUTION if same else None), free
