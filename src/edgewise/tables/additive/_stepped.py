"""A smooth fit joined by sums of steps: both err, but differently, and their average errs less than either."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from edgewise.tables.additive._candidates import STRATIFIED, Check, WeightedRows
from edgewise.tables.additive._family import Family
from edgewise.tables.additive._levels import Levels
from edgewise.tables.additive._model import AdditiveModel
from edgewise.tables.additive._reml import Matrix, Vector
from edgewise.tables.additive._search import AdditiveFit, Request
from edgewise.tables.additive._tuning import TUNING
from edgewise.tables.additive._wide import is_wide
from edgewise.tables.steps import LEAFWISE, SYMMETRIC, Boosted, Manner, Rows, added, purified

_KINDS: dict[str, Manner] = {"trees": LEAFWISE, "tables": SYMMETRIC}


def stepped(
    fit: AdditiveFit, rows: WeightedRows, levels: Sequence[bool], request: Request, check: Check
) -> AdditiveFit:  # fmt: skip
    """Return the average of a smooth fit and of sums of steps, weighted by their out-of-fold predictions.

    eta = start + w_smooth (smooth - start) + w_trees (trees - start) + w_tables (tables - start)

    "trees" grow leaf by leaf, "tables" ask one question a level, of at most three columns each. Columns under
    constraints make no steps. Where the average is no better out of fold, the smooth fit is all.
    """
    x, y, weights = rows
    family = fit.family
    bound = {column for column, direction in request.monotone.items() if direction} | request.linear | request.groups
    used = np.array([column not in bound for column in range(x.shape[1])], dtype=bool)
    used &= np.array(
        [np.ptp(column[np.isfinite(column)]) > 0 if np.isfinite(column).any() else False for column in x.T]
    )
    if len(y) < TUNING.step_rows or not used.any():
        return fit
    target = fit.target.forward(y) if family.is_location else y
    given = Rows(x, target, weights, levels, used, request.allowed, isinstance(family, STRATIFIED), request.seed)
    found: dict[str, Boosted] = {}
    for name, manner in _KINDS.items():
        if manner is SYMMETRIC and (is_wide(x) or len(y) * family.outputs > TUNING.table_rows):
            continue
        check(f"steps by {name}")
        found[name] = Boosted.of(given, family, manner)
    start = family.start(target, weights)
    held = fit.rows
    parts = [fit.held_out, *(each.held_out[held] for each in found.values())]
    known, own = target[held], weights[held]
    share = joined(parts, start, known, own, family)
    away = sum(weight * (part - start) for weight, part in zip(share, parts, strict=True))
    eta = start + away
    scores = {name: score for name, score in fit.scores.items() if name != "selected"}
    losses = {name: _mean_loss(part, known, own, family) for name, part in zip(found, parts[1:], strict=True)}
    smooth_loss, loss = fit.scores["selected"], _mean_loss(eta, known, own, family)
    if not share[1:].any() or loss >= _mean_loss(fit.held_out, known, own, family):
        unused = dict.fromkeys(found, 0.0)
        return replace(fit, scores={**scores, **losses, "selected": smooth_loss}, weights={**fit.weights, **unused})
    sums = added([each.model.scaled(weight) for weight, each in zip(share[1:], found.values(), strict=True) if weight])
    steps = purified(sums, x, weights).strongest(x, TUNING.faint)
    smooth = fit.model.scaled(float(share[0]), 0.0)
    model = _with_effects_of_levels(replace(
        smooth,
        intercept=smooth.intercept + steps.intercept + (1 - share.sum()) * start,
        covariance=fit.model.covariance,
        steps=replace(steps, intercept=np.zeros_like(start)),
    ))  # fmt: skip
    scores |= {"smooth": smooth_loss, **losses, "selected": loss}
    chosen = {name: float(share[0]) * weight for name, weight in fit.weights.items()}
    chosen |= dict(zip(found, map(float, share[1:]), strict=True))
    residual = known - eta[:, 0] if family.is_location else fit.residual
    return replace(fit, model=model, weights=chosen, scores=scores, held_out=eta, residual=residual)


def _mean_loss(eta: Matrix, y: Vector, weights: Vector, family: Family) -> float:
    return float(weights @ family.loss(eta, y) / weights.sum())


def _with_effects_of_levels(model: AdditiveModel) -> AdditiveModel:
    """Return the same model, in which steps of the known levels of a category are part of the effects of these."""
    assert model.steps is not None
    tables = {table.columns: table for table in model.steps.tables}
    beta, intercept = list(model.beta), model.intercept
    for number, part in enumerate(model.design.inputs):
        table = tables.get((part.column,))
        if not isinstance(part, Levels) or table is None or not table.bins[0].levels:
            continue
        places = table.bins[0].places(part.values)
        rest = table.values - table.values[0]  # the first is that of levels that are not known, which have no effect
        beta[number] = beta[number] + rest[places]
        intercept = intercept + table.values[0]
        rest[places] = 0.0
        if rest.any():
            tables[table.columns] = replace(table, values=rest)
        else:
            del tables[table.columns]
    return replace(
        model, beta=tuple(beta), intercept=intercept, steps=replace(model.steps, tables=tuple(tables.values()))
    )


def joined(parts: Sequence[Matrix], start: Vector, y: Vector, weights: Vector, family: Family) -> Vector:
    """Return weights of parts, the first of which is smooth, at least zero and at most one in sum.

    They minimize the loss over the least one, and are shrunk to a half for the smooth part and equal ones for the
    others as by 30 rows; with few rows to less for the others.
    """
    count = len(parts)
    steps = TUNING.steps_share * len(y) / (len(y) + TUNING.steps_doubt)
    prior = np.append(1 - steps, np.full(count - 1, steps / (count - 1)))
    away = [part - start for part in parts]
    least = min(_mean_loss(part, y, weights, family) for part in parts)
    least = max(least, 1e-300) if least >= 0 else 1.0  # log-densities may be negative

    def objective(share: Vector) -> float:
        eta = start + sum(weight * each for weight, each in zip(share, away, strict=True))
        doubt = TUNING.steps_shrinkage / len(y) * float(((share - prior) ** 2).sum())
        return _mean_loss(eta, y, weights, family) / least + doubt

    whole = {"type": "ineq", "fun": lambda share: 1.0 - share.sum()}
    found = minimize(
        objective, prior, bounds=[(0.0, 1.0)] * count, constraints=[whole], method="SLSQP",
        options={"ftol": 1e-10, "maxiter": 200},
    ).x  # fmt: skip
    found[found < TUNING.least_step] = 0.0
    return found
