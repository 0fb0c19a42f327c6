"""States of chains with random parameters, and which of them are localized."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise_bench.datasets import chain

SITES, QUICK_SITES = 610, 89
_LOCALIZED = 0.5  # dimensions below it
_SHOWN, _SHOWN_SITES = 25, 55  # chains of a figure, and sites of each


class States(NamedTuple):
    """Inputs (n, 4) of states, the second parameter, energy, lam and phase, and whether each is localized (n,)."""

    inputs: Array
    localized: Array


@dataclass(frozen=True)
class Model:
    """A chain, the ranges of its parameters, the numbers of chains to learn from and to test, and what is drawn.

    fixed: the second parameter of the figure, or of all chains where it has no range.
    """

    name: str
    chain: str
    second: str
    range: tuple[float, float]
    most: float
    fixed: float
    chains: tuple[int, int]

    @property
    def columns(self) -> list[int]:
        """Return the columns of the inputs that a classifier is given."""
        return [1, 2] if self.range[0] == self.range[1] else [0, 1, 2]

    @property
    def names(self) -> list[str]:
        """Return the names of these columns."""
        return [[self.second, "E", "lam", "phi"][k] for k in self.columns]

    def states(self, test: bool, quick: bool = False) -> States:
        """Return all states of chains with uniform parameters and phases."""
        rng = np.random.default_rng([int(test), round(10 * self.fixed)])
        count = (12 if test else 40) if quick else self.chains[test]
        draws = rng.uniform(0, 1, (count, 3))
        lam, phase = self.most * draws[:, 0], 2 * np.pi * draws[:, 1]
        second = self.range[0] + (self.range[1] - self.range[0]) * draws[:, 2]
        return self._of(lam, second, phase, QUICK_SITES if quick else SITES)[0]

    def shown(self) -> tuple[States, Array]:
        """Return the states of the picture, over lam, and their dimensions."""
        lam = self.most * (np.arange(_SHOWN) + 0.5) / _SHOWN
        return self._of(lam, np.full(_SHOWN, self.fixed), np.zeros(_SHOWN), _SHOWN_SITES)

    def edge(self, inputs: Array) -> Array:
        """Return the exact edge's function at inputs (n, 4): positive where states are localized."""
        model = chain(self.chain)
        second = int(self.fixed) if self.second == "kappa" else inputs[:, 0]
        return model.edge(inputs[:, 1], inputs[:, 2], second)

    def _of(self, lam: Array, second: Array, phase: Array, sites: int) -> tuple[States, Array]:
        found = [
            chain(self.chain).states(sites, phi, lam=strength, **{self.second: other})
            for strength, other, phi in zip(lam.tolist(), second.tolist(), phase.tolist(), strict=True)
        ]
        energy, dimension = (np.concatenate(parts) for parts in zip(*found, strict=True))
        inputs = [np.repeat(second, sites), energy, np.repeat(lam, sites), np.repeat(phase, sites)]
        return States(np.column_stack(inputs), dimension < _LOCALIZED), dimension


def subsample(states: States, count: int) -> States:
    """Return that number of states, the same each time."""
    order = np.random.default_rng(0).permutation(len(states.inputs))[:count]
    return States(states.inputs[order], states.localized[order])


def accuracy(positive: Array, states: States) -> float:
    """Return the fraction of states that are localized exactly where a function is positive."""
    return float(np.mean((positive > 0) == states.localized))


_NAMED = (
    Model("generalized", "aubry-andre generalized", "alpha", (-0.9, 0.9), 2.0, 0.5, (200, 40)),
    Model("modified", "aubry-andre modified", "p", (0.5, 3.0), 5.0, 1.5, (200, 40)),
    *(Model(f"mosaic, kappa = {k}", "mosaic", "kappa", (k, k), 2.5, k, (40, 20)) for k in (2, 3, 4, 5)),
)
MODELS = {model.name: model for model in _NAMED}
