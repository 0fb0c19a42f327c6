"""From the layers of a user's model to a network."""

from collections.abc import Iterable
from itertools import pairwise

import torch

from edgewise._errors import InputError
from edgewise.nn._layer import KANLayer
from edgewise.nn._network import KAN


def stack(layers: KANLayer | Iterable[torch.nn.Module]) -> KAN:
    """Return the network of one layer, or of some that follow each other: to fit, prune, draw, score or save.

    The network holds the same layers, so that what changes it in place changes them; `list(model.layers)` gives the
    layers of what functions like `edgewise.prune` return.

    Errors: InputError for no layer, what is no KANLayer, and layers whose sizes, dtypes or devices do not fit.

    >>> import edgewise as ew
    >>> first, second = ew.nn.KANLayer(3, 4), ew.nn.KANLayer(4, 1)
    >>> stack([first, second]).widths
    [3, 4, 1]
    >>> stack(first).widths
    [3, 4]
    """
    given = [layers] if isinstance(layers, KANLayer) else list(layers)
    parts = [part for part in given if isinstance(part, KANLayer)]
    for part in given:
        if not isinstance(part, KANLayer):
            raise InputError(f"'layers' must be KANLayers. Got {type(part).__name__}.")
    if not parts:
        raise InputError("'layers' must hold at least one KANLayer. Got none.")
    for before, after in pairwise(parts):
        if before.n_out != after.n_in:
            raise InputError(f"A layer of {before.n_out} outputs cannot come before one of {after.n_in} inputs.")
    places = {(part.dtype, part.coefficients.device) for part in parts}
    if len(places) > 1:
        raise InputError(f"The layers must have one dtype and one device. Got {sorted(map(str, places))}.")
    model = KAN([parts[0].n_in, *(part.n_out for part in parts)], grid=1, device="meta", dtype=parts[0].dtype)
    model.layers = torch.nn.ModuleList(parts)  # type: ignore[assignment]
    return model
