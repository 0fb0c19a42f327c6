"""Laws that are given by what they must obey, and laws that are read from tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise import KAN, Options, discover, fit, prune, structure, symbolic
from edgewise._typing import Array, Part
from edgewise.expressions import evaluate
from edgewise.nn import Layout, remove_edges
from edgewise.pde import Box, Condition, Jet, Problem, Solution, measured, solve

EXACT = 1e-9  # root mean square of what a law leaves, below which nothing but rounding is left
_ROWS, _FRESH_ROWS, _DRAWN_ROWS = 1000, 2000, 61
_MU, _LAMBDA = 5 / 12, 5 / 18  # of a material with Young's modulus 1 and Poisson's ratio 0.2
_STRAINS = [f"F{i}{j}" for i in (1, 2, 3) for j in (1, 2, 3)]
_GROUPS = ["x1^2 + x2^2", "x3^2 + x4^2"]


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
        x, y = self.data(1000, _FRESH_ROWS)
        error = float(np.sqrt(np.mean((evaluate(formula, self.names, x) - y) ** 2)))
        along = np.tile(np.array(self.held, dtype=np.float64), (_DRAWN_ROWS, 1))
        along[:, self.across] = np.linspace(*self.ends, _DRAWN_ROWS)
        learned = evaluate(formula, self.names, self.columns(along))
        curves = [torch.from_numpy(part.copy()) for part in (along[:, self.across], self.law(along), learned)]
        exact = error < EXACT and not formula.atoms(sympy.Float) and math.isfinite(before)
        return Reading(str(formula), exact, error, before, curves)


def _discovered(table: Table) -> tuple[Part, float]:
    patience = 600.0
    x, y = table.data(0)
    best = discover(x, y, names=list(table.names), noise="exact", time_limit=patience).best
    law = best.expression
    if not law.is_polynomial() and (plain := sympy.cancel(law)).is_polynomial():  # it was written as a quotient
        law = plain
    return law, best.error


def _summed(table: Table) -> tuple[Part, float]:
    """Train, prune and snap one layer."""
    least = 1e-4  # score below which an edge goes
    x, y = table.data(0)
    trained = fit(KAN([x.shape[1], 1]), x, y, options=Options(test=0))
    small = prune(trained.model, x, y, threshold=least)
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


_FRESH, _FRESH_SEED = 2000, 1000
_CORNER = torch.tensor([[0.0] * 4, [0.7, 0.2, 0.3, 0.6]], dtype=torch.float64)
"""Where a conserved quantity of four columns is 0 and where it is 1: a scale and an offset are free."""


@dataclass(frozen=True)
class Implicit:
    """An unknown function, and what it must obey.

    off: how far it is from that at points, as published. known: the law, up to what is free. across: the column that
    the picture varies, the others being at `held`.
    """

    name: str
    problem: Problem
    off: Callable[[Any, Tensor], Tensor]
    known: str
    across: str
    held: tuple[float, ...]
    grids: tuple[int, ...] = (4, 8, 16, 32, 64, 64)
    restarts: int = 1
    adaptive: bool = True

    @property
    def names(self) -> list[str]:
        return list(self.problem.box.names)

    def fresh(self) -> Tensor:
        return self.problem.box.points(_FRESH, _FRESH_SEED, "random")

    def error(self, found: Solution) -> float:
        """Return the root mean square of `off` at fresh points."""
        points = self.fresh()
        return float(self.off(found.at(points), points).square().mean().sqrt())

    def solved(self, model: KAN, grids: Sequence[int]) -> Solution:
        return solve(self.problem, model, grids=grids, points=1000, adaptive=self.adaptive,
                     options=Options(restarts=self.restarts))  # fmt: skip


def flow_off(u: Jet, points: Tensor) -> Tensor:
    """Return the rate of change of u along the flow of oscillators (x, p, ...), over the norm of its gradient."""
    flow = torch.stack([points[:, k + 1] if k % 2 == 0 else -points[:, k - 1] for k in range(points.shape[1])], dim=1)
    return (flow * u.gradient).sum(1) / u.gradient.norm(dim=1)


def _lagrangian(name: str, speed: float, acceleration: Callable[..., Tensor], known: str, across: str) -> Implicit:
    """Build an Euler-Lagrange problem, d/dt L_v = L_q at a known acceleration; L = L_v = 0, L_vv = 1 at the origin."""

    def off(u: Jet, points: Tensor) -> Tensor:
        q, v = points.T
        return (u.q - u.qv * v) / u.vv - acceleration(q, v)

    box = Box(q=(-2, 2), v=(-speed, speed))
    rest = Condition(torch.zeros(1, 2, dtype=torch.float64), lambda u, p: (u.value, u.v, u.vv - 1))
    problem = Problem(box, lambda u, p: u.vv * acceleration(p.q, p.v) + u.qv * p.v - u.q, [rest])
    return Implicit(name, problem, off, known, across, (0.0, 0.0))


def _hole() -> Implicit:
    """Build t = t' + F(r) outside a black hole of radius 1 that makes the spatial metric flat; F(3) = 0."""

    def left(u: Any, r: Tensor) -> Tensor:
        return (1 - 1 / r) * u.r**2 - 1 / (1 - 1 / r) + 1

    problem = Problem(Box(r=(1.2, 3)), lambda u, p: left(u, p.r), [measured([[3.0]], [0.0])])
    known = "2*sqrt(r) + log((sqrt(r) - 1)/(sqrt(r) + 1)) - 2*sqrt(3) - log((sqrt(3) - 1)/(sqrt(3) + 1))"
    # In Cartesian coordinates the block is -I + n n^T times what is left: of nine numbers, one root of a mean square.
    return Implicit("black hole: F(r)", problem, lambda u, points: left(u, points[:, 0]) / 3, known, "r", (0.0,),
                    grids=(128,), restarts=3, adaptive=False)  # fmt: skip


_ENERGY = Problem(Box(x=(-1, 1), p=(-1, 1)), lambda u, p: p.p * u.x - p.x * u.p,
                  [measured([[0.0, 0.0], [1.0, 0.0]], [0.0, 0.5])])  # fmt: skip
IMPLICIT = (
    Implicit("oscillator: conserved quantity", _ENERGY, flow_off, "(x**2 + p**2)/2", "x", (0.0, 0.0), grids=(4,)),
    _lagrangian("oscillator: Lagrangian", 2, lambda q, v: -q, "(v**2 - q**2)/2", "q"),
    _lagrangian("pendulum: Lagrangian", 2, lambda q, v: -torch.sin(q), "v**2/2 + cos(q) - 1", "q"),
    _lagrangian("relativistic mass in a field: Lagrangian", 0.9, lambda q, v: (1 - v**2) ** 1.5,
                "1 - sqrt(1 - v**2) + q", "v"),
    _hole(),
)  # fmt: skip
TWO = "two oscillators: conserved quantities"
_TWO_NAMES = ["x_1", "x_2", "x_3", "x_4"]
_TWO_KNOWN = ("x_1**2 + x_2**2", "x_3**2 + x_4**2", "x_2*x_3 - x_1*x_4")


def implicit(item: Implicit) -> Reading:
    """Solve, snap, solve again with the formula's constants free, round them."""
    wide = [len(item.names), 1]
    network = item.solved(KAN(wide, grid=4, degree=5), item.grids)
    if item.names == ["r"]:
        formula, settled = _integrated(item, network), network
    else:
        settled = replace(network, model=symbolic.snap(network.model, item.problem.box.points(500)).model)
        if Layout(settled.model).size:  # not all of its constants are simple
            settled = item.solved(settled.model, [4])
        formula = _rounded(settled.model.formula(item.names))
    final = item.error(replace(settled, model=symbolic.network_of(formula, item.names)))
    at, points = _section(item.problem.box, item.names.index(item.across), item.held)
    known = _values(sympy.sympify(item.known), item.names, points)
    learned = network(points)
    if item.names == ["r"]:  # either sign of time
        known = known * torch.sign((known * learned).sum())
    exact = final < EXACT and not formula.atoms(sympy.Float)
    return Reading(str(formula), exact, final, item.error(network), [at, known, learned], str(wide),
                   Layout(network.model).size)  # fmt: skip


def _integrated(item: Implicit, network: Solution) -> Part:
    """Find the derivative of a function of one column as a formula, and integrate it."""
    points = item.problem.box.points(300, 8)
    jet = network.at(points)
    assert isinstance(jet, Jet)
    r = sympy.Symbol("r", positive=True)
    law = _rounded(discover(points.numpy(), jet.r.numpy(), names=["r"], time_limit=600.0).best.expression)
    return sympy.integrate(law.xreplace({sympy.Symbol("r"): r}), r).xreplace({r: sympy.Symbol("r")})


def two_oscillators() -> Reading:
    """Find what is conserved along the flow, among sums over two columns and two products of two columns.

    All six pairs of columns and all three pairings are tried; what leaves nothing is read as a formula. Products are to
    vanish where either oscillator rests, since sums over one oscillator's columns are products with constants too.
    """
    box = Box(x=(-1, 1), p=(-1, 1), y=(-1, 1), q=(-1, 1))
    found, formulas = [], []
    for model in [*map(_sum_of, combinations(range(4), 2)), *(_products_of(first) for first in (1, 2, 3))]:
        zero = _CORNER[:1] if model.n_out == 1 else _resting(box)
        pins = [
            Condition(zero, lambda u, p: _joined(u).value),
            Condition(_CORNER[1:], lambda u, p: _joined(u).value - 1),
        ]
        problem = Problem(box, _two_flows, pins, unknowns=model.n_out)
        solution = solve(problem, model, grids=[4], points=400, options=Options(restarts=model.n_out))
        points = box.points(_FRESH, _FRESH_SEED, "random")
        error = float(flow_off(_joined(solution.at(points)), points).square().mean().sqrt())
        if error > EXACT:
            continue
        values = _joined(solution.at(points)).value
        law = discover(points.numpy(), values.numpy(), names=_TWO_NAMES, noise="exact", time_limit=600.0).best
        found.append((error, solution))
        formulas.append(_scaled(law.expression))
    right = [any(sympy.expand(known - sign * law) == 0 for law in formulas for sign in (1, -1))
             for known in map(sympy.sympify, _TWO_KNOWN)]  # fmt: skip
    at, points = _section(box, 0, (0.0, 0.5, 0.4, -0.6))
    curves = [at]
    for law, (_, solution) in zip(formulas, found, strict=True):
        known, learned = _values(law, _TWO_NAMES, points), _joined(solution.at(points)).value
        size = float((known @ learned) / (learned @ learned))
        curves += [known, size * learned]
    worst = max((error for error, _ in found), default=float("inf"))
    text = "; ".join(map(str, formulas))
    return Reading(text, all(right), worst, worst, curves, "[4, 1], [4, [0, 2]]", 0)


def _resting(box: Box) -> Tensor:
    """Return points where the second oscillator rests, and points where the first one does."""
    points = box.points(40, 1).reshape(2, 20, 4).clone()
    points[0, :, 2:], points[1, :, :2] = 0.0, 0.0
    return points.reshape(40, 4)


def _joined(u: Any) -> Jet:
    return u if isinstance(u, Jet) else u[0] + u[1]


def _two_flows(u: Any, p: Any) -> Tensor:
    u = _joined(u)
    return p.p * u.x - p.x * u.p + p.q * u.y - p.y * u.q


def _sum_of(pair: tuple[int, ...]) -> KAN:
    return remove_edges(KAN([4, 1], grid=4), [(0, 0, i) for i in range(4) if i not in pair])


def _products_of(partner: int) -> KAN:
    """Build two products: of the first column and `partner`, and of the other two."""
    others = [i for i in (1, 2, 3) if i != partner]
    ends = dict(enumerate((0, partner, *others)))
    return remove_edges(KAN([4, (0, 2)], grid=4), [(0, j, i) for j in range(4) for i in range(4) if ends[j] != i])


def _scaled(law: Part) -> Part:
    """Divide a polynomial by its first coefficient."""
    law = sympy.expand(law)
    sizes = [value for term, value in law.as_coefficients_dict().items() if term != 1]
    return _rounded(sympy.expand(law / sizes[0])) if sizes else law


def _values(law: Part, names: Sequence[str], points: Tensor) -> Tensor:
    return torch.from_numpy(evaluate(law, names, points.numpy()))


def _rounded(formula: Part) -> Part:
    """Replace decimals by fractions that are very near.

    >>> _rounded(sympy.sympify("0.99999999*x + sin(0.33333333*x)"))
    x + sin(x/3)
    """
    near_enough = 1e-6  # of a constant: a fraction as near as this replaces it, and is judged
    largest = 100  # denominator of such a fraction
    near = {}
    for value in formula.atoms(sympy.Float):
        simple = Fraction(number := float(value)).limit_denominator(largest)
        if abs(float(simple) - number) < near_enough * max(1.0, abs(number)):
            near[value] = sympy.Rational(simple)
    return formula.xreplace(near)


def _section(box: Box, across: int, held: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Return values (n,) of one coordinate over its range, and the points (n, d) with the others held."""
    drawn = 61
    low, high = (end[across].item() for end in box.ends)
    at = torch.linspace(low, high, drawn, dtype=torch.float64)
    points = torch.tensor(held, dtype=torch.float64).repeat(drawn, 1)
    points[:, across] = at
    return at, points
