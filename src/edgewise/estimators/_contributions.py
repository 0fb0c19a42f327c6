"""What each column, set of columns and hidden node adds to the sum of a fit, about its mean over the fitted rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgewise._typing import Array
from edgewise.tables.additive import Accelerated, AdditiveFit, AdditiveModel, Classes, Cox, Gaussian, Ordered

Pair = tuple[int, int]


@dataclass(frozen=True)
class Means:
    """Means over the rows of a fit: of each input's features, each product (K,), the hidden node, each step table."""

    features: tuple[Array, ...]
    products: dict[Pair, Array]
    hidden: float = 0.0
    steps: tuple[Array, ...] = ()

    @classmethod
    def of(cls, model: AdditiveModel, x: Array, weights: Array) -> Means:
        """Return the means over columns x (n, p) with weights (n,)."""
        share = weights / weights.sum()
        features = [np.zeros(part.n_features) for part in model.design.inputs]
        products = {pair: np.zeros(model.outputs) for pair in model.products}
        hidden, tables = 0.0, [] if model.steps is None else model.steps.tables
        steps = [np.zeros(model.outputs) for _ in tables]
        for rows in chunks(len(x)):
            found = model.design.features(x[rows])
            for mean, values in zip(features, found, strict=True):
                mean += share[rows] @ values
            for pair, beta in model.products.items():
                products[pair] += share[rows] @ (model.design.product(found, pair)[0] @ beta)
            if model.hidden is not None:
                hidden += float(share[rows] @ model.hidden.eta(np.hstack(found)))
            for mean, table in zip(steps, tables, strict=True):
                mean += share[rows] @ table.at(x[rows])
        return cls(tuple(features), products, hidden, tuple(steps))


@dataclass(frozen=True)
class Contributions:
    """The parts of one target's sum, in its units: those of the target, of its logarithm, or log-odds.

    A column is one part, be it a curve with steps, the effect of a gap, effects of single values or of levels; then
    come pairs and triples of columns, and the hidden node. A column without effect is zero.
    """

    fit: AdditiveFit
    columns: list[str]
    means: Means

    @cached_property
    def model(self) -> AdditiveModel:
        """The model of the sum in its own units."""
        return self.fit.model.scaled(self.fit.target.scale, self.fit.target.center)

    @property
    def pairs(self) -> list[Pair]:
        """The columns of each product, by number."""
        inputs = self.model.design.inputs
        return [(inputs[i].column, inputs[j].column) for i, j in self.model.products]

    @cached_property
    def groups(self) -> list[tuple[int, ...]]:
        """The sets of several columns that are parts, by number: those of products, then further ones of steps."""
        found: dict[tuple[int, ...], tuple[int, ...]] = {tuple(sorted(pair)): pair for pair in self.pairs}
        for table in self.model.steps.tables if self.model.steps else ():
            if len(table.columns) > 1:
                found.setdefault(table.columns, table.columns)
        return list(found.values())

    def names(self, split_products: bool = False) -> list[str]:
        """Return what the parts are called."""
        groups = [] if split_products else [" * ".join(self.columns[k] for k in group) for group in self.groups]
        return [*self.columns, *groups, *(["hidden node"] if self.model.hidden is not None else [])]

    @property
    def baseline(self) -> Array:
        """The mean of the sum, (K,)."""
        total = self.model.intercept.copy()
        for mean, beta in zip(self.means.features, self.model.beta, strict=True):
            total += mean @ beta
        scale = self.fit.target.scale
        for mean in (*self.means.products.values(), *self.means.steps):
            total += scale * mean
        return total + scale * self.means.hidden

    def of(self, x: Array, split_products: bool = False) -> Array:
        """Return the contributions (n, parts, K) at columns x (n, p), those of products given to their columns if
        they are split."""
        found = np.zeros((len(x), len(self.names(split_products)), self.model.outputs))
        for rows in chunks(len(x)):
            self._add(x[rows], found[rows], split_products)
        return found

    def steps(self, columns: tuple[int, ...], values: Array) -> Array:
        """Return what the steps of a set of columns add (n, K) at values (n, columns), zero without any."""
        wide = np.full((len(values), len(self.columns)), np.nan)
        wide[:, list(columns)] = values
        for table, mean in zip(self.model.steps.tables if self.model.steps else (), self.means.steps, strict=True):
            if set(table.columns) == set(columns):
                return table.at(wide) - self.fit.target.scale * mean
        return np.zeros((len(values), self.model.outputs))

    def _add(self, x: Array, out: Array, split: bool) -> None:
        model, scale = self.model, self.fit.target.scale
        features = model.design.features(x)
        for part, values, mean, beta in zip(
            model.design.inputs, features, self.means.features, model.beta, strict=True
        ):
            out[:, part.column] += (values - mean) @ beta
        for k, (pair, columns) in enumerate(zip(model.products, self.pairs, strict=True)):
            if split:
                for column, values in zip(columns, self._halves(features, pair), strict=True):
                    out[:, column] += values
            else:
                whole = model.design.product(features, pair)[0] @ model.products[pair]
                out[:, len(self.columns) + k] = whole - scale * self.means.products[pair]
        place = {tuple(sorted(group)): len(self.columns) + k for k, group in enumerate(self.groups)}
        for table, mean in zip(model.steps.tables if model.steps else (), self.means.steps, strict=True):
            whole = table.at(x) - scale * mean
            if len(table.columns) == 1 or split:  # without a part that fewer columns have, each has an equal share
                for column in table.columns:
                    out[:, column] += whole / len(table.columns)
            else:
                out[:, place[table.columns]] += whole
        if model.hidden is not None:
            out[:, -1] = (model.hidden.eta(np.hstack(features)) - scale * self.means.hidden)[:, None]

    def _halves(self, features: list[Array], pair: Pair) -> tuple[Array, Array]:
        """Return what each of two inputs is given of their product g, by the rule of Shapley:

        (g(a, b) - E g + E_B g(a, B) - E_A g(A, b)) / 2 for the first.
        """
        model, (i, j) = self.model, pair

        def product(first: Array, second: Array) -> Array:
            return model.design.product({i: first, j: second}, pair)[0] @ model.products[pair]

        first, second = features[i], features[j]
        means = [np.broadcast_to(self.means.features[k], features[k].shape) for k in pair]
        whole = product(first, second) - self.fit.target.scale * self.means.products[pair]
        tilt = product(first, means[1]) - product(means[0], second)
        return (whole + tilt) / 2, (whole - tilt) / 2

    def losses(self, eta: Array, y: Array) -> Array:
        """Return the loss of each row in the units of the sum: squared, absolute or pinball error, log loss, or the
        deviance of counts and amounts."""
        family, target = self.fit.family, self.fit.target
        if not family.is_location:
            return family.loss(eta, y)
        unit = target.scale**2 if isinstance(family, Gaussian) else target.scale
        return unit * family.loss((eta - target.center) / target.scale, target.forward(y))

    def unit(self, target: str, label: str) -> str:
        """Return what the sum stands for: `target` is the name of the target, `label` of the class."""
        family = self.fit.family
        if isinstance(family, Classes):
            return f"log-odds of {label}" if family.outputs == 1 else f"logit of {label}"
        if family.is_location:
            return {"identity": target, "log": f"log {target}", "sqrt": f"2 √{target}"}[self.fit.target.name]
        if isinstance(family, Ordered):
            return "log-odds of a higher class"
        if isinstance(family, Cox):
            return "log hazard ratio"
        return "log time" if isinstance(family, Accelerated) else f"log mean {target}"


def chunks(rows: int, most: int = 20_000) -> Iterator[slice]:
    """Yield slices of as many rows as have features in memory at once."""
    return (slice(start, min(start + most, rows)) for start in range(0, rows, most))
