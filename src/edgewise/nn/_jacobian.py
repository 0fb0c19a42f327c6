"""Derivatives of edges by their own input, and of a network's outputs by its parameters and inputs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.formulas import functions
from edgewise.kernels import contract, vjp_coefficients, vjp_inputs
from edgewise.nn._layer import KANLayer
from edgewise.nn._network import KAN
from edgewise.nn.bases import base_function


def edge_derivatives(layer: KANLayer, h: Tensor, order: int) -> Tensor:
    """Return the derivative of every edge by its input, phi_ji^(order)(h_i): (n, n_out, n_in), zero where masked.

    Beyond the knots a spline is its tangent, so that the second derivative is zero there.

    Parameters
    ----------
    layer
        The layer.
    h : (n, n_in)
        The inputs of the layer.
    order
        The order of the derivative, at least 1.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import KANLayer, edge_derivatives
    >>> layer = KANLayer(2, 1)
    >>> edge_derivatives(layer, torch.zeros(5, 2), 1).shape
    torch.Size([5, 1, 2])
    """
    weights, count = layer.weights().detach(), layer.coefficients.shape[-1]
    basis = layer.basis.evaluate(h, layer.knots, count, order)
    out = torch.einsum("nif,jif->nji", basis, weights[..., :count])
    if layer.base is not None:
        own = derivatives(base_function(layer.base)[0], h, order)[-1]
        out += own.unsqueeze(1) * weights[..., count]
    for j, i, values in symbolic_derivatives(layer, h, order):
        out[:, j, i] = values
    return out


def symbolic_derivatives(layer: KANLayer, h: Tensor, order: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """For each function name, yield the active edges' j and i and their derivatives, (n, edges).

    Parameters
    ----------
    layer
        The layer.
    h : (n, n_in)
        The inputs of the layer.
    order
        The order of the derivative; 0 for values.
    """
    for name, edges in layer.active_symbols().items():
        j, i = torch.tensor(edges, device=h.device).T
        a, b, c, d = layer.affine.detach()[j, i].unbind(-1)
        values = c * a**order * derivatives(functions.get(name).torch, a * h[:, i] + b, order)[-1]
        yield j, i, values if order else values + d


def derivatives(function: Callable[[Tensor], Tensor], z: Tensor, order: int, attached: bool = False) -> list[Tensor]:
    """Return a function of one variable and its derivatives up to some order, at every entry of z.

    Parameters
    ----------
    function
        The function, which works elementwise.
    z
        Where the function is evaluated.
    order
        The order of the highest derivative.
    attached
        Whether what is returned can be differentiated by what z was made of.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import derivatives
    >>> [float(part) for part in derivatives(torch.exp, torch.zeros(()), 2)]
    [1.0, 1.0, 1.0]
    """
    attached = attached and z.requires_grad
    with torch.enable_grad():
        z = z if attached else z.detach().requires_grad_()
        found = [function(z)]
        for k in range(order):
            if not found[-1].requires_grad:  # a constant, such as the slope of a line
                found.append(torch.zeros_like(z))
                continue
            graph = attached or k + 1 < order
            ones = torch.ones_like(found[-1])
            (slope,) = torch.autograd.grad(found[-1], z, ones, create_graph=graph, materialize_grads=True)
            found.append(slope.conj() if z.is_complex() else slope)  # torch gives the conjugate of f'
    return found if attached else [part.detach() for part in found]


@dataclass(frozen=True)
class Block:
    """Where one layer's free parameters lie in the flat vector: spline edges first, then affine constants.

    Edges of inputs with fewer cells have fewer entries.

    Parameters
    ----------
    start
        Where the entries of the spline edges begin.
    spline : (E, 2)
        The spline edges (j, i).
    widest
        The largest number of entries of an edge.
    affine : (A, 3)
        The affine constants (j, i, which of a b c d).
    complete
        Whether every edge is a free spline, so that the entries are the layer's weights, flat, as they lie.
    used : (entries,)
        Which of the (E, widest) entries there are; None for all.
    """

    start: int
    spline: Tensor  # (E, 2) edges (j, i), each with up to `widest` entries
    widest: int
    affine: Tensor  # (A, 3) entries (j, i, which of a b c d)
    complete: bool  # every edge is a free spline: the layer's weights, flat, as they lie
    used: Tensor | None = None  # (places,) of (E, widest), flat; None for all

    @property
    def width(self) -> int:
        """Return the entries of each edge, for what takes only edges with equally many.

        Raises
        ------
        InputError
            Where they differ.
        """
        if self.used is not None:
            raise InputError(
                "The inputs of a layer have different numbers of cells, which this does not take: give all of them one "
                "number first, ew.nn.adapt_grid(model, x, grid) with a list for each layer."
            )
        return self.widest

    def pick(self, weights: Tensor) -> Tensor:
        """Return the entries of the spline edges, flat, from those of all edges.

        Parameters
        ----------
        weights : (n_out, n_in, widest)
            The entries of all edges.
        """
        return weights.flatten() if self.complete else self.flat(weights[tuple(self.spline.T)])

    def flat(self, weights: Tensor) -> Tensor:
        """Return the entries (..., entries) of the spline edges in their order in the flat vector.

        Parameters
        ----------
        weights : (..., E, widest)
            The entries of each spline edge.
        """
        whole = weights.flatten(-2)
        return whole if self.used is None else whole[..., self.used]

    def edges(self, vector: Tensor) -> Tensor:
        """Return the entries (E, widest) of the spline edges in a flat vector, zero where there is none.

        Parameters
        ----------
        vector : (P,)
            A flat vector of the network.
        """
        own = vector[self.start : self.middle]
        if self.used is not None:
            own = vector.new_zeros(len(self.spline) * self.widest).index_copy(0, self.used, own)
        return own.view(len(self.spline), self.widest)

    @cached_property
    def owners(self) -> Tensor:
        """The subnode that each entry of a spline edge acts on: (entries,)."""
        return self.flat(self.spline[:, :1].expand(-1, self.widest))

    @property
    def starts(self) -> list[int]:
        """Where the entries of each spline edge begin in the flat vector."""
        return list(accumulate(self.sizes[:-1], initial=self.start)) if self.sizes else []

    @cached_property
    def sizes(self) -> list[int]:
        """How many entries each spline edge has."""
        if self.used is None:
            return [self.widest] * len(self.spline)
        return torch.bincount(self.used // self.widest, minlength=len(self.spline)).tolist()

    def laid(self, vector: Tensor, n_out: int, n_in: int) -> Tensor:
        """Return the entries of the spline edges in a flat vector as those of all edges: (n_out, n_in, widest).

        They are zero elsewhere.

        Parameters
        ----------
        vector : (P,)
            A flat vector of the network.
        n_out
            The number of subnodes of the layer.
        n_in
            The number of inputs of the layer.
        """
        if self.complete:
            return vector[self.start : self.middle].view(n_out, n_in, self.widest)
        weights = vector.new_zeros(n_out, n_in, self.widest)
        weights[tuple(self.spline.T)] = self.edges(vector)
        return weights

    @property
    def middle(self) -> int:
        return self.start + (len(self.spline) * self.widest if self.used is None else len(self.used))

    @property
    def stop(self) -> int:
        return self.middle + len(self.affine)


class Layout:
    """The free parameters of a network as one flat vector, for as long as its masks, symbols and locks stay.

    Parameters
    ----------
    model
        The network.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import Layout
    >>> model = ew.KAN([2, 1, 1], grid=5)
    >>> Layout(model).size                                   # 3 edges of 5 + 3 coefficients
    24
    """

    def __init__(self, model: KAN) -> None:
        self.blocks: list[Block] = []
        start = 0
        for layer in model.layers:
            spline, affine = layer.free_splines().nonzero(), layer.free_constants().nonzero()
            width = layer.coefficients.shape[-1] + (layer.base is not None)
            used = _used(layer, spline, width)
            complete = used is None and len(spline) == layer.n_in * layer.n_out
            self.blocks.append(Block(start, spline, width, affine, complete, used))
            start = self.blocks[-1].stop
        self.size = start

    def read(self, model: KAN) -> Tensor:
        """Return the flat vector of the network's free parameters.

        Parameters
        ----------
        model
            The network.
        """
        parts = []
        for layer, block in zip(model.layers, self.blocks, strict=True):
            parts.append(block.pick(layer.weights().detach()))
            parts.append(layer.affine.detach()[tuple(block.affine.T)])
        return torch.cat(parts)

    def write(self, model: KAN, vector: Tensor) -> None:
        """Set the network's free parameters, in place.

        Parameters
        ----------
        model
            The network, which is changed.
        vector : (size,)
            The values of the free parameters.
        """
        with torch.no_grad():
            for layer, block in zip(model.layers, self.blocks, strict=True):
                edges = block.edges(vector)
                count = layer.coefficients.shape[-1]
                if block.complete:
                    layer.coefficients.copy_(edges[:, :count].view_as(layer.coefficients))
                else:
                    layer.coefficients[tuple(block.spline.T)] = edges[:, :count]
                if layer.base is not None:
                    layer.base_weight[tuple(block.spline.T)] = edges[:, count]
                if len(block.affine):
                    layer.affine[tuple(block.affine.T)] = vector[block.middle : block.stop]


class Pass:
    """A forward pass that can give its Jacobian and products with it.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.nn import Layout, Pass
    >>> model = ew.KAN([2, 1], grid=5)
    >>> Pass(model, torch.rand(10, 2, dtype=torch.float64)).jacobian(Layout(model)).shape
    torch.Size([10, 1, 16])
    """

    def __init__(self, model: KAN, x: Tensor) -> None:
        self.model = model
        self.inputs: list[Tensor] = []
        self.subnodes: list[Tensor] = []
        self._features: dict[int, Tensor] = {}
        self._sensitivities: list[Tensor] = []
        self._slopes: dict[int, Tensor] = {}
        h = x
        for depth, nodes in enumerate(model.nodes[1:]):
            self.inputs.append(h)
            self.subnodes.append(self.model.layers[depth](h))
            h = nodes.combine(self.subnodes[-1])
        self.outputs = h

    def features(self, depth: int) -> Tensor:
        """Return what each spline edge of a layer combines: (n, n_in, width), computed once.

        Parameters
        ----------
        depth
            The number of the layer.
        """
        if depth not in self._features:
            self._features[depth] = self.model.layers[depth].evaluate_basis(self.inputs[depth])
        return self._features[depth]

    @property
    def sensitivities(self) -> list[Tensor]:
        """d outputs / d subnodes of each layer: (n, n_out, subnodes)."""
        if not self._sensitivities:  # no cached_property, whose lock Python 3.11 leaves closed in a forked process
            self._sensitivities = self._pulled()
        return self._sensitivities

    def _pulled(self) -> list[Tensor]:
        """Return the sensitivities, from the outputs back."""
        model, n = self.model, len(self.outputs)
        slopes = torch.eye(model.n_out, dtype=self.outputs.dtype, device=self.outputs.device).expand(n, -1, -1)
        found: list[Tensor] = []
        for depth in reversed(range(len(model.layers))):
            found.append(model.nodes[depth + 1].vjp(self.subnodes[depth], slopes))
            if depth:
                slopes = pull_inputs(self.model.layers[depth], self.inputs[depth], found[-1])
        return found[::-1]

    def input_gradient(self) -> Tensor:
        """Return d outputs / d inputs: (n, n_out, n_in)."""
        return pull_inputs(self.model.layers[0], self.inputs[0], self.sensitivities[0])

    def jacobian(self, layout: Layout) -> Tensor:
        """Return d outputs / d free parameters: (n, n_out, layout.size).

        Parameters
        ----------
        layout
            The places of the free parameters in the flat vector.
        """
        out = self.flat_features(layout).unsqueeze(1).repeat(1, self.outputs.shape[1], 1)
        for block, sensitivity in zip(layout.blocks, self.sensitivities, strict=True):
            spline = out[:, :, block.start : block.middle]
            if block.used is None:
                spline.unflatten(2, (len(block.spline), block.widest)).mul_(sensitivity[:, :, block.spline[:, 0], None])
            else:
                spline *= sensitivity[:, :, block.owners]
            out[:, :, block.middle : block.stop] *= sensitivity[:, :, block.affine[:, 0]]
        return out

    def flat_features(self, layout: Layout) -> Tensor:
        """Return d subnode / d free parameters, each parameter's own subnode: (n, layout.size).

        Parameters
        ----------
        layout
            The places of the free parameters in the flat vector.
        """
        out = self.outputs.new_empty(len(self.outputs), layout.size)
        for depth, block in enumerate(layout.blocks):
            part, own = out[:, block.start : block.middle], self.features(depth)[:, block.spline[:, 1]]
            if block.used is None:
                part.unflatten(1, (len(block.spline), block.widest)).copy_(own)
            else:
                part.copy_(block.flat(own))
            out[:, block.middle : block.stop] = self._affine_slopes(depth, block)
        return out

    def push(self, layout: Layout, vector: Tensor) -> Tensor:
        """Return J times a flat vector: (n, n_out).

        Parameters
        ----------
        layout
            The places of the free parameters in the flat vector.
        vector : (layout.size,)
            The flat vector.
        """
        total = torch.zeros_like(self.outputs)
        for depth, block in enumerate(layout.blocks):
            layer = self.model.layers[depth]
            change = self._combine(depth, block.laid(vector, layer.n_out, layer.n_in))
            if len(block.affine):
                slopes = self._affine_slopes(depth, block)
                change.index_add_(1, block.affine[:, 0], slopes * vector[block.middle : block.stop])
            if not self._gives_outputs(depth):
                change = (self.sensitivities[depth] @ change.unsqueeze(-1)).squeeze(-1)
            total += change
        return total

    def pull(self, layout: Layout, cotangent: Tensor) -> Tensor:
        """Return J' times a vector: (layout.size,).

        Parameters
        ----------
        layout
            The places of the free parameters in the flat vector.
        cotangent : (n, n_out)
            The vector.
        """
        out = self.outputs.new_empty(layout.size)
        for depth, block in enumerate(layout.blocks):
            by_subnode = cotangent
            if not self._gives_outputs(depth):
                by_subnode = (cotangent.unsqueeze(1) @ self.sensitivities[depth]).squeeze(1)
            whole = self._pull_weights(depth, by_subnode)
            out[block.start : block.middle] = block.pick(whole)
            if not len(block.affine):
                continue
            slopes = self._affine_slopes(depth, block)
            out[block.middle : block.stop] = (by_subnode[:, block.affine[:, 0]] * slopes).sum(0)
        return out

    def diagonal(self, layout: Layout, weigh: Callable[[Tensor], Tensor]) -> Tensor:
        """Return diag(sum_n J_n' W_n J_n): (layout.size,).

        Parameters
        ----------
        layout
            The places of the free parameters in the flat vector.
        weigh
            Multiplies vectors (n, m, k) by each row's W_n (m, m).
        """
        out = self.outputs.new_empty(layout.size)
        for depth, block in enumerate(layout.blocks):
            sensitivity = self.sensitivities[depth]
            own = (sensitivity * weigh(sensitivity)).sum(1)
            whole = (own.T @ self.features(depth).flatten(1).square()).unflatten(1, (-1, block.widest))
            out[block.start : block.middle] = block.pick(whole)
            slopes = self._affine_slopes(depth, block)
            out[block.middle : block.stop] = (own[:, block.affine[:, 0]] * slopes.square()).sum(0)
        return out

    def _gives_outputs(self, depth: int) -> bool:
        """Whether a layer's subnodes are the outputs."""
        return depth == len(self.inputs) - 1 and not self.model.nodes[-1].arities

    def _combine(self, depth: int, weights: Tensor) -> Tensor:
        """What a layer's spline edges with other weights (n_out, n_in, widest) give: (n, n_out)."""
        if depth in self._features:
            return (weights.flatten(1) @ self._features[depth].flatten(1).T).T  # BLAS likes few rows, not few columns
        layer, h = self.model.layers[depth], self.inputs[depth]
        count = layer.coefficients.shape[-1]
        out = contract(h, weights[..., :count], layer.knots, layer.basis)
        return out if layer.base is None else out + base_function(layer.base)[0](h) @ weights[..., count].T

    def _pull_weights(self, depth: int, slopes: Tensor) -> Tensor:
        """Derivatives by a layer's subnodes (n, n_out) -> by the weights of its spline edges (n_out, n_in, widest)."""
        layer, h = self.model.layers[depth], self.inputs[depth]
        if depth in self._features:
            width = layer.coefficients.shape[-1] + (layer.base is not None)
            return (slopes.T @ self._features[depth].flatten(1)).unflatten(1, (-1, width))
        out = vjp_coefficients(h, slopes.contiguous(), None, layer.knots, layer.basis, layer.coefficients.shape[-1], 0)
        if layer.base is None:
            return out
        return torch.cat([out, (slopes.T @ base_function(layer.base)[0](h)).unsqueeze(-1)], dim=-1)

    def _affine_slopes(self, depth: int, block: Block) -> Tensor:
        """d subnode / d affine constants, (n, A), made once."""
        if depth not in self._slopes:
            self._slopes[depth] = _affine_slopes(self.model.layers[depth], self.inputs[depth], block.affine)
        return self._slopes[depth]


def _used(layer: KANLayer, spline: Tensor, width: int) -> Tensor | None:
    """The places of (edges, width) that spline edges have entries at; None for all."""
    count = layer.coefficients.shape[-1]
    counts = layer.basis.counts(layer.knots, count)
    if min(counts) == count:
        return None
    place = torch.arange(width, device=spline.device)
    own = torch.tensor(counts, device=spline.device)[spline[:, 1]].unsqueeze(1)
    return ((place < own) | (place >= count)).flatten().nonzero().flatten()


def pull_inputs(layer: KANLayer, h: Tensor, slopes: Tensor) -> Tensor:
    """Derivatives by a layer's subnodes (n, m, n_out) -> by its inputs (n, m, n_in), at inputs (n, n_in)."""
    weights, count = layer.weights(), layer.coefficients.shape[-1]
    curves = weights[..., :count]
    parts = [vjp_inputs(h, curves, part.contiguous(), layer.knots, layer.basis, 1) for part in slopes.unbind(1)]
    out = torch.stack(parts, dim=1)
    if layer.base is not None:
        out += (slopes @ weights[..., count]) * base_function(layer.base)[1](h).unsqueeze(1)
    for j, i, own in symbolic_derivatives(layer, h, 1):
        out.index_add_(2, i, slopes[:, :, j] * own.unsqueeze(1))
    return out


def _affine_slopes(layer: KANLayer, h: Tensor, entries: Tensor) -> Tensor:
    """d (c f(a h + b) + d) by the listed constants: (n, A)."""
    out = h.new_ones(len(h), len(entries))
    by_edge: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for column, (j, i, which) in enumerate(entries.tolist()):
        by_edge.setdefault((j, i), []).append((column, which))
    for (j, i), columns in by_edge.items():
        a, b, c, _ = layer.affine[j, i]
        value, slope = derivatives(functions.get(layer.symbols[j, i]).torch, a * h[:, i] + b, 1)
        for column, which in columns:
            if which < 3:
                out[:, column] = (c * slope * h[:, i], c * slope, value)[which]
    return out
