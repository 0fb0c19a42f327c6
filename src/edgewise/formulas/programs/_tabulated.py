"""Registered functions as interpolation tables, so that compiled programs can evaluate them.

A function is a cubic Hermite spline on 65,537 points of its domain between -60 and 60, columns being of about unit
size. It differs from a smooth function by 1e-12 of its standard deviation or less, near a singularity by more. Where
the function is not finite, programs are undefined.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy
import torch

from edgewise._typing import Array
from edgewise.formulas.functions import Function, get, registered
from edgewise.formulas.programs._cpu_layout import MOST_TABLES, TABLE_POINTS, TABLE_WORDS


@dataclass
class _Tables:
    """The tables of this process, by their places; a place stays that of its function."""

    values: Array
    rows: list[Function]


_TABLES = _Tables(np.zeros((0, TABLE_WORDS)), [])


def tabulated_names() -> tuple[str, ...]:
    """Return the names of the registered functions that searches compose, at most eight, in order of registration."""
    return tuple(row.name for row in registered(core=True))[:MOST_TABLES]


def tables(names: Collection[str]) -> tuple[Array, Array]:
    """Return the tables of this process, and the places (n,) in them of some functions, which are tabulated first."""
    for name in names:
        row = get(name)
        if row not in _TABLES.rows:
            _TABLES.rows.append(row)
            _TABLES.values = np.vstack([_TABLES.values, _table(row)])
    known = [row.name for row in _TABLES.rows]
    last = {name: place for place, name in enumerate(known)}  # the latest of a name
    return _TABLES.values, np.array([last[name] for name in names], dtype=np.int64)


def all_tables() -> Array:
    """Return the tables of this process."""
    return _TABLES.values


def place_of(name: str) -> int:
    """Return the place of a function's table."""
    return int(tables([name])[1][0])


def function_at(place: int) -> Function:
    """Return the function whose table has a place."""
    return _TABLES.rows[place]


def matched(formula: Any) -> tuple[str, Any] | None:
    """Return the registered function that a formula is, and its argument; None if it is none.

    >>> matched(sympy.sin(sympy.Symbol("x"))) is None
    True
    """
    for name in tabulated_names():
        kind, place, others = _form(get(name))
        if kind is not None and formula.func == kind and len(formula.args) == len(others):
            rest = [part for k, part in enumerate(formula.args) if k != place]
            if rest == [part for k, part in enumerate(others) if k != place]:
                return name, formula.args[place]
    return None


@cache
def _form(row: Function) -> tuple[Any, int, tuple[Any, ...]]:
    """Return the class of a function's formula, the place of its argument, and the arguments; None for a composite."""
    argument = sympy.Dummy()
    formula: Any = row.sympy(argument)
    places = [k for k, part in enumerate(formula.args) if part == argument]
    others = [part for k, part in enumerate(formula.args) if k not in places]
    if not formula.is_Function or len(places) != 1 or any(part.free_symbols for part in others):
        return None, 0, ()
    return formula.func, places[0], formula.args


def _table(row: Function) -> Array:
    """Return the lowest argument, the inverse of the step, and values and slopes times the step in turn."""
    fraction = 1e-9  # of the table's width: from the end of a domain, where functions may be infinite
    farthest = 60.0  # from 0 to the ends of a table
    low, high = max(row.domain[0], -farthest), min(row.domain[1], farthest)
    margin = fraction * (high - low)
    low, high = low + margin * (low == row.domain[0]), high - margin * (high == row.domain[1])
    step = (high - low) / (TABLE_POINTS - 1)
    points = torch.linspace(low, high, TABLE_POINTS, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        values = row.torch(points)
        (slopes,) = torch.autograd.grad(values.sum(), points)
    pairs = torch.stack([values.detach(), slopes * step], dim=1).numpy()
    pairs[~np.isfinite(pairs).all(axis=1)] = np.nan
    for pole in row.poles:
        pairs[np.abs(points.detach().numpy() - pole) <= 2 * step] = np.nan
    return np.concatenate([[low, 1 / step], pairs.ravel()])[None, :]
