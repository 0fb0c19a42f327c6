"""Edges that take on what another edge gave, in place; False where an edge cannot."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from edgewise.bases import fit_curves
from edgewise.nn import KANLayer

_SAME = 1e-9  # of the size of two constants: that much apart, they are one

Affine = tuple[float, float, float, float]


def add_scaled(layer: KANLayer, onto: tuple[int, int], other: tuple[int, int], factor: float) -> bool:
    """Add `factor` times an edge to another edge from the same node, exactly."""
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


def add_moved(layer: KANLayer, onto: tuple[int, int], other: tuple[int, int], shift: tuple[float, float]) -> bool:
    """Add an edge of alpha h + beta to an edge of h, with `shift` = (alpha, beta): splines by least squares."""
    alpha, beta = shift
    if not layer.mask[other]:
        return True
    if other in layer.symbols:
        a, b, c, d = layer.affine[other].tolist()
        return _add_symbol(layer, onto, layer.symbols[other], (a * alpha, a * beta + b, c, d))
    return _as_spline(layer, onto) and _refitted(layer, onto, lambda h: _edge(layer, other, alpha * h + beta))


def add_line(layer: KANLayer, onto: tuple[int, int], slope: float, level: float) -> bool:
    """Add slope h + level to an edge; one that was not there is as symbolic as it was when it went."""
    if onto in layer.symbols:
        return _add_symbol(layer, onto, "x", (1.0, 0.0, slope, level))
    return _as_spline(layer, onto) and _refitted(layer, onto, lambda h: slope * h + level)


def _refitted(layer: KANLayer, onto: tuple[int, int], other: Callable[[Tensor], Tensor]) -> bool:
    """Add a function to a spline, by least squares."""
    with torch.no_grad():
        layer.coefficients[onto] = fit_curves(
            lambda sites: (_edge(layer, onto, sites) + other(sites)).unsqueeze(1),
            layer.basis, layer.knots[onto[1]], layer.coefficients.shape[-1],
        )[0]  # fmt: skip
        layer.base_weight[onto] = 0
    return True


def _edge(layer: KANLayer, edge: tuple[int, int], h: Tensor) -> Tensor:
    """The values (n,) of one edge at h (n,)."""
    j, i = edge
    inputs = torch.zeros(len(h), layer.n_in, dtype=layer.dtype, device=h.device)
    inputs[:, i] = h
    return layer.edges(inputs)[:, j, i]


def _as_spline(layer: KANLayer, edge: tuple[int, int]) -> bool:
    """Make sure that an edge is an active spline, zero where there was none; False where it is symbolic."""
    if layer.mask[edge]:
        return edge not in layer.symbols
    layer.symbols.pop(edge, None)
    with torch.no_grad():
        layer.coefficients[edge] = 0
        layer.base_weight[edge] = 0
    layer.mask[edge] = True
    return True


def _add_symbol(layer: KANLayer, edge: tuple[int, int], name: str, affine: Affine) -> bool:
    """Add c f(a x + b) + d to an edge that has none, or the same f of the same argument."""
    with torch.no_grad():
        if not layer.mask[edge]:
            layer.symbols[edge], layer.mask[edge], layer.affine_free[edge] = name, True, True
            layer.affine[edge] = layer.affine.new_tensor(affine)
            return True
        if layer.symbols.get(edge) != name:
            return False
        old, new = _plain(name, layer.affine[edge].tolist()), _plain(name, list(affine))
        if any(abs(u - v) > _SAME * max(1.0, abs(u)) for u, v in zip(old[:2], new[:2], strict=True)):
            return False
        layer.affine[edge] = layer.affine.new_tensor([*old[:2], old[2] + new[2], old[3] + new[3]])
        return True


def _plain(name: str, affine: list[float]) -> list[float]:
    """The same constants, those of a line with a = 1 and b = 0."""
    a, b, c, d = affine
    return [1.0, 0.0, c * a, c * b + d] if name == "x" else affine
