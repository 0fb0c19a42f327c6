"""Normal equations of a lattice: a band, and columns of constants beside it."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded
from torch import Tensor

_FLOOR = 1e-13  # of the largest entry of the diagonal, for functions that no equation sees


class Normal:
    """H s = g for J'J and J'r that are added up, and `cost`, the sum of squares of r.

    `band` (b + 1, size) holds the diagonals of the lower triangle.
    """

    def __init__(self, size: int, band: int, constants: int) -> None:
        self.size, self.cost = size, 0.0
        self.band = torch.zeros(band + 1, size, dtype=torch.float64)
        self.gradient = torch.zeros(size + constants, dtype=torch.float64)
        self.side = torch.zeros(size, constants, dtype=torch.float64)
        self.corner = torch.zeros(constants, constants, dtype=torch.float64)

    def add(self, columns: Tensor, rows: Tensor, constants: Tensor, residual: Tensor) -> None:
        """Add rows (C, Q, K) with entries in columns (C, K), by constants (C, Q, c), and what they leave (C, Q)."""
        self.cost += float(residual.square().sum())
        turned = rows.transpose(1, 2)
        i, j = torch.tril_indices(rows.shape[2], rows.shape[2])
        one, two = columns[:, i], columns[:, j]
        values = (turned @ rows)[:, i, j]
        twice = (one == two) & (i != j)  # a function that both of two sides see
        values = torch.where(twice, 2 * values, values) if bool(twice.any()) else values
        low = torch.minimum(one, two)
        self.band.view(-1).index_add_(0, (((one - two).abs() * self.size) + low).flatten(), values.flatten())
        both = turned @ torch.cat([residual.unsqueeze(2), constants], 2)
        self.gradient[: self.size].index_add_(0, columns.flatten(), both[:, :, 0].flatten())
        if constants.shape[2]:
            self.side.index_add_(0, columns.flatten(), both[:, :, 1:].flatten(0, 1))
            flat = constants.flatten(0, 1)
            self.gradient[self.size :] += flat.T @ residual.flatten()
            self.corner += flat.T @ flat

    def step(self, damping: float) -> Tensor | None:
        """Solve  (H + damping diag H) s = g;  None where that is not positive definite, to rounding."""
        diagonal = torch.cat([self.band[0], self.corner.diagonal()])
        scale = (diagonal + _FLOOR * diagonal.max().clamp_min(1e-300)).rsqrt()
        inner, outer = scale[: self.size], scale[self.size :]
        band = (self.band * inner).numpy()
        for d in range(len(band)):
            band[d, : self.size - d] *= inner[d:].numpy()
        band[0] += damping
        try:
            factor = (cholesky_banded(band, overwrite_ab=True, lower=True, check_finite=False), True)
            right = (self.gradient * scale).numpy()
            if not len(outer):
                return torch.from_numpy(cho_solve_banded(factor, right, check_finite=False)) * scale
            side = (self.side * inner[:, None] * outer).numpy()
            corner = (self.corner * outer[:, None] * outer).numpy() + damping * np.eye(len(outer))
            both = cho_solve_banded(factor, np.column_stack([right[: self.size], side]), check_finite=False)
            last = np.linalg.solve(corner - side.T @ both[:, 1:], right[self.size :] - side.T @ both[:, 0])
        except (LinAlgError, ValueError):
            return None
        return torch.from_numpy(np.concatenate([both[:, 0] - both[:, 1:] @ last, last])) * scale
