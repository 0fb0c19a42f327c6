"""The network that a session begins with: as many nodes as its rows determine, knots over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

from edgewise._checks import is_int
from edgewise._typing import Array
from edgewise.nn import KAN, Layout, Width, scale_outputs, shift_outputs
from edgewise.nn.bases import HIGHEST_DEGREE
from edgewise.studio._requests import check
from edgewise.train import rescale_knots


@dataclass(frozen=True)
class FirstNetwork:
    """The networks that the studio chooses from, the first one that the rows determine."""

    hidden: tuple[int, ...] = (5, 3, 2, 1)  # nodes of the hidden layer
    grid: int = 5  # intervals
    coarse_grid: int = 3  # of the last choice
    determined: float = 0.7  # parameters over rows, at most
    most_edges: int = 2000  # of any network that a person may ask for


_FIRST = FirstNetwork()


def first_network(
    inputs: int,
    rows: int,
    widths: Any = None,
    *,
    outputs: int = 1,
    grid: Any = None,
    degree: Any = None,
    seed: Any = None,
) -> tuple[KAN, str]:
    """Return a network for a number of inputs and rows, and what was chosen and why, in a sentence.

    What is not given: one hidden layer of five nodes on a grid of five intervals, or of fewer where it would have more
    parameters than 0.7 of the rows.

    >>> print(first_network(2, 44)[1][:91])
    KAN([2, 1, 1]) on a grid of 5: 24 parameters, and up to 88 on the finer grids that training
    """
    check(grid is None or is_int(grid, 1, 200), "'grid' is a whole number from 1 to 200.", grid)
    top = HIGHEST_DEGREE
    check(degree is None or is_int(degree, 1, top), f"'degree' is a whole number from 1 to {top}.", degree)
    last = 2**32 - 1
    check(seed is None or is_int(seed, 0, last), f"'seed' is a whole number from 0 to {last}.", seed)
    degree, seed = 3 if degree is None else degree, 0 if seed is None else seed
    own = _FIRST.grid if grid is None else grid
    if widths is None:
        check(
            inputs * _FIRST.hidden[0] < _FIRST.most_edges,
            "These are too many inputs for one network: choose fewer.",
            inputs,
        )
        shapes: list[list[Width]] = [[inputs, max(hidden, outputs), outputs] for hidden in _FIRST.hidden]
    else:
        shapes = [_read(widths, inputs, outputs)]
    plans = [(nodes, own) for nodes in shapes]
    if widths is None and grid is None:
        plans.append((shapes[-1], _FIRST.coarse_grid))
    made = [KAN(nodes, grid=size, degree=degree, seed=seed) for nodes, size in plans]
    model = next((one for one in made if _parameters(one) <= _FIRST.determined * rows * outputs), made[-1])
    return model, _said(model, made[0], rows)


def placed(model: KAN, x: Array, y: Array, classes: Sequence[str] = ()) -> KAN:
    """Return an untrained network with its knots over the rows, and with values as far from the mean as the target's.

    It is what the page draws before the first training, which ends the same with and without this.
    """
    rows, target = (torch.as_tensor(values, dtype=torch.float64) for values in (x, y))
    size, mean = target.std(unbiased=False).reshape(1), target.mean().reshape(1)
    if classes or not bool(size > 0):
        return rescale_knots(model, rows)
    return shift_outputs(scale_outputs(rescale_knots(model, rows), size), mean)


def _parameters(model: KAN) -> int:
    return Layout(model).size


def most_parameters(model: KAN, rows: int) -> int:
    """Return how many parameters training may give a network: finer grids as rows allow, or smoothed curves."""
    cells = 8 + 4 * rows**0.25  # of smoothed curves, at most
    smoothed = _parameters(model) * max(1.0, cells / model.layers[0].grid)
    return max(round(smoothed), round(_FIRST.determined * rows * model.n_out))


def _said(model: KAN, wanted: KAN, rows: int) -> str:
    count, most = _parameters(model), most_parameters(model, rows)
    said = f"KAN({model.widths}) on a grid of {model.layers[0].grid}: {count} parameters"
    said += f", and up to {most} on the finer grids that training tries." if most > count else "."
    if model is not wanted:
        hidden = wanted.nodes[1].n_nodes
        said += f" A hidden layer of {hidden} would begin with {_parameters(wanted)}, too many for {rows} rows."
    if count > _FIRST.determined * rows * model.n_out:
        said += f" These are many for {rows} rows, and only a penalty on roughness keeps it from following noise."
    return said


def _read(widths: Any, inputs: int, outputs: int) -> list[Width]:
    """The nodes of each layer of a request, [2, 5, 1] or [2, [3, 2], 1]."""
    like = f"the {inputs} inputs first and {outputs} last, like [{inputs}, 5, {outputs}]"
    wanted = f"'widths' lists the nodes of each layer, {like}."
    check(isinstance(widths, list) and 2 <= len(widths) <= 8, wanted, widths)
    read: list[Width] = []
    sizes: list[tuple[int, int]] = []  # nodes, and the ends of edges at them: a product has two
    for width in widths:
        pair = isinstance(width, list) and len(width) == 2 and all(is_int(n, 0, 100) for n in width) and sum(width) > 0
        check(is_int(width, 1, 1000) or pair, wanted, widths)
        sums, products = (int(n) for n in (width if isinstance(width, list) else (width, 0)))
        read.append((sums, products) if pair else sums)
        sizes.append((sums + products, sums + 2 * products))
    check(read[0] == inputs and read[-1] == outputs, wanted, widths)
    edges = sum(before[0] * after[1] for before, after in pairwise(sizes))
    check(
        edges <= _FIRST.most_edges,
        f"A network has at most {_FIRST.most_edges} edges here; {widths} has {edges}.",
        widths,
    )
    return read


def share_held_out(rows: int) -> float:
    """Return the fraction of rows that a session holds out that begins with an untrained network."""
    fewest, share = 25, 0.2
    return share if rows >= fewest else 0.0
