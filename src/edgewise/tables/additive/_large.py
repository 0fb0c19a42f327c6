"""An additive fit of a table, and of all rows of a large one, for the shape that a sample of them chose."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from edgewise.tables.additive._candidates import Check, WeightedRows, ignore
from edgewise.tables.additive._curve import Curve
from edgewise.tables.additive._design import Input, Pair
from edgewise.tables.additive._family import Family, Gaussian
from edgewise.tables.additive._levels import Gap
from edgewise.tables.additive._linear import with_exact_lines
from edgewise.tables.additive._model import AdditiveModel, compact, spaced, with_sure_tails
from edgewise.tables.additive._penalized import Penalized, Problem, from_moments
from edgewise.tables.additive._reml import Block, Matrix, Moments, Vector
from edgewise.tables.additive._search import AdditiveFit, Request, search
from edgewise.tables.additive._stepped import stepped
from edgewise.tables.additive._tuning import TUNING
from edgewise.tables.additive._wide import is_wide, wide


def additive(
    x: Matrix, y: Vector, levels: Sequence[bool], family: Family, request: Request | None = None,
    *, weights: Vector | None = None, check: Check = ignore, everything: "AllRows | None" = None,
) -> AdditiveFit:  # fmt: skip
    """Fit a target by a sum of curves of the columns, of products of two, and a hidden node if rows ask for one.

    eta = b + sum_i f_i(x_i) + sum_ij f_ij(x_i, x_j) + g(sum_i h_i(x_i)),  family.mean(eta) = E y

    Every curve has its own smoothing parameters, found by restricted maximum likelihood. Candidates (line, curves,
    curves with products, with a hidden node) are joined by their out-of-fold predictions.

    Shapes: x (n, p), missing where not finite; y (n,), class numbers for classes; levels (p,) is True for columns that
    hold level numbers; weights (n,). `check` is called before each fit; what it raises ends the search. `everything`:
    the rows for coefficients and smoothing, where these are a sample of them.

    >>> from edgewise.tables.additive import Gaussian
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> fit = additive(x, np.sin(2 * x[:, 0]) + x[:, 1], [False, False], Gaussian())
    >>> fit.scores["curves"] < 0.02
    True
    """
    request = request or Request()
    w = np.ones(len(y)) if weights is None else weights / weights.mean()
    rows = WeightedRows(x, y, w)
    if is_wide(x) and not request.linear | request.groups:
        return _wide(rows, levels, family, request, check)
    if len(y) > TUNING.most_rows and everything is None:
        many = sampled(len(y), TUNING.most_rows, request.seed)
        own = [part[many] for part in rows]
        kept, found_y, found_w = own
        everything = AllRows(rows)
        found = additive(kept, found_y, levels, family, request, weights=found_w, check=check, everything=everything)
        return replace(found, rows=many[found.rows])
    if len(y) <= TUNING.shape_rows:
        found = _sure(search(rows, levels, family, request, check))
    else:
        found = _sure(_of_sample(rows, everything or AllRows(rows), levels, family, request, check))
    found = stepped(found, rows, levels, request, check) if request.steps else found
    return with_exact_lines(found, rows)


@dataclass(frozen=True)
class AllRows:
    """All rows of a large table, or those of this process where several share them.

    `total` returns the sums (m,) over all of what each process has. They are then added up in double precision, so that
    it does not matter which process has which rows.
    """

    rows: WeightedRows
    total: Callable[[Vector], Vector] | None = None

    @property
    def precision(self) -> type:
        """The precision in which features of products are multiplied."""
        return np.float32 if self.total is None else np.float64

    def moments(self, own: Moments) -> Moments:
        """Return the moments of all rows from those of these."""
        if self.total is None:
            return own
        square = [own.square, own.total, own.weight, float(own.rows)]
        parts = [own.gram.ravel(), own.cross, own.sums, np.array(square)]
        sums = self.total(np.concatenate(parts))
        gram, cross, means, rest = np.split(sums, np.cumsum([len(part) for part in parts[:-1]]))
        return Moments(gram.reshape(own.gram.shape), cross, means, *map(float, rest[:3]), rows=int(rest[3]))


def most_rows() -> int:
    """Return of how many rows all but coefficients and smoothing are."""
    return TUNING.most_rows


def sampled(rows: int, count: int, seed: int) -> np.ndarray:
    """Return the numbers of the rows of a sample, in ascending order."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:count])


def _of_sample(
    rows: WeightedRows, everything: AllRows, levels: Sequence[bool], family: Family, request: Request, check: Check
) -> AdditiveFit:  # fmt: skip
    """Return the fit of all rows, its shape chosen by a sample of them."""
    drawn = sampled(len(rows.y), TUNING.shape_rows, request.seed)
    shape = replace(request, hidden=False, values=False)
    sample = search(WeightedRows(*(part[drawn] for part in rows)), levels, family, shape, check)
    return refitted(replace(sample, rows=drawn[sample.rows]), rows.x, everything, request.monotone, check)


def _wide(
    rows: WeightedRows, levels: Sequence[bool], family: Family, request: Request, check: Check
) -> AdditiveFit:  # fmt: skip
    """Return the fit of a wide table: the smooth part by a sample where rows are many."""
    drawn = sampled(len(rows.y), TUNING.shape_rows, request.seed)
    found = wide(WeightedRows(*(part[drawn] for part in rows)), levels, family, request, check)
    found = replace(found, rows=drawn[found.rows])
    return stepped(found, rows, levels, request, check) if request.steps else found


def _sure(fit: AdditiveFit) -> AdditiveFit:
    return replace(fit, model=with_sure_tails(fit.model))


def refitted(
    sample: AdditiveFit, seen: Matrix, everything: AllRows, monotone: Mapping[int, int], check: Check
) -> AdditiveFit:  # fmt: skip
    """Return the fit with coefficients and smoothing from all rows, its shape as the sample chose it.

    Columns are read in at most 254 bins, which rows `seen` (n, p) place. Without products the moments come from counts
    of pairs of bins, whose cost does not depend on the number of functions; with products from chunks of rows in single
    precision.
    """
    rows = everything.rows
    binned = replace(_Binned.of(sample.model, seen, rows.x), precision=everything.precision)
    family = sample.family
    y = sample.target.forward(rows.y) if family.is_location else rows.y
    weights = rows.weights
    problem = Problem(binned.blocks, family, constraints=binned.constraints(monotone))
    check("all rows")
    if isinstance(family, Gaussian):
        fit = from_moments(everything.moments(binned.moments(y, weights)), problem)
        return replace(sample, model=_rebuilt(sample.model, binned, [fit]))
    model, before = sample.model, None
    settled = 0.02  # largest change of a coefficient, relative to the largest coefficient
    logs: dict[int, Matrix] = {}
    for _ in range(4):
        eta = binned.eta(model)
        fits = []
        for k in range(family.outputs):
            response, working = family.working(eta, y, k)
            moments = everything.moments(binned.moments(response, weights * working))
            check("all rows")
            fits.append(from_moments(moments, problem, logs.get(k)))
            logs[k] = fits[-1].rho
        model = _rebuilt(model, binned, fits)
        beta = np.hstack([fit.beta for fit in fits])
        if before is not None and np.abs(beta - before).max() < settled * np.abs(beta).max():
            break
        before = beta
    return replace(sample, model=model)


@dataclass(frozen=True)
class _Binned:
    """Rows as bin numbers, the features of each bin, and which of them the model uses."""

    codes: list[np.ndarray]
    tables: list[Matrix]
    used: list[np.ndarray]
    model: AdditiveModel
    blocks: list[Block]
    precision: type = np.float32

    @classmethod
    def of(cls, model: AdditiveModel, seen: Matrix, x: Matrix) -> "_Binned":
        codes, tables, used, blocks = [], [], [], []
        for part, beta in zip(model.design.inputs, model.beta, strict=True):
            code, places = _binned(part, seen[:, part.column], x[:, part.column])
            keep = np.any(beta != 0, axis=1)
            start = 0
            for block in part.blocks():
                keep[start] = True
                blocks.append(Block(block.kind, int(keep[start : start + block.size].sum())))
                start += block.size
            codes.append(code)
            tables.append(part.features(places))
            used.append(keep)
        for pair in model.products:
            blocks += model.design.product_blocks(pair)
        return cls(codes, tables, used, model, blocks)

    def constraints(self, monotone: Mapping[int, int]) -> Matrix | None:
        """Return the inequalities of the features that are used."""
        found = self.model.design.constraints(monotone)
        return None if found is None else found[:, np.concatenate(self.used)]

    @property
    def pairs(self) -> list[Pair]:
        return list(self.model.products)

    def moments(self, y: Vector, weights: Vector) -> Moments:
        return self._from_chunks(y, weights) if self.pairs else self._from_counts(y, weights)

    def eta(self, model: AdditiveModel) -> Matrix:
        """Return eta (n, K) at all rows."""
        total = np.tile(model.intercept, (len(self.codes[0]), 1))
        for code, table, beta in zip(self.codes, self.tables, model.beta, strict=True):
            total += (table @ beta)[code]
        for pair, beta in model.products.items():
            for rows in self._slices():
                total[rows] += model.design.product(self._features(rows, pair), pair)[0] @ beta
        return total

    def _from_counts(self, y: Vector, weights: Vector) -> Moments:
        tables = [table[:, keep] for table, keep in zip(self.tables, self.used, strict=True)]
        at = np.cumsum([0, *(table.shape[1] for table in tables)])
        gram, cross, sums = np.zeros((at[-1], at[-1])), np.zeros(at[-1]), np.zeros(at[-1])
        for i, (code, table) in enumerate(zip(self.codes, tables, strict=True)):
            here = slice(at[i], at[i + 1])
            count = np.bincount(code, weights, len(table))
            gram[here, here] = table.T @ (count[:, None] * table)
            cross[here] = table.T @ np.bincount(code, weights * y, len(table))
            sums[here] = table.T @ count
            for j in range(i):
                there, width = slice(at[j], at[j + 1]), len(tables[j])
                pairs = np.bincount(code.astype(np.int64) * width + self.codes[j], weights, len(table) * width)
                block = table.T @ pairs.reshape(len(table), width) @ tables[j]
                gram[here, there], gram[there, here] = block, block.T
        return Moments(gram, cross, sums, float(weights @ y**2), float(weights @ y), float(weights.sum()), len(y))

    def _from_chunks(self, y: Vector, weights: Vector) -> Moments:
        tables = [table[:, keep].astype(self.precision) for table, keep in zip(self.tables, self.used, strict=True)]
        return reduce(add, (self._chunk(rows, tables, y, weights) for rows in self._slices()))

    def _chunk(self, rows: slice, tables: list[Matrix], y: Vector, weights: Vector) -> Moments:
        mains = [table[code[rows]] for table, code in zip(tables, self.codes, strict=True)]
        products = []
        for pair in self.pairs:
            features = self._features(rows, pair)
            products.append(self.model.design.product(features, pair)[0].astype(self.precision))
        matrix = np.hstack([*mains, *products])
        found = Moments.of(matrix, y[rows].astype(self.precision), weights[rows].astype(self.precision))
        gram, cross, sums = (np.asarray(part, float) for part in (found.gram, found.cross, found.sums))
        t, w = y[rows], weights[rows]
        return Moments(gram, cross, sums, float(w @ t**2), float(w @ t), float(w.sum()), found.rows)

    def _features(self, rows: slice, pair: Pair) -> dict[int, Matrix]:
        return {number: self.tables[number][self.codes[number][rows]] for number in pair}

    def _slices(self) -> Iterator[slice]:
        total, most = len(self.codes[0]), 20_000
        return (slice(start, min(start + most, total)) for start in range(0, total, most))


def _binned(part: Input, placing: Vector, x: Vector) -> tuple[np.ndarray, Vector]:
    """Return the bin of each value x (n,), and a value in each bin: the last bin is that of missing values.

    Bins and their values are those of `placing` (m,).
    """
    if isinstance(part, Gap):
        return np.isnan(x).astype(np.uint16), np.array([0.0, np.nan])
    if not isinstance(part, Curve):
        return part.numbers(x).astype(np.uint16), np.append(part.values, np.nan)
    known = placing[np.isfinite(placing)]
    bins, most = 254, 50_000  # bins of numbers, and values that they are made from
    drawn = np.sort(known[:: max(1, len(known) // most)])
    distinct = np.unique(drawn)
    if len(distinct) <= bins:
        cuts = (distinct[:-1] + distinct[1:]) / 2
    else:
        mapped = part.axis.map(drawn)
        evenly = np.interp(np.linspace(mapped[0], mapped[-1], bins // 3), mapped, drawn)
        cuts = np.unique(np.concatenate([np.quantile(drawn, np.linspace(0, 1, 2 * bins // 3)), evenly]))[1:-1]
    own = np.searchsorted(cuts, known)
    count = np.bincount(own, minlength=len(cuts) + 1)
    edges = np.concatenate([drawn[:1], cuts, drawn[-1:]])
    places = (edges[:-1] + edges[1:]) / 2
    sums = np.bincount(own, known, minlength=len(cuts) + 1)
    places[count > 0] = sums[count > 0] / count[count > 0]
    code = np.where(np.isfinite(x), np.searchsorted(cuts, np.where(np.isfinite(x), x, 0.0)), len(places))
    return code.astype(np.uint16), np.append(places, np.nan)


def _rebuilt(model: AdditiveModel, rows: _Binned, fits: list[Penalized]) -> AdditiveModel:
    """Return the model with the coefficients of fits, one for each output."""
    coefficients = np.hstack([fit.beta for fit in fits])
    edf = np.mean([fit.edf for fit in fits], 0)
    place, block, mains, main_edf = 0, 0, [], []
    for part, keep in zip(model.design.inputs, rows.used, strict=True):
        beta = np.zeros((len(keep), coefficients.shape[1]))
        beta[keep] = coefficients[place : place + keep.sum()]
        place += int(keep.sum())
        mains.append(beta)
        main_edf.append(edf[block : block + len(part.blocks())])
        block += len(part.blocks())
    products, product_edf = {}, {}
    for pair, old in model.products.items():
        products[pair] = coefficients[place : place + len(old)]
        count = len(model.design.product_blocks(pair))
        product_edf[pair] = float(edf[block : block + count].sum())
        place, block = place + len(old), block + count
    intercept = np.concatenate([fit.intercept for fit in fits])
    return replace(
        model, intercept=intercept, beta=tuple(mains), edf=tuple(main_edf), products=products, product_edf=product_edf,
        covariance=_covariance(rows, fits),
    )  # fmt: skip


def _covariance(rows: _Binned, fits: list[Penalized]) -> tuple[Matrix, ...]:
    """Return the covariance of each input's coefficients, one for each output."""
    used = np.flatnonzero(np.concatenate(rows.used)) if rows.used else np.zeros(0, dtype=int)
    width, main = sum(map(len, rows.used)), len(used)
    outputs = (spaced(fit.variance * fit.covariance[:main, :main], used, width) for fit in fits)
    means = [
        np.bincount(code, minlength=len(table)) @ table / len(code)
        for code, table in zip(rows.codes, rows.tables, strict=True)
    ]
    return compact(rows.model.design.inputs, outputs, np.concatenate(means) if means else np.zeros(0))
