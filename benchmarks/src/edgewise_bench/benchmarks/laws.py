"""The laws that are searched for: known equations and random trees, and where their rows come from."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import sympy

from edgewise import symbolic
from edgewise._errors import InputError
from edgewise._typing import Array, Formula
from edgewise.expressions import evaluate
from edgewise_bench.datasets import System, feynman, srsd, strogatz

_DURATION, _STAMPS = 10.0, 100  # of a run of a differential equation, and its rows
_SINGLE = np.finfo(np.float32)
_FRESH, _NOISE = 10_000, 20_000  # added to a seed: fresh rows, noise


class Law(ABC):
    """A formula with its inputs and a way to draw rows of them."""

    name: str
    names: list[str]
    formula: str

    @cached_property
    def truth(self) -> Formula:
        return symbolic.parse(self.formula, self.names)

    @abstractmethod
    def training(self, rows: int, seed: int) -> Array:
        """Return inputs to search on."""

    def fresh(self, rows: int, seed: int) -> Array:
        """Return other inputs, for testing."""
        return self.training(rows, _FRESH + seed)

    def values(self, x: Array) -> Array:
        """Return the target without noise."""
        return evaluate(self.truth, self.names, x)

    def table(self, rows: int, noise: float, seed: int) -> tuple[Array, Array]:
        """Return rows to search on; `noise` is relative to the target's standard deviation, and on the target alone."""
        x = self.training(rows, seed)
        y = self.values(x)
        return x, y + noise * y.std() * np.random.default_rng(_NOISE + seed).standard_normal(len(y))

    def symbols(self) -> dict[sympy.Symbol, sympy.Symbol]:
        """Return each input as a symbol that knows its sign, if the rows show one."""
        low, high = self.training(_STAMPS, 0).min(axis=0), self.training(_STAMPS, 0).max(axis=0)
        return {
            sympy.Symbol(name): sympy.Symbol(
                name, real=True, positive=True if a > 0 else None, negative=True if b < 0 else None
            )
            for name, a, b in zip(self.names, low, high, strict=True)
        }


class BoxLaw(Law):
    """A formula whose inputs are uniform in their ranges."""

    def __init__(self, name: str, formula: str, ranges: Mapping[str, tuple[float, float]]) -> None:
        self.name, self.formula, self.names = name, formula, list(ranges)
        self._low, self._high = np.array(list(ranges.values())).T

    def training(self, rows: int, seed: int) -> Array:
        return np.random.default_rng(seed).uniform(self._low, self._high, (rows, len(self.names)))


class UniformLaw(BoxLaw):
    """An equation of the AI-Feynman table, its inputs uniform in the published ranges, and inputs without effect."""

    def __init__(self, name: str, extra: int = 0) -> None:
        low, high = 1.0, 5.0  # of inputs that have no effect
        equation = feynman(name)
        ranges = {variable.name: (variable.low, variable.high) for variable in equation.variables}
        ranges |= {f"extra{k + 1}": (low, high) for k in range(extra)}
        super().__init__(name, equation.formula, ranges)


class TargetLaw(BoxLaw):
    """One of eight laws on which `discover` was first measured, by name."""

    def __init__(self, name: str) -> None:
        super().__init__(name, *TARGET_LAWS[name])

    def table(self, rows: int, noise: float, seed: int) -> tuple[Array, Array]:
        rng = np.random.default_rng(seed)
        x = rng.uniform(self._low, self._high, (rows, len(self.names)))
        y = self.values(x)
        return x, y + noise * y.std() * rng.standard_normal(rows)


_SIDE, _UPPER = (-1.0, 1.0), (0.5, 2.0)
TARGET_LAWS: dict[str, tuple[str, dict[str, tuple[float, float]]]] = {
    "exp of sine plus square": ("exp(sin(pi*x) + y**2)", {"x": _SIDE, "y": _SIDE}),
    "product": ("x*y", {"x": _SIDE, "y": _SIDE}),
    "quotient": ("x/y", {"x": _SIDE, "y": _UPPER}),
    "distance": ("sqrt(x**2 + y**2)", {"x": _SIDE, "y": _SIDE}),
    "sum of velocities": ("(x + y)/(1 + x*y)", dict.fromkeys("xy", (0.0, 1.0))),
    "normal density": ("exp(-x**2/(2*s**2))/sqrt(2*pi*s**2)", {"x": (-2.0, 2.0), "s": _UPPER}),
    "growth": ("a*(1/b - 1)", {"a": _SIDE, "b": _UPPER}),
    "two products": ("x1*x2 + x3*x4", dict.fromkeys(("x1", "x2", "x3", "x4"), _SIDE)),
}


class ScaledLaw(Law):
    """A law of SRSD, its inputs drawn as there: over decades, until the law has a value that a float32 can hold."""

    def __init__(self, name: str) -> None:
        self._law = next(law for law in srsd() if law.name == name)
        self.name, self.formula, self.names = name, self._law.formula, self._law.names

    def training(self, rows: int, seed: int) -> Array:
        drawn = rows
        while True:
            x = self._law.sample(drawn, seed)
            with np.errstate(all="ignore"):
                size = np.abs(self.values(x))
            kept = x[(_SINGLE.tiny <= size) & (size <= _SINGLE.max)]
            if len(kept) >= rows:
                return kept[:rows]
            drawn *= 4


class TrajectoryLaw(Law):
    """One derivative of a differential equation along runs from each of its starts: 100 rows of 10 time units each."""

    def __init__(self, name: str) -> None:
        pair = [system for system in strogatz() if system.name == name.split(".")[0]]
        self._systems: Sequence[System] = sorted(pair, key=lambda system: system.derivative)
        chosen = next(system for system in pair if system.derivative == name.split(".")[1])
        self.name, self.formula, self.names = name, chosen.formula, ["x", "y"]

    @cached_property
    def _solutions(self) -> list:
        from scipy.integrate import solve_ivp

        right = [symbolic.parse(system.formula, self.names) for system in self._systems]

        def derivative(_: float, state: Array) -> list[float]:
            return [float(evaluate(side, self.names, state[None])[0]) for side in right]

        return [
            solve_ivp(derivative, (0, _DURATION), start, method="LSODA", rtol=1e-9, atol=1e-9, dense_output=True).sol
            for start in self._systems[0].starts
        ]

    def training(self, rows: int, seed: int) -> Array:
        """Return states at evenly spaced times, whatever `rows` and the seed."""
        return np.vstack([solution(np.linspace(0, _DURATION, _STAMPS)).T for solution in self._solutions])

    def fresh(self, rows: int, seed: int) -> Array:
        """Return states at random times of the same trajectories."""
        rng = np.random.default_rng(_FRESH + seed)
        share = -(-rows // len(self._solutions))
        return np.vstack([s(rng.uniform(0, _DURATION, share)).T for s in self._solutions])[:rows]


MOST_VARIABLES = 4
_FUNCTIONS = ("sqrt({})", "({})**2", "({})**3", "exp({})", "log({})", "sin({})", "cos({})", "tanh({})")
_OPERATORS = ("+", "-", "*", "/")
_RANGES = ((1.0, 5.0), (0.5, 2.0), (0.0, 1.0), (-1.0, 1.0), (-3.0, 3.0), (1.0, 10.0))  # of variables
_FUNCTION, _CONSTANT, _OUTER = 0.25, 0.3, 0.5  # chances: of a function, of a factor, of an outer factor and term
_CONSTANT_BELOW, _LINEAR_ABOVE, _HEAVY = 1e-3, 0.999, 20.0


class _Drawn(NamedTuple):
    """A law: its formula, and the range of each variable."""

    formula: str
    ranges: tuple[tuple[float, float], ...]


class RandomLaw(BoxLaw):
    """The k-th law of a seed, named "seed.k", its inputs uniform in their `ranges`."""

    def __init__(self, name: str) -> None:
        seed, _, place = name.partition(".")
        drawn = _drawn(int(seed), int(place) + 1)[int(place)]
        names, self.ranges = _names(len(drawn.ranges)), drawn.ranges
        formula = sympy.sstr(symbolic.parse(drawn.formula, names))
        super().__init__(name, formula, dict(zip(names, drawn.ranges, strict=True)))


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


class SmallLaw(BoxLaw):
    """The k-th small formula of a seed, named "seed.symbols.variables.k", its inputs uniform in their `ranges`.

    A formula is drawn among all trees of at most this number of symbols: variables, constants, + - * /, functions.
    """

    def __init__(self, name: str) -> None:
        seed, symbols, variables, place = map(int, name.split("."))
        drawn = _small(seed, symbols, variables, place + 1)[place]
        names, self.ranges = _names(variables), drawn.ranges
        formula = sympy.sstr(symbolic.parse(drawn.formula, names))
        super().__init__(name, formula, dict(zip(names, drawn.ranges, strict=True)))


@cache
def _small(seed: int, symbols: int, variables: int, count: int) -> list[_Drawn]:
    """Return the first small formulas of a seed; no two differ by their numbers only."""
    rng, names = np.random.default_rng(seed), _names(variables)
    found: list[_Drawn] = []
    forms: set[str] = set()
    while len(found) < count:
        ranges = tuple(_RANGES[k] for k in rng.integers(len(_RANGES), size=variables))
        drawn = _Drawn(_small_tree(_size(symbols, variables, rng), names, rng), ranges)
        form = _form(drawn, names, rng)
        if form and form not in forms:
            forms.add(form)
            found.append(drawn)
    return found


@cache
def _trees(symbols: int, variables: int) -> int:
    """Return the number of trees with a number of symbols, a constant being one."""
    if symbols == 1:
        return variables + 1
    pairs = sum(_trees(k, variables) * _trees(symbols - 1 - k, variables) for k in range(1, symbols - 1))
    return len(_FUNCTIONS) * _trees(symbols - 1, variables) + len(_OPERATORS) * pairs


def _size(symbols: int, variables: int, rng: np.random.Generator) -> int:
    counts = np.array([_trees(k, variables) for k in range(1, symbols + 1)], dtype=float)
    return 1 + int(rng.choice(symbols, p=counts / counts.sum()))


def _small_tree(symbols: int, names: list[str], rng: np.random.Generator) -> str:
    """Draw one of all trees with a number of symbols."""
    if symbols == 1:
        place = int(rng.integers(len(names) + 1))
        return names[place] if place < len(names) else _number(rng)
    variables = len(names)
    ways = [len(_FUNCTIONS) * _trees(symbols - 1, variables)]
    ways += [len(_OPERATORS) * _trees(k, variables) * _trees(symbols - 1 - k, variables) for k in range(1, symbols - 1)]
    left = int(rng.choice(len(ways), p=np.array(ways, dtype=float) / sum(ways)))
    if not left:
        return str(rng.choice(_FUNCTIONS)).format(_small_tree(symbols - 1, names, rng))
    one, two = (_small_tree(k, names, rng) for k in (left, symbols - 1 - left))
    return f"(({one}){rng.choice(_OPERATORS)}({two}))"


def _names(count: int) -> list[str]:
    return [f"x{k + 1}" for k in range(count)]


def _tree(names: list[str], rng: np.random.Generator) -> str:
    """Draw a formula: leaves, every variable among them, are joined two at a time until one part is left."""
    most_functions = 3
    often = (0.3, 0.15, 0.35, 0.2)
    leaves = [*names, *rng.choice(names, rng.integers(0, 3))]
    functions = iter(range(most_functions))
    parts = [_dressed(str(leaf), rng, functions) for leaf in leaves]
    while len(parts) > 1:
        one, two = (parts.pop(int(rng.integers(len(parts)))) for _ in range(2))
        parts.append(_dressed(f"({one}{rng.choice(_OPERATORS, p=often)}{two})", rng, functions))
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
    small_step, large_jump, seldom = 0.01, 0.5, 0.01
    tried_rows = 5000  # that a law is tried on
    low, high = np.array(drawn.ranges).T
    x = rng.uniform(low, high, (tried_rows, len(names)))
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
            near[:, k] = np.minimum(x[:, k] + small_step * (high - low)[k], high[k])
            other, step = (evaluate(formula, names, moved) - y for moved in (shuffled, near))
            if other.std() <= _CONSTANT_BELOW * y.std() or np.mean(np.abs(step) > large_jump * y.std()) > seldom:
                return ""
    return re.sub(r"(?<![a-z\d])\d+(\.\d+)?(e-?\d+)?", "#", str(formula)).replace("-", "+")


def _is_linear(x: Array, y: Array) -> bool:
    columns = np.column_stack([np.ones(len(y)), x])
    residual = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
    return bool(residual.var() < (1 - _LINEAR_ABOVE) * y.var())
