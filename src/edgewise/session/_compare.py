"""Two states beside each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edgewise.nn import KAN, trace
from edgewise.session._rows import Rows
from edgewise.session._situation import Edge
from edgewise.session._state import State


@dataclass(frozen=True)
class Comparison:
    """What is different between state a and state b.

    `error`, `parameters`, `edges` and `splines` are pairs (of a, of b). `moved` is the root mean square by which the
    outputs differ over the rows, `curves` the same for each edge that is there in both and differs, where both
    networks have the same nodes; `became` says of each edge what it was and what it is, where that differs.
    """

    a: int
    b: int
    error: tuple[float, float]
    parameters: tuple[int, int]
    edges: tuple[int, int]
    splines: tuple[int, int]
    moved: float
    curves: dict[Edge, float]
    became: dict[Edge, tuple[str, str]]

    def __str__(self) -> str:
        lines = [f"{'':12}{f'state {self.a}':>12}{f'state {self.b}':>12}"]
        for name in ("error", "parameters", "edges", "splines"):
            lines.append(f"{name:12}" + "".join(f"{value:>12.4g}" for value in getattr(self, name)))
        lines.append(f"outputs differ by {self.moved:.4g}")
        lines += [f"edge {edge}: {was} -> {is_}" for edge, (was, is_) in self.became.items()]
        return "\n".join(lines)


def compare(a: State, b: State, rows: Rows) -> Comparison:
    """Compare two states on the rows that they were made with."""
    first, second = a.situation, b.situation
    with torch.no_grad():
        seen = trace(first.model, first.table(rows).x), trace(second.model, second.table(rows).x)
    moved = float((seen[1].outputs - seen[0].outputs).square().mean().sqrt())
    curves: dict[Edge, float] = {}
    became: dict[Edge, tuple[str, str]] = {}
    if first.model.widths == second.model.widths:
        for depth in range(len(first.model.layers)):
            change = (seen[1].edges[depth] - seen[0].edges[depth]).square().mean(0).sqrt()
            for j, i in change.nonzero().tolist():
                both = (m.layers[depth].mask[j, i] for m in (first.model, second.model))
                if all(both):
                    curves[depth, j, i] = float(change[j, i])
        before, after = _kinds(first.model), _kinds(second.model)
        became = {edge: (was, after[edge]) for edge, was in before.items() if was != after[edge]}
    pairs = {name: (getattr(a, name), getattr(b, name)) for name in ("error", "parameters", "edges", "splines")}
    return Comparison(a.id, b.id, moved=moved, curves=curves, became=became, **pairs)


def _kinds(model: KAN) -> dict[Edge, str]:
    """What each edge is: removed, spline or the name of its function, with "locked" where it is."""
    out: dict[Edge, str] = {}
    for depth in range(len(model.layers)):
        layer = model.layers[depth]
        locked = layer.locked_mask()
        for j in range(layer.n_out):
            for i in range(layer.n_in):
                kind = layer.symbols.get((j, i), "spline") if layer.mask[j, i] else "removed"
                out[depth, j, i] = kind + (", locked" if locked[j, i] else "")
    return out
