"""An unknown function as it was found, with what the measurements leave uncertain of it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.nn import KAN, Layout
from edgewise.pde._pass import JetPass

_CURVE = 200


@dataclass(frozen=True)
class FoundCoefficient:
    """An unknown function that was found: called with its arguments (n,) or (n, k), it gives values (n,).

    model: its network. names: of its arguments. low, high (k,): the range of the arguments in the equation, outside of
    which nothing is known. covariance: of the network's free parameters. smoothing: the factor of the mean squared
    curvature in the loss.
    """

    model: KAN
    names: tuple[str, ...]
    low: Tensor
    high: Tensor
    covariance: Tensor
    smoothing: float

    def __call__(self, at: Data) -> Tensor:
        with torch.no_grad():
            return self.model(self._rows(at))[:, 0]

    def standard_error(self, at: Data) -> Tensor:
        """Return the standard error (n,) at arguments, by the noise of the measurements and the bias of smoothing."""
        x, layout = self._rows(at), Layout(self.model)
        with torch.no_grad():
            made = JetPass(self.model, x, [()])
            slopes = made.jacobian(layout, {(): torch.ones_like(made.outputs[()])})
            return ((slopes @ self.covariance) * slopes).sum(1).clamp_min(0).sqrt()

    def band(self, at: Data, level: float = 0.95) -> tuple[Tensor, Tensor]:
        """Return the ends (n,) of the band that holds the function, at each argument, with a probability `level`.

        It is wide where the equation does not determine the function: k(x) in (k u')' = f where u' = 0.
        """
        if not is_number(level, 0) or not 0 < level < 1:
            raise InputError(f"'level' must be a number between 0 and 1. Got {level!r}.")
        value, half = self(at), NormalDist().inv_cdf((1 + level) / 2) * self.standard_error(at)
        return value - half, value + half

    def curve(self, count: int = _CURVE) -> Tensor:
        """Return arguments (count,) evenly spaced over the range, where there is one argument."""
        if len(self.names) > 1:
            raise InputError(f"A curve has one argument. This is a function of {', '.join(self.names)}.")
        return torch.linspace(float(self.low), float(self.high), count, dtype=torch.float64)

    def _rows(self, at: Data) -> Tensor:
        x = torch.as_tensor(at, dtype=torch.float64)
        if x.ndim == 1 and len(self.names) == 1:
            x = x.unsqueeze(1)
        if x.ndim != 2 or x.shape[1] != len(self.names):
            wanted = "(n,)" if len(self.names) == 1 else f"(n, {len(self.names)})"
            raise InputError(f"Arguments {', '.join(self.names)} of shape {wanted} are needed. Got {tuple(x.shape)}.")
        return x

    def __repr__(self) -> str:
        ends = ", ".join(
            f"{name} from {low:.4g} to {high:.4g}"
            for name, low, high in zip(self.names, self.low.tolist(), self.high.tolist(), strict=True)
        )
        return f"FoundCoefficient({ends})"
