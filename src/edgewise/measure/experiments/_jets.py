"""Derivatives of any network by autograd."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edgewise.pde import Jet


def autograd_jet(module: Any, points: Tensor, names: tuple[str, ...]) -> Jet:
    """Return value, gradient and second derivatives of a network's first output at points (n, d)."""
    x = points.detach().clone().requires_grad_()
    value = module(x)[:, 0]
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    rows = [torch.autograd.grad(part.sum(), x, create_graph=True)[0] for part in gradient.unbind(1)]
    return Jet(value, gradient, torch.stack(rows, dim=1), names)
