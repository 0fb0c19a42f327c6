"""How a fit runs, beyond what it fits: its options, and which solver and grids train a network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeGuard, cast, get_args

import torch

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError, unknown
from edgewise._plugins import add, offered
from edgewise._progress import Shown, check_shown
from edgewise._workers import checked_jobs
from edgewise.nn import KAN, Layout
from edgewise.train._loss import Loss
from edgewise.train._result import Row
from edgewise.train.optim import CG, LBFGS, LM, Adam, GradientSolver, LeastSquaresSolver, Needs, Solver

Callback = Callable[[Row], Any]
Auto = Literal["auto"]


@dataclass(frozen=True)
class Options:
    """Settings of `fit` that rarely need changing.

    Parameters
    ----------
    validation
        Fraction of rows held out to choose the start and the grid. "auto": a tenth from 200 rows on, a fifth from 20,
        else none.
    smoothing
        Weight of the second-difference penalty. "auto": by generalized cross-validation once parameters exceed a
        quarter of the rows.
    restarts
        Starts on the coarsest grid. "auto": up to 8, fewer if two agree; one layer needs one.
    seed
        Seed of the split, the restarts and the shuffling.
    time_limit
        Seconds after which the fit ends with its best network so far; None for no limit.
    callbacks
        A function, or several, called with each history row; one that returns True or "stop" ends training.
    progress
        Whether to show progress ("auto": on a terminal or in a notebook, once it takes two seconds), or a function of
        the stage, the fraction done (NaN if unknown) and a detail.
    test
        Fraction of rows held out only to report the error of the network that was chosen, at most 0.9 together with
        `validation`. "auto": a tenth, at least ten rows, from 50 rows on; none if `validation` is 0.
    process_group
        A group of torch.distributed whose ranks all call `fit`, each with other rows, and all get the same result.
    checkpoint
        A file that is written after each step; the same fit goes on from it after its process was killed.
    n_jobs
        How many starts are trained at the same time, in threads unless `joblib.parallel_config` says otherwise (-1: one
        for each core); one after the other with a process group or a checkpoint.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> from edgewise import Options
    >>> Options(restarts=1, seed=3).validation
    'auto'
    """

    validation: float | Auto = "auto"
    smoothing: float | Auto = "auto"
    restarts: int | Auto = "auto"
    seed: int = 0
    time_limit: float | None = None
    callbacks: Callback | Sequence[Callback] | None = None
    progress: Shown = "auto"
    test: float | Auto = "auto"
    process_group: Any = None
    checkpoint: str | Path | None = None
    n_jobs: int | None = None

    def __post_init__(self) -> None:
        for name, high in (("validation", 0.9), ("test", 0.5), ("smoothing", 1e12)):
            value = getattr(self, name)
            if not _is_auto(value) and not is_number(value, 0, high):
                raise InputError(f"'{name}' must be a number from 0 to {high:g}, or 'auto'. Got {value!r}.")
        held_out = sum(part for part in (self.validation, self.test) if not isinstance(part, str))
        if held_out > 0.9:
            raise InputError(f"'validation + test' must be a number from 0 to 0.9. Got {held_out}.")
        if not _is_auto(self.restarts) and not is_int(self.restarts, 1, 10_000):
            raise InputError(f"'restarts' must be an int from 1 to 10000, or 'auto'. Got {self.restarts!r}.")
        if not is_int(self.seed, 1 - 2**62, 2**62 - 1):
            raise InputError(f"'seed' must be an int between -2^62 and 2^62. Got {self.seed!r}.")
        for name in ("restarts", "seed"):
            if not _is_auto(value := getattr(self, name)):
                object.__setattr__(self, name, int(value))
        if not all(callable(callback) for callback in self.callback_list()):
            raise InputError(
                f"'callbacks' must be a function of a history row, or a list of them. Got {self.callbacks!r}."
            )
        check_shown(self.progress)
        object.__setattr__(self, "n_jobs", checked_jobs(self.n_jobs))
        check_group(self.process_group)
        if not isinstance(self.checkpoint, str | Path | None):
            raise InputError(f"'checkpoint' must be the name of a file. Got {self.checkpoint!r}.")
        limit = self.time_limit
        if limit is not None and not is_number(limit, 1e-9):
            raise InputError(f"'time_limit' must be a finite number of seconds > 0, or None for any. Got {limit!r}.")

    def settings(self) -> tuple[object, ...]:
        """Return the settings that all ranks of a fit must share."""
        return self.validation, self.smoothing, self.restarts, self.seed, self.test, self.checkpoint is None

    def callback_list(self) -> list[Callback]:
        """Return the callbacks as a list, empty if there are none."""
        if self.callbacks is None:
            return []
        return list(self.callbacks) if isinstance(self.callbacks, Sequence) else [self.callbacks]

    def validation_rows(self, rows: int, classes: bool = False) -> int:
        """Return the number of rows held out to choose the start and the grid.

        Parameters
        ----------
        rows
            Number of all rows.
        classes
            Whether the targets are classes, of which "auto" holds a tenth out from 2,000 rows on instead of 200.
        """
        if isinstance(self.validation, str):
            fraction = 0.1 if rows >= (2000 if classes else 200) else 0.2 if rows >= 20 else 0.0
        else:
            fraction = self.validation
        return round(fraction * rows)

    def test_rows(self, rows: int, validation: int) -> int:
        """Return the number of rows held out only to report the error, in addition to the validation rows.

        Parameters
        ----------
        rows
            Number of all rows.
        validation
            Number of validation rows.
        """
        if not isinstance(self.test, str):
            return round(self.test * rows)
        count = max(10, round(0.1 * rows))
        return count if rows >= 50 and self.validation != 0 and validation + count <= 0.9 * rows else 0


def check_group(group: Any) -> None:
    """Raise InputError for what is no process group that this process is a rank of."""
    if group is None:
        return
    distributed = torch.distributed
    if not distributed.is_available() or not isinstance(group, distributed.ProcessGroup):
        raise InputError(
            "'process_group' must be a group of torch.distributed, as torch.distributed.group.WORLD is after "
            f"init_process_group. Got {group!r:.60}."
        )


def _is_auto(value: object) -> bool:
    return isinstance(value, str) and value == "auto"


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
    if isinstance(solver, str) and solver not in SOLVERS:
        _add_offered(solver)
    found = SOLVERS[solver](False) if isinstance(solver, str) and solver in SOLVERS else solver
    if not _is_solver(found):
        own = "an object with the members of edgewise.optim.LeastSquaresSolver or GradientSolver, like LM()"
        raise unknown("solver", solver, ["auto", *get_args(SolverName), *offered("solvers"), own])
    if stream and not found.needs.second_order:
        remedy = "For streams and process groups use solver 'lm', 'cg' or 'auto'."
        raise InputError(f"First-order solvers take rows in memory. {remedy}")


def _add_offered(name: str) -> None:
    """Add the solver of this name that an installed distribution offers, if one does."""

    def register(solver: Any) -> None:
        if not _is_solver(solver):
            raise InputError("it is no object with the members of LeastSquaresSolver or GradientSolver")
        SOLVERS[cast(SolverName, name)] = lambda classes: solver

    add("solvers", SOLVERS, register, name)


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
        matrix_free = "cg" if rows <= 20_000 or stream else "adam"  # which works on minibatches
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
