"""Which implementation a call takes."""

from __future__ import annotations

from torch import Tensor

from edgewise.kernels._family import Family, law


def expand(x: Tensor, points: Tensor, family: Family, order: int) -> Tensor:
    return law(x, points, family, order)


def contract(x: Tensor, c: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
    return _weighed(x, v, points, family, order).flatten(1) @ c.flatten(1).T


def pull_x(x: Tensor, c: Tensor, g: Tensor, points: Tensor, family: Family, order: int) -> Tensor:
    by_function = (g @ c.flatten(1)).unflatten(1, c.shape[1:])
    return (by_function * law(x, points, family, order)).sum(-1)


def pull_c(x: Tensor, g: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
    values = _weighed(x, v, points, family, order)
    return (values.flatten(1).T @ g).unflatten(0, values.shape[1:]).permute(2, 0, 1)


def _weighed(x: Tensor, v: Tensor | None, points: Tensor, family: Family, order: int) -> Tensor:
    values = law(x, points, family, order)
    return values if v is None else values * v.unsqueeze(-1)
