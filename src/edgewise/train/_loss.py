"""What a fit minimises over its rows: each loss with the slope and the curvature that Gauss-Newton needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self

import torch
from torch import Tensor

from edgewise._errors import InputError, unknown

Bend = Callable[[Tensor], Tensor]  # (n, m, k) -> (n, m, k)
_LEAST = 1e-10  # width of a robust loss, of the target's spread


class Loss(Protocol):
    """A loss of each row, (n,), with half its derivatives by the outputs.

    `slope` (n, m) is half the gradient. `bend` gives the function that
    multiplies vectors (n, m, k) by half a positive semidefinite curvature.
    """

    @property
    def name(self) -> str: ...

    @property
    def poor(self) -> float:
        """The share of a constant's error from which a network explains next to nothing."""
        ...

    def value(self, outputs: Tensor, y: Tensor) -> Tensor: ...

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor: ...

    def bend(self, outputs: Tensor, y: Tensor) -> Bend: ...

    def constant(self, y: Tensor, weights: Tensor, outputs: int) -> Tensor:
        """About the best outputs (n_out,) that do not look at the row."""
        ...

    def error(self, mean: float) -> float:
        """The figure that is reported for a mean loss."""
        ...

    def scaled(self, factor: float) -> Self:
        """The same loss for residuals in another unit, `factor` times the old numbers."""
        ...

    def tuned(self, outputs: Tensor, y: Tensor) -> Self:
        """The loss with what it reads from residuals read from these."""
        ...


@dataclass(frozen=True)
class Squared:
    """mean_o r_o^2 with r = f - y."""

    name = "squared"
    poor = 0.7

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (outputs - y).square().mean(1)

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (outputs - y) / outputs.shape[1]

    def bend(self, outputs: Tensor, y: Tensor) -> Bend:
        return lambda vectors: vectors / outputs.shape[1]

    def constant(self, y: Tensor, weights: Tensor, outputs: int) -> Tensor:
        return weights @ y / weights.sum()

    def error(self, mean: float) -> float:
        return mean**0.5

    def scaled(self, factor: float) -> Self:
        return self

    def tuned(self, outputs: Tensor, y: Tensor) -> Self:
        return self


@dataclass(frozen=True)
class _Robust(ABC):
    """mean_o rho(r_o) that grows slower than r^2 beyond the width d.

    Second order by iterative reweighting: slope w r and curvature w with w = rho'(r) / (2 r), which is positive and
    bounds rho from above by a parabola. `width` is in the target's units; None reads it from the residuals, as
    `tuning` times their standard deviation told from the median of |r|, anew before each run of the solver.
    """

    width: float | None = None
    tuning: ClassVar[float]

    def __post_init__(self) -> None:
        sound = isinstance(self.width, int | float) and not isinstance(self.width, bool)
        if self.width is not None and not (sound and 0 < self.width < float("inf")):
            raise InputError(f"'width' must be a number > 0 in the target's units, or None. Got {self.width!r}.")

    @abstractmethod
    def weight(self, r: Tensor) -> Tensor: ...

    @abstractmethod
    def rho(self, r: Tensor) -> Tensor: ...

    @property
    def poor(self) -> float:
        return 0.7

    @property
    def d(self) -> float:
        assert self.width is not None, "a robust loss is tuned before it is used"
        return self.width

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        return self.rho(outputs - y).mean(1)

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        r = outputs - y
        return self.weight(r) * r / outputs.shape[1]

    def bend(self, outputs: Tensor, y: Tensor) -> Bend:
        half = (self.weight(outputs - y) / outputs.shape[1]).unsqueeze(-1)
        return lambda vectors: vectors * half

    def constant(self, y: Tensor, weights: Tensor, outputs: int) -> Tensor:
        return y.median(0).values

    def error(self, mean: float) -> float:
        return mean**0.5

    def scaled(self, factor: float) -> Self:
        return self if self.width is None else replace(self, width=self.width * factor)

    def tuned(self, outputs: Tensor, y: Tensor) -> Self:
        if self.width is not None:
            return self
        deviation = 1.4826 * float((outputs - y).abs().median())
        return replace(self, width=max(self.tuning * deviation, _LEAST))


@dataclass(frozen=True)
class Huber(_Robust):
    """A parabola near zero, straight lines beyond: rho(r) = r^2 for |r| <= d, 2 d |r| - d^2 beyond.

    `width` is d in the target's units; None takes 1.345 standard deviations of the residuals, told from the median of
    |r|, anew before each run of the solver. Second order by iterative reweighting with w = min(1, d / |r|).

    >>> Huber(0.5).rho(torch.tensor([0.25, 1.0])).tolist()
    [0.0625, 0.75]

    Source: Huber, Ann. Math. Statist. 35 (1964).
    """

    name = "huber"
    tuning = 1.345

    def weight(self, r: Tensor) -> Tensor:
        return (self.d / r.abs().clamp_min(1e-300)).clamp_max(1.0)

    def rho(self, r: Tensor) -> Tensor:
        size = r.abs()
        return torch.where(size <= self.d, size.square(), self.d * (2 * size - self.d))


@dataclass(frozen=True)
class Cauchy(_Robust):
    """Outliers lose their pull altogether: rho(r) = d^2 log(1 + r^2 / d^2).

    `width` is d in the target's units; None takes 2.385 standard deviations of the residuals, told from the median of
    |r|, anew before each run of the solver. Second order by iterative reweighting with w = 1 / (1 + r^2 / d^2).

    >>> round(Cauchy(1.0).rho(torch.tensor([1.0])).item(), 4)
    0.6931

    Source: Holland and Welsch, Commun. Statist. A6 (1977).
    """

    name = "cauchy"
    tuning = 2.385

    def weight(self, r: Tensor) -> Tensor:
        return 1 / (1 + (r / self.d).square())

    def rho(self, r: Tensor) -> Tensor:
        return self.d**2 * torch.log1p((r / self.d).square())


@dataclass(frozen=True)
class CrossEntropy:
    """-log of the probability that the network gives to a row's class, in nats.

    With m >= 2 outputs f, p = softmax(f), and y (n, 1) holds class numbers 0 to m - 1; with one output, p = sigmoid(f)
    is the probability of class 1. Slope p - onehot(y), curvature diag(p) - p p': generalised Gauss-Newton.

    >>> round(CrossEntropy().value(torch.zeros(1, 4), torch.zeros(1, 1)).item(), 4)      # log 4
    1.3863

    Source: Schraudolph, Neural Computation 14 (2002).
    """

    name = "cross_entropy"
    poor = 0.9

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        if outputs.shape[1] == 1:
            return torch.nn.functional.softplus((1 - 2 * y) * outputs)[:, 0]
        return torch.nn.functional.cross_entropy(outputs, y[:, 0].long(), reduction="none")

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        if outputs.shape[1] == 1:
            return (torch.sigmoid(outputs) - y) / 2
        p = outputs.softmax(1)
        return p.scatter_add(1, y.long(), torch.full_like(y, -1.0)) / 2

    def bend(self, outputs: Tensor, y: Tensor) -> Bend:
        if outputs.shape[1] == 1:
            p = torch.sigmoid(outputs).unsqueeze(-1)
            half = p * (1 - p) / 2
            return lambda vectors: vectors * half
        p = outputs.softmax(1).unsqueeze(-1)
        return lambda vectors: p * (vectors - (p * vectors).sum(1, keepdim=True)) / 2

    def constant(self, y: Tensor, weights: Tensor, outputs: int) -> Tensor:
        count = weights.new_full((max(outputs, 2),), 1e-3).index_add(0, y[:, 0].long(), weights)
        return count.log() if outputs > 1 else (count[1:] / count[:1]).log()

    def error(self, mean: float) -> float:
        return mean

    def scaled(self, factor: float) -> Self:
        return self

    def tuned(self, outputs: Tensor, y: Tensor) -> Self:
        return self


def choose_loss(loss: str | Loss) -> Loss:
    """A loss by name, or the object given."""
    if isinstance(loss, Squared | Huber | Cauchy | CrossEntropy):
        return loss
    if not isinstance(loss, str) or loss not in _NAMED:
        raise unknown("loss", loss, [*_NAMED, "an edgewise.train loss like Huber(0.1)"])
    return _NAMED[loss]


_NAMED: dict[str, Loss] = {"squared": Squared(), "huber": Huber(), "cauchy": Cauchy(), "cross_entropy": CrossEntropy()}
