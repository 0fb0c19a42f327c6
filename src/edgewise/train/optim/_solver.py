"""What a solver is, and what it minimizes: least squares, or a mean over rows that it sees in minibatches."""

import enum
import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError

CHECKS = 200  # in one run, at most


class BatchProblem(Protocol):
    """What a first-order solver minimizes: the mean of a loss over rows, plus a penalty that does not depend on them.

    Weight decay acts on `parameters` but not on `constants`. A minibatch is whatever `loss` takes; its length is its
    number of rows.
    """

    @property
    def parameters(self) -> Sequence[Tensor]: ...

    @property
    def constants(self) -> Sequence[Tensor]: ...

    def __len__(self) -> int:
        """Return the number of rows in an epoch."""
        ...

    def batches(self, size: int | None) -> Iterable[Any]:
        """Return the rows of one epoch: shuffled, in minibatches; for None in order, in chunks that fit in memory."""
        ...

    def count(self, size: int) -> int:
        """Return the number of minibatches in an epoch."""
        ...

    def loss(self, batch: Any) -> Tensor:
        """Return the sum of the losses of a minibatch's rows."""
        ...

    def penalty(self) -> Tensor | None: ...

    def validation_error(self) -> float:
        """Return the error on rows that are never trained on, NaN if there are none."""
        ...


class Step(NamedTuple):
    """Where a run is after a step; `errors` (mean loss, validation error) are given at checks only.

    `done` is the fraction of the run that is over; `number` of `total` counts epochs, or what `unit` says.
    """

    done: float
    number: int
    total: int
    unit: str = "epoch"
    errors: tuple[float, float] | None = None


StepCallback = Callable[[Step], bool]


class StopReason(enum.Enum):
    """Why a run of a first-order solver ended."""

    STEPS_DONE = enum.auto()
    EARLY_STOP = enum.auto()
    STOPPED = enum.auto()
    DIVERGED = enum.auto()


class BestParameters:
    """The parameters of the smallest validation error; without validation rows, the last with a finite loss."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = [p.detach() for p in parameters]
        self.kept = [p.clone() for p in self.parameters]
        self.epoch, self.error = 0, math.inf

    def update(self, epoch: int, train: float, validation: float) -> None:
        unknown = math.isnan(validation)
        error = train if unknown else validation
        better = error < self.error
        if better:
            self.epoch, self.error = epoch, error
        if better or (unknown and math.isfinite(train)):
            for kept, now in zip(self.kept, self.parameters, strict=True):
                kept.copy_(now)

    def restore(self) -> None:
        for kept, now in zip(self.kept, self.parameters, strict=True):
            now.copy_(kept)


VectorCallback = Callable[[Tensor, float], bool]


class Needs(enum.Enum):
    """What a solver needs of a problem; `fit` chooses the grids, the starts and the trainer by it."""

    MATRIX = "the Gauss-Newton matrix: problem.normal_equations(vector)"
    PRODUCTS = "products with the Gauss-Newton matrix: problem.operator(vector)"
    ROWS = "gradients over all rows at once: problem.batches(None)"
    BATCHES = "gradients over minibatches: problem.batches(size)"

    @property
    def second_order(self) -> bool:
        """True if the solver moves a flat vector by curvature, False if it moves parameters by gradients."""
        return self in (Needs.MATRIX, Needs.PRODUCTS)


@runtime_checkable
class LeastSquaresSolver(Protocol):
    """A second-order solver: `LM`, `CG`, or your own class with these members, for `fit(solver=...)`.

    `fit` runs it once for each start, grid and penalty. Inherit from this class to take over `rough` as it is here.

    >>> import edgewise as ew
    >>> class GaussNewton(ew.optim.LeastSquaresSolver):
    ...     needs = ew.optim.Needs.MATRIX
    ...     def minimize(self, problem, start, callback=None):
    ...         here = problem.normal_equations(start)
    ...         hessian = here.hessian.tril() + here.hessian.tril(-1).T
    ...         vector = start - torch.linalg.lstsq(hessian, here.gradient[:, None]).solution[:, 0]
    ...         return vector, problem.cost(vector)
    >>> x = torch.linspace(-1, 1, 50, dtype=torch.float64)
    >>> ew.fit(ew.KAN([1, 1]), x, x.sin(), solver=GaussNewton(), grids=[3]).train_error < 1e-3
    True
    """

    needs: ClassVar[Needs]

    @abstractmethod
    def minimize(self, problem: Any, start: Tensor, callback: VectorCallback | None = None) -> tuple[Tensor, float]:
        """Return the best vector (P,) and its cost.

        `problem` is a `LeastSquaresProblem` or a `MatrixFreeProblem`, by what the solver needs. Call `callback` with
        vector and cost after each step, and end the run when it returns True. `start` must not be changed.
        """
        ...

    def rough(self, tolerance: float, *, damping: float | None = None, products: int | None = None) -> Self:
        """Return the solver for a short run.

        It ends at relative gains below `tolerance` or its own, whichever is larger; it starts from `damping` and takes
        at most that number of matrix products in a step, if it has such settings.
        """
        return self


@runtime_checkable
class GradientSolver(Protocol):
    """A first-order solver: `Adam`, `LBFGS`, or your own class with these members, for `fit(solver=...)`.

    `fit` runs it once for each grid. Inherit from this class to take over `dtype` as it is here.
    """

    needs: ClassVar[Needs]

    @abstractmethod
    def minimize(self, problem: BatchProblem, callback: StepCallback = lambda step: False) -> StopReason:
        """Change the problem's parameters to the best ones found, and return why the run ended.

        Call `callback` after each step, and end the run when it returns True.
        """
        ...

    def dtype(self, own: torch.dtype) -> torch.dtype:
        """Return the dtype of the parameters that the solver works on, for a network whose own dtype is `own`."""
        return torch.float64


Solver = LeastSquaresSolver | GradientSolver
"""What `fit` takes as a solver: one for least squares, or one for gradients."""


def check_count(name: str, value: Any, *, optional: bool = False) -> None:
    """Require an int of at least one, or None where `optional`."""
    if not (optional and value is None) and not is_int(value, 1, 10**9):
        raise InputError(f"'{name}' must be an int >= 1 and <= 10^9{', or None' * optional}. Got {value!r}.")


def check_number(name: str, value: Any, low: float = 0.0, high: float = math.inf, *, above: bool = False) -> None:
    """Require a finite number from `low` (`above` it) to `high`."""
    if not is_number(value, low, high) or (above and value == low):
        limit = f" and <= {high:g}" if high < math.inf else ""
        raise InputError(f"'{name}' must be a number {'>' if above else '>='} {low:g}{limit}. Got {value!r}.")
