"""Spline edges replaced by named functions, each accepted by the whole network's error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from edgewise import functions as library
from edgewise._errors import InputError
from edgewise.kernels import one_thread
from edgewise.nn import KAN, Pass, clone, layer_of, set_function
from edgewise.symbolic._curve import CurveFit, rank_curves
from edgewise.symbolic._gauge import canonical
from edgewise.symbolic._rounding import rounded
from edgewise.train import Table, as_matrix, as_table, error_of, refit

Edge = tuple[int, int, int]
_ROWS = 1000  # that candidates are ranked and tried on
_OWN = 1e-3  # of the spread: how much snapping may change a network that is its own target
_TRIED = 4  # candidates of an edge that are tried in the whole network


class Snapped(NamedTuple):
    """One edge that became a function: where, which, how well the curve alone fits, and the network's error then."""

    layer: int
    j: int
    i: int
    function: str
    curve_error: float
    network_error: float


@dataclass(frozen=True)
class SnapResult:
    """The network after snapping. `kept` lists spline edges (layer, j, i) that no function replaced.

    Errors are root mean squares in the target's units.
    """

    model: KAN
    snapped: list[Snapped]
    kept: list[Edge]
    error_before: float
    error_after: float

    def report(self) -> str:
        """One line for each edge, then the error before and after."""
        lines = [
            f"edge ({s.layer}, {s.j}, {s.i}) -> {s.function}: curve {s.curve_error:.1e}, network {s.network_error:.3e}"
            for s in self.snapped
        ]
        lines += [f"edge {edge} stays a spline: no function of the library keeps the error" for edge in self.kept]
        lines.append(f"error {self.error_before:.3e} -> {self.error_after:.3e}")
        return "\n".join(lines)


def snap(
    model: KAN, x: Any, y: Any = None, *, functions: Iterable[str] | None = None, slack: float | None = None,
    rounding: bool = True,
) -> SnapResult:  # fmt: skip
    """Replace spline edges by functions c f(a x + b) + d and return the symbolic network.

    For each edge, surest first: the library is ranked by fit and complexity on the edge's curve, weighted by what the
    output feels; the best few are put into the network, everything is refitted briefly, and the first one that keeps
    the whole network's error within `slack` times the error before is accepted. At the end the constants are polished
    and, with `rounding`, made integers, small fractions and multiples of pi where the error stays.

    Shapes: x (n, n_in), y (n,) or (n, n_out); without y the network's own outputs are the target, and may change by a
    thousandth of their spread. `functions` restricts the library. `slack` is 1.5 for accurate networks (error below
    1e-4 of the spread), else 1.05.

    Errors: InputError for wrong shapes and unknown function names.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> fit = ew.fit(ew.KAN([1, 1]), x, torch.sin(3 * x[:, 0]))
    >>> ew.symbolic.snap(fit.model, x, torch.sin(3 * x[:, 0])).model.formula(["t"])
    sin(3*t)
    """
    names = list(library.names() if functions is None else functions)
    for name in names:
        library.get(name)
    if slack is not None and not slack >= 1:
        raise InputError(f"'slack' must be a number >= 1, the allowed growth of the error. Got {slack!r}.")
    rows = as_matrix(x, "x").to(model.device)
    with torch.no_grad():
        target = model(rows) if y is None else y
    table = as_table(rows, target, None, model.n_in, model.n_out)
    with one_thread():
        return _Snapping(model, table, names, slack, _OWN if y is None else 0.0).run(rounding)


class _Snapping:
    def __init__(self, model: KAN, table: Table, names: list[str], slack: float | None, tolerance: float) -> None:
        self.table, self.names, self.slack = table, names, slack
        few = torch.randperm(len(table), generator=torch.Generator().manual_seed(0))[:_ROWS].to(table.x.device)
        self.few = table.rows(few)
        self.tolerance = tolerance
        self.spread = max(float(table.y.std(0).square().mean().sqrt()), 1e-300)
        self.dtype = model.dtype
        self.model = clone(model, torch.float64)
        self.before = error_of(self.model, table)
        self.error = error_of(self.model, self.few)
        self.snapped: list[Snapped] = []
        self.kept: list[Edge] = []

    def run(self, rounding: bool) -> SnapResult:
        order = sorted(self._splines(), key=lambda edge: self._ranking(edge)[1])
        again = order
        while again:  # edges that failed may succeed once others are exact
            progress = len(self.snapped)
            again = [edge for edge in again if not self._snap_edge(edge)]
            if len(self.snapped) == progress:
                break
        self.kept = again
        self.model, _ = refit(self.model, self.table, 100, 1e-12)
        if not self.kept:
            self.model, _ = refit(canonical(self.model), self.table, 100, 1e-12)
        if rounding and self.snapped:
            self.model = rounded(self.model, self.table, self.spread)
        after = error_of(self.model, self.table)
        return SnapResult(clone(self.model, self.dtype), self.snapped, self.kept, self.before, after)

    def _splines(self) -> list[Edge]:
        layers = range(len(self.model.layers))
        return [(d, j, i) for d in layers for j, i in layer_of(self.model, d).spline_mask().nonzero().tolist()]

    def _ranking(self, edge: Edge) -> tuple[list[CurveFit], float]:
        """The library ranked on an edge's curve, and how far the best lies above the curve's own accuracy."""
        depth, j, i = edge
        with torch.no_grad():
            forward = Pass(self.model, self.few.x)
            h = forward.inputs[depth]
            values = layer_of(self.model, depth).edges(h)[:, j, i]
            weight = forward.sensitivities[depth][:, :, j].square().mean(1).sqrt()
        share = float((weight * (values - values.mean())).square().mean().sqrt())
        if share <= 1e-12 * self.spread or not float(h[:, i].std()) > 0:
            return [], float("inf")
        floor = max(self.error / share, 1e-12)
        fits = rank_curves(h[:, i], values, weight.clamp_min(1e-3 * weight.mean()), floor=floor, functions=self.names)
        return fits, min((fit.error for fit in fits), default=float("inf")) / floor

    def _snap_edge(self, edge: Edge) -> bool:
        depth, j, i = edge
        allowed = self.slack or (1.5 if self.error < 1e-4 * self.spread else 1.05)
        limit = max(allowed * self.error, max(self.tolerance, 1e-13) * self.spread)
        for fit in self._ranking(edge)[0][:_TRIED]:
            trial = set_function(self.model, depth, j, i, fit.function.name, (fit.a, fit.b, fit.c, fit.d))
            trial, error = refit(trial, self.few, 25)
            if error <= limit:
                self.model, self.error = trial, max(min(error, self.error), 1e-16 * self.spread)
                self.snapped.append(Snapped(*edge, fit.function.name, fit.error, error))
                return True
        return False
