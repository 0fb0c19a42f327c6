"""Tables of known equations, as text with the ranges of their variables."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgewise._errors import unknown
from edgewise._typing import Array

_FOLDER = Path(__file__).resolve().parent / "equations"


@dataclass(frozen=True)
class Variable:
    """An input of an equation: its name, the range it is drawn from, and its dimension as powers of m, s, kg, K, V."""

    name: str
    low: float
    high: float
    dimension: tuple[int, ...]


@dataclass(frozen=True)
class Equation:
    """A known equation target = formula(variables), in text that `edgewise.symbolic.parse` reads."""

    name: str
    title: str
    target: str
    formula: str
    variables: tuple[Variable, ...]
    dimension: tuple[int, ...]

    @property
    def names(self) -> list[str]:
        return [variable.name for variable in self.variables]

    def sample(self, rows: int, seed: int = 0) -> Array:
        """Inputs (rows, variables), uniform over the ranges.

        >>> feynman("I.12.1").sample(100).shape
        (100, 2)
        """
        rng = np.random.default_rng(seed)
        return np.column_stack([rng.uniform(v.low, v.high, rows) for v in self.variables])


@dataclass(frozen=True)
class System:
    """One derivative of a two-variable differential equation, x' or y' = formula(x, y), and where runs start."""

    name: str
    derivative: str
    formula: str
    starts: tuple[tuple[float, float], ...]


def equations() -> list[Equation]:
    """Return the 120 equations of the AI-Feynman benchmark: 100 of the lectures, 20 harder ones named "bonus.1" to 20.

    Raises nothing; ranges and dimensions are those of the published tables.

    >>> len(equations()), equations()[0].formula
    (120, 'exp(-theta**2/2)/sqrt(2*pi)')

    Source: Udrescu and Tegmark, AI Feynman (2020), tables of the Feynman symbolic regression database.
    """
    dimensions = {
        row["variable"]: tuple(int(row[unit]) for unit in ("m", "s", "kg", "K", "V")) for row in _rows("feynman_units")
    }
    return [_equation(row, dimensions) for row in _rows("feynman")]


def feynman(name: str) -> Equation:
    """Return one of the 120 equations by its name, such as "I.6.2" or "bonus.7".

    Raises `InputError` for a name that is not among them, with the nearest ones.

    >>> feynman("I.10.7").names
    ['m_0', 'v', 'c']
    """
    known = {equation.name: equation for equation in equations()}
    if name not in known:
        raise unknown("equation", name, list(known))
    return known[name]


def dimensionless() -> list[Equation]:
    """Return the 27 dimensionless equations that the KAN article makes of Feynman's: all that keep two inputs or more.

    Their names are the article's. A title says what is divided by what; all dimensions are zero. The article states no
    ranges: those here follow from the quantities' own, clear of singularities, as the note beside the table says.

    >>> [equation.formula for equation in dimensionless()][3:6]
    ['1+a*sin(theta)', 'a*(1/b-1)', '(1-a)/sqrt(1-b**2)']

    Source: Liu et al., KAN (2024), table 2, for the list.
    """
    none = defaultdict(lambda: (0, 0, 0, 0, 0))
    return [_equation(row, none) for row in _rows("dimensionless")]


def strogatz() -> list[System]:
    """Return the 14 derivatives of seven two-variable systems of the Strogatz benchmark, with four starts each.

    >>> [system.name for system in strogatz()][::2]
    ['bacres', 'barmag', 'glider', 'lv', 'predprey', 'shearflow', 'vdp']

    Source: La Cava et al., Inference of compact nonlinear dynamic models by epigenetic local search (2016), after
    Strogatz, Nonlinear Dynamics and Chaos (1994). The starts are ours, drawn as theirs were.
    """
    return [
        System(
            row["system"], row["derivative"], row["formula"],
            tuple((float(a), float(b)) for a, b in (part.split() for part in row["starts"].split(";"))),
        )
        for row in _rows("strogatz")
    ]  # fmt: skip


def _equation(row: Mapping[str, str], dimensions: Mapping[str, tuple[int, ...]]) -> Equation:
    """An equation of a table, with the dimensions of its variables by name."""
    parts = (part.split() for part in row["variables"].split(";"))
    variables = tuple(Variable(name, float(low), float(high), dimensions[name]) for name, low, high in parts)
    target = row["target"]
    return Equation(row["name"], row["title"], target, row["formula"], variables, dimensions[target])


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
