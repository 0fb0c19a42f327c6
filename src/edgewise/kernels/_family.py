"""The functions that an edge combines, as the kernels see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from edgewise.kernels._backend import Backend


@dataclass(frozen=True)
class Family:
    """Functions B_1 .. B_K of one variable, for each input of a layer on its own range [lo, hi].

    What is written here serves a family whose functions are smooth on the whole range: its knots are the ends
    (n_in, 2), and a subclass says in `inside` what the functions are there. Beyond the ends e they continue along their
    tangents, B(x) = B(e) + B'(e) (x - e). K comes from the caller: the last dimension of the coefficients.

    `cpu` and `gpu` hold the backends that are faster than plain torch, by route: "dense" and, where functions live on
    few cells, "sparse". Families are compared by value: one with parameters is a frozen dataclass.
    """

    name: ClassVar[str]
    degree: ClassVar[int | None] = None  # of the pieces between knots, for a family that has them
    cpu: ClassVar[Mapping[str, Backend]] = {}
    gpu: ClassVar[Mapping[str, Backend]] = {}

    def reference(self, x: Tensor, knots: Tensor, count: int, order: int = 0) -> Tensor:
        """Return the `order`-th derivatives in plain torch, which every backend must match.

        Shapes: x (..., n_in), knots (n_in, ...), result (..., n_in, K).
        """
        lo, hi = knots[:, 0], knots[:, -1]
        inside = torch.minimum(torch.maximum(x, lo), hi)
        values = self.inside(inside, lo, hi, count, order)
        if order == 0:
            # The tangent term is zero inside, where x equals its clamped value.
            return values + self.inside(inside, lo, hi, count, 1) * (x - inside).unsqueeze(-1)
        if order == 1:
            return values
        beyond = (x < lo) | (x > hi)
        return torch.where(beyond.unsqueeze(-1), 0.0, values)

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        """Return the `order`-th derivatives at points within the range.

        Shapes: x (..., n_in), lo and hi (n_in,), result (..., n_in, K).
        """
        raise NotImplementedError(f"{type(self).__name__} must define `inside`, its functions within the range.")
