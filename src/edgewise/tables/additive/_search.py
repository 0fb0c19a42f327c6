"""What an additive fit may choose, the choice by out-of-fold predictions, and what it found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from edgewise.tables.additive._candidates import Candidate, Candidates, Check, WeightedRows, ignore
from edgewise.tables.additive._design import Design, Pair
from edgewise.tables.additive._family import Family, Gaussian, Target, TargetName
from edgewise.tables.additive._levels import Levels
from edgewise.tables.additive._model import AdditiveModel, alternatives, averaged
from edgewise.tables.additive._penalized import Penalized
from edgewise.tables.additive._products import products
from edgewise.tables.additive._reml import Matrix, Vector
from edgewise.tables.additive._stack import Select, stacked
from edgewise.tables.additive._tuning import TUNING

Products = Literal["auto"] | int | Sequence[Pair]


@dataclass(frozen=True)
class Request:
    """What may be chosen: products ("auto", how many, or which pairs of columns), maps of columns and target, a hidden
    node, effects of single values, sums of steps, and how candidates become one model ("average", "best", "simplest").

    `allowed` says which two columns may interact; `monotone` has 1 for columns whose curves must rise, -1 where they
    must fall; `linear` are columns whose effect is a straight line without a penalty, or one of each level; `groups`
    are categories with random intercepts: with these the target is not mapped, so that coefficients have its units. All
    three make no products, and there is no hidden node then.
    """

    products: Products = "auto"
    maps: bool = True
    hidden: bool = True
    values: bool = True
    steps: bool = False
    select: Select = "average"
    seed: int = 0
    allowed: Callable[[Pair], bool] = lambda pair: True
    monotone: Mapping[int, int] = field(default_factory=dict)
    linear: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()


@dataclass(frozen=True)
class AdditiveFit:
    """A model of the target's scale, and what was found on the way.

    weights: of each candidate; scores: mean out-of-fold loss of each on the standardized scale, "constant" too; rows:
    which rows were held out once; held_out: eta of those rows from folds that did not see them; residual: their
    residual, on the standardized scale; candidates: each as a model, by name, for a Gaussian target (of a table of
    more than 20,000 rows: as the sample that chose the shape has them); components: the variance of the random
    intercepts of each column of groups, noise: that of the residual, both on the standardized scale and from the
    candidate with the largest weight.
    """

    model: AdditiveModel
    family: Family
    target: Target
    weights: dict[str, float]
    scores: dict[str, float]
    rows: np.ndarray
    held_out: Matrix
    residual: Vector
    candidates: Mapping[str, AdditiveModel] = field(default_factory=dict)
    components: Mapping[int, float] = field(default_factory=dict)
    noise: float = 1.0

    @property
    def design(self) -> Design:
        return self.model.design

    def predict(self, x: Matrix) -> Matrix:
        """Return the mean of the target (n, 1), or the probabilities of the classes (n, K), at columns x."""
        return self.of(self.model.eta(x))

    def of(self, eta: Matrix) -> Matrix:
        """Return the mean, or the probabilities, of eta (n, K)."""
        if isinstance(self.family, Gaussian):
            return self.target.mean(eta[:, 0], self.residual)[:, None]
        if self.family.is_location:
            return self.target.backward(eta)
        return self.family.mean(eta)


def search(
    rows: WeightedRows, levels: Sequence[bool], family: Family, request: Request, check: Check = ignore
) -> AdditiveFit:  # fmt: skip
    """Return the fit of rows that are all used for everything."""
    target, found = _scales(rows, levels, family, request, check)
    _extend(found, request)
    if request.values:
        columns = found.value_effects()
        if columns:
            mapped = found.design.is_mapped
            design = Design.of(
                rows.x, levels, mapped=mapped, values=columns, linear=request.linear, groups=request.groups
            )
            other = _candidates(design, rows._replace(y=found.y), family, request, check)
            if other.score(other.found["curves"]) < found.score(found.found["curves"]):
                _extend(other, request)
                found = other if other.unexplained() < found.unexplained() else found
    return _selected(found, target, request.select)


def _candidates(design: Design, rows: WeightedRows, family: Family, request: Request, check: Check) -> Candidates:
    """Return the candidates of a design, of which the sum of curves is fitted."""
    found = Candidates(design, rows, family, seed=request.seed, monotone=request.monotone, check=check)
    found.additive()
    return found


def _scales(
    rows: WeightedRows, levels: Sequence[bool], family: Family, request: Request, check: Check
) -> tuple[Target, Candidates]:  # fmt: skip
    """Return the scale of the target and the maps of the columns, by the out-of-fold error of the sum of curves on the
    target's own scale.

    Without steps, of the scales whose error is within 0.02 of the variance of the best one, the most likely is taken.
    """
    x, y, w = rows
    plain = Design.of(x, levels, linear=request.linear, groups=request.groups)
    mapped = plain
    if request.maps:
        mapped = Design.of(x, levels, mapped=True, linear=request.linear, groups=request.groups)
    designs = [plain, mapped] if mapped.is_mapped else [plain]
    names: list[TargetName] = ["identity"]
    if isinstance(family, Gaussian) and request.maps and not request.linear | request.groups:
        names = Target.candidates(y)
    runs = []
    for name in names:
        target = Target.of(y, w, name) if family.is_location else Target("identity", 0.0, 1.0)
        for design in designs:
            known = target.forward(y) if family.is_location else y
            found = _candidates(design, rows._replace(y=known), family, request, check)
            runs.append((*_judged(found, target, y), target, found))
    slack = 0.0 if request.steps or not isinstance(family, Gaussian) else TUNING.map_slack * float(np.var(y))
    least = min(run[0] for run in runs)
    _, _, target, found = max((run for run in runs if run[0] <= least + slack), key=lambda run: run[1])
    return target, found


def _judged(search: Candidates, target: Target, y: Vector) -> tuple[float, float]:
    """Return the out-of-fold error of the sum of curves on the scale of y, and the log-likelihood of y."""
    candidate, rows = search.found["curves"], search.validated
    if not isinstance(search.family, Gaussian):
        loss = search.score(candidate)
        return loss, -loss
    eta, w = candidate.held_out[rows, 0], search.weights[rows]
    residual = search.y[rows] - eta
    square = float(w @ residual**2 / w.sum())
    error = float(w @ (y[rows] - target.mean(eta, residual)) ** 2 / w.sum())
    likelihood = -0.5 * len(residual) * np.log(max(square, 1e-300)) + float(target.log_slope(y[rows]).sum())
    return error, likelihood + TUNING.unmapped_bonus * (not search.design.is_mapped)


def _extend(search: Candidates, request: Request) -> None:
    """Fit the other candidates."""
    if not search.design.inputs:
        return
    search.line()
    columns = [part.column for part in search.design.inputs]
    inputs = len(set(columns))

    def allowed(pair: Pair) -> bool:
        return request.allowed((columns[pair[0]], columns[pair[1]]))

    if inputs > 1:
        if request.products == "auto":
            products(search, [2, inputs, 2 * inputs], allowed)
        elif isinstance(request.products, int):
            products(search, [request.products], allowed)
        else:
            wanted = {tuple(sorted(pair)) for pair in request.products}
            products(search, [len(wanted)], lambda p: tuple(sorted((columns[p[0]], columns[p[1]]))) in wanted)
        if request.hidden and not request.linear | request.groups:
            search.hidden()


def _selected(search: Candidates, target: Target, select: Select) -> AdditiveFit:
    rows, family = search.validated, search.family
    order = sorted(search.found.values(), key=_complexity)
    etas = [candidate.held_out[rows] for candidate in order]
    y, w = search.y[rows], search.weights[rows]
    weights, shift = stacked(etas, y, w, family, select)
    held_out = shift + sum(weight * eta for weight, eta in zip(weights, etas, strict=True))
    constant = np.tile(family.start(search.y, search.weights), (len(y), 1))
    scores = {"constant": float(w @ family.loss(constant, y) / w.sum())}
    scores |= {candidate.name: search.score(candidate) for candidate in order}
    scores["selected"] = float(w @ family.loss(held_out, y) / w.sum())
    residual = y - held_out[:, 0] if family.is_location else np.zeros(len(y))
    names = [candidate.name for candidate in order]
    chosen = {name: float(weight) for name, weight in zip(names, weights, strict=True)}
    model = averaged(search, order, weights, shift)
    each = alternatives(search)
    likely = order[int(np.argmax(weights))].fit
    return AdditiveFit(
        model, family, target, chosen, scores, np.flatnonzero(rows), held_out, residual, each,
        _components(search.design, likely), likely.variance,
    )  # fmt: skip


def _components(design: Design, fit: Penalized) -> dict[int, float]:
    """Return the variance of the random intercepts of each column of groups, of the last output."""
    found, block = {}, 0
    for part in design.inputs:
        if isinstance(part, Levels) and part.kind == "group":
            found[part.column] = fit.variance * float(np.exp(-fit.rho[block, -1]))
        block += len(part.blocks())
    return found


def _complexity(candidate: Candidate) -> int:
    if candidate.hidden is not None:
        return 1000
    return {"line": 0, "curves": 1}.get(candidate.name, 2 + len(candidate.pairs))
