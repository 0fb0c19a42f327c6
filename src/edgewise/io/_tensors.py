"""The tensors of a saved network, checked against its description."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edgewise.io._schema import TENSORS, Description, Malformed, Shape

_FLAGS = ("mask", "affine_free")
_DIMENSIONS = 3  # of the largest tensors
_SHOWN = 60  # characters of a name from a file that a message repeats


def check_shapes(header: dict[str, Any], description: Description) -> None:
    """Compare a file's header, tensor by tensor, with what the description asks for; no tensor is read."""
    known = set()
    for number, shape in enumerate(description.shapes()):
        for name in TENSORS:
            _require(f"layers.{number}.{name}" in header, f"layers.{number}.{name}", "is missing")
        for name, expected in _expected(header, number, shape, description).items():
            key = f"layers.{number}.{name}"
            known.add(key)
            found = _shape(header, key)
            _require(found == expected, key, f"has shape {str(found)[:_SHOWN]} instead of {str(expected)[:_SHOWN]}")
            dtype = "BOOL" if name in _FLAGS else description.dtype.replace("float", "F")
            _require(header[key].get("dtype") == dtype, key, f"is not {dtype}")
    for key in header:
        _require(key in known, key, "is unknown")


def _require(sound: bool, key: str, what: str) -> None:
    if not sound:
        raise Malformed(f"is damaged (tensor {key[:_SHOWN]!r} {what}): save the network again")


def _shape(header: dict[str, Any], key: str) -> Shape:
    """What the header says, which may be anything."""
    entry = header[key]
    found = entry.get("shape") if isinstance(entry, dict) else None
    if not isinstance(found, list) or len(found) > _DIMENSIONS or not all(type(part) is int for part in found):
        raise Malformed(f"is damaged (tensor {key!r} has no shape of a network): save the network again")
    return tuple(found)


def _expected(header: dict[str, Any], number: int, shape: Shape, description: Description) -> dict[str, Shape]:
    """The shapes of a layer's tensors; the grid follows from the coefficients."""
    found, basis = _shape(header, f"layers.{number}.coefficients"), description.built_basis
    count = basis.count(max(1, basis.grid(found[-1] if found else 0)))
    return {
        "coefficients": (*shape, count),
        "base_weight": shape,
        "affine": (*shape, 4),
        "knots": (shape[1], basis.n_knots(count)),
        "mask": shape,
        "affine_free": (*shape, 4),
    }


def check_values(tensors: dict[str, Tensor], description: Description) -> None:
    """Raise for values that no network has."""
    for key, tensor in tensors.items():
        if tensor.dtype is torch.bool:
            sound = bool((tensor.view(torch.uint8) <= 1).all())
        else:
            sound = bool(torch.isfinite(tensor).all())
        if not sound:
            raise Malformed(f"has values in {key!r} that are not finite numbers: save the network again")
        if key.endswith(".knots"):
            step = tensor.diff(dim=-1)
            inner = description.built_basis.breakpoints(tensors[key]).diff(dim=-1)
            if bool((step < 0).any()) or bool((inner <= 0).any()):
                raise Malformed(f"has knots in {key!r} that do not ascend: save the network again")
