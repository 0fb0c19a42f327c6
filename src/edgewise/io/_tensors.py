"""The tensors of a saved network, checked against its description."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edgewise.io._schema import TENSORS, Description, Malformed, Shape

_FLAGS = ("mask", "affine_free")


def check_shapes(file: Any, description: Description) -> None:
    """Compare the file's header with what the description asks for; no tensor is read."""
    wanted = {f"layers.{n}.{name}" for n in range(len(description.symbols)) for name in TENSORS}
    for key in sorted(wanted ^ set(file.keys())):
        raise Malformed(
            f"is damaged (tensor {key!r} is {'missing' if key in wanted else 'unknown'}): save the network again"
        )
    for number, shape in enumerate(description.shapes()):
        for name, expected in _expected(file, number, shape, description).items():
            found = file.get_slice(f"layers.{number}.{name}")
            if tuple(found.get_shape()) != expected:
                raise Malformed(
                    f"is damaged (tensor 'layers.{number}.{name}' has shape {tuple(found.get_shape())} "
                    f"instead of {expected}): save the network again"
                )
            dtype = "BOOL" if name in _FLAGS else description.dtype.replace("float", "F")
            if found.get_dtype() != dtype:
                raise Malformed(f"is damaged (tensor 'layers.{number}.{name}' is not {dtype}): save the network again")


def _expected(file: Any, number: int, shape: Shape, description: Description) -> dict[str, Shape]:
    """The shapes of a layer's tensors; the grid follows from the coefficients."""
    found, kind = file.get_slice(f"layers.{number}.coefficients").get_shape(), description.kind
    count = kind.count(max(1, kind.grid(found[-1] if found else 0)))
    return {
        "coefficients": (*shape, count),
        "base_weight": shape,
        "affine": (*shape, 4),
        "knots": (shape[1], kind.width(count)),
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
            inner = description.kind.marks(tensors[key]).diff(dim=-1)
            if bool((step < 0).any()) or bool((inner <= 0).any()):
                raise Malformed(f"has knots in {key!r} that do not ascend: save the network again")
