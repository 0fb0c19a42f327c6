"""The slabs of a march as tensors of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from edgewise.pde._evolution import Evolution
from edgewise.pde._file import Refused
from edgewise.pde._slab import Slab
from edgewise.pde._space import Space


def tensors_of(slabs: Sequence[Slab], prefix: str = "") -> dict[str, Tensor]:
    """The tensors of slabs, by names that begin with the prefix."""
    found = {f"{prefix}times": np.array([[slab.begin, slab.length] for slab in slabs]).reshape(-1, 2)}
    for k, slab in enumerate(slabs):
        for name, part in (("cells", slab.space.cells), ("begins", slab.begins), ("inner", slab.inner)):
            found[f"{prefix}{k}.{name}"] = part
    return {name: torch.from_numpy(np.ascontiguousarray(part)) for name, part in found.items()}


def slabs_of(tensors: Mapping[str, Tensor], evolution: Evolution, degree: int, prefix: str = "") -> list[Slab]:
    """The slabs of such tensors, which are checked."""
    found = []
    for k, (begin, length) in enumerate(tensors[f"{prefix}times"].tolist()):
        cells, begins, inner = (tensors[f"{prefix}{k}.{name}"].numpy() for name in ("cells", "begins", "inner"))
        space = Space(cells, degree, evolution.periodic)
        shape, ends = (len(space), len(evolution.components)), (cells[0], cells[-1])
        known = all(part.dtype == np.float64 for part in (cells, begins, inner))
        sound = known and begins.shape == shape and inner.ndim == 3 and inner.shape[:2] == shape and length > 0
        if not sound or ends != evolution.interval or not bool((np.diff(cells) > 0).all()):
            raise Refused("is damaged: restore it from a backup, or save the solution again")
        found.append(Slab(begin, length, space, begins, inner, evolution.changing))
    return found
