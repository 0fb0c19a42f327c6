"""What all layers share: checks of inputs, precision under `torch.autocast`, names of sizes, and extra state."""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.amp.autocast_mode import is_autocast_available

from edgewise._errors import InputError


def check_inputs(x: Tensor, n_in: int, what: str) -> None:
    """Raise InputError unless x is a tensor (..., n_in) of real numbers.

    Parameters
    ----------
    x : (..., n_in)
        The inputs.
    n_in
        The number of inputs.
    what
        What takes them, which begins the message.

    Examples
    --------
    >>> import torch
    >>> check_inputs(torch.zeros(5, 3), 3, "The layer")
    """
    if isinstance(x, Tensor) and (x.dim() == 0 or x.shape[-1] != n_in):
        raise InputError(f"{what} takes inputs of shape (..., {n_in}). Got {tuple(x.shape)}.")
    check_real(x, what)


def check_real(x: Tensor, what: str) -> None:
    """Raise InputError unless x is a tensor of real numbers.

    >>> import torch
    >>> check_real(torch.zeros(5, 3), "The layer")
    """
    if not isinstance(x, Tensor):
        raise InputError(f"{what} takes a tensor. Got {type(x).__name__}: torch.as_tensor(x) makes one of arrays.")
    if x.is_complex():
        raise InputError(f"{what} takes real numbers. Got {x.dtype}: give real and imaginary parts as two inputs.")


Forward = Callable[[Any, Tensor], Tensor]  # of a module that has a `dtype`


#: kinds of devices; asked here, since asking inside of a compiled layer breaks its graph in torch 2.6
_AUTOCASTING = frozenset(kind for kind in ("cpu", "cuda", "mps", "xpu", "hpu") if is_autocast_available(kind))


def autocast_output(forward: Forward) -> Forward:
    """Check the input (..., n_in), then do as `own_precision` does."""
    computed = own_precision(forward)

    @wraps(forward)
    def run(layer: Any, x: Tensor) -> Tensor:
        if isinstance(x, Tensor) and x.is_nested:
            return _nested(run, layer, x)
        check_inputs(x, layer.n_in, "The layer")
        return computed(layer, x)

    return run


def _nested(run: Forward, layer: Any, x: Any) -> Tensor:
    """Return the outputs for sequences of different lengths."""
    if x.layout is not torch.jagged:
        raise InputError("Layers take nested tensors with layout=torch.jagged. Got torch.strided.")
    return torch.nested.nested_tensor_from_jagged(run(layer, x.values()), x.offsets(), x.lengths())


def check_pickled(module: torch.nn.Module, is_current: bool) -> None:
    """Raise InputError for a module that an older version pickled whole, before it fails at the first call."""
    if not is_current:
        raise InputError(
            f"This {type(module).__name__} was pickled whole by an older version of edgewise. With that version, save "
            "its state_dict() and its arguments, or use `ew.save`; both are read by this one."
        )


def own_precision(forward: Forward) -> Forward:
    """Compute in the parameters' own precision, and under autocast give the dtype of a linear layer.

    Half the digits of an input are too few to say where in its cell it lies: a fine grid would become a staircase.
    As in a linear layer, float64 stays float64.
    """

    @wraps(forward)
    def run(layer: Any, x: Tensor) -> Tensor:
        kind = x.device.type
        if not (kind in _AUTOCASTING and torch.is_autocast_enabled(kind)) or layer.dtype is torch.float64:
            return forward(layer, x)
        with torch.autocast(kind, enabled=False):
            out = forward(layer, x)
        return out.to(torch.get_autocast_dtype(kind))

    return run


class Features:
    """What has `n_in` and `n_out`, and both by the names of `torch.nn.Linear`."""

    n_in: int
    n_out: int

    @property
    def in_features(self) -> int:
        """The number of inputs, by the name that `torch.nn.Linear` has for it."""
        return self.n_in

    @property
    def out_features(self) -> int:
        """The number of outputs, by the name that `torch.nn.Linear` has for it."""
        return self.n_out


def packed(state: Mapping[str, Any]) -> Tensor:
    """Return plain data as a tensor of bytes (n,): safetensors saves only tensors.

    Parameters
    ----------
    state
        The data, as JSON holds it.

    Examples
    --------
    >>> packed({"basis": "bspline"}).dtype
    torch.uint8
    """
    return torch.frombuffer(bytearray(json.dumps(state).encode()), dtype=torch.uint8)


def unpacked(state: Tensor | Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of `packed`.

    Parameters
    ----------
    state : (n,)
        What `packed` returned; a mapping, as edgewise 0.1 saved it, is returned as it is.

    Raises
    ------
    InputError
        For bytes that are no JSON object.

    Examples
    --------
    >>> unpacked(packed({"basis": "bspline"}))
    {'basis': 'bspline'}
    """
    if isinstance(state, Mapping):
        return dict(state)
    try:
        found = json.loads(bytes(state.cpu().tolist()))
    except (ValueError, TypeError, AttributeError):
        found = None
    if not isinstance(found, dict):
        raise InputError("The extra state of a layer must hold a JSON object. The saved file is damaged, or not ours.")
    return found
