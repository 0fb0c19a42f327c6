"""A network without some of its edges, and hidden nodes that others can stand for."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.nn import KAN, Edge, KANLayer, Nodes, add_constant, clone, select, trace
from edgewise.nn.bases import fit_curves, least_squares

Kept = list[list[int]]  # of each level, inputs first: the old number of every node that is left


def edge_means(model: KAN, x: Tensor) -> list[Tensor]:
    """Return the mean of every edge over the rows of x: (n_out, n_in) a layer.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs, a tensor in the network's number type.

    Examples
    --------
    >>> import edgewise as ew
    >>> [means.shape for means in edge_means(ew.KAN([2, 3, 1]), torch.rand(50, 2))]
    [torch.Size([3, 2]), torch.Size([1, 3])]
    """
    with torch.no_grad():
        return [edges.mean(0) for edges in trace(model, x).edges]


def without(model: KAN, means: list[Tensor], edges: Iterable[Edge], *, idle: bool = False) -> tuple[KAN, Kept] | None:
    """Return the network without some edges, and the nodes that are left; None where it cannot be.

    Constants travel on: a hidden node that nothing enters any more is one for what follows, and so is a factor of a
    product, which then has one factor less, or becomes a sum. Nodes that nothing leaves go too. Inputs keep their
    columns.

    Parameters
    ----------
    model
        The network.
    means : (n_out, n_in)
        The constant that replaces each edge, a tensor for each layer (see `edge_means`).
    edges
        The edges that go, each (layer, j, i).
    idle
        Whether nodes go that nothing entered before.

    Returns
    -------
    network and nodes, or None
        The network, and of each level, inputs first, the old number of every node that is left. None where an output
        would be left without an edge, or a locked edge would go or change.

    Examples
    --------
    >>> import edgewise as ew
    >>> model, x = ew.KAN([2, 3, 1]), torch.rand(50, 2)
    >>> smaller, nodes = without(model, edge_means(model, x), [(0, 0, 0), (0, 0, 1)])  # all that enters hidden node 0
    >>> smaller.widths, nodes
    ([2, 2, 1], [[0, 1], [1, 2], [0]])
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


_SAME = 1e-3  # of a curve's or a node's spread: residual of its fit by others

_ONE = 1e-9  # of the size of two constants: that much apart, they are one
Place = tuple[int, int]  # j, i


class Merge(NamedTuple):
    """A node q before layer `depth` that others took on, and the network in which nothing leaves it any more."""

    depth: int
    q: int
    into: list[int]
    model: KAN


def merges(model: KAN, x: Tensor) -> Iterator[Merge]:
    """The networks with one hidden node less that give about the same, the plainest reason first.

    parallel   h_q = alpha h_p + beta: the edges from q go to p, phi_jp(h) + phi_jq(alpha h + beta)
    straight   p and q leave along lines of proportional slopes: h_p + lambda h_q is one sum
    dependent  h_q = sum_p alpha_p h_p + beta and leaves along lines: they are added to the edges from the p

    Edges stay what they are: a sum of two different functions, or of a function and a spline, is not made. Edges under
    a rule stay.
    """
    with torch.no_grad():
        inputs = trace(model, x).inputs
        for depth in range(1, len(model.layers)):
            for kind in (_parallel, _straight, _dependent):
                yield from kind(model, depth, inputs)


def _parallel(model: KAN, depth: int, inputs: list[Tensor]) -> Iterator[Merge]:
    h = inputs[depth] - inputs[depth].mean(0)
    norm, mean = h.norm(dim=0), inputs[depth].mean(0)
    for p in range(h.shape[1]):
        for q in range(h.shape[1]):
            if p == q or not norm[p] > 0 or not norm[q] > 0 or _ruled(model, depth, [p, q], [q]):
                continue
            alpha = float((h[:, p] @ h[:, q]) / norm[p] ** 2)
            if (h[:, q] - alpha * h[:, p]).norm() >= _SAME * norm[q]:
                continue
            new = clone(model)
            layer, shift = new.layers[depth], (alpha, float(mean[q] - alpha * mean[p]))
            if all(_add_moved(layer, (j, p), (j, q), shift) for j in range(layer.n_out)):
                yield _freed(new, depth, q, [p])


def _straight(model: KAN, depth: int, inputs: list[Tensor]) -> Iterator[Merge]:
    lines = {q: line for q, line in _lines(model, depth, inputs[depth]).items() if q < model.nodes[depth].n_sum}
    for p in lines:
        for q in lines:
            if p == q or _ruled(model, depth, [p, q], [p, q]):
                continue
            (slopes, levels), (others, more) = lines[p], lines[q]
            ratio = float((slopes @ others) / (slopes @ slopes))
            if (others - ratio * slopes).norm() >= _SAME * others.norm():
                continue
            new = clone(model)
            before, layer = new.layers[depth - 1], new.layers[depth]
            if not all(_add_scaled(before, (p, i), (q, i), ratio) for i in range(before.n_in)):
                continue
            for j in layer.mask[:, p].nonzero().flatten().tolist():
                layer.mask[j, p] = False
                _add_line(layer, (j, p), float(slopes[j]), float(levels[j] + more[j]))
            yield _freed(new, depth, q, [p])


def _dependent(model: KAN, depth: int, inputs: list[Tensor]) -> Iterator[Merge]:
    h = inputs[depth]
    centered, size = h - h.mean(0), h.std(0, correction=0)
    live = [p for p in range(h.shape[1]) if size[p] > 0]
    for q, (slopes, levels) in _lines(model, depth, h).items():
        others = [p for p in live if p != q]
        if len(others) < 2 or len(h) <= len(others):
            continue
        scaled = centered[:, others] / size[others]
        weights = least_squares(scaled, centered[:, q : q + 1], ridge=1e3)[:, 0] / size[others]
        if (centered[:, others] @ weights - centered[:, q]).norm() >= _SAME * centered[:, q].norm():
            continue
        parts = {p: float(w) for p, w in zip(others, weights, strict=True) if abs(w) * size[p] > _SAME * size[q]}
        if len(parts) < 2 or _ruled(model, depth, [q, *parts], [q]):
            continue
        new = clone(model)
        layer = new.layers[depth]
        rest = float(h[:, q].mean() - sum(w * h[:, p].mean() for p, w in parts.items()))
        levels = levels + slopes * rest
        sound = all(
            _add_line(layer, (j, p), float(slopes[j]) * w, float(levels[j]) * (p == min(parts)))
            for p, w in parts.items()
            for j in layer.mask[:, q].nonzero().flatten().tolist()
        )
        if sound:
            yield _freed(new, depth, q, sorted(parts))


def _lines(model: KAN, depth: int, h: Tensor) -> dict[int, tuple[Tensor, Tensor]]:
    """The nodes all of whose edges are straight on the data: slopes and levels of the edges, (n_out,) each."""
    layer = model.layers[depth]
    edges, centered = layer.edges(h), h - h.mean(0)
    found = {}
    bent = {i for name, symbols in layer.active_symbols().items() for _, i in symbols if name != "x"}
    for q in layer.mask.any(0).nonzero().flatten().tolist():
        if q in bent:
            continue
        power = centered[:, q] @ centered[:, q]
        if not power > 0:
            continue
        curves = edges[:, :, q] - edges[:, :, q].mean(0)
        slopes = centered[:, q] @ curves / power
        bend = (curves - centered[:, q : q + 1] * slopes).norm(dim=0)
        if bool((bend <= _SAME * curves.norm(dim=0)).all()) and bool((slopes != 0).any()):
            found[q] = slopes, edges[:, :, q].mean(0) - slopes * h[:, q].mean()
    return found


def _ruled(model: KAN, depth: int, leaving: list[int], entering: list[int]) -> bool:
    """Whether a rule holds for an edge that leaves or enters one of these nodes before a layer."""
    groups = model.nodes[depth].groups()
    into = {j for q in entering for j in groups[q]}
    after, before = model.layers[depth].rules, model.layers[depth - 1].rules
    return any(i in leaving for _, i in after) or any(j in into for j, _ in before)


def _freed(model: KAN, depth: int, q: int, into: list[int]) -> Merge:
    model.layers[depth].mask[:, q] = False
    return Merge(depth, q, into, model)


def _add_scaled(layer: KANLayer, onto: Place, other: Place, factor: float) -> bool:
    """Add `factor` times an edge to another edge from the same node, exactly; False where that cannot be."""
    if not layer.mask[other]:
        return True
    if other in layer.symbols:
        a, b, c, d = layer.affine[other].tolist()
        return _add_symbol(layer, onto, layer.symbols[other], (a, b, factor * c, factor * d))
    if not _as_spline(layer, onto):
        return False
    with torch.no_grad():
        layer.coefficients[onto] += factor * layer.coefficients[other]
        layer.base_weight[onto] += factor * layer.base_weight[other]
    return True


def _add_moved(layer: KANLayer, onto: Place, other: Place, shift: tuple[float, float]) -> bool:
    """Add an edge of alpha h + beta to an edge of h, with `shift` = (alpha, beta): splines by least squares."""
    alpha, beta = shift
    if not layer.mask[other]:
        return True
    if other in layer.symbols:
        a, b, c, d = layer.affine[other].tolist()
        return _add_symbol(layer, onto, layer.symbols[other], (a * alpha, a * beta + b, c, d))
    return _as_spline(layer, onto) and _refitted(layer, onto, lambda h: _edge(layer, other, alpha * h + beta))


def _add_line(layer: KANLayer, onto: Place, slope: float, level: float) -> bool:
    """Add slope h + level to an edge; one that was not there is as symbolic as it was when it went."""
    if onto in layer.symbols:
        return _add_symbol(layer, onto, "x", (1.0, 0.0, slope, level))
    return _as_spline(layer, onto) and _refitted(layer, onto, lambda h: slope * h + level)


def _refitted(layer: KANLayer, onto: Place, other: Callable[[Tensor], Tensor]) -> bool:
    """Add a function to a spline, by least squares."""
    with torch.no_grad():
        layer.coefficients[onto] = fit_curves(
            lambda sites: (_edge(layer, onto, sites) + other(sites)).unsqueeze(1),
            layer.basis, layer.knots[onto[1]], layer.coefficients.shape[-1],
        )[0]  # fmt: skip
        layer.base_weight[onto] = 0
    return True


def _edge(layer: KANLayer, edge: Place, h: Tensor) -> Tensor:
    """The values (n,) of one edge at h (n,)."""
    j, i = edge
    inputs = torch.zeros(len(h), layer.n_in, dtype=layer.dtype, device=h.device)
    inputs[:, i] = h
    return layer.edges(inputs)[:, j, i]


def _as_spline(layer: KANLayer, edge: Place) -> bool:
    """Make sure that an edge is an active spline, zero where there was none; False where it is symbolic."""
    if layer.mask[edge]:
        return edge not in layer.symbols
    layer.name_edge(edge, None)
    with torch.no_grad():
        layer.coefficients[edge] = 0
        layer.base_weight[edge] = 0
    layer.mask[edge] = True
    return True


def _add_symbol(layer: KANLayer, edge: Place, name: str, affine: tuple[float, ...]) -> bool:
    """Add c f(a x + b) + d to an edge that has none, or the same f of the same argument."""
    with torch.no_grad():
        if not layer.mask[edge]:
            layer.name_edge(edge, name)
            layer.mask[edge], layer.affine_free[edge] = True, True
            layer.affine[edge] = layer.affine.new_tensor(affine)
            return True
        if layer.symbols.get(edge) != name:
            return False
        old, new = _plain(name, layer.affine[edge].tolist()), _plain(name, list(affine))
        if any(abs(u - v) > _ONE * max(1.0, abs(u)) for u, v in zip(old[:2], new[:2], strict=True)):
            return False
        layer.affine[edge] = layer.affine.new_tensor([*old[:2], old[2] + new[2], old[3] + new[3]])
        return True


def _plain(name: str, affine: list[float]) -> list[float]:
    """The same constants, those of a line with a = 1 and b = 0."""
    a, b, c, d = affine
    return [1.0, 0.0, c * a, c * b + d] if name == "x" else affine
