"""What a node makes of the edges that end in it: value, derivatives, formula. Defined here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._jets import Jets, product

if TYPE_CHECKING:
    import sympy

_MOST = 1_000_000  # products of a layer
Width = int | tuple[int, int | Sequence[int]]
"""The nodes of a layer: sums, or (sums, products), the products counted or each with its arity."""


@dataclass(frozen=True)
class Nodes:
    """The nodes of one layer: first the sums, then the products.

    Edges sum into subnodes s_1, s_2, ...; a sum node is one subnode, a product node of arity r multiplies the next r:

        h_q = s_q                          (q <= n_sum)
        h_q = s_p s_{p+1} ... s_{p+r-1}    (products, over consecutive subnodes)

    Parameters
    ----------
    n_sum
        The number of sum nodes.
    arities
        The number of factors of each product node.

    Examples
    --------
    >>> from edgewise.nn import Nodes
    >>> nodes = Nodes.parse((3, [2, 4]))
    >>> nodes.n_nodes, nodes.n_subnodes
    (5, 9)
    """

    n_sum: int
    arities: tuple[int, ...] = ()

    @classmethod
    def parse(cls, width: Width) -> Nodes:
        """Return the nodes of a width as `KAN` takes it.

        Parameters
        ----------
        width
            The width: `n`, `(n_sum, n_product)` (arity 2) or `(n_sum, [arity, ...])`.

        Raises
        ------
        InputError
            For what is no width, and more products than a layer takes.
        """
        n_sum: Any
        products: Any
        n_sum, products = width if isinstance(width, tuple | list) and len(width) == 2 else (width, [])
        few = is_int(products, 0, _MOST)
        arities = [2] * int(products) if few else products
        listed = isinstance(arities, tuple | list) and all(is_int(arity, 2) for arity in arities)
        if listed and sum(arities) > 2 * _MOST:
            raise InputError(f"The products of a layer of KAN take at most {2 * _MOST} factors. Got {sum(arities)}.")
        if not listed or not is_int(n_sum, 0) or n_sum + len(arities) == 0:
            raise InputError(
                "A width of KAN must be an int >= 1 (sum nodes), (sums, products) or (sums, [arity >= 2, ...]). "
                f"Got {width!r}."
            )
        return cls(int(n_sum), tuple(map(int, arities)))

    @property
    def n_nodes(self) -> int:
        return self.n_sum + len(self.arities)

    @property
    def n_subnodes(self) -> int:
        return self.n_sum + sum(self.arities)

    @property
    def width(self) -> Width:
        """The shortest spelling that `parse` reads back."""
        if not self.arities:
            return self.n_sum
        return (self.n_sum, len(self.arities) if set(self.arities) == {2} else list(self.arities))

    def groups(self) -> list[list[int]]:
        """Return the subnodes of each node."""
        out = [[j] for j in range(self.n_sum)]
        start = self.n_sum
        for arity in self.arities:
            out.append(list(range(start, start + arity)))
            start += arity
        return out

    def combine(self, subnodes: Tensor) -> Tensor:
        """Return the values of the nodes (..., n_nodes).

        Parameters
        ----------
        subnodes : (..., n_subnodes)
            The values of the subnodes.
        """
        if not self.arities:
            return subnodes
        parts = [subnodes[..., : self.n_sum]]
        parts += [subnodes[..., g[0] : g[-1] + 1].prod(-1, keepdim=True) for g in self.groups()[self.n_sum :]]
        return torch.cat(parts, dim=-1)

    def vjp(self, subnodes: Tensor, cotangents: Tensor) -> Tensor:
        """Return derivatives by the subnodes (n, m, n_subnodes), from those by the nodes.

        Parameters
        ----------
        subnodes : (n, n_subnodes)
            The values of the subnodes.
        cotangents : (n, m, n_nodes)
            The derivatives by the nodes.
        """
        if not self.arities:
            return cotangents
        parts = [cotangents[..., : self.n_sum]]
        for q, group in enumerate(self.groups()[self.n_sum :], start=self.n_sum):
            for j in group:
                others = subnodes[:, [i for i in group if i != j]].prod(-1)
                parts.append((cotangents[..., q] * others.unsqueeze(-1)).unsqueeze(-1))
        return torch.cat(parts, dim=-1)

    def jets(self, subnodes: Jets) -> Jets:
        """Return values and derivatives of the nodes, (n, n_nodes) each.

        Parameters
        ----------
        subnodes
            Values and derivatives of the subnodes, (n, n_subnodes) each, by their orders.
        """
        if not self.arities:
            return subnodes
        columns = []
        for group in self.groups():
            factors = [{order: part[:, j] for order, part in subnodes.items()} for j in group]
            columns.append(reduce(product, factors))
        return {order: torch.stack([column[order] for column in columns], 1) for order in subnodes}

    def formulas(self, subnodes: Sequence[sympy.Expr]) -> list[sympy.Expr]:
        """Return the formulas of the nodes.

        Parameters
        ----------
        subnodes
            The formulas of the subnodes.
        """
        import sympy

        return [sympy.Mul(*(subnodes[j] for j in group)) for group in self.groups()]
