"""Whether a problem has a solution, and one only: by least squares on three lattices, each twice as fine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets
from edgewise._typing import Array
from edgewise.pde.geometry._domain import Box, Face
from edgewise.pde.geometry._jet import values_of
from edgewise.pde.result._sampling import Outcome
from edgewise.pde.solving._even_lattice import EvenLattice, Known, LatticeRows, NotFinite
from edgewise.pde.solving._settings import EXAMINATION
from edgewise.pde.statement._condition import Condition, Measured
from edgewise.pde.statement._problem import Problem, Weak
from edgewise.pde.statement._terms import Term, linearized


class LeastSquares(NamedTuple):
    """What least squares on one lattice give.

    weakest: the least |J v| / |v| of functions v, ascending. floor: what may be rounding of it. weak: these functions'
    coefficients, as columns. left: what the squares leave, over the data of the equation. rounding: what may be
    rounding of that. smooth: the part of it that is smooth and inside the domain. fine: as in `LatticeRows`.
    """

    lattice: EvenLattice
    found: Array
    weakest: Array
    floor: float
    weak: Array
    left: float
    rounding: float
    smooth: float
    fine: bool
    settled: bool

    def jets(self, points: Tensor) -> Jets:
        """The solution at points."""
        return self.lattice.jets(points, self.found)


class _Factors:
    """The rows' triangular factor and its singular values, of columns scaled to norm one."""

    def __init__(self, rows: LatticeRows) -> None:
        matrix = rows.matrix @ rows.basis
        norms = np.linalg.norm(matrix, axis=0)
        self.rows, self.norms = rows, np.where(norms > 0, norms, 1.0)
        n = matrix.shape[1]
        both = np.column_stack([matrix / self.norms, rows.right])
        both = np.pad(both, ((0, max(0, n + 1 - len(both))), (0, 0)))  # rows of zeros, where there are few
        whole = np.asarray(np.linalg.qr(both, mode="r"))
        left, self.sizes, self.turned = _svd(whole[:n, :n])
        self.right = left.T @ whole[:n, n]

    def change(self, damping: float = 0.0) -> Array:
        """The change of least squares, with the square of damping times the scaled change added."""
        kept = self.sizes > EXAMINATION.rounding * self.sizes[0]
        sizes = self.sizes[kept]
        found = self.turned[kept].T @ (self.right[kept] * sizes / (sizes**2 + damping**2))
        return self.rows.basis @ (found / self.norms)

    def weakest(self) -> tuple[Array, Array]:
        """What functions leave that leave least, ascending; and their coefficients, of size one, as columns."""
        inverse = self.turned.T / np.maximum(self.sizes, 1e-300) / self.norms[:, None]
        _, reached, turned = _svd(self.rows.metric @ inverse)
        weak = self.rows.basis @ (inverse @ turned.T) / np.maximum(reached, 1e-300)
        return 1 / np.maximum(reached, 1e-300), weak


def _svd(matrix: Array) -> tuple[Array, Array, Array]:
    try:
        return np.linalg.svd(matrix)
    except np.linalg.LinAlgError:  # of numbers at the end of their range
        raise NotFinite from None


def linear_level(
    lattice: EvenLattice, conditions: Sequence[Condition], constants: Array, known: Known | None = None
) -> LeastSquares:  # fmt: skip
    """Solve a linear problem, or one that is linearized about known functions."""
    rows = lattice.rows(known or lattice.zero, constants, conditions)
    factors = _Factors(rows)
    change = factors.change()
    if not rows.data > 0:
        rows = lattice.rows(lambda points: lattice.jets(points, change), constants, conditions)
        rows = rows._replace(right=rows.right + rows.matrix @ change)
    return _judged(lattice, rows, rows.right - rows.matrix @ change, change, factors)


def level_about(lattice: EvenLattice, conditions: Sequence[Condition], known: Known, constants: Array) -> LeastSquares:
    """Linearize about known functions, which are the solution."""
    rows = lattice.rows(known, constants, conditions)
    return _judged(lattice, rows, rows.right, np.zeros(lattice.size), _Factors(rows))


def newton_level(lattice: EvenLattice, conditions: Sequence[Condition], known: Known, constants: Array) -> LeastSquares:
    """Solve a problem by Levenberg-Marquardt steps from known functions."""
    held = np.concatenate([lattice.projected(known)[: lattice.size - len(constants)], constants])

    def at(found: Array) -> LatticeRows | None:
        own = found[lattice.size - len(constants) :]
        try:
            return lattice.rows(lambda points: lattice.jets(points, found), own, conditions)
        except NotFinite:
            return None

    rows, damping = at(held), 0.0
    if rows is None:
        raise NotFinite
    factors = _Factors(rows)
    for _ in range(EXAMINATION.steps):
        before, trial = _norm(rows.right), None
        while damping <= EXAMINATION.most_damping:
            change = factors.change(damping)
            trial = at(held + change)
            if trial is not None and _norm(trial.right) < before:
                break
            damping = max(EXAMINATION.least_damping, 10 * damping)
        if trial is None or not _norm(trial.right) < (1 - EXAMINATION.gain) * before:
            return _judged(lattice, rows, rows.right, held, factors)
        held, rows, damping = held + change, trial, damping / 100 if damping > EXAMINATION.least_damping else 0.0
        factors = _Factors(rows)
    return _judged(lattice, rows, rows.right, held, factors, settled=False)


def _judged(
    lattice: EvenLattice, rows: LatticeRows, left: Array, found: Array, factors: _Factors, *, settled: bool = True
) -> LeastSquares:
    """What a solution leaves, over the data of the equation or, without any, over its terms."""
    scale = (
        rows.data
        if rows.data > EXAMINATION.no_data * rows.terms
        else max(rows.terms, EXAMINATION.no_terms * _norm(rows.right))
    )
    scale, rest = max(scale, 1e-300), left[: rows.inside]
    weakest, weak = factors.weakest()
    floor = EXAMINATION.rounding * float(np.linalg.norm(rows.matrix, axis=0).max())
    return LeastSquares(
        lattice, found, weakest, floor, weak, _norm(left) / scale, floor * float(np.abs(found).max()) / scale,
        lattice.smooth(rest) / max(_norm(left), 1e-300), rows.fine, settled,
    )  # fmt: skip


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))


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
    few = problem.unknowns <= EXAMINATION.most_unknowns.get(d, 0)
    return few and not known and not problem.functions and not isinstance(problem.residual, Weak)


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


def determinacy(problem: Problem) -> Determinacy:
    """Examine a linear problem: three lattices, each of cells half as wide, tell how many solutions it has.

    With J the rows of the equation and its conditions (see `EvenLattice.rows`), a function v whose |J v| / |v| falls to
    nothing may be added to any solution. Where what the squares leave falls as well, there are many solutions; where
    it does not, and is smooth, there is none. Nothing is said of an equation whose highest derivatives do not outweigh
    the others in a cell of the last lattice.
    """
    constants = _numbers(problem, problem.numbers)

    def examined(conditions: Sequence[Condition]) -> list[LeastSquares]:
        return [linear_level(lattice, conditions, constants) for lattice in _lattices(problem)]

    return _advised(problem, examined, examined)


def determinacy_near(problem: Problem, known: Known, numbers: Mapping[str, float], *, solved: bool) -> Determinacy:
    """Examine a problem that is not linear about what is known.

    Those are the equations linearized about a solution; or, where what is known is none, those of the nearest to it
    that Levenberg-Marquardt steps find on each lattice.
    """
    constants = _numbers(problem, numbers)

    def near(conditions: Sequence[Condition]) -> list[LeastSquares]:
        return [level_about(lattice, conditions, known, constants) for lattice in _lattices(problem)]

    def found(conditions: Sequence[Condition]) -> list[LeastSquares]:
        levels: list[LeastSquares] = []
        for lattice in _lattices(problem):
            begin = levels[-1].jets if levels else known
            levels.append(newton_level(lattice, conditions, begin, constants))
        return levels

    if not solved:
        return _advised(problem, found, near)
    try:
        levels = near(problem.conditions)
    except NotFinite:
        return Determinacy()
    free = _free(levels) if levels[-1].fine else 0
    return Determinacy(Outcome.UNDETERMINED, _missing(problem, levels[-1], free), free) if free else Determinacy()


def step_determinacy(problem: Problem, known: Known) -> Determinacy:
    """Examine a problem that is linearized about known functions, as if it was linear."""

    def examined(conditions: Sequence[Condition]) -> list[LeastSquares]:
        return [linear_level(lattice, conditions, np.zeros(0), known) for lattice in _lattices(problem)]

    return _advised(problem, examined, examined)


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
        return (
            f"One condition is missing: a constant can be added to {name}. Hold its value at a place, or its mean by "
            "pde.Integral."
        )
    count, where = "One condition is" if free == 1 else "Conditions are", ""
    if isinstance(domain, Box):
        faces = [Face(domain, (side,)) for side in domain.boundary().fixed]
        on = [float(_changed(problem, level, face.points(20))[:, u].square().mean().sqrt()) for face in faces]
        ((k, end),) = faces[int(np.argmax(on))].fixed
        where = f", for instance at {domain.names[k]} = {end:g}" if max(on) > size else ""
    return f"{count} missing for {name}{where}."


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
    return last.left < max(EXAMINATION.exact, last.rounding, min(EXAMINATION.solved, 0.5 * levels[-2].left))


def _said(levels: Sequence[LeastSquares]) -> tuple[Outcome | None, int]:
    """The outcome that three lattices tell, and how many functions are free."""
    before, last = levels[-2:]
    if not last.fine:
        return None, 0
    free = _free(levels)
    if _falls(levels):
        return (Outcome.UNDETERMINED if free else None), free
    same = last.left > EXAMINATION.same * before.left and last.smooth > EXAMINATION.smooth and last.settled
    return (Outcome.NO_SOLUTION if same else None), free
