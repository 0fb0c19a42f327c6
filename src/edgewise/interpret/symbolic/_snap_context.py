"""A table that networks are read against: what an edge's curve is, what may replace it, and at what cost."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise.formulas import functions as library
from edgewise.formulas.expressions import simple_constants
from edgewise.interpret.symbolic._curve import CurveFit, curve_samples, rank_curves, score, without_trivial_constants
from edgewise.interpret.symbolic._domain import hazard
from edgewise.nn import KAN, Edge, Layout, Pass, clone, layer_of, lock, set_function, unlock
from edgewise.train import as_inputs, as_table, error_of, refit

_ACCURATE = 1e-4  # error over the spread below which a network is accurate


@dataclass(frozen=True)
class Candidate:
    """A function c f(a x + b) + d on one edge, with the whole network refitted around it.

    Parameters
    ----------
    edge
        The edge (layer, j, i).
    function
        Name of f.
    affine
        The constants (a, b, c, d) after the refit.
    curve_error
        Error of the curve alone, relative to its standard deviation.
    network_error
        Root mean square of the residuals of the network with it, in the target's units.
    complexity
        Counts the function and the constants that it needs.
    accepted
        Whether the network's error stays within the allowed growth.
    hazard
        Where a pole or the end of the domain lies, when that is inside the data or near.
    model
        The network with it.
    held_out
        The error with it on rows that were held out; nan without such rows.
    """

    edge: Edge
    function: str
    affine: tuple[float, float, float, float]
    curve_error: float
    network_error: float
    complexity: int
    accepted: bool
    hazard: str
    model: KAN = field(repr=False)
    held_out: float = math.nan

    def __str__(self) -> str:
        a, b, c, d = self.affine
        text = (
            f"{self.function}: {c:.4g} f({a:.4g} x {b:+.4g}) {d:+.4g}, complexity {self.complexity}, "
            f"curve {self.curve_error:.1e}, network {self.network_error:.3e}"
        )
        return text + ("" if self.accepted else ", refused") + (f", {self.hazard}" if self.hazard else "")


class SnapContext:
    """Everything that reading one network against one table needs; networks in it are float64."""

    def __init__(
        self, model: KAN, x: Any, y: Any, functions: Iterable[str] | None, forbid: Iterable[str], slack: float | None
    ) -> None:  # fmt: skip
        n_rows = 1000  # that candidates are ranked and tried on
        own = 1e-3  # of the spread: how much a network that is its own target may change
        self.names = _allowed(functions, forbid)
        if slack is not None and not is_number(slack, 1):
            raise InputError(f"'slack' must be a number >= 1, the allowed growth of the error. Got {slack!r}.")
        rows = as_inputs(x, model)
        with torch.no_grad():
            target = model(rows) if y is None else y
        self.table = as_table(rows, target, None, model.n_in, model.n_out)
        few = torch.randperm(len(self.table), generator=torch.Generator().manual_seed(0))[:n_rows]
        self.few = self.table.rows(few.to(rows.device))
        self.slack, self.tolerance = slack, own if y is None else 0.0
        self.spread = max(float(self.table.y.std(0).square().mean().sqrt()), 1e-300)
        self.model = clone(model, torch.float64)
        self.misses: dict[Edge, tuple[str, float]] = {}  # the refused function of an edge that was nearest, its error

    def limit(self, error: float) -> float:
        """Return the largest error that a change may leave of a network that had this one."""
        allowed = self.slack or (1.5 if error < _ACCURATE * self.spread else 1.05)
        return max(allowed * error, max(self.tolerance, 1e-13) * self.spread)

    def without_overfit(self, error: float, model: KAN) -> float:
        """Return the error that the rows had before a refit of p parameters to n of them: e / sqrt(1 - p / n).

        Splines that are refitted without smoothing follow noise, and no function could keep the error that is left.
        """
        free = 1 - Layout(model).size / (len(self.few) * model.n_out)
        return error / free**0.5 if free > 0 else math.inf

    def splines(self, model: KAN) -> list[Edge]:
        """Return the spline edges that are not locked."""
        layers = range(len(model.layers))
        return [(d, j, i) for d in layers for j, i in layer_of(model, d).free_splines().nonzero().tolist()]

    def curve(self, model: KAN, edge: Edge) -> tuple[Tensor, Tensor, Tensor] | None:
        """Return what enters an edge, what it gives and what the outputs feel of it, (n,) each; None for a dead one."""
        depth, j, i = edge
        with torch.no_grad():
            forward = Pass(model, self.few.x)
            z = forward.inputs[depth][:, i]
            values = layer_of(model, depth).edges(forward.inputs[depth])[:, j, i]
            weight = forward.sensitivities[depth][:, :, j].square().mean(1).sqrt()
        dead = not _felt(values, weight) > 1e-12 * self.spread or not float(z.std()) > 0 or not float(values.std()) > 0
        return None if dead else (z, values, weight.clamp_min(1e-3 * weight.mean()))

    def ranking(self, model: KAN, edge: Edge, error: float) -> tuple[list[CurveFit], float]:
        """Return the library ranked on an edge's curve, and how far the best lies above the curve's own accuracy.

        Functions with a pole among the data are left out. Constants are trivial where the curve's accuracy allows.
        """
        shortlist = 12  # of the ranking that are looked at closely
        data = self.curve(model, edge)
        if data is None:
            return [], math.inf
        floor = self.floor(error, data)
        fits = self.fits(model, edge, data, floor)
        best = min((fit.error for fit in fits), default=math.inf)
        samples = curve_samples(*data)
        fits = [without_trivial_constants(fit, samples, floor) for fit in fits[:shortlist]]
        return sorted(fits, key=lambda fit: (score(fit, floor), fit.error)), best / floor

    def fits(self, model: KAN, edge: Edge, data: tuple[Tensor, Tensor, Tensor], floor: float) -> list[CurveFit]:
        """Return the library fitted to an edge's curve, without functions that have a pole among the data.

        Two values, as a level of a category has them, lie on a straight line: no other function is tried there.
        """
        names = self.names_of(model, edge)
        if "x" in names and bool(((data[0] == data[0].min()) | (data[0] == data[0].max())).all()):
            names = ["x"]
        fits = rank_curves(*data, floor=floor, functions=names) if names else []
        return [fit for fit in fits if not hazard(fit.function, fit.a, fit.b, data[0]).refused]

    def floor(self, error: float, data: tuple[Tensor, Tensor, Tensor]) -> float:
        """Return the relative error of an edge's curve that would cause the whole error of the network."""
        return max(error / _felt(*data[1:]), 1e-12)

    def names_of(self, model: KAN, edge: Edge) -> list[str]:
        """Return the functions that an edge may be read as."""
        depth, j, i = edge
        rule = layer_of(model, depth).rules.get((j, i))
        return [n for n in self.names if n in rule.functions] if rule and rule.functions else self.names

    def trial(self, model: KAN, edge: Edge, fit: CurveFit, limit: float) -> Candidate:
        """Put a function on an edge and refit the whole network briefly; accepted if the error is within the limit.

        Where rows have noise, a function that leaves the error as it is needs no refit.
        """
        depth, j, i = edge
        trial = set_function(model, depth, j, i, fit.function.name, (fit.a, fit.b, fit.c, fit.d))
        before, found = error_of(model, self.few), error_of(trial, self.few)
        if not _ACCURATE * self.spread < found <= (1 + 1e-9) * before:
            trial, found = self.refit(trial, limit)
        a, b, c, d = layer_of(trial, depth).affine[j, i].tolist()
        with torch.no_grad():
            danger = hazard(fit.function, a, b, Pass(trial, self.few.x).inputs[depth][:, i])
        accepted = found <= limit and not danger.refused and math.isfinite(error_of(trial, self.table))
        return Candidate(
            edge, fit.function.name, (a, b, c, d), fit.error, found, fit.complexity, accepted, danger.text, trial
        )

    def refit(self, model: KAN, limit: float, steps: int = 25) -> tuple[KAN, float]:
        """Refit a network briefly, without its splines where rows with noise do not determine them.

        More steps without smoothing would make them follow noise, and no function could keep the error that is left.
        """
        if not self.is_loose(model, limit / 1.5):
            return refit(model, self.few, steps)
        loose = self.splines(model)
        found, error = refit(lock(model, loose), self.few, steps)
        return unlock(found, loose), error

    def is_loose(self, model: KAN, error: float) -> bool:
        """Return True for a network with this error that has splines which the rows do not determine."""
        determined = 0.7  # parameters over rows, up to which rows determine a network
        rows = len(self.few) * model.n_out
        return error > _ACCURATE * self.spread and Layout(model).size > determined * rows and bool(self.splines(model))

    def candidates(self, edge: Edge, count: int) -> list[Candidate]:
        """Return the best functions for one edge of the network, each tried in the whole network, in order."""
        if not self.names_of(self.model, edge):
            required = ", ".join(layer_of(self.model, edge[0]).rules[edge[1:]].functions)
            raise InputError(f"The edge {edge} has to be one of {required}, and none of these is allowed: allow one.")
        error = error_of(self.model, self.few)
        ranked, limit = self.ranking(self.model, edge, error)[0], self.limit(error)
        straight = [fit for fit in ranked[count:] if fit.function.name == "x"]
        fits = [*ranked[: count - len(straight)], *straight]  # a straight line is always tried
        return sorted((self.trial(self.model, edge, fit, limit) for fit in fits), key=self.order)

    def order(self, candidate: Candidate) -> tuple[bool, float, int, float]:
        """Return what candidates are sorted by: accepted ones first, the simplest and roundest of them before.

        The others follow by error, of which 12 % weigh as much as one unit of complexity.
        """
        per_decade = 20.0  # units of complexity for a decade of the error of a refused function
        if not candidate.accepted:
            rank = candidate.complexity + per_decade * math.log10(max(candidate.network_error, 1e-300))
            return True, rank, 0, candidate.network_error
        rtol = min(max(1e-9, 10 * candidate.network_error / self.spread), 1e-3)
        rough = sum(_roughness(value, rtol) for value in candidate.affine)
        return False, candidate.complexity, rough, candidate.network_error

    def chosen(self, model: KAN, error: float, edge: Edge, count: int) -> Candidate | None:
        """Return the first of the best few in `order`, if it is accepted; what cannot win any more is not tried."""
        best, limit = None, self.limit(error)
        for fit in self.ranking(model, edge, error)[0][:count]:
            if best is None or fit.complexity <= best.complexity:
                found = self.trial(model, edge, fit, limit)
                if not found.accepted and found.network_error < self.misses.get(edge, ("", math.inf))[1]:
                    self.misses[edge] = fit.function.name, found.network_error
                if found.accepted and (best is None or self.order(found) < self.order(best)):
                    best = found
        return best


def _felt(values: Tensor, weight: Tensor) -> float:
    """Return how much the outputs vary through an edge, from what it gives and what they feel of it."""
    return float((weight * (values - values.mean())).square().mean().sqrt())


def _roughness(value: float, rtol: float) -> int:
    rough = 12  # complexity of a constant that is near no simple constant
    simple = simple_constants(value, rtol)
    return simple[0].complexity if simple else rough


def _allowed(functions: Iterable[str] | None, forbid: Iterable[str]) -> list[str]:
    """Return the names of the library that may be used; all must be known."""
    given = {"functions": functions, "forbid": forbid}
    for what, names in given.items():
        if isinstance(names, str):
            raise InputError(f"'{what}' must list names, like [{names!r}]. Got {names!r}.")
        listed = isinstance(names, Iterable) and getattr(names, "ndim", 1) > 0  # arrays of one value are not
        if not listed and not (names is None and what == "functions"):
            raise InputError(f"'{what}' must list names of functions, like ['sin', 'x^2']. Got {names!r}.")
    names = library.names() if functions is None else [library.get(name).name for name in functions]
    gone = {library.get(name).name for name in forbid}
    left = [name for name in dict.fromkeys(names) if name not in gone]
    if not left:
        raise InputError("No function is left: 'functions' lists none that 'forbid' does not take away.")
    return left
