"""The steps that a person takes, one public call each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from edgewise.interpret import Cut
from edgewise.nn import Direction, Edge, Width

Node = tuple[int, int]
Cuts = Cut | Mapping[str, Any] | Sequence[Cut | Mapping[str, Any]]


class Steering(ABC):
    """One method for each action; every one returns a new session, and leaves this one as it was.

    An edge is (layer, j, i): in that layer from node i to subnode j. A node is (depth, q): node q before layer depth.
    """

    @abstractmethod
    def apply(self, name: str, /, *given: Any, **named: Any) -> Self:
        """Do an action by its name."""

    def prune_edge(self, edge: Edge) -> Self:
        """Remove an edge; its mean over the rows stays as a constant."""
        return self.apply("prune_edge", edge)

    def restore_edge(self, edge: Edge) -> Self:
        """Bring a removed edge back with the curve that it had, about mean zero."""
        return self.apply("restore_edge", edge)

    def remove_node(self, node: Node) -> Self:
        """Remove a hidden node; what it gave on average stays. Numbers of nodes stay until `compact`."""
        return self.apply("remove_node", node)

    def add_nodes(self, depth: int, nodes: Width, seed: int = 0) -> Self:
        """Add hidden nodes before a layer, 3 sums or (1, 2), a sum and two products; unused until trained."""
        return self.apply("add_nodes", depth, nodes, seed)

    def compact(self) -> Self:
        """Drop nodes that are constant or that nothing leaves, and renumber the others."""
        return self.apply("compact")

    def set_function(self, edge: Edge, function: str, affine: Sequence[float] | None = None) -> Self:
        """Make an edge c f(a x + b) + d, with (a, b, c, d) given, or fitted to its curve as it is."""
        return self.apply("set_function", edge, function, affine)

    def to_spline(self, edge: Edge, grid: int | None = None) -> Self:
        """Make a symbolic edge a spline again, on `grid` cells, as many as the others have if left out."""
        return self.apply("to_spline", edge, grid)

    def snap_edge(self, edge: Edge, function: str | None = None) -> Self:
        """Make an edge the best function of `suggest`, or the named one, and refit the network around it."""
        return self.apply("snap_edge", edge, function)

    def lock(self, edges: Edge | Sequence[Edge]) -> Self:
        """Fix the functions of edges: no training, pruning or snapping changes them."""
        return self.apply("lock", edges)

    def unlock(self, edges: Edge | Sequence[Edge]) -> Self:
        """Let edges be changed again."""
        return self.apply("unlock", edges)

    def lock_node(self, node: Node) -> Self:
        """Fix the functions of all edges that end in a node."""
        return self.apply("lock_node", node)

    def unlock_node(self, node: Node) -> Self:
        """Let the edges that end in a node be changed again."""
        return self.apply("unlock_node", node)

    def forbid(self, functions: str | Sequence[str]) -> Self:
        """Let no edge become one of these functions from now on."""
        return self.apply("forbid", functions)

    def allow(self, functions: str | Sequence[str]) -> Self:
        """Take back what `forbid` said of these functions."""
        return self.apply("allow", functions)

    def require(self, edge: Edge, functions: str | Sequence[str]) -> Self:
        """Let an edge become one of these functions only; [] lets it become any."""
        return self.apply("require", edge, functions)

    def monotone(self, edge: Edge, direction: Direction) -> Self:
        """Hold the spline of an edge rising ("up") or falling ("down"), or free it ("any")."""
        return self.apply("monotone", edge, direction)

    def smooth(self, edge: Edge, weight: float) -> Self:
        """Put a weight on the roughness of an edge's spline in training; 0 takes it away."""
        return self.apply("smooth", edge, weight)

    def add_variable(self, name: str, formula: str) -> Self:
        """Give the network one more input, a column computed from those it has: add_variable("beta", "v/c")."""
        return self.apply("add_variable", name, formula)

    def refit(self, steps: int = 50) -> Self:
        """Train for some second-order steps, with grids and knots as they are."""
        return self.apply("refit", steps)

    def fit(self, grids: Literal["auto"] | Sequence[int] | None = None, sparsity: float = 0.0) -> Self:
        """Train as `edgewise.fit` does: "auto" or listed grids, the network's own where None."""
        return self.apply("fit", grids, sparsity)

    def refine(self, factor: int = 2) -> Self:
        """Split the cells of all grids; no curve changes."""
        return self.apply("refine", factor)

    def prune(
        self, threshold: float | None = None, cuts: Cuts = (), merge: bool = True, slack: float | None = None
    ) -> Self:
        """Remove what scores low or what the cuts say, idle nodes, and merge parallel ones: see `edgewise.prune`.

        `cuts` are one or more `edgewise.interpret.Cut`, or their fields, as scripts hold them: {"what": "inputs",
        "keep": 3}.
        """
        return self.apply("prune", threshold, cuts, merge, slack)

    def merge(self) -> Self:
        """Join hidden nodes that compute the same, and remove nothing else."""
        return self.apply("merge")

    def snap_all(self, slack: float | None = None, rounding: bool = True) -> Self:
        """Make every edge a function that may become one: see `edgewise.symbolic.snap`."""
        return self.apply("snap_all", slack, rounding)

    def round_constants(self) -> Self:
        """Make constants of symbolic edges integers, small fractions and multiples of pi where the error stays."""
        return self.apply("round_constants")
