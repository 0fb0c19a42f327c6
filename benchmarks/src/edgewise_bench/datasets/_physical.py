"""Laws of physics in SI units: their inputs span the scales at which they are measured."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgewise._typing import Array

_FILE = Path(__file__).resolve().parent / "equations" / "srsd.csv"


@dataclass(frozen=True)
class Quantity:
    """An input of a law, and how it is drawn.

    scale: "uniform" from low to high, "integer" from low to below high, or "log", its logarithm uniform. signed: of
    either sign, each in half of the rows.
    """

    name: str
    scale: str
    low: float
    high: float
    signed: bool

    def sample(self, rows: int, rng: np.random.Generator) -> Array:
        """Draw values (rows,)."""
        if self.scale == "integer":
            size = rng.integers(int(self.low), int(self.high), rows).astype(np.float64)
        elif self.scale == "log":
            size = np.exp(rng.uniform(np.log(self.low), np.log(self.high), rows))
        else:
            size = rng.uniform(self.low, self.high, rows)
        return size * rng.choice([-1.0, 1.0], rows) if self.signed else size


@dataclass(frozen=True)
class PhysicalLaw:
    """A law target = formula(quantities), in text that `edgewise.symbolic.parse` reads, constants of nature included.

    level: "easy", "medium" or "hard", by the size of the formula and the width of the ranges.
    """

    name: str
    level: str
    formula: str
    quantities: tuple[Quantity, ...]

    @property
    def names(self) -> list[str]:
        return [quantity.name for quantity in self.quantities]

    def sample(self, rows: int, seed: int = 0) -> Array:
        """Inputs (rows, quantities); a few laws are not defined at some of them.

        >>> srsd()[0].sample(100).shape
        (100, 4)
        """
        rng = np.random.default_rng(seed)
        return np.column_stack([quantity.sample(rows, rng) for quantity in self.quantities])


def srsd() -> list[PhysicalLaw]:
    """Return the 120 laws of the SRSD benchmark: the AI-Feynman equations in SI units, 30 easy, 40 medium, 50 hard.

    >>> len(srsd()), srsd()[0].formula
    (120, 'v1 * v2 * v3 / v4')

    Source: Matsubara, Chiba, Igarashi and Ushiku, Rethinking symbolic regression datasets and benchmarks for scientific
    discovery (2022).
    """
    with _FILE.open(newline="", encoding="utf-8") as file:
        return [
            PhysicalLaw(row["equation"], row["level"], row["formula"],
                        tuple(_quantity(part) for part in row["variables"].split(";")))
            for row in csv.DictReader(file)
        ]  # fmt: skip


def _quantity(text: str) -> Quantity:
    name, scale, low, high, signs = text.split()
    return Quantity(name, scale, float(low), float(high), signs == "+-")
