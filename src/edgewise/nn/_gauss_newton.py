"""The Gauss-Newton matrix of a network, assembled without its Jacobian wherever that saves work."""

from collections.abc import Callable
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from edgewise.kernels.gauss_newton import Edges, Local, add_splines
from edgewise.nn._jacobian import Layout, Pass
from edgewise.nn._network import KAN
from edgewise.nn.bases import BSpline, base_function

Weigh = Callable[[Tensor], Tensor]  # (n, m, k) -> (n, m, k), each row's curvature times k vectors


class GaussNewtonMatrix:
    """Adds sum_n J_n' W_n J_n to a matrix, for the passes of a network of fixed shape.

    J_n (m, P) is the derivative of the outputs by the flat vector, W_n (m, m) each row's curvature. Every parameter p
    acts on one subnode s(p), so J is a product, J_n[o, p] = S_n[o, s(p)] f_n[p], and

        H[p, q] = sum_n (S_n' W_n S_n)[s(p), s(q)] f_n[p] f_n[q].

    Three routes, each for what it is fastest at. "sparse": a row touches degree + 1 functions of each spline edge, and
    only their products are formed, whatever the grid. "square": with one output, J is made for these rows and
    multiplied block by block, half of it. "grouped": with several, the sum above subnode by subnode, which costs the
    same for any number of outputs.

    Parameters
    ----------
    model
        The network.
    layout
        The places of its free parameters in the flat vector.
    """

    def __init__(self, model: KAN, layout: Layout) -> None:
        self.model, self.layout = model, layout
        self.edges = _spline_edges(model, layout)

    @property
    def route(self) -> str:
        if self.edges is not None:
            return "sparse"
        return "square" if self.model.n_out == 1 else "grouped"

    def add(self, forward: Pass, weigh: Weigh, hessian: Tensor) -> None:
        """Add the rows of one pass to the lower triangle of a matrix.

        Parameters
        ----------
        forward
            The forward pass of the rows.
        weigh
            Multiplies vectors (n, m, k) by W.
        hessian : (P, P)
            The matrix, changed in place.
        """
        if self.edges is not None:
            _add_sparse(forward, self.edges, weigh, hessian)
        elif self.model.n_out == 1:
            root = weigh(torch.ones_like(forward.outputs).unsqueeze(-1))[:, :, 0].sqrt()
            _add_square(forward.jacobian(self.layout)[:, 0].mul_(root), hessian)
        else:
            _add_grouped(forward, self.layout, weigh, hessian)


def _spline_edges(model: KAN, layout: Layout) -> Edges | None:
    """The edges for the sparse route; None where another route is faster or the only one."""
    layers = list(model.layers)
    first = layers[0]
    alike = all((layer.basis, layer.base) == (first.basis, first.base) for layer in layers)
    touched = ((first.degree or 0) + 1) * sum(len(block.spline) for block in layout.blocks)
    # Nanoseconds of a row: of a pair of functions that live there, of a product and of an entry of a dense Jacobian;
    # measured by `edgewise bench routes`.
    pair, product, entry = 0.13, 0.032, 5.0
    fewer = pair * touched**2 <= product * layout.size**2 + entry * layout.size
    if not (alike and fewer and isinstance(first.basis, BSpline) and first.coefficients.device.type == "cpu"):
        return None
    if first.dtype != torch.float64 or any(len(block.affine) for block in layout.blocks):
        return None
    rows, grids, subnode, node = [], [], 0, 0
    for layer, block in zip(layers, layout.blocks, strict=True):
        cells = layer.grids
        for (j, i), start, size in zip(block.spline.tolist(), block.starts, block.sizes, strict=True):
            rows.append((subnode + j, node + i, start, start + size - 1 if layer.base else -1))
            grids.append(cells[i])
        subnode, node = subnode + layer.n_out, node + layer.n_in
    table = torch.tensor(rows, dtype=torch.int32).reshape(-1, 4)
    return Edges(table, max(layer.grid for layer in layers), torch.tensor(grids, dtype=torch.int32))


def _add_sparse(forward: Pass, edges: Edges, weigh: Weigh, hessian: Tensor) -> None:
    layers = list(forward.model.layers)
    degree, base = layers[0].degree, layers[0].base
    assert degree is not None
    local = Local.of(forward.inputs, [layer.knots for layer in layers], degree)
    extra = None if base is None else base_function(base)[0](torch.cat(forward.inputs, dim=1)).T.contiguous()
    sensitivity = torch.cat(forward.sensitivities, dim=2)
    left, right = (part.permute(2, 1, 0).contiguous() for part in (weigh(sensitivity), sensitivity))
    add_splines(edges, local, extra, left, right, degree, hessian)


def _add_square(jacobian: Tensor, hessian: Tensor) -> None:
    block = 192  # columns: few enough to skip half the work, and enough for BLAS
    for start in range(0, jacobian.shape[1], block):
        stop = min(start + block, jacobian.shape[1])
        hessian[start:stop, :stop].addmm_(jacobian[:, start:stop].T, jacobian[:, :stop])


def _add_grouped(forward: Pass, layout: Layout, weigh: Weigh, hessian: Tensor) -> None:
    sensitivity = torch.cat(forward.sensitivities, dim=2)
    weighed = weigh(sensitivity)
    features = forward.flat_features(layout)
    right = torch.empty_like(features)
    groups = _groups(layout, [s.shape[1] for s in forward.subnodes])
    for number, (subnode, rows) in enumerate(groups):
        coupling = (weighed[:, :, subnode, None] * sensitivity).sum(1)
        for other, columns in groups[: number + 1]:
            torch.mul(features[:, columns], coupling[:, other, None], out=right[:, columns])
        hessian[rows, : rows.stop].addmm_(features[:, rows].T, right[:, : rows.stop])


def _groups(layout: Layout, subnodes: list[int]) -> list[tuple[int, slice]]:
    """Runs of neighbors in the flat vector that act on one subnode, numbered across layers: splines, then constants."""
    owners, before = [], 0
    for block, count in zip(layout.blocks, subnodes, strict=True):
        owners += [2 * (before + block.owners), 2 * (before + block.affine[:, 0]) + 1]
        before += count
    found, lengths = torch.unique_consecutive(torch.cat(owners), return_counts=True)
    stops = accumulate(lengths.tolist(), initial=0)
    return [(owner // 2, slice(*ends)) for owner, ends in zip(found.tolist(), pairwise(stops), strict=True)]


def symmetrize(hessian: Tensor) -> Tensor:
    """Return the symmetric matrix with this lower triangle.

    Parameters
    ----------
    hessian : (P, P)
        The matrix, of which only the lower triangle is read.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import symmetrize
    >>> symmetrize(torch.tensor([[1.0, 9.0], [2.0, 3.0]])).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    return hessian.tril() + hessian.tril(-1).T
