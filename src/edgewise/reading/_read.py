"""Formulas read from a fitted additive model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise._errors import InputError
from edgewise.additive import AdditiveFit, AdditiveModel, Gaussian, Levels
from edgewise.reading._edges import Columns, edges
from edgewise.programs import Program, is_tame, probe
from edgewise.reading._joint import Joint, Target, blended
from edgewise.reading._paths import Found, Paths, Way
from edgewise.reading._rows import between_rows, never_below

Array = np.ndarray

_BETWEEN = 200  # points between the rows, at which formulas must agree with the model
_MOST_ROWS = 2000  # of a table, drawn
_TRIAL_ROWS = 400  # for the trials of the backward path
_LEAST_NOISE = 1e-4  # of the variance
_SEED = 0


@dataclass(frozen=True)
class ReadFormula:
    """A formula of raw columns for the raw target.

    source: the candidate of the fit that it was read from; way: how its shapes were chosen, "price" (each at the same
    cost of a node), "band" (each within the same number of standard errors) or "backward" (from a long formula, by
    refits); terms: the shape of each input, product ("a * b") or hidden node that it has.
    """

    program: Program
    source: str
    way: Way
    terms: dict[str, str]


def read_formulas(
    fit: AdditiveFit, x: Array, y: Array, names: Sequence[str], *, weights: Array | None = None, most_nodes: int = 64
) -> list[ReadFormula]:  # fmt: skip
    """Return formulas of growing length that say what a fitted additive model says."""
    table = _Table.of(fit, x, y, names, weights)
    found: list[ReadFormula] = []
    with np.errstate(all="ignore"):
        for source, model in sources(fit):
            for each, inputs in table.read(model):
                if each.refitted.program.complexity <= most_nodes and table.is_tame(each):
                    found.append(ReadFormula(each.refitted.program, source, each.way, inputs))
    return sorted(found, key=lambda formula: formula.program.complexity)


def sources(fit: AdditiveFit) -> list[tuple[str, AdditiveModel]]:
    """Return the candidates that are read: the curves, the best products, the hidden node, the line."""
    if not fit.candidates:
        return [("average", fit.model)]
    with_products = [name for name, model in fit.candidates.items() if model.products]
    names = ["curves", *sorted(with_products, key=lambda name: fit.scores[name])[:1]]
    names += [name for name, model in fit.candidates.items() if model.hidden is not None]
    return [(name, fit.candidates[name]) for name in [*names, "line"] if name in fit.candidates]


class _Table:
    """Rows that formulas are read at, and what they are refitted to."""

    def __init__(self, fit: AdditiveFit, x: Array, y: Array, weights: Array, names: list[str], rows: int) -> None:
        rng = np.random.default_rng(_SEED)
        self.fit, self.y, self.weights, self.rows = fit, y, weights, rows
        self.columns = Columns(x, weights, names)
        points = between_rows(x, rng, _BETWEEN)
        some = rng.permutation(len(y))[:_TRIAL_ROWS]
        scale = fit.target.name
        self.joint = Joint(blended(fit, x, y, weights, points), scale)
        self.trials = Joint(blended(fit, x[some], y[some], weights[some], points), scale)
        self.near = never_below(x, probe(x, rng), 0.0)

    @classmethod
    def of(cls, fit: AdditiveFit, x: Array, y: Array, names: Sequence[str], weights: Array | None) -> "_Table":
        rows = len(y)
        w = np.ones(rows) if weights is None else weights / weights.mean()
        if rows > _MOST_ROWS:
            drawn = np.sort(np.random.default_rng(_SEED).permutation(rows)[:_MOST_ROWS])
            x, y, w = x[drawn], y[drawn], w[drawn] / w[drawn].mean()
        return cls(fit, x, y, w, list(names), rows)

    def read(self, model: AdditiveModel):
        target = self.fit.target
        precision = self.rows / (2 * self._noise(model))
        found = edges(model, self.columns, precision)
        unit = 1.0 if target.name == "identity" else target.scale
        constant = target.center + target.scale * float(model.intercept[0])
        for each in Paths(found, unit, constant, self.joint, self.trials).found():
            terms = {edge.inputs: edge.options[k].name for edge, k in zip(found, each.choice, strict=True) if k}
            yield each, terms

    def _noise(self, model: AdditiveModel) -> float:
        """Return the variance of the noise on the standardized scale of the target."""
        y = self.fit.target.forward(self.y)
        residual = y - model.eta(self.columns.x)[:, 0]
        edf = sum(float(each.sum()) for each in model.edf) + sum(model.product_edf.values())
        edf += 4.0 if model.hidden is not None else 0.0
        mean = float(self.weights @ residual**2) / len(y)
        return max(mean * self.rows / max(self.rows - 1 - edf, 2.0), _LEAST_NOISE * float(np.var(y)))

    def is_tame(self, each: Found) -> bool:
        return is_tame(each.refitted.program, self.near, float(self.y.min()), float(self.y.max()))
