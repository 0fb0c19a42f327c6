"""The activations that a module holds: found by what they do, not by their names."""

import copy
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]
_NAMED = re.compile(r"(^|_)(acts?|activations?|nonlin[a-z]*)\d*(_|$)")  # attributes that hold a plain function


class Activation(NamedTuple):
    """An activation that a module holds as an attribute: the attribute, what it computes, and what that is called."""

    attribute: str
    function: Function
    label: str


def activations(owner: torch.nn.Module) -> Iterator[Activation]:
    """Yield the activations that a module holds itself, as modules and as plain functions.

    A module is an activation if it has no parameters and no parts and maps elementwise, which it is tried for. So is a
    plain function, if it is torch's own or its attribute is named after an activation.

    >>> block = torch.nn.TransformerEncoderLayer(8, 2, 16)
    >>> [found.attribute for found in activations(block)]
    ['activation']
    """
    for name, part in owner._modules.items():
        if part is None or any(True for _ in part.parameters()) or any(True for _ in part.children()):
            continue
        plain = copy.deepcopy(part).eval()
        if is_elementwise(plain):
            yield Activation(name, plain, type(part).__name__)
    held: dict[str, Any] = vars(owner)
    for name, value in held.items():
        if name.startswith("_") or not callable(value) or isinstance(value, type | torch.nn.Module):
            continue
        ours = (getattr(value, "__module__", None) or "").split(".")[0] in ("torch", "_torch")
        if (ours or _NAMED.search(name.lower())) and is_elementwise(value):
            function: Any = value
            yield Activation(name, function, _label(value))


def is_elementwise(function: Callable[..., Any]) -> bool:
    """Return whether a function maps each number by itself, the same way each time, and is not the identity.

    >>> is_elementwise(torch.relu), is_elementwise(torch.nn.Softmax(-1)), is_elementwise(torch.nn.Identity())
    (True, False, False)
    """
    try:
        with torch.no_grad(), torch.device("cpu"), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = torch.linspace(-5.9, 6.1, 24, dtype=torch.float64)[torch.arange(24) * 7 % 24]
            whole = function(x.clone())
            parts = torch.cat([function(x[:5].clone()), function(x[5:].clone())])
            square = function(x.clone().reshape(1, 4, 6)).reshape(-1)
            same = whole.shape == x.shape and all(torch.allclose(whole, other) for other in (parts, square))
            return bool(same and whole.isfinite().all() and not torch.allclose(whole, x))
    except Exception:  # noqa: BLE001 (whatever a function of others makes of these numbers)
        return False


def _label(function: Any) -> str:
    name = getattr(function, "__name__", None) or getattr(getattr(function, "func", None), "__name__", None)
    return str(name or type(function).__name__)
