"""Derivatives by several coordinates: how they are named, and the rules of products and of compositions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import combinations
from math import prod

import torch
from torch import Tensor

Order = tuple[int, ...]
"""A derivative by the numbers of its coordinates, ascending: (0, 0, 1) is u_xxy, and () the value."""

Jets = Mapping[Order, Tensor]
"""Values and derivatives of functions at points, each of the same shape. With an order, all below it are there."""


def below(orders: Iterable[Order]) -> list[Order]:
    """Return the orders and all that can be reached by leaving coordinates out, lowest first.

    >>> below([(0, 0, 1)])
    [(), (0,), (1,), (0, 0), (0, 1), (0, 0, 1)]
    """
    found = {part for order in orders for k in range(len(order) + 1) for part in combinations(order, k)}
    return sorted(found | {()}, key=lambda order: (len(order), order))


def jets_of(value: Tensor, gradient: Tensor, hessian: Tensor) -> dict[Order, Tensor]:
    """Return values (...), gradients (..., d) and Hessians (..., d, d) as jets up to second order."""
    d = gradient.shape[-1]
    found: dict[Order, Tensor] = {(): value} | {(a,): gradient[..., a] for a in range(d)}
    return found | {(a, b): hessian[..., a, b] for a in range(d) for b in range(a, d)}


def gradient_of(jets: Jets, d: int) -> Tensor:
    """Return the first derivatives by d coordinates, (..., d)."""
    return torch.stack([jets[(a,)] for a in range(d)], -1)


def hessian_of(jets: Jets, d: int) -> Tensor:
    """Return the second derivatives by d coordinates, (..., d, d)."""
    rows = [torch.stack([jets[min(a, b), max(a, b)] for b in range(d)], -1) for a in range(d)]
    return torch.stack(rows, -2)


def product(a: Jets, b: Jets) -> dict[Order, Tensor]:
    """Return the derivatives of a product, by Leibniz's rule: those that both factors have."""
    return {order: sum_of(count * a[one] * b[two] for one, two, count in halves(order)) for order in a if order in b}


def composition(outer: Sequence[Tensor], inner: Jets) -> dict[Order, Tensor]:
    """Return the derivatives of f(u), from f(u), f'(u), ... and those of u, by Faà di Bruno's rule."""
    found: dict[Order, Tensor] = {(): outer[0]}
    for order in inner:
        if order:
            found[order] = sum_of(outer[k] * part for k, part in powers(inner, order).items())
    return found


def powers(inner: Jets, order: Order) -> dict[int, Tensor]:
    """Return what multiplies f^(k)(u) in a derivative of f(u), for each k >= 1.

    >>> import torch
    >>> u = {(): torch.tensor(5.0), (0,): torch.tensor(2.0), (0, 0): torch.tensor(3.0)}
    >>> {k: float(part) for k, part in powers(u, (0, 0)).items()}  # u_xx and u_x^2
    {1: 3.0, 2: 4.0}
    """
    found: dict[int, Tensor] = {}
    for blocks, count in partitions(order):
        part = count * prod_of(inner[block] for block in blocks)
        found[len(blocks)] = found[len(blocks)] + part if len(blocks) in found else part
    return found


@cache
def halves(order: Order) -> list[tuple[Order, Order, int]]:
    """Return the ways to share a derivative between two factors, and how often each occurs.

    >>> halves((0, 0))
    [((), (0, 0), 1), ((0,), (0,), 2), ((0, 0), (), 1)]
    """
    places = range(len(order))
    shared = Counter[tuple[Order, Order]]()
    for k in range(len(order) + 1):
        for chosen in combinations(places, k):
            rest = tuple(order[p] for p in places if p not in chosen)
            shared[tuple(order[p] for p in chosen), rest] += 1
    return [(one, two, count) for (one, two), count in shared.items()]


@cache
def partitions(order: Order) -> list[tuple[tuple[Order, ...], int]]:
    """Return the ways to part a derivative into blocks, none of them empty, and how often each occurs.

    >>> partitions((0, 0, 0))
    [(((0, 0, 0),), 1), (((0,), (0, 0)), 3), (((0,), (0,), (0,)), 1)]
    """
    counted = Counter(tuple(sorted(map(tuple, blocks), key=lambda b: (len(b), b))) for blocks in _parted(list(order)))
    return sorted(counted.items(), key=lambda item: len(item[0]))


def _parted(rest: list[int]) -> Iterable[list[list[int]]]:
    if not rest:
        yield []
        return
    first, others = rest[0], rest[1:]
    for blocks in _parted(others):
        yield [[first], *blocks]
        for k in range(len(blocks)):
            yield [*blocks[:k], sorted([first, *blocks[k]]), *blocks[k + 1 :]]


def sum_of(parts: Iterable[Tensor]) -> Tensor:
    """Return the sum of at least one tensor."""
    first, *others = parts
    return sum(others, first)


def prod_of(parts: Iterable[Tensor]) -> Tensor:
    """Return the product of at least one tensor."""
    first, *others = parts
    return prod(others, start=first)  # type: ignore[type-var]
