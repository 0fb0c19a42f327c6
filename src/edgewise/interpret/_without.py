"""A network without some of its edges, and without all that this makes needless."""

from collections.abc import Iterable

import torch
from torch import Tensor

from edgewise.nn import KAN, Edge, KANLayer, Nodes, add_constant, clone, select, trace

Kept = list[list[int]]  # of each level, inputs first: the old number of every node that is left


def edge_means(model: KAN, x: Tensor) -> list[Tensor]:
    """The mean of every edge over the rows of x: (n_out, n_in) a layer."""
    with torch.no_grad():
        return [edges.mean(0) for edges in trace(model, x).edges]


def without(model: KAN, means: list[Tensor], edges: Iterable[Edge], *, idle: bool = False) -> tuple[KAN, Kept] | None:
    """The network without edges (layer, j, i), each replaced by a constant (see `edge_means`); and the nodes left.

    Constants travel on: a hidden node that nothing enters any more is one for what follows, and so is a factor of a
    product, which then has one factor less, or becomes a sum. Nodes that nothing leaves go too. With `idle` so do nodes
    that nothing entered before. None where an output would be left without an edge, or a locked edge would go or
    change. Inputs keep their columns.
    """
    new = clone(model)
    sweep = _Sweep(model, new, means, idle)
    for depth, j, i in edges:
        sweep.remove(depth, j, i)
    for depth in range(len(new.layers)):
        if not sweep.forward(depth):
            return None
    sweep.backward()
    if sweep.took_locked():
        return None
    return new, _selected(new, sweep.groups)


class _Sweep:
    """The constants that removed edges leave behind, on their way to where they can stay."""

    def __init__(self, old: KAN, new: KAN, means: list[Tensor], idle: bool) -> None:
        self.old, self.new, self.means, self.idle = old, new, means, idle
        self.constants = [mean.new_zeros(len(mean)) for mean in means]
        self.groups = [nodes.groups() for nodes in new.nodes[1:]]

    def remove(self, depth: int, j: int, i: int) -> None:
        self.new.layers[depth].mask[j, i] = False
        self.constants[depth][j] += self.means[depth][j, i]

    def forward(self, depth: int) -> bool:
        """Settle the constants of one layer's subnodes; False where they cannot stay."""
        layer = self.new.layers[depth]
        last = depth + 1 == len(self.new.layers)
        dead = ~layer.mask.any(1)
        if last or not self.idle:
            dead &= self.old.layers[depth].mask.any(1)
        if last and dead.any():
            return False
        for q, group in enumerate(self.groups[depth]):
            gone = [j for j in group if dead[j]]
            if len(gone) == len(group) or (gone and float(self.constants[depth][gone].prod()) == 0):
                for j in self.new.layers[depth + 1].mask[:, q].nonzero().flatten().tolist():
                    self.remove(depth + 1, j, q)
            elif gone and not self._fold(depth, q, gone):
                return False
        constants = torch.where(layer.mask.any(1), self.constants[depth], 0)
        fixed = ~(layer.mask & ~layer.locked_mask()).any(1)
        if (fixed & (constants != 0)).any():
            return False
        add_constant(layer, constants)
        return True

    def _fold(self, depth: int, q: int, gone: list[int]) -> bool:
        """Multiply a product's constant factors into another one of its factors."""
        layer, left = self.new.layers[depth], [j for j in self.groups[depth][q] if j not in gone]
        held = {j for (j, i), rule in layer.rules.items() if layer.mask[j, i] and (rule.locked or rule.monotone)}
        free = [j for j in left if j not in held]
        if not free:
            return False
        factor = self.constants[depth][gone].prod()
        scale_subnode(layer, free[0], float(factor))
        self.constants[depth][free[0]] *= factor
        self.groups[depth][q] = left
        return True

    def backward(self) -> None:
        """Remove what enters nodes that nothing leaves."""
        for depth in reversed(range(1, len(self.new.layers))):
            leaves = self.new.layers[depth].mask.any(0).tolist()
            for q, group in enumerate(self.groups[depth - 1]):
                if not leaves[q]:
                    self.new.layers[depth - 1].mask[group] = False

    def took_locked(self) -> bool:
        """Whether a locked edge went."""
        pairs = zip(self.old.layers, self.new.layers, strict=True)
        return any(bool((old.locked_mask() & old.mask & ~new.mask).any()) for old, new in pairs)


def scale_subnode(layer: KANLayer, j: int, factor: float) -> None:
    """Multiply all that enters a subnode, in place."""
    with torch.no_grad():
        layer.coefficients[j] *= factor
        layer.base_weight[j] *= factor
        layer.affine[j, :, 2:] *= factor


def _selected(model: KAN, groups: list[list[list[int]]]) -> Kept:
    """Keep, in place, the inputs, the outputs, and the hidden nodes that something leaves; products of one are sums."""
    kept: Kept = [list(range(model.n_in))]
    for depth in range(len(model.layers)):
        layer, nodes = model.layers[depth], groups[depth]
        left = list(range(len(nodes)))
        if depth + 1 < len(model.layers):
            leaves = model.layers[depth + 1].mask.any(0).tolist()
            left = sorted((q for q in left if leaves[q]), key=lambda q: len(nodes[q]) > 1)
        model.layers[depth] = select(layer, outputs=[j for q in left for j in nodes[q]], inputs=kept[-1])
        sizes = [len(nodes[q]) for q in left]
        model.nodes[depth + 1] = Nodes(sizes.count(1), tuple(size for size in sizes if size > 1))
        kept.append(left)
    return kept
