"""Which nodes and edges compute a formula, and in which layer each can stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sympy

from edgewise._errors import unknown
from edgewise._typing import Formula
from edgewise.expressions import Budget
from edgewise.nn import Width
from edgewise.symbolic._edges import Subnode, real, split, subnode


@dataclass
class Plan:
    """Nodes by formula: their subnodes (one: a sum, several: a product) and the layer that can first compute them."""

    names: Sequence[str]
    budget: Budget
    outputs: set[Formula] = field(default_factory=set)
    subnodes: dict[Formula, list[Subnode]] = field(default_factory=dict)
    rank: dict[Formula, int] = field(default_factory=dict)

    def layers(self, outputs: list[Formula], least: int) -> list[list[Formula]]:
        """Return the nodes of at least `least` layers: sums before products, and values that are needed later.

        The outputs keep their order. Where a product among them would have to come before a sum, all are passed on.
        """
        self.outputs = set(outputs)
        depth = max(least, *(self._add(output) for output in outputs))
        products = [self._is_product(output, depth) for output in outputs]
        if products != sorted(products):
            depth += 1
        layers: list[list[Formula]] = [[] for _ in range(depth)]
        layers[-1] = outputs
        for level in range(depth - 1, 0, -1):
            needed: dict[Formula, None] = {}
            for node in layers[level]:
                computed = self.rank[node] == level + 1
                below = [t.u for part in self.subnodes[node] for t in part.terms] if computed else [node]
                needed.update(dict.fromkeys(below))
            # A constant needs no node, but each layer has one.
            nodes = list(needed) or [sympy.Symbol(self.names[0])]
            layers[level - 1] = sorted(nodes, key=lambda node: self._is_product(node, level))
        return layers

    def width(self, nodes: list[Formula], level: int) -> Width:
        """Return the width of a layer, numbered from 1."""
        arities = [len(self.subnodes[node]) for node in nodes if self._is_product(node, level)]
        return len(nodes) - len(arities), arities

    def _is_product(self, node: Formula, level: int) -> bool:
        return self.rank[node] == level and len(self.subnodes.get(node, ())) > 1

    def _add(self, node: Formula) -> int:
        """Plan a node and everything under it; returns its layer."""
        if node in self.rank:
            return self.rank[node]
        self.budget.check()
        if isinstance(node, sympy.Symbol):
            if node.name not in self.names:
                raise unknown("name", node.name, self.names)
            self.rank[node] = 0
            return 0
        coefficient, factors = split(node)
        if len(factors) > 1:
            first, *others = (subnode(factor) for factor in factors)
            parts = [first.scaled(real(coefficient)), *others]
        else:
            parts = [subnode(node)]
        below = [self._add(term.u) for part in parts for term in part.terms]
        self.subnodes[node] = parts
        self.rank[node] = 1 + max(below, default=0)
        return self.rank[node]
