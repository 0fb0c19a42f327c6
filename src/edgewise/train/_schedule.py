"""Which grids are trained, coarse to fine, and which solver trains them."""

from __future__ import annotations

from collections.abc import Sequence

from edgewise._errors import InputError, unknown
from edgewise.bases import Basis
from edgewise.nn import KAN, KANLayer, Layout
from edgewise.optim import CG, LBFGS, LM, Adam

Solver = LM | CG | LBFGS | Adam

#: parameters up to which a step factors a matrix: on targets, where it takes many digits, and on classes
MOST_PARAMETERS, MOST_FOR_CLASSES = 5000, 500
_AUTO_GRIDS = (3, 5, 10, 20, 50, 100, 200, 400, 800)
_MANY_ROWS = 20_000  # beyond, a first-order solver works on minibatches


def grid_of(model: KAN) -> int:
    """Cells of the finest layer: locked splines keep theirs coarser where a grid is no multiple of their own."""
    return max(layer.grid for layer in model.layers if isinstance(layer, KANLayer))


def spline_edges(model: KAN) -> int:
    """How many edges are splines that training may change."""
    return sum(int(layer.free_splines().sum()) for layer in model.layers)  # type: ignore[operator]


def check_solver(solver: str | Solver, stream: bool) -> None:
    """Raise InputError for what is no solver, and for one that a stream does not serve."""
    names = ["auto", "lm", "cg", "lbfgs", "adam"]
    if not isinstance(solver, LM | CG | LBFGS | Adam) and not (isinstance(solver, str) and solver in names):
        raise unknown("solver", solver, [*names, "an edgewise.optim object"])
    if stream and (isinstance(solver, LBFGS | Adam) or solver in ("lbfgs", "adam")):
        raise InputError("L-BFGS and Adam take rows in memory. For streams use solver 'lm', 'cg' or 'auto'.")


def choose_solver(
    solver: str | Solver, model: KAN, rows: int, *, classes: bool, stream: bool
) -> tuple[Solver, list[str]]:
    """The solver and, where it was chosen by size, a line that says which and why."""
    if isinstance(solver, LM | CG | LBFGS | Adam):
        return solver, []
    notes = []
    if solver == "auto":
        size = Layout(model).size
        most = MOST_FOR_CLASSES if classes else MOST_PARAMETERS
        matrix_free = "cg" if rows <= _MANY_ROWS or stream else "adam"
        solver = "lm" if size <= most else matrix_free
        notes.append(f"Solver {solver}: {size} parameters, {rows} rows; a matrix is factored up to {most} parameters.")
    return {"lm": LM(), "cg": CG(inner=40) if classes else CG(), "lbfgs": LBFGS(), "adam": Adam()}[solver], notes


def check_grids(grids: str | Sequence[int] | None) -> None:
    """Raise InputError for what is neither "auto" nor None nor a list of cell counts."""
    if grids is None or (isinstance(grids, str) and grids == "auto"):
        return
    if isinstance(grids, str):
        raise InputError(f"'grids' must be 'auto', a list of cell counts or None. Got {grids!r}.")
    sound = isinstance(grids, Sequence) and len(grids) > 0
    if not sound or any(isinstance(g, bool) or not isinstance(g, int) or g < 1 for g in grids):
        raise InputError(f"'grids' must list cell counts, each an int >= 1, like [3, 6, 12]. Got {grids!r}.")


def choose_grids(
    grids: str | Sequence[int] | None, model: KAN, rows: int, *, coarse: bool, grow: bool, trained: bool
) -> Sequence[int | None]:
    """The cell counts to train one after another; [None] where the network has no spline.

    "auto" stays at the network's own (at most 5) where `coarse`, at its own unless `grow`, and else starts at 5, or
    at 3 where 5 would leave fewer than two rows for a parameter, or where the network has more than two layers: the
    coarser grid leads to a good basin more often. A network that is `trained` goes on from its own.
    """
    own = grid_of(model)
    if grids is not None and not isinstance(grids, str):
        return list(grids)
    if spline_edges(model) == 0:
        return [None]
    if grids is None or not (grow or coarse):
        return [own]
    if coarse:
        return [min(own, 5)]
    basis = model.layers[0].basis
    assert isinstance(basis, Basis)
    if trained:
        return [own, *(grid for grid in _AUTO_GRIDS if own < grid <= basis.max_grid)]
    roomy = spline_edges(model) * basis.count(5) < 0.5 * rows * model.n_out and len(model.layers) <= 2
    return [grid for grid in _AUTO_GRIDS[roomy:] if grid <= basis.max_grid]


def too_fine(model: KAN, grid: int | None, rows: int, solver: Solver) -> bool:
    """Whether a grid takes more parameters than 0.7 of the rows, or than a step that factors a matrix serves."""
    own = grid_of(model)
    size = Layout(model).size * (grid or own) / own
    return size > 0.7 * rows * model.n_out or (isinstance(solver, LM) and size > MOST_PARAMETERS)
