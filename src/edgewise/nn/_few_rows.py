"""The forward pass of a layer of splines at a few plain rows, which skips what they do not need."""

from typing import Any

import torch
from torch import Tensor

from edgewise.kernels import is_traced, quick_contract
from edgewise.nn.bases import base_function

_MOST = 8  # rows


def few_rows(layer: Any, x: Tensor) -> Tensor | None:
    """Return what a KANLayer without symbolic edges gives, where nothing is differentiated; None for its usual path.

    Anything unusual is left to that path: other dtypes, modes of torch, parametrized weights, and bad input.
    """
    c = layer._parameters.get("coefficients")  # None where parametrized
    if type(x) is not Tensor or c is None or x.dtype is not c.dtype or x.dim() != 2 or is_traced():
        return None
    if x.shape[0] > _MOST or x.is_neg() or torch.is_autocast_enabled("cpu"):
        return None
    knots, mask, more = layer._buffers["knots"], layer._buffers["mask"], None
    if layer.base is not None:
        weight = layer._parameters.get("base_weight")
        if weight is None:
            return None
        more = base_function(layer.base)[0](x), weight
    if knots is None or mask is None:
        return None
    return quick_contract(x, c, knots, layer.basis, mask, more)
