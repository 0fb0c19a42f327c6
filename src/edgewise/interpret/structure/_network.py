"""The network that has the shape of a tree."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from edgewise._errors import InputError
from edgewise.interpret.structure._tree import Tree
from edgewise.nn import KAN, lock, set_function

_PRODUCTS = 2  # of two factors, beside one sum more than there are groups: what stands for any function of groups


@dataclass(frozen=True, eq=False)
class _Unit:
    """A node of the network: what enters each of its factors; a sum is one factor. `passes` hands on what enters."""

    factors: tuple[tuple[_Unit, ...], ...] = ()
    passes: bool = False

    @property
    def is_product(self) -> bool:
        return len(self.factors) > 1


def network(tree: Tree, *, grid: int = 5, seed: int = 0) -> KAN:
    """Return the network of a tree, to be fitted: a node for each of its nodes, an edge for each of its lines.

    Every edge has a function to be learned. Nodes that are needed further up are handed on by locked edges that
    change nothing. A function of k groups becomes k + 1 sums and two products of all of them, and the sum of these.
    The network takes all columns; those that do nothing have no edge.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    >>> y = x[:, 0] * torch.exp(-((x[:, 1] - x[:, 2]) ** 2))
    >>> model = ew.structure.network(ew.structure.tree(ew.structure.surrogate(x, y)))
    >>> model.widths
    [3, 2, (0, 1)]
    """
    if not isinstance(tree, Tree) or not tree.inputs:
        raise InputError(f"'tree' must be what structure.tree returns. Got {type(tree).__name__}.")
    layers = _layers(tree)
    widths: list[int | tuple[int, list[int]]] = [tree.inputs]
    for units in layers[1:]:
        arities = [len(unit.factors) for unit in units if unit.is_product]
        widths.append((len(units) - len(arities), arities) if arities else len(units))
    model = KAN(widths, grid=grid, seed=seed)
    same = []
    for depth, (before, after) in enumerate(pairwise(layers)):
        layer = model.layers[depth]
        layer.mask.fill_(False)
        for j, (unit, sources) in enumerate((one, sources) for one in after for sources in one.factors):
            for i in map(before.index, sources):
                layer.mask[j, i] = True
                if unit.passes:
                    same.append((depth, j, i))
    for depth, j, i in same:
        model = set_function(model, depth, j, i, "x")
    return lock(model, same)


def _layers(tree: Tree) -> list[list[_Unit]]:
    """The units of every layer, inputs first, sums before products."""
    layers = [[_Unit() for _ in range(tree.inputs)]]
    layers += [[] for _ in range(tree.level + (1 if tree.outer or not tree.children else 0))]
    top = _placed(tree, tree.level, layers)
    if tree.level < len(layers) - 1:
        layers[-1].append(_Unit(((top,),)))
    return [sorted(units, key=lambda unit: unit.is_product) for units in layers]


def _placed(node: Tree, depth: int, layers: list[list[_Unit]]) -> _Unit:
    """The unit that holds a node at a depth, after putting it and all below it into the layers."""
    if not node.children:
        unit = layers[0][node.columns[0]]
    elif node.kind == "function":
        children = tuple(_placed(child, node.level - 2, layers) for child in node.children)
        hidden = [_Unit((children,)) for _ in range(len(children) + 1)]
        hidden += [_Unit((children, children)) for _ in range(_PRODUCTS)]
        layers[node.level - 1] += hidden
        unit = _Unit((tuple(hidden),))
        layers[node.level].append(unit)
    else:
        children = tuple(_placed(child, node.level - 1, layers) for child in node.children)
        unit = _Unit((children,) if node.kind == "sum" else tuple((child,) for child in children))
        layers[node.level].append(unit)
    for level in range(node.level + 1, depth + 1):
        unit = _Unit(((unit,),), passes=True)
        layers[level].append(unit)
    return unit
