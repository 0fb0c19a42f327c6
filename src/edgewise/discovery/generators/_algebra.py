"""Algebraic relations between functions of columns and a function of the target: P(a, b) - T(t) Q(a, b) = 0."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import sympy
import torch
from torch import Tensor

from edgewise._typing import Formula, Part
from edgewise.discovery.generators._direct import polynomial
from edgewise.discovery.generators._rational import quotient, rational
from edgewise.discovery.tables import Exponents, Problem
from edgewise.discovery.univariate import BY_NAME, Transform
from edgewise.formulas import functions as library
from edgewise.formulas.expressions import FitData

Group = tuple["Atom", ...]
Search = tuple[list[Group], list[Exponents], list[Exponents], tuple[tuple[int, int], ...]]
"""Groups of atoms, the monomials above and below the line, and pairs of their degrees."""

_ROWS, _SCREENED = 200, 64  # that relations are looked for on, and the part of them that most groups fail on


_TARGETS = [BY_NAME[name] for name in ("identity", "square", "sin", "cos", "log", "exp")]


def plain_functions() -> list[library.Function]:
    """Return the functions that are tried of a column without constants, the registered ones last."""
    names = ("x", "cos", "sin", "sqrt", "exp", "log", "x^2", "1/x")
    return [*map(library.get, names), *library.registered(core=True)]


def _costly_functions() -> list[tuple[library.Function, int]]:
    """Return the functions of atoms, with what they cost."""
    doubled = library.Function("cos(2x)", lambda z: torch.cos(2 * z), lambda z: sympy.cos(2 * z))
    rare = (library.get("1/x^2"), doubled, library.get("sqrt(1-x^2)"), library.get("sqrt(1+x^2)"))
    own = library.registered(core=True)
    usual = [row for row in plain_functions() if row not in own]
    return [
        *((row, int(row.name != "x")) for row in (*usual, rare[0])),
        *((row, 2) for row in (*rare[1:], *own)),
    ]


@dataclass(frozen=True, eq=False)
class Atom:
    """A function of a column, a product or a quotient: its values at all rows, formula, argument, columns and cost."""

    values: Tensor
    formula: Formula
    argument: Formula
    columns: frozenset[int]
    cost: int


def algebraic(problem: Problem) -> Iterator[Formula]:
    """Formulas of exact data with T(t) a rational function, degree 3 over 2, of two or three functions of columns.

    All pairs of atoms are screened together by the least eigenvalue of their moments; what is left by singular values.
    """
    most = 3  # columns
    factors = tuple(map(Fraction, (1, -1, 2, -2)))  # powers of one of three columns that may multiply the rest
    m = problem.n_columns
    if not 2 <= m <= most or len(problem.target) < _ROWS // 2:
        return
    if m == most:
        for i, power in itertools.product(range(m), factors):
            rest = problem.divided(i, power).without(i)
            if rest.sound():
                yield from algebraic(rest)
    for search in searches(problem):
        for values, transform in _targets(problem):
            yield from _formulas(problem, search, values, transform)


def searches(problem: Problem) -> Iterator[Search]:
    """Pairs of atoms; two functions of one column and one of the other; one function of each of three columns.

    Two functions of one column obey relations of their own, but none that is linear in each.
    """
    m = problem.n_columns
    atoms = _atoms(problem)
    pairs: list[Group] = [pair for pair in itertools.combinations(atoms, 2) if _covers(pair, m)]
    yield pairs, _below(2, 3), _below(2, 2), ((3, 0), (3, 1), (2, 2))
    single = [[a for a in atoms if a.columns == {i}] for i in range(m)]
    if m == 2:
        linear = list(itertools.product(range(2), repeat=3))
        twice = [(*two, one) for i in (0, 1) for two in itertools.combinations(single[i], 2) for one in single[1 - i]]
        yield twice, linear, linear, ((3, 0), (3, 3))
    else:
        yield list(itertools.product(*single)), _below(3, 2), _below(3, 2), ((2, 0), (2, 2))


def _covers(atoms: Group, m: int) -> bool:
    """Whether a group uses every column, and no two functions of the same expression."""
    used = frozenset[int]().union(*(a.columns for a in atoms))
    return len(used) == m and len({a.argument for a in atoms}) == len(atoms)


def _atoms(problem: Problem) -> list[Atom]:
    m, symbols = problem.n_columns, [sympy.Symbol(name) for name in problem.names]
    bases: list[tuple[Tensor, Formula, frozenset[int], int]] = [
        (problem.columns[:, i], symbols[i], frozenset({i}), 0) for i in range(m)
    ]
    for i, j in itertools.combinations(range(m), 2):
        x, y, both = problem.columns[:, i], problem.columns[:, j], frozenset({i, j})
        bases.append((x * y, symbols[i] * symbols[j], both, 1))
        bases.append((x / y, symbols[i] / symbols[j], both, 1))
    found = []
    for (values, formula, columns, cost), (function, more) in itertools.product(bases, _costly_functions()):
        image = function.torch(values)
        if bool(torch.isfinite(image).all()) and float(image.abs().max()) < 1e6 and float(image.std()) > 1e-6:
            found.append(Atom(image, function.sympy(formula), formula, columns, cost + more))
    return found


def _targets(problem: Problem) -> Iterator[tuple[Tensor, Transform]]:
    for transform in _TARGETS:
        if transform.signed or problem.sign:
            values = transform.forward(problem.target)
            if bool(torch.isfinite(values).all()) and float(values.std()) > 1e-9 * float(values.abs().max()):
                yield values, transform


def _formulas(problem: Problem, search: Search, values: Tensor, transform: Transform) -> Iterator[Formula]:
    tried = 6  # relations that are made formulas
    groups, above, under, _ = search
    for group in sorted(_related(groups, values, above, under), key=lambda g: sum(a.cost for a in g))[:tried]:
        names = [f"a{k}" for k in range(len(group))]
        data = FitData.of(names, torch.stack([a.values for a in group], 1).numpy(), values.numpy())
        direct = next(iter([*polynomial(data), *rational(data)]), None) or quotient(data, above, under)
        if direct is not None:
            inner: Part = direct.expression.xreplace(
                {sympy.Symbol(n): a.formula for n, a in zip(names, group, strict=True)}
            )
            sign = -1 if transform.name == "square" and problem.sign < 0 else 1
            yield problem.lift(sign * transform.formula(inner))


def _related(groups: list[Group], t: Tensor, above: list[Exponents], under: list[Exponents]) -> list[Group]:
    """The groups that P - t Q = 0 can hold for."""
    screen = 1e-13  # least eigenvalue of the moments over the largest, of what may be a relation
    exactly = 1e-12  # least singular value over the largest, of what is one
    if not groups:
        return []
    rows = torch.linspace(0, len(t) - 1, min(len(t), _ROWS)).long()
    places = {a: k for k, a in enumerate(dict.fromkeys(a for g in groups for a in g))}
    columns = torch.stack([_centered(a.values[rows]) for a in places])
    aim = t[rows] / float(t[rows].abs().max())
    few = torch.linspace(0, len(rows) - 1, min(len(rows), _SCREENED)).long()
    found = []
    for start in range(0, len(groups), 512):
        part = groups[start : start + 512]
        atoms = torch.tensor([[places[a] for a in group] for group in part])
        table, _ = _terms(columns[:, few][atoms], aim[few], above, under)
        eigenvalues = torch.linalg.eigvalsh(table @ table.transpose(1, 2))
        maybe = (eigenvalues[:, 0] < screen * eigenvalues[:, -1]).nonzero().flatten()
        if len(maybe):
            table, numerator = _terms(columns[atoms[maybe]], aim, above, under)
            s, free = torch.linalg.svdvals(table), torch.linalg.svdvals(numerator)
            related = (s[:, -1] < exactly * s[:, 0]) & (free[:, -1] > exactly * free[:, 0])
            found += [part[k] for k in maybe[related].tolist()]
    return found


def _terms(u: Tensor, aim: Tensor, above: list[Exponents], under: list[Exponents]) -> tuple[Tensor, Tensor]:
    """The terms of P - t Q (groups, terms, rows), each of norm one, and the monomials of P, of atoms u."""
    numerator, denominator = products(u, above), products(u, under) * aim
    table = torch.cat([numerator, denominator], 1)
    return table / table.norm(dim=2, keepdim=True).clamp_min(1e-300), numerator


def _centered(values: Tensor) -> Tensor:
    low, high = values.min(), values.max()
    return (2 * values - low - high) / (high - low)


def _below(count: int, degree: int) -> list[Exponents]:
    return [e for e in itertools.product(range(degree + 1), repeat=count) if sum(e) <= degree]


def products(u: Tensor, exponents: list[Exponents]) -> Tensor:
    """Monomials (groups, exponents, rows) of atoms (groups, atoms, rows)."""
    powers = [torch.ones_like(u)]
    for _ in range(max(map(max, exponents))):
        powers.append(powers[-1] * u)
    parts = []
    for e in exponents:
        factors = [powers[p][:, k] for k, p in enumerate(e) if p]
        parts.append(math.prod(factors[1:], start=factors[0]) if factors else powers[0][:, 0])
    return torch.stack(parts, 1)
