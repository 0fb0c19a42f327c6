"""Laws that are made up by a seed: random trees of one to four variables."""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import sympy

from edgewise import symbolic
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.expressions import evaluate
from edgewise_bench.benchmarks.formulas._laws import Law

MOST_VARIABLES = 4
_FRESH = 10_000  # added to a seed: fresh rows
_OPERATORS, _OFTEN = ("+", "-", "*", "/"), (0.3, 0.15, 0.35, 0.2)
_FUNCTIONS = ("sqrt({})", "({})**2", "({})**3", "exp({})", "log({})", "sin({})", "cos({})", "tanh({})")
_RANGES = ((1.0, 5.0), (0.5, 2.0), (0.0, 1.0), (-1.0, 1.0), (-3.0, 3.0), (1.0, 10.0))
_FUNCTION, _CONSTANT, _OUTER = 0.25, 0.3, 0.5  # chances: of a function, of a factor, of an outer factor and term
_MOST_FUNCTIONS = 3
_ROWS = 5000  # that a law is tried on
_CONSTANT_BELOW, _LINEAR_ABOVE, _HEAVY = 1e-3, 0.999, 20.0
_STEP, _JUMP, _SELDOM = 0.01, 0.5, 0.01


class _Drawn(NamedTuple):
    """A law: its formula, and the range of each variable."""

    formula: str
    ranges: tuple[tuple[float, float], ...]


class RandomLaw(Law):
    """The k-th law of a seed, named "seed.k", its inputs uniform in their `ranges`."""

    def __init__(self, name: str) -> None:
        seed, _, place = name.partition(".")
        drawn = _drawn(int(seed), int(place) + 1)[int(place)]
        self.name, self.names = name, _names(len(drawn.ranges))
        self.formula = sympy.sstr(symbolic.parse(drawn.formula, self.names))
        self.ranges = drawn.ranges
        self._low, self._high = np.array(drawn.ranges).T

    def training(self, rows: int, seed: int) -> Array:
        return np.random.default_rng(seed).uniform(self._low, self._high, (rows, len(self.names)))

    def fresh(self, rows: int, seed: int) -> Array:
        return self.training(rows, _FRESH + seed)


@cache
def _drawn(seed: int, count: int) -> list[_Drawn]:
    """Return the first laws of a seed: the k-th has 1 + k mod 4 variables; no two differ by their numbers only."""
    rng = np.random.default_rng(seed)
    found: list[_Drawn] = []
    forms: set[str] = set()
    while len(found) < count:
        names = _names(1 + len(found) % MOST_VARIABLES)
        drawn = _Drawn(_tree(names, rng), tuple(_RANGES[k] for k in rng.integers(len(_RANGES), size=len(names))))
        form = _form(drawn, names, rng)
        if form and form not in forms:
            forms.add(form)
            found.append(drawn)
    return found


def _names(count: int) -> list[str]:
    return [f"x{k + 1}" for k in range(count)]


def _tree(names: list[str], rng: np.random.Generator) -> str:
    """Draw a formula: leaves, every variable among them, are joined two at a time until one part is left."""
    leaves = [*names, *rng.choice(names, rng.integers(0, 3))]
    functions = iter(range(_MOST_FUNCTIONS))
    parts = [_dressed(str(leaf), rng, functions) for leaf in leaves]
    while len(parts) > 1:
        one, two = (parts.pop(int(rng.integers(len(parts)))) for _ in range(2))
        parts.append(_dressed(f"({one}{rng.choice(_OPERATORS, p=_OFTEN)}{two})", rng, functions))
    if rng.random() < _OUTER:
        return f"{_number(rng)}*{parts[0]}+{_number(rng)}"
    return parts[0]


def _dressed(part: str, rng: np.random.Generator, functions: Iterator[int]) -> str:
    """Give a part a factor and a function, each by chance, as long as functions are left."""
    scaled = f"{_number(rng)}*{part}" if rng.random() < _CONSTANT else part
    if rng.random() < _FUNCTION and next(functions, None) is not None:
        return str(rng.choice(_FUNCTIONS)).format(scaled)
    return scaled


def _number(rng: np.random.Generator) -> str:
    """Draw a constant of two digits from 0.3 to 5, one of three negative."""
    value = float(f"{10 ** rng.uniform(-0.5, 0.7):.2g}")
    return f"({-value if rng.random() < 1 / 3 else value:g})"


def _form(drawn: _Drawn, names: list[str], rng: np.random.Generator) -> str:
    """Return the formula without its numbers, or an empty text where the law is no good.

    It must be finite, vary, not be close to a linear function, and have no rows that are 20 standard deviations from
    the mean. It must depend on each variable, and so smoothly that a hundredth of its range changes the value by less
    than half a standard deviation, but for one row of a hundred.
    """
    low, high = np.array(drawn.ranges).T
    x = rng.uniform(low, high, (_ROWS, len(names)))
    try:
        formula = symbolic.parse(drawn.formula, names)
    except InputError:  # a part is a number that is not real
        return ""
    if {str(symbol) for symbol in formula.free_symbols} != set(names) or formula.has(sympy.I, sympy.zoo, sympy.nan):
        return ""
    with np.errstate(all="ignore"):
        y = evaluate(formula, names, x)
        if not np.isfinite(y).all() or y.std() <= _CONSTANT_BELOW * np.abs(y).max():
            return ""
        if np.abs(y - y.mean()).max() > _HEAVY * y.std() or _is_linear(x, y):
            return ""
        for k in range(len(names)):
            shuffled, near = x.copy(), x.copy()
            shuffled[:, k] = rng.permutation(x[:, k])
            near[:, k] = np.minimum(x[:, k] + _STEP * (high - low)[k], high[k])
            other, step = (evaluate(formula, names, moved) - y for moved in (shuffled, near))
            if other.std() <= _CONSTANT_BELOW * y.std() or np.mean(np.abs(step) > _JUMP * y.std()) > _SELDOM:
                return ""
    return re.sub(r"(?<![a-z\d])\d+(\.\d+)?(e-?\d+)?", "#", str(formula)).replace("-", "+")


def _is_linear(x: Array, y: Array) -> bool:
    columns = np.column_stack([np.ones(len(y)), x])
    residual = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
    return bool(residual.var() < (1 - _LINEAR_ABOVE) * y.var())
