"""Hidden nodes that compute the same thing, made one."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.bases import fit_curves
from edgewise.nn import KAN, clone, compact, layer_of, trace
from edgewise.train import Table, error_of

_SAME = 1e-3  # of a node's spread: residual of its affine fit by another node


def merge_parallel(model: KAN, table: Table) -> tuple[KAN, list[tuple[str, float]]]:
    """Join hidden sum nodes q whose output is alpha h_p + beta for another node p of the same layer.

    phi_jp(h) + phi_jq(alpha h + beta) becomes the edge from p, by least squares on p's knots. Returns the network and,
    for each node merged away, where it was and by how much the error rose (target's units).
    """
    merged: list[tuple[str, float]] = []
    pair = _parallel(model, table.x)
    while pair is not None:
        depth, p, q, alpha, beta = pair
        before = error_of(model, table)
        model = compact(_joined(model, depth, p, q, alpha, beta), table.x)
        merged.append((f"({depth}, {q}) into ({depth}, {p})", error_of(model, table) - before))
        pair = _parallel(model, table.x)
    return model, merged


def _parallel(model: KAN, x: Tensor) -> tuple[int, int, int, float, float] | None:
    """The first pair of spline-fed nodes that agree: (layer they enter, p, q, alpha, beta)."""
    with torch.no_grad():
        inputs = trace(model, x).inputs
    for depth in range(1, len(model.layers)):
        layer = layer_of(model, depth)
        free = [q for q in range(model.nodes[depth].n_sum) if not any(i == q for _, i in layer.symbols)]
        h = inputs[depth] - inputs[depth].mean(0)
        norm = h.norm(dim=0)
        for p in free:
            for q in free:
                if p < q and norm[p] > 0 and norm[q] > 0:
                    alpha = (h[:, p] @ h[:, q]) / norm[p] ** 2
                    if (h[:, q] - alpha * h[:, p]).norm() < _SAME * norm[q]:
                        mean = inputs[depth].mean(0)
                        return depth, p, q, float(alpha), float(mean[q] - alpha * mean[p])
    return None


def _joined(model: KAN, depth: int, p: int, q: int, alpha: float, beta: float) -> KAN:
    new = clone(model)
    layer = layer_of(new, depth)
    with torch.no_grad():

        def both(sites: Tensor) -> Tensor:
            h = torch.zeros(len(sites), layer.n_in, dtype=layer.dtype, device=sites.device)
            h[:, p], h[:, q] = sites, alpha * sites + beta
            edges = layer.edges(h)
            return edges[:, :, p] + edges[:, :, q]

        layer.coefficients[:, p] = fit_curves(both, layer.kind, layer.knots[p], layer.coefficients.shape[-1])
        layer.base_weight[:, p] = 0
        layer.mask[:, p] |= layer.mask[:, q]
        layer.mask[:, q] = False
    return new
