"""The known equations that are searched for: where their rows come from, and the formula that made them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import sympy

from edgewise import symbolic
from edgewise._typing import Array, Formula
from edgewise.expressions import evaluate
from edgewise_bench.datasets import System, feynman, srsd, strogatz

_LOW, _HIGH = 1.0, 5.0  # of inputs that have no effect
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

    @abstractmethod
    def fresh(self, rows: int, seed: int) -> Array:
        """Return other inputs, for testing."""

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


class UniformLaw(Law):
    """An equation of the AI-Feynman table, its inputs uniform in the published ranges, and inputs without effect."""

    def __init__(self, name: str, extra: int = 0) -> None:
        equation = feynman(name)
        ranges = [(v.name, v.low, v.high) for v in equation.variables]
        ranges += [(f"extra{k + 1}", _LOW, _HIGH) for k in range(extra)]
        self.name, self.formula = name, equation.formula
        self.names = [label for label, *_ in ranges]
        self._low, self._high = np.array([bounds for _, *bounds in ranges]).T

    def training(self, rows: int, seed: int) -> Array:
        return np.random.default_rng(seed).uniform(self._low, self._high, (rows, len(self.names)))

    def fresh(self, rows: int, seed: int) -> Array:
        return self.training(rows, _FRESH + seed)


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

    def fresh(self, rows: int, seed: int) -> Array:
        return self.training(rows, _FRESH + seed)


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
