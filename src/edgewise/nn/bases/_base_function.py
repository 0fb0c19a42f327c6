"""The fixed function b(x) that an edge adds to its spline."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from edgewise._errors import unknown


def _silu_derivative(x: Tensor) -> Tensor:
    gate = torch.sigmoid(x)
    return gate * (1 + x * (1 - gate))


BaseName = Literal["silu", "identity"]
"""Names of the base functions."""

BASE_FUNCTIONS: dict[BaseName, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "silu": (torch.nn.functional.silu, _silu_derivative),
    "identity": (torch.clone, torch.ones_like),
}
"""Base functions by name, each with its derivative."""


def base_function(name: BaseName) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """Return the function b and its derivative b' for a name.

    >>> value, derivative = base_function("identity")
    """
    if not isinstance(name, str) or name not in BASE_FUNCTIONS:
        raise unknown("base function", name, [*BASE_FUNCTIONS, "None"])
    return BASE_FUNCTIONS[name]
