"""Structure of tables: what is true of forty laws, and the relations between columns without a target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations
from math import nan
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import sympy

from edgewise import structure
from edgewise._typing import Array
from edgewise.unsupervised import find_relations
from edgewise_bench import Case, Cell, Row, Settings, clock, read
from edgewise_bench.benchmarks.studies.study import Figure, Study, share
from edgewise_bench.tables import grouped, known

_FOLDER = Path(__file__).parent
KINDS = (
    "irrelevant", "additive", "multiplicative", "separable", "translation", "scaling", "power_sum", "monomial",
    "exponential",
)  # fmt: skip
_LIMITS = {0.0: (0.95, 0.90), 0.01: (0.90, 0.80)}  # noise: least precision, least recall
_POWERS = (2, -1, -2, 3, sympy.Rational(1, 2))
_COUNTS = ("true_positive", "false_positive", "false_negative", "true_negative")


@dataclass(frozen=True)
class StructuredLaw:
    """A formula of columns that are uniform in their ranges, some of which do nothing."""

    name: str
    text: str
    ranges: tuple[tuple[str, float, float], ...]

    @cached_property
    def inputs(self) -> list[sympy.Symbol]:
        """The columns as symbols; those from x on are of either sign."""
        return [sympy.Symbol(name, real=True, positive=True if name < "x" else None) for name, *_ in self.ranges]

    @cached_property
    def formula(self) -> Any:
        names: Any = {symbol.name: symbol for symbol in self.inputs}
        return sympy.sympify(self.text, names)  # pyright: ignore[reportCallIssue] (its overloads know literals only)

    @property
    def live(self) -> list[int]:
        """The places of the columns that the formula has."""
        return [i for i, symbol in enumerate(self.inputs) if self.formula.has(symbol)]

    def points(self, rows: int, rng: np.random.Generator) -> Array:
        low, high = np.array([ends for _, *ends in self.ranges]).T
        return rng.uniform(low, high, (rows, len(self.ranges)))

    def sample(self, rows: int, rng: np.random.Generator, noise: float) -> tuple[Array, Array]:
        """Draw rows and their values, with normal noise of `noise` times the values' standard deviation."""
        x = self.points(rows, rng)
        y = sympy.lambdify(self.inputs, self.formula, modules=["scipy", "numpy"])(*x.T)
        return x, y + noise * y.std() * rng.standard_normal(rows)


class Question(NamedTuple):
    """Whether a law has a structure, and the true answer."""

    law: str
    kind: str
    columns: tuple[int, ...]
    holds: bool


@cache
def structured_laws() -> dict[str, StructuredLaw]:
    """Return the forty laws by name: physics-like formulas of two to six columns."""
    found = {}
    for row in read(_FOLDER / "structure_laws.csv"):
        parts = (part.split() for part in row["inputs"].split(";"))
        ranges = tuple((name, float(low), float(high)) for name, low, high in parts)
        found[row["law"]] = StructuredLaw(row["law"], row["formula"], ranges)
    return found


@cache
def stored_questions() -> list[Question]:
    """Return every question about the laws with the true answer, which `questions` derives from the formulas."""
    return [
        Question(row["law"], row["kind"], tuple(map(int, row["columns"].split())), row["holds"] == "yes")
        for row in read(_FOLDER / "structure_questions.csv")
    ]


class Structure(Study):
    """Every kind is asked about as often where it holds as where it does not, spread over the laws: "balanced".

    "all" asks every question there is, of which few hold. What is unclear counts as not found.
    """

    name = "structure"
    title = "Tests of structure on forty laws: precision and recall"
    columns = ("questions", "kind", *_COUNTS, "seconds", "status")
    seeds = 3
    grid: ClassVar = {"law": structured_laws, "noise": _LIMITS}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Iterator[Row]:
        law, chosen = structured_laws()[given["law"]], set(balanced(stored_questions()))
        with clock() as spent:
            answers = answered(law, given["noise"], given["seed"])
        asked = [question for question in stored_questions() if question.law == law.name]
        for name, some in (("balanced", [q for q in asked if q in chosen]), ("all", asked)):
            for kind in KINDS:
                counts = Counter(
                    _outcome(question.holds, answers.get((kind, question.columns), False))
                    for question in some
                    if question.kind == kind
                )
                yield {"questions": name, "kind": kind, **{c: counts[c] for c in _COUNTS}, "seconds": spent.process}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        lines = []
        for (name, noise), own in grouped(rows, "questions", "noise").items():
            kinds = [(kind, group) for (kind,), group in grouped(own, "kind").items()]
            for kind, group in [*kinds, ("total", own)]:
                counts = [int(sum(known(group, column))) for column in _COUNTS]
                limits = _LIMITS[float(noise)] if kind == "total" and name == "balanced" else (None, None)
                right, wrong, missed = counts[:3]
                shares = [right / (right + other) if right + other else 1.0 for other in (wrong, missed)]
                cells = [
                    Cell(f"{value:.3f}", None if least is None else value >= least)
                    for value, least in zip(shares, limits, strict=True)
                ]
                lines.append([Cell(name), Cell(noise), Cell(kind), *(Cell(str(c)) for c in counts), *cells])
        return ["questions", "noise", "kind", *_COUNTS, "precision", "recall"], lines


def answered(law: StructuredLaw, noise: float, seed: int) -> dict[tuple[str, tuple[int, ...]], bool]:
    """Return what `structure.find` says of a law: (kind, columns) -> whether it holds."""
    rows = 1000
    x, y = law.sample(rows, np.random.default_rng(seed), noise)
    answers = {}
    for finding in structure.find(x, y, seed=seed):
        # What stands on either side of a split matters, not where a column that does nothing stands.
        inside = tuple(i for i in finding.columns if i in law.live)
        if finding.kind != "irrelevant" and len(inside) < len(finding.columns):
            continue
        keys = [inside if finding.kind != "irrelevant" else finding.columns]
        if finding.kind in ("additive", "multiplicative"):
            keys.append(tuple(i for i in law.live if i not in inside))
        answers.update({(finding.kind, key): finding.holds for key in keys})
    return answers


def balanced(asked: Sequence[Question]) -> list[Question]:
    """Return of each kind up to 20 questions where it holds and as many where not, taken from the laws in turn."""
    each = 20  # questions of a kind where it holds, and as many where not
    out = []
    for kind in KINDS:
        sides = [_in_turn([q for q in asked if q.kind == kind and q.holds is holds]) for holds in (True, False)]
        size = min(each, *map(len, sides))
        out += [question for side in sides for question in side[:size]]
    return out


def _in_turn(asked: Sequence[Question]) -> list[Question]:
    """Return the questions in random order, a second one about a law only after one about every other."""
    seen: Counter[str] = Counter()
    ranked = []
    for k in np.random.default_rng(0).permutation(len(asked)):
        ranked.append((seen[asked[k].law], len(ranked), asked[k]))
        seen[asked[k].law] += 1
    return [question for _, _, question in sorted(ranked, key=lambda item: item[:2])]


def _outcome(true: bool, said: bool) -> str:
    return ("true" if said == true else "false") + ("_positive" if said else "_negative")


def questions(law: StructuredLaw) -> Iterator[Question]:
    """Derive every question about a law from its formula; none about columns that do nothing, but that they do."""
    live = law.live
    for i in range(len(law.inputs)):
        yield Question(law.name, "irrelevant", (i,), i not in live)
    for kind, groups in _groups(live).items():
        for columns in groups:
            yield Question(law.name, kind, columns, any(_vanishes(law, i) for i in _identities(law, kind, columns)))


def _groups(live: Sequence[int]) -> dict[str, list[tuple[int, ...]]]:
    """Return the sets of columns that each kind of structure is asked of."""
    m = len(live)
    splits = [s for k in range(1, m // 2 + 1) for s in combinations(live, k) if 2 * k < m or s[0] == live[0]]
    pairs, singles = list(combinations(live, 2)), [(i,) for i in live]
    return {
        "additive": splits,
        "multiplicative": splits,
        "separable": [s for k in range(2, m) for s in combinations(live, k)],
        **dict.fromkeys(("translation", "scaling", "power_sum"), pairs),
        **dict.fromkeys(("monomial", "exponential"), singles),
    }


def _identities(law: StructuredLaw, kind: str, columns: Sequence[int]) -> list[list[Any]]:
    """Return lists of expressions: the structure is there if all of one list vanish."""
    live = [law.inputs[i] for i in law.live]
    inside = [law.inputs[i] for i in columns]
    outside = [s for s in live if s not in inside]
    t = law.formula
    if kind in ("additive", "multiplicative"):
        return [
            [
                t.diff(s, r) if kind == "additive" else t * t.diff(s, r) - t.diff(s) * t.diff(r)
                for s in inside
                for r in outside
            ]
        ]
    if kind == "separable":
        ratios = [t.diff(s) / t.diff(inside[0]) for s in inside[1:]]
        return [[ratio.diff(r) for ratio in ratios for r in outside]]
    if kind in ("monomial", "exponential"):
        (s,) = inside
        ratio = t.diff(s) / t * (s if kind == "monomial" else 1)
        return [[ratio.diff(r) for r in live]]
    s, r = inside
    powers = {"translation": (1,), "scaling": (0,), "power_sum": _POWERS}[kind]
    ratios = [t.diff(r) * s ** (p - 1) / (t.diff(s) * r ** (p - 1)) for p in powers]
    return [[ratio.diff(q) for q in live] for ratio in ratios]


def _vanishes(law: StructuredLaw, expressions: Sequence[Any]) -> bool:
    """Return whether all are zero at a few points, in 40 digits."""
    digits, points = 40, 4  # of the derivation of the true answers
    for point in law.points(points, np.random.default_rng(0)):
        # Exact fractions: with them every rounding is that of the 40 digits.
        at = {s: sympy.Rational(str(round(value, 3))) for s, value in zip(law.inputs, point, strict=True)}
        if any(not abs(expr.evalf(digits, subs=at)) < 1e-25 for expr in expressions):
            return False
    return True


Column = Callable[[Array], Array]
"""A column from the others (rows, columns), which are uniform from -1 to 1 unless they were made before."""


class _Made(NamedTuple):
    """A table: columns that are made of others, those that are tied, and the share of seeds that must see them.

    other: what makes columns with random numbers, before these.
    """

    columns: int
    made: Mapping[int, Column]
    tied: tuple[tuple[int, ...], ...]
    least: float
    noise: float = 0.0
    rows: tuple[int, ...] = (1000,)
    seeds: int = 5
    other: Callable[[Array, np.random.Generator], None] = lambda x, rng: None

    def sample(self, seed: int) -> Array:
        """Draw the table of a seed; seeds take the numbers of rows in turn."""
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, (self.rows[seed % len(self.rows)], self.columns))
        self.other(x, rng)
        for column, values in self.made.items():
            x[:, column] = values(x)
        return x + self.noise * x.std(0) * rng.standard_normal(x.shape)


def _none(x: Array, rng: np.random.Generator) -> None:
    x[:, 0] = rng.standard_cauchy(len(x))
    x[:, 1] = rng.integers(0, 2, len(x))


def _independent(x: Array, rng: np.random.Generator) -> None:
    """Make each column normal, Cauchy, uniform or of bits."""
    kinds = [rng.standard_normal, rng.standard_cauchy, rng.random, lambda count: rng.integers(0, 2, count)]
    for column in range(x.shape[1]):
        x[:, column] = kinds[rng.integers(len(kinds))](len(x))


def _branches(x: Array, rng: np.random.Generator) -> None:
    angle, ball = rng.uniform(0, 2 * np.pi, len(x)), rng.standard_normal((len(x), 3))
    x[:, 0], x[:, 1] = np.cos(angle), np.sin(angle)
    x[:, 2:5] = ball / np.linalg.norm(ball, axis=1, keepdims=True)


def _article(x: Array) -> Array:
    return np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)


_TABLES = {
    "six": _Made(6, {2: _article, 3: lambda x: x[:, 4] ** 3}, ((0, 1, 2), (3, 4)), 0.8),
    "ten": _Made(10, {6: lambda x: x[:, 0] * x[:, 1] + x[:, 2], 8: lambda x: np.exp(x[:, 3]) * np.cos(2 * x[:, 7])},
                 ((0, 1, 2, 6), (3, 7, 8)), 1.0, 0.01),
    "none": _Made(6, {}, (), 1.0, other=_none),
    "independent": _Made(6, {}, (), 1.0, rows=(40, 60, 100, 300, 1000), seeds=120, other=_independent),
    "overlap": _Made(6, {2: _article, 4: lambda x: x[:, 2] * x[:, 3]}, ((0, 1, 2), (2, 3, 4)), 0.0),
    "nested": _Made(5, {1: lambda x: x[:, 0] ** 2, 2: lambda x: x[:, 0] + x[:, 1] + x[:, 3]},
                    ((0, 1), (0, 1, 2, 3)), 0.0),
    "branches": _Made(6, {}, ((0, 1), (2, 3, 4)), 0.0, other=_branches),
    "twenty": _Made(20, {10: lambda x: x[:, 0] * x[:, 1], 11: lambda x: np.sin(2 * x[:, 2]) + x[:, 3] + x[:, 4] ** 2,
                         12: lambda x: np.sqrt(2 + x[:, 5] + x[:, 6])}, ((0, 1, 10), (2, 3, 4, 11), (5, 6, 12)), 0.0),
}  # fmt: skip


class Relations(Study):
    """Tables of known relations, each seed looked at once; the seed drives the data and the search.

    Six columns are those of Liu et al., KAN (2024), section 4.3; ten have 1 % of noise each; independent columns are of
    four kinds, 40 to 1000 rows.
    """

    name = "unsupervised"
    title = "Relations between the columns of tables without a target"
    columns = (
        "noise", "rows", "right", "found", "others", "equations", "least_auc", "seconds", "process_seconds",
        "relations", "status",
    )  # fmt: skip
    by = ("table",)
    figures = (
        Figure("all found, no other", "right", share, least=lambda row: _TABLES[row["table"]].least),
        Figure("equations", "equations", sum),
        Figure("median CPU s", "process_seconds"),
        Figure("slowest", "process_seconds", max),
    )
    seeds = 120
    grid: ClassVar = {"table": _TABLES}

    def cases(self, settings: Settings) -> list[Case]:
        first = self.first + settings.seed - 1
        return [
            case
            for case in super().cases(settings)
            if case.values["seed"] < first + _TABLES[case.values["table"]].seeds
        ]

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        made = _TABLES[given["table"]]
        x = made.sample(given["seed"])
        with clock() as spent:
            found = find_relations(x, seeds=1, seed=given["seed"], time_limit=settings.budget or 600.0)
        sets, tied = {tuple(found.names.index(c) for c in relation.columns) for relation in found}, {*made.tied}
        return {
            "noise": made.noise, "rows": len(x), "right": sets == tied, "found": len(sets & tied),
            "others": len(sets - tied), "equations": sum(r.equation is not None for r in found),
            "least_auc": min((r.auc for r in found), default=nan), "seconds": spent.wall,
            "process_seconds": spent.process, "relations": "; ".join(r.text for r in found),
        }  # fmt: skip
