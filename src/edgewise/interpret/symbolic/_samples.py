"""Sampled curves, checked and brought to standard units."""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise._errors import InputError


@dataclass(frozen=True)
class Samples:
    """Checked data, sorted by z, with the standardised argument t in [-1, 1]."""

    z: Tensor
    y: Tensor
    weight: Tensor
    center: float
    half_width: float
    spread: float

    @property
    def origin(self) -> float:
        """The t of z = 0."""
        return -self.center / self.half_width

    def sample(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return t (n,), standardised y (1, n) and weights (1, n) of at most ``size`` points, ends too."""
        n = len(self.z)
        rows = torch.linspace(0, n - 1, min(n, size), dtype=torch.float64).round().long()
        t = (self.z[rows] - self.center) / self.half_width
        mean = self.y[rows].mean()
        return t, ((self.y[rows] - mean) / self.spread)[None], self.weight[rows][None]

    def residual(self, prediction: Tensor) -> Tensor:
        """Return weighted residuals (n,); where the prediction is undefined the mean is predicted."""
        w2 = self.weight.square()
        mean = (w2 * self.y).sum() / w2.sum()
        return self.weight * (self.y - torch.where(torch.isfinite(prediction), prediction, mean))

    def error(self, prediction: Tensor) -> float:
        """Return the weighted rms residual over the spread."""
        return float(self.residual(prediction).norm() / self.weight.norm()) / self.spread


def curve_samples(z: Tensor, y: Tensor, weight: Tensor | None = None) -> Samples:
    """Return the points of positive weight, sorted by z; raise `InputError` if they are no curve."""
    z, y = (torch.as_tensor(v, dtype=torch.float64).detach().cpu() for v in (z, y))
    if z.ndim != 1 or z.shape != y.shape:
        raise InputError(
            f"z and y must be one-dimensional and of equal length. Got {tuple(z.shape)} and {tuple(y.shape)}."
        )
    weight = torch.ones_like(y) if weight is None else torch.as_tensor(weight).detach().to(y)
    if weight.shape != y.shape or not bool((torch.isfinite(weight) & (weight >= 0)).all()):
        raise InputError(
            "The weights must be finite, not negative, and one for each point. Got "
            f"{tuple(weight.shape)} for {len(y)} points."
        )
    bad = int((~torch.isfinite(z) | ~torch.isfinite(y)).sum())
    if bad:
        raise InputError(f"z and y must be finite. {bad} of {len(z)} points are not: leave them out.")
    used = weight > 0
    if int(used.sum()) < 3:
        raise InputError(f"A curve needs at least 3 points of positive weight. Got {int(used.sum())}.")
    order = torch.argsort(z[used])
    z, y, weight = z[used][order], y[used][order], weight[used][order]
    half = float(z[-1] / 2 - z[0] / 2)
    if not half > 0:
        raise InputError(f"All z are {float(z[0])}: a curve needs different ones.")
    weight = weight / weight.max()
    spread = deviation(y, weight)
    if not spread > 1e-15 * float(y.abs().max()):
        raise InputError(f"y is constant, {float(y[0])}: there is no curve to read.")
    return Samples(z, y, weight, float(z[0] / 2 + z[-1] / 2), half, spread)


def deviation(y: Tensor, weight: Tensor) -> float:
    """Return the weighted rms deviation of y from its weighted mean; overflow-safe."""
    scale = float(y.abs().max()) or 1.0
    v, w2 = y / scale, weight.square()
    mean = (w2 * v).sum() / w2.sum()
    return scale * float(((w2 * (v - mean).square()).sum() / w2.sum()).sqrt())
