"""Relations between the columns of tables without a target: which are found, and with which equations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import nan
from typing import Any, NamedTuple

import numpy as np

from edgewise.unsupervised import find_relations
from edgewise_bench import Case, Row, Settings, clock
from edgewise_bench.benchmarks.studies._study import Figure, Study, share


class _Made(NamedTuple):
    """A table's columns from independent ones, the columns that are tied, and the share of seeds that must see them."""

    columns: int
    make: Callable[[np.ndarray, np.random.Generator], None]
    tied: tuple[tuple[int, ...], ...]
    least: float
    noise: float = 0.0
    rows: tuple[int, ...] = (1000,)
    seeds: int = 5

    def sample(self, seed: int) -> np.ndarray:
        """Draw the table of a seed; seeds take the numbers of rows in turn."""
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, (self.rows[seed % len(self.rows)], self.columns))
        self.make(x, rng)
        return x + self.noise * x.std(0) * rng.standard_normal(x.shape)


def _six(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 2] = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    x[:, 3] = x[:, 4] ** 3


def _ten(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 6] = x[:, 0] * x[:, 1] + x[:, 2]
    x[:, 8] = np.exp(x[:, 3]) * np.cos(2 * x[:, 7])


def _none(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 0] = rng.standard_cauchy(len(x))
    x[:, 1] = rng.integers(0, 2, len(x))


def _independent(x: np.ndarray, rng: np.random.Generator) -> None:
    """Make each column normal, Cauchy, uniform or of bits."""
    kinds = [rng.standard_normal, rng.standard_cauchy, rng.random, lambda count: rng.integers(0, 2, count)]
    for column in range(x.shape[1]):
        x[:, column] = kinds[rng.integers(len(kinds))](len(x))


def _overlap(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 2] = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    x[:, 4] = x[:, 2] * x[:, 3]


def _nested(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 1] = x[:, 0] ** 2
    x[:, 2] = x[:, 0] + x[:, 1] + x[:, 3]


def _branches(x: np.ndarray, rng: np.random.Generator) -> None:
    angle, ball = rng.uniform(0, 2 * np.pi, len(x)), rng.standard_normal((len(x), 3))
    x[:, 0], x[:, 1] = np.cos(angle), np.sin(angle)
    x[:, 2:5] = ball / np.linalg.norm(ball, axis=1, keepdims=True)


def _twenty(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 10] = x[:, 0] * x[:, 1]
    x[:, 11] = np.sin(2 * x[:, 2]) + x[:, 3] + x[:, 4] ** 2
    x[:, 12] = np.sqrt(2 + x[:, 5] + x[:, 6])


_TABLES = {
    "six": _Made(6, _six, ((0, 1, 2), (3, 4)), 0.8),
    "ten": _Made(10, _ten, ((0, 1, 2, 6), (3, 7, 8)), 1.0, 0.01),
    "none": _Made(6, _none, (), 1.0),
    "independent": _Made(6, _independent, (), 1.0, rows=(40, 60, 100, 300, 1000), seeds=120),
    "overlap": _Made(6, _overlap, ((0, 1, 2), (2, 3, 4)), 0.0),
    "nested": _Made(5, _nested, ((0, 1), (0, 1, 2, 3)), 0.0),
    "branches": _Made(6, _branches, ((0, 1), (2, 3, 4)), 0.0),
    "twenty": _Made(20, _twenty, ((0, 1, 10), (2, 3, 4, 11), (5, 6, 12)), 0.0),
}


class Relations(Study):
    """Tables of known relations, each seed looked at once; the seed drives the data and the search.

    Six columns are those of Liu et al., KAN (2024), section 4.3; ten have 1 % of noise each; independent columns are of
    four kinds, 40 to 1000 rows.
    """

    name = "unsupervised"
    title = "Relations between the columns of tables without a target"
    file = "unsupervised.csv"
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

    def grid(self) -> Mapping[str, Iterable[Any]]:
        return {"table": _TABLES}

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
