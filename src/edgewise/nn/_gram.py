"""The Gauss-Newton matrix of a network, assembled without its Jacobian wherever that saves work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.nn._jacobian import Layout, Pass

Weigh = Callable[[Tensor], Tensor]  # (n, m, k) -> (n, m, k), each row's curvature times k vectors
_BLOCK = 192  # columns of a block of a symmetric product: small enough to skip half the work, large enough for BLAS


@dataclass(frozen=True)
class Group:
    """Neighbours in the flat vector that act on one subnode: d output / d theta = sensitivity x feature."""

    subnode: int
    start: int
    stop: int


def groups(layout: Layout, subnodes: list[int]) -> list[Group]:
    """All groups in the order of the flat vector; subnodes are numbered through, with so many in each layer."""
    out, before = [], 0
    for block, count in zip(layout.blocks, subnodes, strict=True):
        for start, width, owners in (
            (block.start, block.width, block.spline[:, 0].tolist()),
            (block.middle, 1, block.affine[:, 0].tolist()),
        ):
            first = 0
            for k in range(1, len(owners) + 1):
                if k == len(owners) or owners[k] != owners[first]:
                    out.append(Group(before + owners[first], start + first * width, start + k * width))
                    first = k
        before += count
    return out


def add_gram(forward: Pass, layout: Layout, weigh: Weigh, hessian: Tensor) -> None:
    """Add sum_n J_n' W_n J_n over the rows of a pass to the lower triangle of `hessian`.

    J_n (m, P) is the derivative of the outputs by the flat vector, W_n (m, m) what `weigh` multiplies by.

    With one output, J is made for these rows and multiplied block by block. With several, J is a product,
    J_n[o, p] = S_n[o, s(p)] f_n[p] with s(p) the subnode that parameter p acts on, so that

        H[p, q] = sum_n (S_n' W_n S_n)[s(p), s(q)] f_n[p] f_n[q],

    which costs the same for any number of outputs.
    """
    if forward.outputs.shape[1] == 1:
        root = weigh(torch.ones_like(forward.outputs).unsqueeze(-1))[:, :, 0].sqrt()
        _add_square(forward.jacobian(layout)[:, 0].mul_(root), hessian)
    else:
        _add_grouped(forward, layout, weigh, hessian)


def _add_square(jacobian: Tensor, hessian: Tensor) -> None:
    for start in range(0, jacobian.shape[1], _BLOCK):
        stop = min(start + _BLOCK, jacobian.shape[1])
        hessian[start:stop, :stop].addmm_(jacobian[:, start:stop].T, jacobian[:, :stop])


def _add_grouped(forward: Pass, layout: Layout, weigh: Weigh, hessian: Tensor) -> None:
    sensitivity = torch.cat(forward.sensitivities, dim=2)
    coupling = sensitivity.transpose(1, 2) @ weigh(sensitivity)
    features = forward.flat_features(layout)
    right = torch.empty_like(features)
    parts = groups(layout, [s.shape[1] for s in forward.subnodes])
    for row in parts:
        for column in parts:
            if column.start > row.start:
                break
            cut = slice(column.start, column.stop)
            torch.mul(features[:, cut], coupling[:, row.subnode, column.subnode, None], out=right[:, cut])
        hessian[row.start : row.stop, : row.stop].addmm_(features[:, row.start : row.stop].T, right[:, : row.stop])


def mirror(hessian: Tensor) -> Tensor:
    """The symmetric matrix of a lower triangle."""
    return hessian.tril() + hessian.tril(-1).T
