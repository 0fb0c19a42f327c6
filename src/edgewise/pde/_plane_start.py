"""What is known of a march on a rectangle once its initial values are: whether conditions agree, and what owns what."""

from __future__ import annotations

import numpy as np
import torch

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.pde._evolution import Evolution, Part
from edgewise.pde._plane_edges import at_start
from edgewise.pde._plane_space import PlaneSpace
from edgewise.pde._plane_state import State
from edgewise.pde._plane_system import PlaneSystem, owners_of

_DISAGREE = 1e-4  # of a condition's terms


def owners_at(evolution: Evolution, space: PlaneSpace, begins: Array) -> list[int]:
    """The component to which each equation belongs, seen at initial values."""
    system = PlaneSystem(evolution, space, [], list(range(len(evolution.components))))
    start = State(begins[:, :, None], np.zeros_like(begins)[:, :, None], np.array(evolution.duration[:1]))
    return owners_of(evolution, system.by_parts(start))


def check_edges(evolution: Evolution, space: PlaneSpace, begins: Array, sizes: Array) -> None:
    """Raise InputError where the initial values and the conditions on an edge disagree."""
    for side in evolution.ends:
        if any(b or not evolution.changing[c] for c, _, b in evolution.read(side.condition)):
            continue
        left, slopes = at_start(evolution, side, space, begins)
        scale = torch.zeros(len(left), dtype=torch.float64)
        for part, slope in slopes.items():
            scale += slope.abs().max(1).values * _largest(evolution, space, begins, sizes, part)
        if bool((left.abs().max(1).values > _DISAGREE * scale).any()):
            names = evolution.problem.box.names
            where, time = names[evolution.spaces[side.coordinate]], names[evolution.time]
            raise InputError(
                f"The initial values and the condition at {where}={side.end:g} disagree at {time}="
                f"{evolution.duration[0]:g}: the condition leaves {float(left.abs().max()):.3g}. March from values "
                "that meet it."
            )


def _largest(evolution: Evolution, space: PlaneSpace, begins: Array, sizes: Array, part: Part) -> float:
    """The largest value of a part at first, or what the component's size over the rectangle's lets expect."""
    c, a, _ = part
    usual = sizes[c]
    for order, (low, high) in zip(a, evolution.intervals, strict=True):
        usual /= (high - low) ** order
    return max(usual, float(np.abs(space.matrix(space.gauss(1)[0], a) @ begins[:, c]).max()))
