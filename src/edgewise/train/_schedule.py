"""Which grids are trained, coarse to fine, and which solver trains them."""

from __future__ import annotations

from collections.abc import Sequence

from edgewise._errors import InputError, unknown
from edgewise.bases import Basis
from edgewise.nn import KAN, KANLayer, Layout
from edgewise.optim import LBFGS, LM, Adam

Solver = LM | LBFGS | Adam

#: parameters up to which a second-order step is taken
MOST_PARAMETERS = 5000
_AUTO_GRIDS = (3, 5, 10, 20, 50, 100, 200, 400, 800)
_MANY_ROWS = 20_000  # beyond, a first-order solver works on minibatches


def grid_of(model: KAN) -> int:
    """Cells of the first layer."""
    layer = model.layers[0]
    assert isinstance(layer, KANLayer)
    return layer.grid


def spline_edges(model: KAN) -> int:
    """How many active edges are splines."""
    return sum(int(layer.spline_mask().sum()) for layer in model.layers)  # type: ignore[operator]


def choose_solver(solver: str | Solver, model: KAN, rows: int) -> tuple[Solver, list[str]]:
    """The solver and, where it was chosen by size, a line that says which and why."""
    if isinstance(solver, LM | LBFGS | Adam):
        return solver, []
    if solver not in ("auto", "lm", "lbfgs", "adam"):
        raise unknown("solver", solver, ["auto", "lm", "lbfgs", "adam", "an edgewise.optim object"])
    notes = []
    if solver == "auto":
        size = Layout(model).size
        solver = "lm" if size <= MOST_PARAMETERS else "lbfgs" if rows <= _MANY_ROWS else "adam"
        notes.append(
            f"Solver {solver}: {size} parameters, {rows} rows; second order serves up to {MOST_PARAMETERS} parameters."
        )
    return {"lm": LM(), "lbfgs": LBFGS(), "adam": Adam()}[solver], notes


def choose_grids(
    grids: str | Sequence[int] | None, model: KAN, rows: int, *, coarse: bool, grow: bool
) -> Sequence[int | None]:
    """The cell counts to train one after another; [None] where the network has no spline.

    "auto" stays at the network's own (at most 5) where `coarse`, at its own unless `grow`, and else starts at 5, or
    at 3 where 5 would leave fewer than two rows for a parameter, or where the network has more than two layers: the
    coarser grid leads to a good basin more often.
    """
    own = grid_of(model)
    if isinstance(grids, str) and grids != "auto":
        raise InputError(f"'grids' must be 'auto', a list of cell counts or None. Got {grids!r}.")
    if grids is not None and not isinstance(grids, str):
        return _checked(grids)
    if spline_edges(model) == 0:
        return [None]
    if grids is None or not (grow or coarse):
        return [own]
    if coarse:
        return [min(own, 5)]
    kind = model.layers[0].kind
    assert isinstance(kind, Basis)
    roomy = spline_edges(model) * kind.count(5) < 0.5 * rows * model.n_out and len(model.layers) <= 2
    return [grid for grid in _AUTO_GRIDS[roomy:] if grid <= kind.finest]


def _checked(grids: Sequence[int]) -> Sequence[int]:
    sound = isinstance(grids, Sequence) and len(grids) > 0
    if not sound or any(isinstance(g, bool) or not isinstance(g, int) or g < 1 for g in grids):
        raise InputError(f"'grids' must list cell counts, each an int >= 1, like [3, 6, 12]. Got {grids!r}.")
    return list(grids)


def too_fine(model: KAN, grid: int | None, rows: int) -> bool:
    """Whether a grid takes more parameters than 0.7 of the rows, or than a second-order step serves."""
    own = grid_of(model)
    size = Layout(model).size * (grid or own) / own
    return size > 0.7 * rows * model.n_out or size > MOST_PARAMETERS
