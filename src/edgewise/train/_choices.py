"""Which solver trains a network, and on which grids."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeGuard, get_args

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise.nn import KAN, Layout
from edgewise.train._loss import Loss
from edgewise.train.optim import CG, LBFGS, LM, Adam, GradientSolver, LeastSquaresSolver, Needs, Solver

SolverName = Literal["lm", "cg", "lbfgs", "adam"]
"""Names of the solvers that come with edgewise."""
SolverChoice = SolverName | Literal["auto"] | Solver
Grids = Literal["auto"] | Sequence[int] | None

SOLVERS: dict[SolverName, Callable[[bool], Solver]] = {
    "lm": lambda classes: LM(),
    "cg": lambda classes: CG(inner=40) if classes else CG(),
    "lbfgs": lambda classes: LBFGS(),
    "adam": lambda classes: Adam(),
}
"""Solvers by name; the argument says whether the targets are classes."""
#: parameters up to which a step factors a matrix: on numbers, where many digits are needed, and on classes
MAX_PARAMETERS, MAX_PARAMETERS_FOR_CLASSES = 5000, 500
_AUTO_GRIDS = (3, 5, 10, 20, 50, 100, 200, 400, 800)
_MANY_ROWS = 20_000  # above, a first-order solver works on minibatches


def grid_of(model: KAN) -> int:
    """Return the cells of the finest layer: locked splines keep theirs coarser if a grid is no multiple of them."""
    return max(layer.grid for layer in model.layers)


def own_grids(model: KAN) -> Any:
    """Return the grid of a network as `adapt_grid` takes it: a number, or one for each layer where they differ."""
    grids = [layer.grid for layer in model.layers]
    return grids[0] if len(set(grids)) == 1 else grids


def spline_edges(model: KAN) -> int:
    """Return the number of edges that are splines and not locked."""
    return sum(int(layer.free_splines().sum()) for layer in model.layers)


def check_solver(solver: SolverChoice, stream: bool) -> None:
    """Raise InputError for an unknown solver, and for one that needs rows in memory if they are a stream."""
    if isinstance(solver, str) and solver == "auto":
        return
    found = SOLVERS[solver](False) if isinstance(solver, str) and solver in SOLVERS else solver
    if not _is_solver(found):
        own = "an object with the members of edgewise.optim.LeastSquaresSolver or GradientSolver, like LM()"
        raise unknown("solver", solver, ["auto", *get_args(SolverName), own])
    if stream and not found.needs.second_order:
        remedy = "For streams and process groups use solver 'lm', 'cg' or 'auto'."
        raise InputError(f"First-order solvers take rows in memory. {remedy}")


def _is_solver(solver: Any) -> TypeGuard[Solver]:
    needs = getattr(solver, "needs", None)
    if isinstance(solver, type) or not isinstance(needs, Needs):
        return False
    return isinstance(solver, LeastSquaresSolver if needs.second_order else GradientSolver)


def choose_solver(solver: SolverChoice, model: KAN, rows: int, *, loss: Loss, stream: bool) -> tuple[Solver, list[str]]:
    """Return the solver and, if it was chosen by size, a note that says which and why."""
    if not isinstance(solver, str):
        return solver, []
    notes = []
    if solver == "auto":
        size = Layout(model).size
        limit = MAX_PARAMETERS_FOR_CLASSES if loss.classes else MAX_PARAMETERS
        matrix_free = "cg" if rows <= _MANY_ROWS or stream else "adam"
        solver = "lm" if size <= limit else matrix_free
        notes.append(f"Solver {solver}: {size} parameters, {rows} rows; a matrix is factored up to {limit} parameters.")
    return SOLVERS[solver](loss.classes), notes


def check_grids(grids: Grids) -> None:
    """Raise InputError for what is neither "auto" nor None nor a list of cell counts."""
    if grids is None or (isinstance(grids, str) and grids == "auto"):
        return
    if not isinstance(grids, Sequence) or not grids or not all(is_int(g, 1) for g in grids):
        known = "'auto', None or a list of cell counts, each an int >= 1, like [3, 6, 12]"
        raise InputError(f"'grids' must be {known}. Got {grids!r}.")


def choose_grids(grids: Grids, model: KAN, rows: int, *, coarse: bool, grow: bool, trained: bool) -> Sequence[Any]:
    """Return the grids to train one after another, numbers of cells or the network's own; [None] without a spline.

    "auto" keeps the network's own grid (at most 5 cells) if `coarse`, its own unless `grow`, and otherwise starts at
    5 cells. It starts at 3 if 5 would leave fewer than two rows for a parameter, or if the network has more than two
    layers: the coarser grid leads to a good basin more often. A network that is `trained` continues from its own grid.
    """
    own = grid_of(model)
    if grids is not None and not isinstance(grids, str):
        return [int(grid) for grid in grids]
    if spline_edges(model) == 0:
        return [None]
    if grids is None or not (grow or coarse):
        return [own_grids(model)]
    if coarse:
        return [min(own, 5)]
    basis = model.layers[0].basis
    if trained:
        return [own, *(grid for grid in _AUTO_GRIDS if own < grid <= basis.max_grid)]
    roomy = spline_edges(model) * basis.count(5) < 0.5 * rows * model.n_out and len(model.layers) <= 2
    return [grid for grid in _AUTO_GRIDS[roomy:] if grid <= basis.max_grid]


def too_fine(model: KAN, grid: int | None, rows: int, solver: Solver) -> bool:
    """Return True if a grid has more parameters than 0.7 of the rows, or than a solver with a matrix can serve."""
    own = grid_of(model)
    size = Layout(model).size * (grid or own) / own
    return size > 0.7 * rows * model.n_out or (solver.needs is Needs.MATRIX and size > MAX_PARAMETERS)
