"""Solving: from coarse grids to fine ones, with as many points as that takes, until the estimated error is small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise._jets import Jets
from edgewise._typing import Array
from edgewise.nn import KAN, Layout, clone
from edgewise.pde.result._file import identity
from edgewise.pde.result._sampling import Outcome
from edgewise.pde.result._solution import FoundSolution, Solution
from edgewise.pde.solving._determinacy import (
    Determinacy,
    determinacy,
    determinacy_near,
    is_examined,
    is_linear,
    undetermined,
)
from edgewise.pde.solving._even_lattice import Known
from edgewise.pde.solving._initial import is_regular, refusal
from edgewise.pde.solving._on_lattice import is_on_lattice, on_lattice
from edgewise.pde.solving._refining import Answer, Begin, NetworkState, Refiner, WeakRefiner
from edgewise.pde.solving._run import marched
from edgewise.pde.solving._settings import LATTICES, RACE, REFINEMENT
from edgewise.pde.splines._networks import candidates, redrawn, wider
from edgewise.pde.splines._pass import JetPass
from edgewise.pde.statement._coefficient import FoundCoefficient
from edgewise.pde.statement._interface import pieced
from edgewise.pde.statement._jumps import smooth_between, unmet
from edgewise.pde.statement._problem import Problem, Weak, paired
from edgewise.pde.statement._strong import strong
from edgewise.train import Monitor, Options, Row, Words
from edgewise.train.optim import LM


@dataclass
class _Entrant:
    """A network on its way through the grids."""

    state: NetworkState
    next: int  # number of the grid to come
    work: float
    score: float
    stuck: int = 0
    wide: bool = False  # whether it is to be widened instead


def race(
    refiner: Refiner, models: Sequence[KAN], grids: Sequence[int], tolerance: float, *, own_networks: bool
) -> NetworkState:  # fmt: skip
    """Refine networks until the estimated error of one is below the tolerance; return the best.

    The best of each kind after the first two grids goes on; once one is good, no other kind is tried. What has worked
    least is refined next, and where a finer grid does not help, widened, if it is one of our own; what neither helps is
    out. After a part of the time only the one of the smallest estimated error goes on.
    """
    entrants = []
    for kind in _kinds(models):
        before = refiner.work
        state = refiner.best_of(kind, grids[:2], tolerance)
        entrants.append(_Entrant(state, 2, refiner.work - before, refiner.error(state)))
        enough = RACE.good_of_its_kind if len(state.model.layers) > 1 else RACE.good_as_a_sum
        if refiner.monitor.ended() is not None or entrants[-1].score < enough:
            break
    best = min(entrants, key=lambda one: one.score)
    while refiner.monitor.ended() is None and best.score > refiner.enough(best.state, tolerance):
        if refiner.work > RACE.alone * RACE.seconds or not _fits(refiner, best, grids):
            entrants = [best]
        able = [one for one in entrants if one.stuck < 2 and _fits(refiner, one, grids)]
        if not able:
            break
        _advance(refiner, min(able, key=lambda one: one.work), grids, own_networks)
        best = min(entrants, key=lambda one: one.score)
    return best.state


def _kinds(models: Sequence[KAN]) -> list[list[KAN]]:
    """Networks of the same widths together."""
    found: dict[str, list[KAN]] = {}
    for model in models:
        found.setdefault(str(model.widths), []).append(model)
    return list(found.values())


def _fits(refiner: Refiner, one: _Entrant, grids: Sequence[int]) -> bool:
    if one.wide:
        return refiner.work + refiner.predicted(one.state, one.state.grid) <= RACE.seconds
    return one.next < len(grids) and refiner.work + refiner.predicted(one.state, grids[one.next]) <= RACE.seconds


def _advance(refiner: Refiner, one: _Entrant, grids: Sequence[int], own_networks: bool) -> None:
    """Train an entrant at its next grid, or wider; keep what is better."""
    before = refiner.work
    if one.wide:
        broad = wider(one.state.model, refiner.seed + one.next)
        assert broad is not None
        state = refiner.trained(one.state._replace(model=broad), one.state.grid)
    else:
        state = refiner.trained(one.state, grids[one.next])
        one.next += 1
    score = refiner.error(state)
    gained = score < RACE.gain * one.score
    if score < one.score:
        one.state, one.score = state, score
    one.stuck = 0 if gained else one.stuck + 1
    one.wide = not gained and not one.wide and own_networks and len(one.state.model.layers) > 1
    one.work += refiner.work - before


def solve(  # noqa: PLR0913 (what is solved, with what, and how well)
    problem: Problem, model: KAN | None = None, *, grids: Sequence[int] | Literal["auto"] = "auto", points: int = 1000,
    boundary: int = 400, steps: int = 60, adaptive: bool = True, tolerance: float = 1e-8,
    start: Solution | Begin | None = None, options: Options | None = None,
) -> Solution:  # fmt: skip
    """Find the functions and constants for which an equation and its conditions hold.

    Minimizes  sum_terms weight * mean residual^2  over the network's coefficients and the unknown constants by
    Levenberg-Marquardt with the exact Jacobian. In one to three coordinates, on domains of any shape, the network is a
    sum of products of splines that is found on lattices, which become finer and follow the solution until two of them
    agree. Elsewhere, and for a network of your own, value, gradient and second derivatives go through the layers
    together: it starts at a coarse grid from several networks, of which the best is refined. Before each run half of
    the points move to where the equation is least obeyed, and there are more of them while fresh residuals exceed
    trained ones.

    Parameters
    ----------
    problem
        What is to hold.
    model
        The network to start from. By default one layer of splines on a line, and in two and three coordinates as few
        products of splines as the solution needs. With unknown functions, weak forms that lattices do not take, and
        more coordinates the best of sums, KAN([d, 5, unknowns]), and of sums of products (see `products`), in more than
        three products first.
    grids
        Cell counts, coarse to fine; "auto" refines, and widens its own networks, until the estimated error is below the
        tolerance or neither helps, or until the work that it may do is spent.
    points
        The number of points inside; twelve times the parameters where that is more. Lattices have their own.
    boundary
        The number of points on the boundary of each condition. Lattices have their own.
    steps
        Steps of the solver, at least twice at each grid.
    adaptive
        Whether points move.
    tolerance
        The estimated error to reach, relative to the solution in L2.
    start
        A solution of a similar problem, which lattices begin with; a network of your own goes on with its coefficients
        and constants, on grids "auto" that are not coarser than its own. Or a first guess of the unknown as a function
        of p, or a tuple for several: for equations that are not finite at 0, and to choose one of several solutions.
    options
        seed, time_limit, restarts (starts at the coarsest grid), callbacks, progress and checkpoint, as for `fit`.

    Returns
    -------
    Solution
        The unknowns as functions of the coordinates, the constants, the estimated error, and how solving ended.

    Raises
    ------
    InputError
        For a network that has not the problem's inputs and outputs, a base or splines of degree below 3, residuals of
        another shape, or points that are no numbers.

    References
    ----------
    Lagaris, Likas and Fotiadis (1998), for the ansatz; Wu et al., Computer Methods in Applied Mechanics and Engineering
    403 (2023), for moving points.

    Examples
    --------
    >>> import torch
    >>> from edgewise.pde import Problem, solve
    >>> from edgewise.pde import Box
    >>> box = Box(x=(0, 3))
    >>> wave = Problem(box, lambda u, p: u.xx + u.value, ansatz=lambda n, p: p.x + p.x**2 * n)  # u(0) = 0, u'(0) = 1
    >>> found = solve(wave, grids=[4, 8])
    >>> found.errors(lambda p: torch.sin(p.x)).largest < 1e-5
    True
    """
    own = options or Options()
    if not is_number(tolerance, 0) or not tolerance > 0:
        raise InputError(f"'tolerance' must be a number > 0. Got {tolerance!r}.")
    plain = isinstance(grids, str) and model is None
    problem = posed(problem, start if isinstance(start, Solution) else None, plain=plain)
    d, starts = len(problem.domain.names), None if isinstance(own.restarts, str) else max(1, int(own.restarts))
    near, guess = (start, None) if isinstance(start, Solution) else (None, start)
    if guess is not None and (not callable(guess) or isinstance(guess, FoundSolution)):
        raise InputError(f"'start' must be what pde.solve returned, or a function of p. Got {type(guess).__name__}.")
    if near is not None:
        if model is not None:
            raise InputError("'start' comes with its own network. Leave 'model' out.")
        models = [_checked(problem, near.model)]
    elif model is None:
        models = candidates(d, problem.unknowns, starts or RACE.starts_of_a_kind, own.seed)
        models = models[::-1] if problem.functions else models  # sums first: short sums of products are too stiff
    else:
        first = _checked(problem, model)
        models = [first, *(redrawn(first, own.seed + 1000 * k) for k in range(1, starts or RACE.starts))]
    _checked(problem, models[0])
    order = _order(grids, d, near)
    settings = identity(problem, points, boundary, steps, adaptive) if own.checkpoint is not None else ()
    monitor = Monitor(own, words=_WORDS, identity=settings)
    with monitor.running():
        kind = WeakRefiner if isinstance(problem.residual, Weak) else Refiner
        refiner = kind(problem, monitor, LM(steps=steps, tolerance=RACE.tolerance), points, boundary, adaptive, guess)
        if near is not None:
            refiner.begins |= {name: value for name, value in near.constants.items() if name in problem.numbers}
        by_itself = model is None and (near is None or continues_on_lattices(problem, near))
        if by_itself and near is not None:
            refiner.near, refiner.cells = _jets_of(problem, models[0]), _cells_of(models[0])
        regular = plain and near is None and is_regular(problem)
        first = determinacy(problem) if not regular and is_examined(problem) and is_linear(problem) else None
        if isinstance(grids, str):
            impossible = first is not None and first.outcome is Outcome.NO_SOLUTION
            answer = _automatic(refiner, models, order, tolerance, own_networks=by_itself, impossible=impossible)
        else:
            state = refiner.best_of(models, order[:1])
            for grid in order[1:]:
                if monitor.ended() is None:
                    state = refiner.trained(state, grid)
            answer = refiner.answer(state)
    return _judged(problem, refiner, answer, tolerance, first)


def _automatic(
    refiner: Refiner, models: Sequence[KAN], grids: Sequence[int], tolerance: float, *, own_networks: bool,
    impossible: bool,
) -> Answer:  # fmt: skip
    """In slabs for initial values, on lattices where that may be; by a race of networks where it may not.

    Where there is no solution, what comes near it is found on the first grids.
    """
    slabs = own_networks and refiner.near is None and not refusal(refiner.problem)
    if slabs and (is_regular(refiner.problem) or not is_linear(refiner.problem)):
        found, why = marched(refiner, tolerance)
        if found is not None:
            return found
        if why:
            return on_lattice(refiner, tolerance, 2)._replace(falls=False, advice=why)
    if own_networks and is_on_lattice(refiner.problem):
        return on_lattice(refiner, tolerance, 2 if impossible else None)
    if impossible:
        return refiner.answer(refiner.best_of(models, grids[:2]))
    return refiner.answer(race(refiner, models, grids, tolerance, own_networks=own_networks))


def _judged(
    problem: Problem, refiner: Refiner, answer: Answer, tolerance: float, known: Determinacy | None
) -> Solution:  # fmt: skip
    """The solution with its estimated error, and what that makes of the outcome."""
    monitor = refiner.monitor
    ended = monitor.ended()
    state, error, relative = answer.state, answer.error, answer.relative
    finite = math.isfinite(error) and math.isfinite(state.fresh)
    solved = answer.falls and relative <= REFINEMENT.unresolved
    jumping = unmet(refiner.problem) if solved and finite and refusal(refiner.problem) else ""
    solved = solved and not jumping
    if finite and not solved:
        error = max(error, 1.0)  # the estimate says nothing
    if known is None and not (answer.unique or answer.advice or jumping) and ended is None and finite:
        jets = _jets_of(problem, state.model)
        near = determinacy_near(problem, jets, state.constants, solved=solved) if is_examined(problem) else None
        known = near or undetermined(problem)
    if ended is not None:
        outcome = Outcome.of(ended)
    elif known is not None and known.outcome is not None:
        outcome, error = known.outcome, math.inf if known.outcome is Outcome.NO_SOLUTION else error
    elif not finite:
        outcome = Outcome.DIVERGED
    elif not solved:
        outcome = Outcome.UNRESOLVED
    elif known is not None and known.free:
        outcome = Outcome.UNDETERMINED
    elif error <= refiner.enough(state, tolerance) and answer.settled:
        outcome = Outcome.CONVERGED
    else:
        outcome = Outcome.OVERFIT if state.fresh > RACE.overfit * state.train else Outcome.GRIDS_DONE
    advice = known.advice if known is not None and known.outcome is outcome else answer.advice or jumping
    found = Solution(problem, state.model, state.constants, monitor.history, outcome, error, relative, advice=advice)
    return _with_uncertainty(found, refiner, state)


def posed(problem: Problem, near: Solution | None = None, *, plain: bool = True) -> Problem:
    """The problem as it is solved: real, at points where it is a weak form that may be, with a function on each piece.

    `plain`: without a network or grids of one's own, which weak forms are left to, and problems whose load jumps.
    Beginning with a solution a weak form is posed as that was.
    """
    real = paired(problem)
    if isinstance(real.residual, Weak):
        weakly = not plain or (near is not None and isinstance(near.problem.residual, Weak))
        return pieced((None if weakly else strong(real)) or real)
    return pieced(smooth_between(real) if plain and refusal(real) else real)


def continues_on_lattices(problem: Problem, near: Solution) -> bool:
    """Whether lattices can begin with a solution, as one of theirs or of a network of the same kind."""
    first, d = near.model.layers[0], len(problem.domain.names)
    if not is_on_lattice(problem) or first.degree != LATTICES.degree[d]:
        return False
    return len(near.model.layers) == 1 if d == 1 else bool(near.model.nodes[1].arities)


def _jets_of(problem: Problem, model: KAN) -> Known:
    """A network's outputs with the derivatives that a problem reads, at points."""

    def jets(points: Tensor) -> Jets:
        with torch.no_grad():
            return JetPass(model, points, problem.orders).outputs

    return jets


def _cells_of(model: KAN) -> list[Array]:
    """The ends of the cells of a network's first splines, of each coordinate."""
    first = model.layers[0]
    counts = [first.grid] * first.n_in if isinstance(first.grid, int) else first.grid
    degree = int(first.degree or 0)
    return [knots[degree : degree + count + 1].numpy() for knots, count in zip(first.knots, counts, strict=True)]


def _with_uncertainty(found: Solution, refiner: Refiner, state: NetworkState) -> Solution:
    """The solution with the unknown functions, and with what the noise of the measurements makes uncertain."""
    if not (state.laws or (refiner.measured and found.problem.constants)):
        return found
    known = refiner.uncertain(state)
    names = list(found.problem.numbers)
    errors = known.covariance.diagonal().clamp_min(0).sqrt().tolist()
    if refiner.measured:
        found = replace(found, noise=known.noise, standard_errors=dict(zip(names, errors, strict=False)))
    if not state.laws:
        return found
    ranges, functions = state.laws.ranges(refiner.calls(state)), {}
    for name, at in state.laws.places.items():
        own = slice(len(names) + at.start, len(names) + at.stop)
        functions[name] = FoundCoefficient(
            state.laws.models[name], state.laws.stated[name].names, *ranges[name], known.covariance[own, own],
            state.laws.smoothing[name],
        )  # fmt: skip
    return replace(found, functions=functions, weights=state.laws.weights)


def _checked(problem: Problem, model: KAN) -> KAN:
    """A copy of a network in float64; InputError for one that does not suit the problem."""
    d = len(problem.domain.names)
    if model.n_in != d or model.n_out != problem.unknowns:
        raise InputError(
            f"The network must take {d} coordinates and give {problem.unknowns} unknowns. Got {model.widths}."
        )
    if not Layout(model).size and not problem.numbers:
        raise InputError("There is nothing to train: every edge of the network is locked, and no constant is unknown.")
    for layer in model.layers:
        if layer.base is not None:
            raise InputError(
                "A network for differential equations needs spline edges without a base: KAN(..., base=None)."
            )
        most = max(map(len, problem.orders))
        if layer.degree is not None and layer.degree < max(3, most + 1):
            raise InputError(
                f"The equation has derivatives of order {most}, and those of splines of degree {layer.degree} jump or "
                f"vanish. Use a degree of {max(3, most + 1)} or more."
            )
    return clone(model).double()


def _order(grids: Sequence[int] | Literal["auto"], coordinates: int, start: Solution | None) -> list[int]:
    if isinstance(grids, str) and grids == "auto":
        every: list[int] = list(RACE.line_grids if coordinates == 1 else RACE.grids)
        if start is None:
            return every
        own = max(layer.grid for layer in start.model.layers)
        return [own, *(grid for grid in every if grid > own)]
    if not grids or not all(is_int(g, 1) for g in grids):
        known = "'auto' or a list of cell counts, each an int >= 1, like [4, 8, 16]"
        raise InputError(f"'grids' must be {known}. Got {grids!r}.")
    return [int(grid) for grid in grids]


def _solved(row: Row) -> str:
    """One row of `solve` as a line.

    >>> _solved(Row(0, 8, 120, 1.25e-3, 2e-3, 0.5, 300))
    '[  0.5 s] grid 8, 120 parameters: residual 1.25e-03, at new points 2.00e-03'
    """
    head = f"[{row.seconds:5.1f} s] grid {row.grid}, {row.parameters} parameters"
    return f"{head}: residual {row.train:.2e}, at new points {row.validation:.2e}"


def _step(cost: float, step: int, steps: int | None) -> str:
    """A step of the solver: the cost is a sum of mean squares."""
    count = f"step {step}" if steps is None else f"step {step} of at most {steps}"
    return f"{count}, residual {math.sqrt(max(cost, 0.0)):.2e}"


_WORDS = Words(_solved, lambda row: f"residual {row.validation:.2e}", _step)
