"""Laws that are read from tables: a material, a relativistic mass, a function made of groups of its columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise import KAN, Options, discover, fit, prune, structure, symbolic
from edgewise._typing import Array, Part
from edgewise.expressions import evaluate

EXACT = 1e-9  # root mean square of what a law leaves, below which nothing but rounding is left
_ROWS, _FRESH, _DRAWN = 1000, 2000, 61
_MU, _LAMBDA = 5 / 12, 5 / 18  # of a material with Young's modulus 1 and Poisson's ratio 0.2
_PATIENCE = 600.0
_STRAINS = [f"F{i}{j}" for i in (1, 2, 3) for j in (1, 2, 3)]
_GROUPS = ["x1^2 + x2^2", "x3^2 + x4^2"]
_LEAST = 1e-4  # score below which an edge goes


class Reading(NamedTuple):
    """A formula, whether it is the known law, its error and that of the network before it, and curves to be drawn.

    curves: where, then the known and the learned function in turn.
    """

    formula: str
    exact: bool
    error: float
    network: float
    curves: Sequence[Tensor]
    shape: str = ""
    parameters: int = 0


@dataclass(frozen=True)
class Table:
    """Columns, how to draw rows of them, and the law. The picture varies column `across` of the row `held`."""

    name: str
    names: Sequence[str]
    rows: Callable[[int, np.random.Generator], Array]
    law: Callable[[Array], Array]
    find: Callable[[Table], tuple[Part, float]]
    held: Sequence[float]
    across: int
    ends: tuple[float, float]
    columns: Callable[[Array], Array] = lambda x: x

    def data(self, seed: int, count: int = _ROWS) -> tuple[Array, Array]:
        """Return rows with the columns computed from them, and the law's values."""
        x = self.rows(count, np.random.default_rng(seed))
        return self.columns(x), self.law(x)

    def reading(self) -> Reading:
        formula, before = self.find(self)
        x, y = self.data(1000, _FRESH)
        error = float(np.sqrt(np.mean((evaluate(formula, self.names, x) - y) ** 2)))
        along = np.tile(np.array(self.held, dtype=np.float64), (_DRAWN, 1))
        along[:, self.across] = np.linspace(*self.ends, _DRAWN)
        learned = evaluate(formula, self.names, self.columns(along))
        curves = [torch.from_numpy(part.copy()) for part in (along[:, self.across], self.law(along), learned)]
        exact = error < EXACT and not formula.atoms(sympy.Float) and math.isfinite(before)
        return Reading(str(formula), exact, error, before, curves)


def _discovered(table: Table) -> tuple[Part, float]:
    x, y = table.data(0)
    best = discover(x, y, names=list(table.names), noise="exact", time_limit=_PATIENCE).best
    law = best.expression
    if not law.is_polynomial() and (plain := sympy.cancel(law)).is_polynomial():  # it was written as a quotient
        law = plain
    return law, best.error


def _summed(table: Table) -> tuple[Part, float]:
    """Train, prune and snap one layer."""
    x, y = table.data(0)
    trained = fit(KAN([x.shape[1], 1]), x, y, options=Options(test=0))
    small = prune(trained.model, x, y, threshold=_LEAST)
    snapped = symbolic.snap(small.model, x, y)
    return snapped.model.formula(list(table.names), splines="symbols"), trained.validation_error


def _grown(table: Table) -> tuple[Part, float]:
    """Return the formula, and the surrogate's error if its tree is a sum of the two groups."""
    x, y = table.data(0)
    surrogate = structure.surrogate(x, y)
    tree = structure.tree(surrogate)
    right = tree.kind == "sum" and [child.name for child in tree.children] == _GROUPS
    return _discovered(table)[0], surrogate.error if right else float("nan")


def _strained(size: float) -> Callable[[int, np.random.Generator], Array]:
    return lambda count, draw: np.eye(3).ravel() + draw.uniform(-size, size, (count, 9))


def _with_volume(x: Array) -> Array:
    return np.column_stack([x, np.linalg.det(x.reshape(-1, 3, 3))])


def _p11(x: Array) -> Array:
    return _MU * ((x[:, :3] ** 2).sum(axis=1) - 1) + _LAMBDA * np.log(_with_volume(x)[:, 9])


def _with_factors(x: Array) -> Array:
    beta = x[:, 1] / x[:, 2]
    return np.column_stack([x, beta, 1 / np.sqrt(1 - beta**2)])


_MASS = (["m_0", "v", "c"], lambda count, draw: draw.uniform([0, 0, 1.1], [1, 0.9, 2], (count, 3)),
         lambda x: x[:, 0] / np.sqrt(1 - (x[:, 1] / x[:, 2]) ** 2), _discovered, (1.0, 0.0, 1.1), 1, (0.0, 0.9),
)  # fmt: skip
_IDENTITY = tuple(np.eye(3).ravel())
TABLES = (
    Table("Neo-Hookean P11, det F given", [*_STRAINS, "J"], _strained(0.2), _p11, _summed, _IDENTITY, 0, (0.8, 1.2),
          _with_volume),
    Table("Neo-Hookean P12", _STRAINS, _strained(0.5), lambda x: _MU * (x[:, :3] * x[:, 3:6]).sum(axis=1), _discovered,
          _IDENTITY, 3, (-0.5, 0.5)),
    Table("relativistic mass", *_MASS),
    Table("relativistic mass, beta and gamma given", [*_MASS[0], "beta", "gamma"], *_MASS[1:], _with_factors),
    Table("(x1^2 + x2^2)^2 + (x3^2 + x4^2)^2: tree", ["x1", "x2", "x3", "x4"],
          lambda count, draw: draw.uniform(-1, 1, (count, 4)),
          lambda x: (x[:, 0] ** 2 + x[:, 1] ** 2) ** 2 + (x[:, 2] ** 2 + x[:, 3] ** 2) ** 2, _grown,
          (0.0, 0.5, 0.3, 0.4), 0, (-1.0, 1.0)),
)  # fmt: skip
