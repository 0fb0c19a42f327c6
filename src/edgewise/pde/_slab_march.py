"""What a march through time knows of itself, in one coordinate of space or in two."""

from __future__ import annotations

import numpy as np

from edgewise._typing import Array
from edgewise.pde._evolution import Evolution
from edgewise.pde._slab import Slab

_SHARE = 0.01  # of the largest unknown's size: what others count as, if they are smaller


class SlabMarch:
    """Slabs up to some time. sizes: of the components so far. length: of the next slab."""

    evolution: Evolution
    slabs: list[Slab]
    sizes: Array
    length: float

    @property
    def whole(self) -> bool:
        """Whether the end of time was reached."""
        return bool(self.slabs) and self.now >= self.evolution.duration[1]

    @property
    def now(self) -> float:
        return self.slabs[-1].end if self.slabs else self.evolution.duration[0]

    @property
    def span(self) -> float:
        """The length of all of time."""
        begin, end = self.evolution.duration
        return end - begin

    @property
    def scales(self) -> Array:
        """The components' sizes: of an unknown at least a share of the largest, of a derivative what changes it."""
        components = self.evolution.components
        sizes = np.maximum(self.sizes, _SHARE * max(self.sizes[c] for c, (_, j) in enumerate(components) if j == 0))
        return np.array([max(self.sizes[c], sizes[c - j] / self.length**j) for c, (_, j) in enumerate(components)])


def relative(off: Array, size: Array) -> float:
    """The largest relative distance of several unknowns, of squared distances and squared sizes."""
    return float(np.sqrt(off / np.maximum(size, _SHARE**2 * size.max() + 1e-300)).max())
