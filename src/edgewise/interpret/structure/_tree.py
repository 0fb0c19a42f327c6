"""What a function does with its columns, as a tree of sums, products and functions, and the network of that shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from torch import Tensor

from edgewise._errors import InputError
from edgewise._later import LOADERS
from edgewise.interpret.structure._relations import exclusive, power_sum, scaling, translation
from edgewise.interpret.structure._separability import (
    CROSSES,
    Finding,
    additive,
    combined,
    irrelevant,
    offset_product,
    separable,
    splits,
)
from edgewise.interpret.structure._surrogate import Surrogate
from edgewise.nn import KAN, lock, set_function

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 8  # columns of a group up to which every split of it is tried


@dataclass(frozen=True)
class Tree:
    """A node: a column, or a sum, a product or any function of its children, each through its own function.

    Printing a tree draws it as text.

    Parameters
    ----------
    kind
        "column", "sum", "product" or "function".
    columns
        The numbers of all columns below.
    children
        The nodes below.
    name
        The column's name, or what the node is if that is known in closed form, like "x1 - x2".
    outer
        Whether the whole passes through one more function.
    findings
        The tests that decided the node.
    inputs
        Of the whole tree, how many columns there are.
    """

    kind: str
    columns: tuple[int, ...]
    children: tuple[Tree, ...] = ()
    name: str = ""
    outer: bool = False
    findings: tuple[Finding, ...] = ()
    inputs: int = 0

    @property
    def level(self) -> int:
        """Layers of a network below the node: a function of several groups takes two."""
        if not self.children:
            return 0
        return max(child.level for child in self.children) + (2 if self.kind == "function" else 1)

    @property
    def label(self) -> str:
        """What the node is, in a word or a formula."""
        if self.kind == "column":
            return self.name
        known = f" {self.name}" if self.name else ""
        return f"{'function of a ' if self.outer else ''}{self.kind}{known}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the tree, as `edgewise.plot.tree` does, and return the axes.

        Parameters
        ----------
        ax
            The axes to draw into; None makes a figure.
        """
        return LOADERS["plot"]().tree(self, ax)

    def __repr__(self) -> str:
        return "\n".join(_lines(self))


def tree(f: Surrogate) -> Tree:
    """Return the tree that the tests of structure give, asked again inside every group that they find.

    A group is split, if it can be, into a sum, a product, or a function of a sum of groups with no column in common;
    else the smallest sets of columns that act through one function become groups of their own. Columns that do nothing
    are left out.

    Parameters
    ----------
    f
        The surrogate of the function.

    Raises
    ------
    InputError
        If no column does anything, and for what is no surrogate.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    >>> law = lambda x: x[:, 0] * torch.exp(-((x[:, 1] - x[:, 2]) ** 2)) + torch.log(x[:, 3])
    >>> ew.structure.tree(ew.structure.surrogate(x, law))
    sum
    ├─ product
    │  ├─ x1
    │  └─ sum x2 - x3
    │     ├─ x2
    │     └─ x3
    └─ x4
    """
    if not isinstance(f, Surrogate):
        raise InputError(f"Make a surrogate first: structure.surrogate(x, y). Got {type(f).__name__}.")
    live = [i for i in range(f.n_columns) if not irrelevant(f, i).holds]
    if not live:
        raise InputError("No column does anything to the target, so there is no tree. Check the columns.")
    return replace(_grown(_part(f, live), live), inputs=f.n_columns)


def _grown(f: Surrogate, columns: Sequence[int]) -> Tree:
    """The tree of a function of some columns; `columns` are their numbers in the whole."""
    if f.n_columns == 1:
        return Tree("column", tuple(columns), name=f.names[0])
    relation = _relation(f) if f.n_columns == 2 else None
    for kind, test in (("sum", additive), ("product", offset_product), ("sum", combined)):
        groups, found = _groups(f, test)
        if len(groups) > 1:
            if any(one.numbers.get("crossing", 0.0) > CROSSES for one in found):
                kind = "product"
            node = _joined(f, columns, kind, groups)
            return _named(replace(node, outer=test is combined, findings=found), relation)
    if relation is not None:
        return _named(replace(_joined(f, columns, "sum", [[0], [1]]), outer=True), relation)
    groups, found = _inner_groups(f)
    return replace(_joined(f, columns, "function", groups), findings=found)


def _joined(f: Surrogate, columns: Sequence[int], kind: str, groups: Sequence[Sequence[int]]) -> Tree:
    """A node of groups of columns, each with its own tree."""
    children = []
    for group in groups:
        child = _grown(_part(f, group), [columns[i] for i in group])
        if child.kind == kind and not child.outer and not child.name and kind == "sum":
            children += child.children
        else:
            # Whatever passes on along an edge may be bent there, so no child needs a function around it.
            children.append(replace(child, outer=False))
    return Tree(kind, tuple(sorted(columns)), tuple(sorted(children, key=lambda child: child.columns)))


def _groups(
    f: Surrogate, test: Callable[[Surrogate, Sequence[int]], Finding]
) -> tuple[list[list[int]], tuple[Finding, ...]]:
    """The finest partition into groups each of which a test splits from the rest, and the tests that passed."""
    m = f.n_columns
    found = [test(f, part) for part in splits(range(m), m // 2 if m <= _MOST else 2)]
    held = [one for one in found if one.holds]
    groups: list[list[int]] = []
    for i in range(m):
        sides = [inside if i in (inside := set(one.columns)) else set(range(m)) - inside for one in held]
        group = sorted(set(range(m)).intersection(*sides))
        if group not in groups:
            groups.append(group)
    return groups, tuple(held)


def _inner_groups(f: Surrogate) -> tuple[list[list[int]], tuple[Finding, ...]]:
    """Groups without a common column that each act through one function, small and sure ones first, and the others."""
    m = f.n_columns
    sizes = range(2, m) if m <= _MOST else range(2, 3)
    found = [one for size in sizes for part in combinations(range(m), size) if (one := separable(f, part)).holds]
    found.sort(key=lambda one: (len(one.columns), one.statistic))
    groups: list[list[int]] = []
    used: tuple[Finding, ...] = ()
    for one in found:
        if not any(set(one.columns) & set(group) for group in groups):
            groups.append(list(one.columns))
            used = (*used, one)
    alone = [[i] for i in range(m) if not any(i in group for group in groups)]
    return groups + alone, used


def _relation(f: Surrogate) -> Finding | None:
    """How a function of two columns joins them in closed form, if it does."""
    found = exclusive([translation(f, 0, 1), scaling(f, 0, 1), power_sum(f, 0, 1)])
    return next((one for one in found if one.holds), None)


def _named(node: Tree, relation: Finding | None) -> Tree:
    """The node with its closed form, if it joins two columns in one that is known."""
    if relation is None or (not node.outer and (relation.kind == "scaling") != (node.kind == "product")):
        return node
    kind = "product" if relation.kind == "scaling" else "sum"
    name = relation.sentence.split(" through ")[1]
    return replace(node, kind=kind, name=name, findings=(*node.findings, relation))


def _part(f: Surrogate, columns: Sequence[int]) -> Surrogate:
    """The surrogate as a function of some columns, the others held where these matter most and are known best."""
    columns = list(columns)
    if columns == list(range(f.n_columns)):
        return f
    held = _best_rest(f, columns)

    def whole(points: Tensor) -> Tensor:
        full = held.repeat(len(points), 1)
        full[:, columns] = points
        return full

    return Surrogate(
        lambda points: f.values(whole(points)),
        lambda points: f.slopes(whole(points))[:, columns],
        f.x[:, columns],
        f.spread,
        f.error,
        tuple(f.names[i] for i in columns),
    )


def _best_rest(f: Surrogate, columns: Sequence[int]) -> Tensor:
    """The row whose other columns make the slopes by these largest against their uncertainty."""
    inner, probes = f.inner.points, 12
    rows, best = inner[:probes], (-1.0, inner[0])
    for row in rows:
        points = row.repeat(probes, 1)
        points[:, list(columns)] = inner[probes : 2 * probes, list(columns)][: len(points)]
        slopes = f.slopes(points)[:, list(columns)]
        size = slopes[:, :, 0].square().mean(0).sqrt()
        off = (slopes - slopes[:, :, :1]).square().mean((0, 2)).sqrt()
        sure = float((size / (off + 1e-3 * f.spread / f.x[:, list(columns)].std(0))).min())
        if sure > best[0]:
            best = (sure, row)
    return best[1]


def _lines(node: Tree) -> list[str]:
    """The node and below it its children, indented, as text."""
    out = [node.label]
    for child in node.children:
        last = child is node.children[-1]
        first, *others = _lines(child)
        out.append(("└─ " if last else "├─ ") + first)
        out += [("   " if last else "│  ") + line for line in others]
    return out


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

    Parameters
    ----------
    tree
        What `structure.tree` returned.
    grid
        Cells of each edge's spline.
    seed
        Seed of the first coefficients.

    Raises
    ------
    InputError
        For what is no whole tree.

    Examples
    --------
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
        # One sum more than there are groups, and two products of two: what stands for any function of groups.
        hidden = [_Unit((children,)) for _ in range(len(children) + 1)]
        hidden += [_Unit((children, children)) for _ in range(2)]
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
