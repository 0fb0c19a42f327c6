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
        """Return the rows of one epoch.

        Parameters
        ----------
        size
            Rows of a minibatch, shuffled; None for rows in order, in chunks that fit in memory.
        """
        ...

    def count(self, size: int) -> int:
        """Return the number of minibatches in an epoch.

        Parameters
        ----------
        size
            Rows of a minibatch.
        """
        ...

    def loss(self, batch: Any) -> Tensor:
        """Return the sum of the losses of a minibatch's rows.

        Parameters
        ----------
        batch
            One of those that `batches` returns.
        """
        ...

    def penalty(self) -> Tensor | None:
        """Return what is added to the mean loss, differentiable in the parameters; None for nothing."""
        ...

    def validation_error(self) -> float:
        """Return the error on rows that are never trained on, NaN if there are none."""
        ...


class Step(NamedTuple):
    """Where a run is after a step.

    Parameters
    ----------
    done
        The fraction of the run that is over.
    number
        Epochs so far, or what `unit` says.
    total
        Epochs of the whole run, or what `unit` says.
    unit
        What is counted.
    errors
        Mean loss and validation error; given at checks only.
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

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
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
        """Return the best vector (p,) and its cost.

        Parameters
        ----------
        problem
            A `LeastSquaresProblem` or a `MatrixFreeProblem`, by what the solver needs.
        start : (p,)
            The vector to start from; it must not be changed.
        callback
            To be called with vector and cost after each step; the run ends when it returns True.
        """
        ...

    def rough(self, tolerance: float, *, damping: float | None = None, products: int | None = None) -> Self:
        """Return the solver for a short run; settings that it does not have are ignored.

        Parameters
        ----------
        tolerance
            Relative gain below which the run ends, if it is larger than the solver's own.
        damping
            The damping to start from; None for the solver's own.
        products
            Matrix products in a step, at most; None for the solver's own.
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

        Parameters
        ----------
        problem
            The rows, the loss and the parameters.
        callback
            To be called after each step; the run ends when it returns True.
        """
        ...

    def dtype(self, own: torch.dtype) -> torch.dtype:
        """Return the dtype of the parameters that the solver works on.

        Parameters
        ----------
        own
            The network's own dtype.
        """
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
