"""The network that a session begins with: as wide as the rows can determine, or as a person wants it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch

from edgewise._checks import is_int
from edgewise._typing import Array
from edgewise.nn import KAN, Layout, Width, scale_outputs, shift_outputs
from edgewise.nn.bases import HIGHEST_DEGREE
from edgewise.studio._requests import check
from edgewise.train import rescale_knots

_HIDDEN = (5, 3, 2, 1)
_GRID, _COARSE = 5, 3
_FRACTION = 0.7  # parameters over rows, up to which a network is determined
_MOST_EDGES = 2000
_SEEDS = 2**32


def first_network(
    inputs: int, rows: int, widths: Any = None, *, grid: Any = None, degree: Any = None, seed: Any = None
) -> tuple[KAN, str]:
    """Return a network for a number of inputs and rows, and what was chosen and why, in a sentence.

    What is not given: one hidden layer of five nodes on a grid of five intervals, or of fewer where it would have more
    parameters than 0.7 of the rows.

    >>> print(first_network(2, 44)[1])
    KAN([2, 1, 1]) on a grid of 5: 24 parameters. A hidden layer of 5 would have 120, too many for 44 rows.
    """
    check(grid is None or is_int(grid, 1, 200), "'grid' is a whole number from 1 to 200.", grid)
    top = HIGHEST_DEGREE
    check(degree is None or is_int(degree, 1, top), f"'degree' is a whole number from 1 to {top}.", degree)
    check(seed is None or is_int(seed, 0, _SEEDS - 1), f"'seed' is a whole number from 0 to {_SEEDS - 1}.", seed)
    degree, seed = 3 if degree is None else degree, 0 if seed is None else seed
    own = _GRID if grid is None else grid
    if widths is None:
        check(inputs * _HIDDEN[0] < _MOST_EDGES, "These are too many inputs for one network: choose fewer.", inputs)
        shapes: list[list[Width]] = [[inputs, hidden, 1] for hidden in _HIDDEN]
    else:
        shapes = [_read(widths, inputs)]
    plans = [(nodes, own) for nodes in shapes]
    if widths is None and grid is None:
        plans.append((shapes[-1], _COARSE))
    made = [KAN(nodes, grid=size, degree=degree, seed=seed) for nodes, size in plans]
    model = next((one for one in made if _parameters(one) <= _FRACTION * rows), made[-1])
    return model, _said(model, made[0], rows)


def placed(model: KAN, x: Array, y: Array) -> KAN:
    """Return an untrained network with its knots over the rows, and with values as far from the mean as the target's.

    It is what the page draws before the first training, which ends the same with and without this.
    """
    rows, target = (torch.as_tensor(values, dtype=torch.float64) for values in (x, y))
    size, mean = target.std(unbiased=False).reshape(1), target.mean().reshape(1)
    if not bool(size > 0):
        return model
    return shift_outputs(scale_outputs(rescale_knots(model, rows), size), mean)


def _parameters(model: KAN) -> int:
    return Layout(model).size


def _said(model: KAN, wanted: KAN, rows: int) -> str:
    count = _parameters(model)
    said = f"KAN({model.widths}) on a grid of {model.layers[0].grid}: {count} parameters."
    if model is not wanted:
        hidden = wanted.nodes[1].n_nodes
        said += f" A hidden layer of {hidden} would have {_parameters(wanted)}, too many for {rows} rows."
    if count > _FRACTION * rows:
        said += f" These are many for {rows} rows, and the network may follow noise: choose fewer inputs or nodes."
    return said


def _read(widths: Any, inputs: int) -> list[Width]:
    """The nodes of each layer of a request, [2, 5, 1] or [2, [3, 2], 1]."""
    wanted = f"'widths' lists the nodes of each layer, the {inputs} inputs first and 1 last, like [{inputs}, 5, 1]."
    check(isinstance(widths, list) and 2 <= len(widths) <= 8, wanted, widths)
    read: list[Width] = []
    sizes: list[tuple[int, int]] = []  # nodes, and the ends of edges at them: a product has two
    for width in widths:
        pair = isinstance(width, list) and len(width) == 2 and all(is_int(n, 0, 100) for n in width) and sum(width) > 0
        check(is_int(width, 1, 1000) or pair, wanted, widths)
        sums, products = (int(n) for n in (width if isinstance(width, list) else (width, 0)))
        read.append((sums, products) if pair else sums)
        sizes.append((sums + products, sums + 2 * products))
    check(read[0] == inputs and read[-1] == 1, wanted, widths)
    edges = sum(before[0] * after[1] for before, after in pairwise(sizes))
    check(edges <= _MOST_EDGES, f"A network has at most {_MOST_EDGES} edges here; {widths} has {edges}.", widths)
    return read
