"""What a layer does under `torch.autocast`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.amp.autocast_mode import is_autocast_available

from edgewise.nn._inputs import check_inputs

Forward = Callable[[Any, Tensor], Tensor]  # of a module that has a `dtype`


def autocast_output(forward: Forward) -> Forward:
    """Check the input (..., n_in), then do as `own_precision` does."""
    computed = own_precision(forward)

    @wraps(forward)
    def run(layer: Any, x: Tensor) -> Tensor:
        check_inputs(x, layer.n_in, "The layer")
        return computed(layer, x)

    return run


def own_precision(forward: Forward) -> Forward:
    """Compute in the parameters' own precision, and under autocast give the dtype of a linear layer.

    Half the digits of an input are too few to say where in its cell it lies: a fine grid would become a staircase.
    As in a linear layer, float64 stays float64.
    """

    @wraps(forward)
    def run(layer: Any, x: Tensor) -> Tensor:
        kind = x.device.type
        if not (is_autocast_available(kind) and torch.is_autocast_enabled(kind)) or layer.dtype is torch.float64:
            return forward(layer, x)
        with torch.autocast(kind, enabled=False):
            out = forward(layer, x)
        return out.to(torch.get_autocast_dtype(kind))

    return run
