"""Tables of laws, certified regressions, measurements and knots: files of rows, and what a row of each is."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgewise._errors import unknown
from edgewise._typing import Array

if TYPE_CHECKING:
    import pandas as pd

_FOLDER = Path(__file__).resolve().parent


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


def equations() -> list[Equation]:
    """Return the 120 equations of the AI-Feynman benchmark: 100 of the lectures, 20 harder ones named "bonus.1" to 20.

    Raises nothing; ranges and dimensions are those of the published tables.

    >>> len(equations()), equations()[0].formula
    (120, 'exp(-theta**2/2)/sqrt(2*pi)')

    Source: Udrescu and Tegmark, AI Feynman (2020), tables of the Feynman symbolic regression database.
    """
    dimensions = {
        row["variable"]: tuple(int(row[unit]) for unit in ("m", "s", "kg", "K", "V"))
        for row in _read("feynman_units")
    }  # fmt: skip
    return [_equation(row, dimensions) for row in _read("feynman")]


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
    return [_equation(row, none) for row in _read("dimensionless")]


def _equation(row: Mapping[str, str], dimensions: Mapping[str, tuple[int, ...]]) -> Equation:
    """Return an equation of a table, with the dimensions of its variables by name."""
    parts = (part.split() for part in row["variables"].split(";"))
    variables = tuple(Variable(name, float(low), float(high), dimensions[name]) for name, low, high in parts)
    target = row["target"]
    return Equation(row["name"], row["title"], target, row["formula"], variables, dimensions[target])


@dataclass(frozen=True)
class System:
    """One derivative of a two-variable differential equation, x' or y' = formula(x, y), and where runs start."""

    name: str
    derivative: str
    formula: str
    starts: tuple[tuple[float, ...], ...]


def strogatz() -> list[System]:
    """Return the 14 derivatives of seven two-variable systems of the Strogatz benchmark, with four starts each.

    >>> [system.name for system in strogatz()][::2]
    ['bacres', 'barmag', 'glider', 'lv', 'predprey', 'shearflow', 'vdp']

    Source: La Cava et al., Inference of compact nonlinear dynamic models by epigenetic local search (2016), after
    Strogatz, Nonlinear Dynamics and Chaos (1994). The starts are ours, drawn as theirs were.
    """
    return [
        System(row["system"], row["derivative"], row["formula"], tuple(map(_numbers, row["starts"].split(";"))))
        for row in _read("strogatz")
    ]


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

    def quantity(text: str) -> Quantity:
        name, scale, low, high, signs = text.split()
        return Quantity(name, scale, float(low), float(high), signs == "+-")

    return [
        PhysicalLaw(row["equation"], row["level"], row["formula"], tuple(map(quantity, row["variables"].split(";"))))
        for row in _read("srsd")
    ]


@dataclass(frozen=True, eq=False)
class CertifiedFit:
    """A table, a formula with parameters b1, b2, ..., and the parameters of the least squares.

    x: (rows, inputs). y: (rows,), the target; `target` says what it is. residual: the sum of squares at `parameters`.
    errors: the certified standard errors of the parameters; starts: the two starting points of the problem, the first
    far from the solution. level: of difficulty, "lower", "average" or "higher".
    """

    name: str
    level: str
    target: str
    formula: str
    parameters: tuple[float, ...]
    errors: tuple[float, ...]
    starts: tuple[tuple[float, ...], tuple[float, ...]]
    residual: float
    names: tuple[str, ...]
    x: Array
    y: Array


def nist() -> list[CertifiedFit]:
    """Return NIST's 27 problems of nonlinear regression; the target of Nelson's is the logarithm of what was measured.

    >>> len(nist()), nist()[0].formula, nist()[0].x.shape
    (27, 'b1*(b2+x)**(-1/b3)', (154, 1))

    Source: National Institute of Standards and Technology, Statistical Reference Datasets, nonlinear regression (1999).
    """
    tables = _measurements("nist_rows", "problem", ("y", "x1", "x2"))

    def fit(row: dict[str, str]) -> CertifiedFit:
        x, measured = tables[row["problem"]][:, 1:], tables[row["problem"]][:, 0]
        parameters, errors, *starts = (_numbers(row[name]) for name in ("parameters", "errors", "start1", "start2"))
        y = np.log(measured) if row["target"] == "log(y)" else measured
        shared = row["problem"], row["level"], row["target"], row["formula"]
        names = ("x",) if x.shape[1] == 1 else ("x1", "x2")
        return CertifiedFit(*shared, parameters, errors, (starts[0], starts[1]), float(row["residual"]), names, x, y)

    return list(map(fit, _read("nist")))


@dataclass(frozen=True, eq=False)
class HistoricalTable:
    """Measurements with one input, and the accepted law, a formula with parameters b1, b2, ...

    x: (rows, 1). y: (rows,), the target. parameters: those of the least squares. held: whether the table was kept back
    while the search was developed. year: of the law, or of its measurements.
    """

    name: str
    year: int
    held: bool
    title: str
    target: str
    formula: str
    parameters: tuple[float, ...]
    source: str
    names: tuple[str, ...]
    x: Array
    y: Array


def history() -> list[HistoricalTable]:
    """Return ten laws of the history of science with real measurements, 8 to 43 rows each, in order of the years.

    `equations/README.md` beside the tables says what is measured, and in which units.

    >>> boyle = next(table for table in history() if table.name == "boyle")
    >>> boyle.formula, boyle.x.shape, float(boyle.y[0])
    ('b1/V', (25, 1), 29.125)

    Source: each table's `source`.
    """
    tables = _measurements("history_rows", "law", ("x", "y"))
    return [
        HistoricalTable(
            row["law"], int(row["year"]), row["half"] == "held", row["title"], row["target"], row["formula"],
            _numbers(row["parameters"]), row["source"], (row["input"],), tables[row["law"]][:, :1],
            tables[row["law"]][:, 1],
        )
        for row in _read("history")
    ]  # fmt: skip


def knots() -> pd.DataFrame:
    """Invariants of some 34 thousand hyperbolic knots: all to 13 crossings, a sample of those with 14 and 15.

    A row is a knot; `knots.md` beside the table explains the columns and names what is missing. Lengths and volumes
    are in units of hyperbolic space of curvature -1. With lambda the longitudinal translation, real, and mu the
    meridional translation, complex, of the maximal cusp

        slope = Re(lambda / mu),   signature = slope / 2 to within a few units,   cusp volume = lambda Im(mu) / 2.

    The signature is -2 for the right-handed trefoil. `short_geodesic_real`, `short_geodesic_imag` and
    `injectivity_radius` are NaN where they are not known: in nine rows of ten.

    >>> table = knots()
    >>> table.loc[table["name"] == "K4a1", ["volume", "signature"]].round(6).to_numpy().tolist()
    [[2.029883, 0.0]]

    Source: computed with SnapPy (Culler, Dunfield, Goerner and Weeks) from its census of knots, which is Hoste,
    Thistlethwaite and Weeks's; the columns are those of Davies et al., Advancing mathematics by guiding human intuition
    with AI, Nature 600 (2021).
    """
    import pandas as pd

    return pd.read_parquet(_FOLDER / "knots.parquet")


def _read(name: str) -> list[dict[str, str]]:
    with (_FOLDER / "equations" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _measurements(name: str, key: str, columns: tuple[str, ...]) -> dict[str, Array]:
    """Return the rows of a file of numbers, as one table for each value of a column; empty places are left out."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for row in _read(name):
        found[row[key]].append([float(row[column]) for column in columns if row[column]])
    return {value: np.array(rows) for value, rows in found.items()}


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))
