"""Formulas read from a fitted additive model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs import Program
from edgewise.interpret.reading._joint import Way
from edgewise.interpret.reading._table import Table
from edgewise.tables.additive import AdditiveFit, AdditiveModel


@dataclass(frozen=True)
class ReadFormula:
    """A formula of raw columns for the raw target, read from a model.

    `source` is the candidate of the fit that it was read from, by its name there. `way` is how its shapes were chosen:
    by the "price" of a node that all pay, by the "band" of standard errors that all stay within, or "backward" from a
    longer formula by refits. `terms` has the shape of each column, product ("a * b") and hidden node that it reads.
    """

    program: Program
    source: str
    way: Way
    terms: dict[str, str]


def read_formulas(
    fit: AdditiveFit, x: Array, y: Array, names: Sequence[str], *, weights: Array | None = None, most_nodes: int = 64,
    functions: Collection[str] | None = None,
) -> list[ReadFormula]:  # fmt: skip
    """Return formulas that say what a fitted additive model says, by complexity: from one node to `most_nodes`.

    Every curve of every candidate becomes the simplest of 29 shapes that its noise allows: a shape with mean squared
    misfit m loses n m / (2 sigma^2) of the log-likelihood. Products become products of two shapes. The constants of a
    formula are then refitted together, on y and on the values of the model at 200 points between the rows, which count
    as much as the rows. A logarithm or square root of the target becomes an exponential or a square around the sum.
    Formulas with poles or wild values near the rows are left out; of those that differ only in constants the best is
    kept. The choice among the others is up to the caller. `functions` are those that shapes may be made of, of
    `programs.FUNCTIONS`, all if None; a logarithm or square root of the target needs its own all the same.

    Shapes: x (n, k) finite, the columns that the model was fitted to; y (n,); weights (n,). There is no formula for a
    constant target, or if nothing varies with it. Two calls return the same.

    Raises:
        InputError: the model is not of a Gaussian target and of numeric columns, or the table does not fit to it.

    >>> from edgewise.tables.additive import Gaussian, additive
    >>> x = np.random.default_rng(0).uniform(1, 5, (200, 2))
    >>> y = np.log(x[:, 0]) - x[:, 1]
    >>> found = read_formulas(additive(x, y, [False, False], Gaussian()), x, y, ["a", "b"])
    >>> [formula.terms for formula in found if formula.program.complexity == 4][0]
    {'a': 'log', 'b': 'x'}
    """
    table = Table.of(fit, x, y, names, weights, functions)
    found: dict[tuple[tuple[int, ...], ...], tuple[float, ReadFormula]] = {}
    if table.is_constant:
        return []
    with np.errstate(all="ignore"):
        for source, model in sources(fit):
            for each, terms in table.read(model):
                program, error = each.refitted.program, each.refitted.error
                key = program.opcodes, program.arguments
                better = key not in found or error < found[key][0]
                if better and program.complexity <= most_nodes and table.is_tame(program):
                    found[key] = error, ReadFormula(program, source, each.way, terms)
    return sorted((formula for _, formula in found.values()), key=lambda formula: formula.program.complexity)


def sources(fit: AdditiveFit) -> list[tuple[str, AdditiveModel]]:
    """Return the candidates that are read: curves, the best with products, the hidden node, the line."""
    candidates = fit.candidates
    if not candidates:
        return [("average", fit.model)]
    products = sorted((name for name in candidates if candidates[name].products), key=lambda name: fit.scores[name])
    hidden = [name for name in candidates if candidates[name].hidden is not None]
    return [(name, candidates[name]) for name in ("curves", *products[:1], *hidden, "line") if name in candidates]
