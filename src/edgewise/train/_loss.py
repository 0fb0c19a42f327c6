"""What a fit minimizes over its rows: each loss with the gradient and the curvature that Gauss-Newton needs."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol, Self, get_args, runtime_checkable

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise._robust import HUBER, NORMAL
from edgewise.train._data import Rows, Table

Curvature = Callable[[Tensor], Tensor]  # (n, m, k) -> (n, m, k)


@runtime_checkable
class Loss(Protocol):
    """A loss of each row: `Squared`, `Huber`, ..., or your own class with these members, for `fit(loss=...)`.

    Inherit from this class, and `name`, `value` and `curvature` are all that you have to write. In `fit`, outputs and
    targets are in units of a power of two near the target's standard deviation; class numbers stay as they are.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> class LogCosh(ew.train.Loss):
    ...     name = "log_cosh"
    ...     def value(self, outputs, y):
    ...         return (outputs - y).cosh().log().mean(1)
    ...     def curvature(self, outputs, y):
    ...         second = 1 / (outputs - y).cosh().square().unsqueeze(-1) / outputs.shape[1]
    ...         return lambda vectors: second * vectors
    >>> x = torch.linspace(-1, 1, 100, dtype=torch.float64)
    >>> ew.fit(ew.KAN([1, 1]), x, x.exp(), loss=LogCosh(), grids=[5]).train_error < 1e-3
    True
    """

    name: str
    #: whether targets are class numbers: trained along a path of penalties, reported with accuracies
    classes: bool = False
    #: the fraction of the best constant's error above which a network has learned next to nothing
    baseline_fraction: float = 0.7

    @abstractmethod
    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the loss of each row, (n,).

        Parameters
        ----------
        outputs : (n, m)
            The network's outputs.
        y : (n, m)
            The targets; for classes (n, 1), the class numbers.
        """
        ...

    def gradient(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the gradient of each row's loss with respect to its outputs, (n, m).

        Parameters
        ----------
        outputs : (n, m)
            The network's outputs.
        y : (n, m)
            The targets; for classes (n, 1), the class numbers.
        """
        with torch.enable_grad():
            outputs = outputs.detach().requires_grad_()
            return torch.autograd.grad(self.value(outputs, y).sum(), outputs)[0]

    @abstractmethod
    def curvature(self, outputs: Tensor, y: Tensor) -> Curvature:
        """Return a function that multiplies vectors (n, m, k) by each row's Hessian, (m, m).

        Any positive semidefinite matrix in its place serves; one that bounds the loss from above converges surely.

        Parameters
        ----------
        outputs : (n, m)
            The network's outputs.
        y : (n, m)
            The targets; for classes (n, 1), the class numbers.
        """
        ...

    def constant(self, y: Tensor, weights: Tensor, outputs: int) -> Tensor:
        """Return about the best constant outputs, (m,).

        Parameters
        ----------
        y : (n, m)
            The targets; for classes (n, 1), the class numbers.
        weights : (n,)
            Weights of the rows, not negative.
        outputs
            Number of outputs, m.
        """
        return weights @ y / weights.sum()

    def error(self, mean: float) -> float:
        """Return the error that is reported for a mean loss, in the units of the targets.

        Parameters
        ----------
        mean
            The weighted mean of the rows' losses.
        """
        return mean**0.5

    def scaled(self, factor: float) -> Self:
        """Return the same loss for residuals in another unit.

        Parameters
        ----------
        factor
            How many times as large the residuals are in the new unit.
        """
        return self

    def tuned(self, outputs: Tensor, y: Tensor) -> Self:
        """Return the loss with parameters estimated from these residuals.

        Parameters
        ----------
        outputs : (n, m)
            The network's outputs.
        y : (n, m)
            The targets; for classes (n, 1), the class numbers.
        """
        return self


@dataclass(frozen=True)
class Squared(Loss):
    """mean_o r_o^2 with r = f - y.

    Examples
    --------
    >>> import torch
    >>> from edgewise.train import Squared
    >>> Squared().value(torch.tensor([[3.0, 0.0]]), torch.tensor([[1.0, 0.0]])).tolist()
    [2.0]
    """

    name = "squared"

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (outputs - y).square().mean(1)

    def gradient(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (outputs - y) / (outputs.shape[1] / 2)

    def curvature(self, outputs: Tensor, y: Tensor) -> Curvature:
        return lambda vectors: vectors / (outputs.shape[1] / 2)


@dataclass(frozen=True)
class _Robust(Loss):
    """mean_o rho(r_o) that grows more slowly than r^2 beyond the width d.

    Second order by iterative reweighting: gradient 2 w r and curvature 2 w with w = rho'(r) / (2 r), which is positive
    and bounds rho from above by a parabola. `width` is in the target's units; None estimates it as `tuning` standard
    deviations of the residuals, from the median of |r|, before each run of the solver.
    """

    width: float | None = None
    tuning: ClassVar[float]

    def __post_init__(self) -> None:
        smallest, largest = 1e-150, 1e150  # whose squares are doubles
        if self.width is not None and not is_number(self.width, smallest, largest):
            raise InputError(
                f"'width' must be a number in the target's units, from {smallest:g} to {largest:g}, or None. "
                f"Got {self.width!r}."
            )

    @abstractmethod
    def weight(self, r: Tensor) -> Tensor:
        """Return w(r) of iterative reweighting, of the shape of the residuals.

        Parameters
        ----------
        r
            Residuals, of any shape.
        """
        ...

    @abstractmethod
    def rho(self, r: Tensor) -> Tensor:
        """Return rho(r), of the shape of the residuals.

        Parameters
        ----------
        r
            Residuals, of any shape.
        """
        ...

    @property
    def d(self) -> float:
        assert self.width is not None, "a robust loss is tuned before it is used"
        return self.width

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        return self.rho(outputs - y).mean(1)

    def gradient(self, outputs: Tensor, y: Tensor) -> Tensor:
        r = outputs - y
        return self.weight(r) * r / (outputs.shape[1] / 2)

    def curvature(self, outputs: Tensor, y: Tensor) -> Curvature:
        weight = (self.weight(outputs - y) / (outputs.shape[1] / 2)).unsqueeze(-1)
        return lambda vectors: vectors * weight

    def constant(self, y: Tensor, weights: Tensor, outputs: int) -> Tensor:
        return y.median(0).values

    def scaled(self, factor: float) -> Self:
        return self if self.width is None else replace(self, width=self.width * factor)

    def tuned(self, outputs: Tensor, y: Tensor) -> Self:
        if self.width is not None:
            return self
        deviation = NORMAL * float((outputs - y).abs().median())
        return replace(self, width=max(self.tuning * deviation, 1e-10))


@dataclass(frozen=True)
class Huber(_Robust):
    """A parabola near zero, straight lines beyond: rho(r) = r^2 for |r| <= d, 2 d |r| - d^2 beyond.

    Second order by iterative reweighting with w = min(1, d / |r|).

    Parameters
    ----------
    width
        d in the target's units; None takes 1.345 standard deviations of the residuals, estimated from the median of |r|
        before each run of the solver.

    References
    ----------
    Huber, Ann. Math. Statist. 35 (1964).

    Examples
    --------
    >>> import torch
    >>> from edgewise.train import Huber
    >>> Huber(0.5).rho(torch.tensor([0.25, 1.0])).tolist()
    [0.0625, 0.75]
    """

    name = "huber"
    tuning = HUBER

    def weight(self, r: Tensor) -> Tensor:
        return (self.d / r.abs().clamp_min(1e-300)).clamp_max(1.0)

    def rho(self, r: Tensor) -> Tensor:
        size = r.abs()
        return torch.where(size <= self.d, size.square(), self.d * (2 * size - self.d))


@dataclass(frozen=True)
class Cauchy(_Robust):
    """Outliers have almost no influence: rho(r) = d^2 log(1 + r^2 / d^2).

    Second order by iterative reweighting with w = 1 / (1 + r^2 / d^2).

    Parameters
    ----------
    width
        d in the target's units; None takes 2.385 standard deviations of the residuals, estimated from the median of |r|
        before each run of the solver.

    References
    ----------
    Holland and Welsch, Commun. Statist. A6 (1977).

    Examples
    --------
    >>> import torch
    >>> from edgewise.train import Cauchy
    >>> round(Cauchy(1.0).rho(torch.tensor([1.0])).item(), 4)
    0.6931
    """

    name = "cauchy"
    tuning = 2.385

    def weight(self, r: Tensor) -> Tensor:
        return 1 / (1 + (r / self.d).square())

    def rho(self, r: Tensor) -> Tensor:
        return self.d**2 * torch.log1p((r / self.d).square())


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """-log of the probability that the network gives to a row's class, in nats.

    With m >= 2 outputs f, p = softmax(f), and y (n, 1) holds class numbers 0 to m - 1; with one output, p = sigmoid(f)
    is the probability of class 1. Gradient p - onehot(y), curvature diag(p) - p p': generalized Gauss-Newton.

    References
    ----------
    Schraudolph, Neural Computation 14 (2002).

    Examples
    --------
    >>> import torch
    >>> from edgewise.train import CrossEntropy
    >>> round(CrossEntropy().value(torch.zeros(1, 4), torch.zeros(1, 1)).item(), 4)      # log 4
    1.3863
    """

    name = "cross_entropy"
    classes = True
    baseline_fraction = 0.9

    @staticmethod
    def probabilities(outputs: Tensor) -> Tensor:
        """Return the probability of each class, (n, m), or (n, 2) for one output.

        Parameters
        ----------
        outputs : (n, m)
            The network's outputs.

        Examples
        --------
        >>> import torch
        >>> from edgewise.train import CrossEntropy
        >>> CrossEntropy.probabilities(torch.zeros(1, 1)).tolist()
        [[0.5, 0.5]]
        """
        return torch.cat([(-outputs).sigmoid(), outputs.sigmoid()], 1) if outputs.shape[1] == 1 else outputs.softmax(1)

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        if outputs.shape[1] == 1:
            return torch.nn.functional.softplus((1 - 2 * y) * outputs)[:, 0]
        return torch.nn.functional.cross_entropy(outputs, y[:, 0].long(), reduction="none")

    def gradient(self, outputs: Tensor, y: Tensor) -> Tensor:
        if outputs.shape[1] == 1:
            return torch.sigmoid(outputs) - y
        p = outputs.softmax(1)
        return p.scatter_add(1, y.long(), torch.full_like(y, -1.0))

    def curvature(self, outputs: Tensor, y: Tensor) -> Curvature:
        if outputs.shape[1] == 1:
            p = torch.sigmoid(outputs).unsqueeze(-1)
            variance = p * (1 - p)
            return lambda vectors: vectors * variance
        p = outputs.softmax(1).unsqueeze(-1)
        return lambda vectors: p * (vectors - (p * vectors).sum(1, keepdim=True))

    def constant(self, y: Tensor, weights: Tensor, outputs: int) -> Tensor:
        count = weights.new_full((max(outputs, 2),), 1e-3).index_add(0, y[:, 0].long(), weights)
        return count.log() if outputs > 1 else (count[1:] / count[:1]).log()

    def error(self, mean: float) -> float:
        return mean


LossName = Literal["squared", "huber", "cauchy", "cross_entropy"]
"""Names of the losses that come with edgewise."""

_LOSSES: dict[str, Loss] = dict(zip(get_args(LossName), (Squared(), Huber(), Cauchy(), CrossEntropy()), strict=True))


def choose_loss(loss: LossName | Loss) -> Loss:
    """Return the loss of that name, or the object itself if it has the members of `Loss`.

    Parameters
    ----------
    loss
        "squared", "huber", "cauchy", "cross_entropy", or an object with the members of `Loss`.

    Raises
    ------
    InputError
        For an unknown name, and an object without these members.

    Examples
    --------
    >>> from edgewise.train import choose_loss
    >>> choose_loss("huber")
    Huber(width=None)
    """
    if isinstance(loss, str) and loss in _LOSSES:
        return _LOSSES[loss]
    if isinstance(loss, type | str) or not isinstance(loss, Loss):
        raise unknown("loss", loss, [*_LOSSES, "an object with the members of edgewise.train.Loss, like Huber(0.1)"])
    return loss


Function = Callable[[Tensor], Tensor]  # x (n, n_in) -> outputs (n, n_out), as a network is


def error_of(model: Function, table: Rows, loss: Loss | None = None) -> float:
    """Return the error over a table: root mean square unless the loss says otherwise, infinite if undefined.

    Parameters
    ----------
    model
        The network, or another function of inputs (n, n_in).
    table
        The rows.
    loss
        The loss; None for the squared error.

    Examples
    --------
    >>> import torch
    >>> from edgewise.train import Table, error_of
    >>> rows = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    >>> error_of(lambda x: x + 2, Table(rows, rows, torch.ones(2, dtype=torch.float64)))
    2.0
    """
    loss = loss or Squared()
    mean = _mean(table, lambda part: loss.value(model(part.x), part.y))
    value = loss.error(mean) if mean >= 0 else float("inf")
    return value if value == value else float("inf")


def accuracy_of(model: Function, table: Rows) -> float:
    """Return the weighted fraction of rows whose class is the network's first choice."""

    def right(part: Table) -> Tensor:
        return (first_choice(model(part.x)) == part.y[:, 0]).double()

    return _mean(table, right)


def first_choice(outputs: Tensor) -> Tensor:
    """Return the class (n,) that outputs (n, m) make most probable; of one output, the sign tells."""
    return outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).long()


def _mean(table: Rows, value: Callable[[Table], Tensor]) -> float:
    total = weight = 0.0
    with torch.no_grad():
        for part in table.batches(16_384):
            total += float(value(part) @ part.weights)
            weight += float(part.weights.sum())
    total, weight = table.ranks.total(total, weight)
    return total / weight


def tuned(loss: Loss, model: Function, rows: Table) -> Loss:
    """Return a loss with parameters estimated from a network's residuals."""
    with torch.no_grad():
        return loss.tuned(model(rows.x), rows.y)


def constant_error(table: Table, loss: Loss, outputs: int) -> float:
    """Return the error over a table of about the best network that ignores its inputs."""
    constant = loss.constant(table.y, table.weights, outputs).expand(len(table), -1)
    values = loss.tuned(constant, table.y).value(constant, table.y)
    return loss.error(float(values @ table.weights / table.weights.sum()))
