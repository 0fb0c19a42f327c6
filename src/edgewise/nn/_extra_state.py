"""What a state dict holds of a module beside its tensors: JSON as bytes, so that it is a tensor too."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError


def packed(state: Mapping[str, Any]) -> Tensor:
    """Return plain data as a tensor of bytes (n,): safetensors saves only tensors.

    >>> packed({"basis": "bspline"}).dtype
    torch.uint8
    """
    return torch.frombuffer(bytearray(json.dumps(state).encode()), dtype=torch.uint8)


def unpacked(state: Tensor | Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of `packed`; a mapping, as edgewise 0.1 saved it, is returned as it is.

    Errors: InputError for bytes that are no JSON object.

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
