"""Tables with more columns than curves can be fitted to: a line of all columns, and curves of the strongest."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.special import gammaincc

from edgewise.tables.additive._candidates import Check, WeightedRows
from edgewise.tables.additive._curve import Axis, Curve
from edgewise.tables.additive._design import Design, Input, joined
from edgewise.tables.additive._family import Classes, Family, Gaussian, Target, TargetName
from edgewise.tables.additive._levels import Gap, Levels
from edgewise.tables.additive._model import AdditiveModel, combined
from edgewise.tables.additive._penalized import Problem, Start
from edgewise.tables.additive._reml import Block, Matrix, Vector
from edgewise.tables.additive._search import AdditiveFit, Request, search
from edgewise.tables.additive._stack import Folded, fold_numbers, stacked
from edgewise.tables.additive._tuning import TUNING


def is_wide(x: Matrix) -> bool:
    """Return whether a table has too many columns for a curve of each."""
    return x.shape[1] > TUNING.wide_columns


class _Part(NamedTuple):
    """A model of all rows, and its out-of-fold eta (n, K)."""

    name: str
    model: AdditiveModel
    held_out: Matrix


def wide(
    rows: WeightedRows, levels: Sequence[bool], family: Family, request: Request, check: Check
) -> AdditiveFit:  # fmt: skip
    """Return the average of a ridge regression on all columns and of the best fit of the strongest columns.

    The strongest are chosen again without each fold, so that out-of-fold predictions know nothing of the rows that they
    are for.
    """
    fold = fold_numbers(len(rows.y), request.seed, rows.y if isinstance(family, Classes) else None, few=5)
    folds = [fold == k for k in range(int(fold.max()) + 1)]
    held = fold >= 0
    line = _Line.of(rows.x, levels, request)
    target, part = _scaled_line(line, rows, family, request, folds)
    y = target.forward(rows.y) if family.is_location else rows.y
    scaled = rows._replace(y=y)
    parts = [part, _strongest(scaled, levels, family, request, folds, check)]
    parts = [each for each in parts if each is not None]
    known, weights = y[held], rows.weights[held]
    etas = [each.held_out[held] for each in parts]
    shares, shift = stacked(etas, known, weights, family, request.select)
    model = combined([each.model for each in parts], shares)
    eta = shift + sum(share * each for share, each in zip(shares, etas, strict=True))
    constant = np.tile(family.start(y, rows.weights), (len(known), 1))
    scores = {"constant": constant, **{each.name: own for each, own in zip(parts, etas, strict=True)}, "selected": eta}
    return AdditiveFit(
        replace(model, intercept=model.intercept + shift),
        family,
        target,
        {each.name: float(share) for each, share in zip(parts, shares, strict=True)},
        {name: float(weights @ family.loss(own, known) / weights.sum()) for name, own in scores.items()},
        np.flatnonzero(held),
        eta,
        known - eta[:, 0] if family.is_location else np.zeros(len(known)),
    )


@dataclass(frozen=True)
class _Line:
    """Straight parts of all columns, and the same features turned to the axes on which rows differ: matrix = U S.

    A ridge of the coefficients on these axes is one of those on columns, since they are turned only.
    """

    design: Design
    means: Vector
    axes: Matrix
    matrix: Matrix

    @classmethod
    def of(cls, x: Matrix, levels: Sequence[bool], request: Request) -> "_Line":
        inputs: list[Input] = []
        for column, is_category in enumerate(levels):
            seen = x[np.isfinite(x[:, column]), column]
            gaps, varies = len(seen) < len(x), len(seen) > 0 and seen.min() < seen.max()
            if request.monotone.get(column, 0) or not (varies or gaps):
                continue
            if is_category:
                found = Levels.of(column, seen)
                inputs += [found] if found else []
                continue
            if varies:
                inputs.append(Curve.of(column, seen, Axis.of(seen, "raw"), gaps, straight=True))
            if gaps and len(seen):
                inputs.append(Gap(column))
        design = Design(tuple(inputs))
        features = joined(design.features(x), len(x))
        means = features.mean(0)
        left, sizes, right = np.linalg.svd(features - means, full_matrices=False)
        kept = sizes > TUNING.rank * sizes.max(initial=0.0)
        return cls(design, means, right[kept].T, left[:, kept] * sizes[kept])

    def part(self, rows: WeightedRows, family: Family, folds: Sequence[np.ndarray]) -> _Part:
        """Return the ridge regression, whose penalty restricted maximum likelihood chooses."""
        problem = Problem([Block("straight", self.matrix.shape[1])], family)
        outputs = family.outputs
        begin = Start(
            family.start(rows.y, rows.weights),
            np.zeros((self.matrix.shape[1], outputs)),
            np.full((1, outputs), np.log(self.matrix.shape[1] + 1.0)),
        )
        folded = Folded(self.matrix, rows.y, rows.weights, folds)
        fit = folded.fit(problem, begin)
        held = folded.held_out([folded.fit(problem, Start.of(fit), fold=k) for k in range(len(folds))])
        beta = self.axes @ fit.beta
        at = np.cumsum([0, *(part.n_features for part in self.design.inputs)])
        each = tuple(beta[a:b] for a, b in itertools.pairwise(at))
        share = float(fit.edf.sum()) / max(len(each), 1)
        edf = tuple(np.full(len(part.blocks()), share) for part in self.design.inputs)
        model = AdditiveModel(self.design, fit.intercept - self.means @ beta, each, {}, edf, {})
        return _Part("line of all columns", model, held)


def _scaled_line(
    line: _Line, rows: WeightedRows, family: Family, request: Request, folds: Sequence[np.ndarray]
) -> tuple[Target, _Part]:
    """Return the scale of the target on which the line errs least on the target's own, and the line.

    Another scale than its own must be better by a standard error of the differences over rows.
    """
    own = Target("identity", 0.0, 1.0)
    if not family.is_location:
        return own, line.part(rows, family, folds)
    y, w = rows.y, rows.weights
    names: list[TargetName] = ["identity"]
    if isinstance(family, Gaussian) and request.maps:
        names = Target.candidates(y)
    held = np.any(folds, axis=0)
    found: list[tuple[Vector, Target, _Part]] = []
    for name in names:
        target = Target.of(y, w, name)
        part = line.part(rows._replace(y=target.forward(y)), family, folds)
        eta = part.held_out[held, 0]
        mean = target.mean(eta, target.forward(y)[held] - eta)
        found.append((w[held] * (y[held] - mean) ** 2, target, part))
    errors, target, part = min(found, key=lambda each: each[0].sum())
    gain = found[0][0] - errors
    return found[0][1:] if gain.mean() * np.sqrt(len(gain)) < gain.std() else (target, part)


def _strongest(
    rows: WeightedRows, levels: Sequence[bool], family: Family, request: Request, folds: Sequence[np.ndarray],
    check: Check,
) -> _Part | None:  # fmt: skip
    """Return the fit of the columns that matter most by themselves: curves, and products only where they are asked for.

    Folds keep the shape of that of all rows.
    """
    count = int(np.clip(len(rows.y) // TUNING.rows_a_column, *TUNING.strongest))

    def fitted(used: np.ndarray, request: Request) -> AdditiveModel | None:
        part = WeightedRows(*(each[used] for each in rows))
        columns = strongest_columns(part, levels, family, count)
        if not len(columns):
            return None
        wanted = replace(
            request,
            allowed=lambda pair: request.allowed((int(columns[pair[0]]), int(columns[pair[1]]))),
            monotone={k: request.monotone[c] for k, c in enumerate(columns.tolist()) if c in request.monotone},
        )
        found = search(part._replace(x=part.x[:, columns]), [levels[c] for c in columns], family, wanted, check)
        model = found.model.scaled(found.target.scale, found.target.center) if family.is_location else found.model
        inputs = tuple(replace(each, column=int(columns[each.column])) for each in model.design.inputs)
        return replace(model, design=Design(inputs))

    plain = replace(request, products=0 if request.products == "auto" else request.products, hidden=False, values=False)
    everything = fitted(np.ones(len(rows.y), bool), plain)
    if everything is None:
        return None
    shape = replace(plain, maps=everything.design.is_mapped)
    held_out = np.full((len(rows.y), family.outputs), np.nan)
    for fold in folds:
        model = fitted(~fold, shape)
        start = np.tile(family.start(rows.y[~fold], rows.weights[~fold]), (int(fold.sum()), 1))
        held_out[fold] = start if model is None else model.eta(rows.x[fold])
    used = len({part.column for part in everything.design.inputs})
    return _Part(f"curves of {used} columns", everything, held_out)


def strongest_columns(rows: WeightedRows, levels: Sequence[bool], family: Family, count: int) -> np.ndarray:
    """Return the columns that explain most by themselves, as a parabola or by levels, in their order in the table.

    At most `count`, and beyond a few only as many as chance does not explain, by the false discovery rate. Of columns
    that are nearly the same, the strongest alone is taken.

    Source: Benjamini and Hochberg, Controlling the false discovery rate (1995).
    """
    x, y, w = rows
    eta = np.tile(family.start(y, w), (len(y), 1))
    residual = np.column_stack([_standard((r - e) * h, w) for r, h, e in _working(family, eta, y)])
    numbers = np.flatnonzero(~np.asarray(levels, bool))
    z, square = _columns(x[:, numbers], w)
    chance = np.ones(x.shape[1])  # of an effect as large, where there is none
    outputs, total = residual.shape[1], w.sum()
    fits = ((z.T @ (w[:, None] * residual)) ** 2 + (square.T @ (w[:, None] * residual)) ** 2).sum(1) / total
    chance[numbers] = gammaincc(outputs, fits / 2)
    for column in np.flatnonzero(np.asarray(levels, bool)):
        own = np.unique(x[:, column], return_inverse=True)[1]
        sums = np.column_stack([np.bincount(own, w * r) for r in residual.T])
        weight = np.bincount(own, w)
        fit = float((sums**2 / weight[:, None]).sum())
        chance[column] = gammaincc(max(len(weight) - 1, 1) * outputs / 2, fit / 2)
    place = {int(column): k for k, column in enumerate(numbers)}
    order = np.argsort(chance, kind="stable")
    sure = np.flatnonzero(chance[order] <= TUNING.false_discoveries * np.arange(1, len(order) + 1) / len(order))
    count = min(count, max(len(sure) and int(sure[-1]) + 1, TUNING.strongest[0]))
    chosen: list[int] = []
    for column in order.tolist():
        if len(chosen) == count or chance[column] == 1.0:
            break
        same = [place[c] for c in chosen if c in place] if column in place else []
        if same and np.abs(z[:, same].T @ (w * z[:, place[column]])).max() > TUNING.same * w.sum():
            continue
        chosen.append(column)
    return np.sort(np.array(chosen, dtype=int))


def _working(family: Family, eta: Matrix, y: Vector) -> list[tuple[Vector, Vector, Vector]]:
    return [(*family.working(eta, y, k), eta[:, k]) for k in range(family.outputs)]


def _columns(x: Matrix, w: Vector) -> tuple[Matrix, Matrix]:
    """Return columns and their squares, standardized, zero at gaps, the squares without what is straight in them."""
    middle = np.nanmedian(np.where(np.isfinite(x), x, np.nan), axis=0) if len(x) else x
    size = np.abs(x - middle)
    far = TUNING.far * np.nanmedian(np.where(np.isfinite(size), size, np.nan), axis=0)
    bounded = np.where(far > 0, np.clip(x, middle - far, middle + far), x)  # so that no single row decides
    z = np.column_stack([_standard(column, w) for column in np.where(np.isfinite(x), bounded, middle).T])
    square = np.column_stack([_standard(column, w) for column in (z**2).T])
    square -= z * (w @ (z * square) / w.sum())
    return z, np.column_stack([_standard(column, w) for column in square.T])


def _standard(column: Vector, w: Vector) -> Vector:
    about = column - w @ column / w.sum()
    deviation = float(np.sqrt(w @ about**2 / w.sum()))
    return about / deviation if deviation > 0 else np.zeros(len(column))
