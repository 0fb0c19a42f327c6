"""The 27 dimensionless Feynman equations: the article's own shapes, shapes found by pruning, and perceptrons."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edgewise.datasets import dimensionless
from edgewise.experiments._experiment import MLP, OURS, PYKAN, Claim, Experiment, cases, number, told
from edgewise.experiments._feynman_data import PUBLISHED
from edgewise.experiments._feynman_models import FOUND, HUMAN, data_of, ours, perceptrons, theirs
from edgewise.measure import COLOURS, INK, LINE, SOFT, Case, Cell, Row, Settings, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_ROWS, _FEW = 1000, 120
_MORE = {"I.9.18": 2000, "I.29.16": 2000, "I.30.3": 2000}  # rows of equations that overfit 1000
_TINY = ("I.27.6", "II.38.3")


class Feynman(Experiment):
    """Test RMSE of each equation: a shape made by people, a shape found by pruning, a perceptron.

    human: a shape made by people, trained by `fit` with default settings: the article's with all its edges, or one with
    product nodes, which the article's networks lack. found: [n, n + 1, 2, 1] for n inputs is trained with sparsity,
    pruned, and trained again. perceptron: the article's width 5, and a larger one. pykan: the article's best pruned
    shape.

    The article states neither ranges nor numbers of rows. Ranges are those of `datasets.dimensionless`; 1000 rows (2000
    for three equations) train every model, and 5000 others choose between networks, sizes, solvers and pykan's grids.
    Perceptrons get 0.8 s and 1.6 s of each of two solvers, about as long as the networks of most equations. The article
    takes the best of three seeds, and of depths, by test rows; here there is one seed. All models get inputs on [-1, 1]
    and targets in units of their spread.
    """

    name = "feynman"
    title = "Dimensionless Feynman equations"
    source = "KAN, section 3.3 and table 2"
    file = "feynman_shapes.csv"
    extra = ("kind", "solver", "grid", "held")
    note = "test RMSE on 5000 other rows; of the two networks of edgewise, other rows again choose the best"
    texts = 4

    def cases(self, settings: Settings) -> list[Case]:
        return cases(_TINY if settings.quick else PUBLISHED, (OURS, MLP, PYKAN), settings)

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        equation = next(equation for equation in dimensionless() if equation.name == case.values["item"])
        data = data_of(equation, _FEW if settings.quick else _MORE.get(equation.name, _ROWS))
        ways = {OURS: ours, MLP: perceptrons, PYKAN: theirs}
        found = ways[case.values["model"]](equation.name, data, settings.quick)
        return [self.row(case, seed=0, **values) for values in found]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = [
            "equation", "formula", "human shape", "found shape", "published human", "published pruned",
            "published unpruned", "human", "found", "published MLP", "MLP", "pykan",
        ]  # fmt: skip
        formulas = {equation.name: equation.formula for equation in dimensionless()}
        lines = []
        for item in _items(rows):
            said, one = PUBLISHED[item], _Found.of(rows, item)
            shapes = [str(row["shape"]) if row else "" for row in (one.human, one.found)]
            line = [Cell(item), Cell(f"`{formulas[item]}`"), *map(Cell, shapes)]
            line += [Cell(told(value, 3)) for value in (said.human, said.pruned, said.unpruned)]
            line += [_cell(row, said.best if row is one.best else None) for row in (one.human, one.found)]
            lines.append([*line, Cell(told(said.mlp, 3)), _cell(one.mlp), _cell(one.pykan)])
        return head, lines

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        found = {item: _Found.of(rows, item) for item in _items(rows)}
        ratios = [PUBLISHED[item].best / number(one.best) for item, one in found.items()]
        beaten = [one.best is not None and number(one.best) < number(one.mlp) for one in found.values()]
        middle = median(ratios or [0.0])
        published = str(sum(said.best < said.mlp for said in PUBLISHED.values()))
        below = "equations with a test RMSE not above the lowest that is published for a KAN"
        return [
            _count(below, 27, "27", [ratio >= 1 for ratio in ratios]),
            Claim("published RMSE over ours, median", "at least 10", "1", Cell(told(middle), middle >= 10)),
            _count("equations with a lower test RMSE than our MLP's", 27, published, beaten),
        ]

    def draw(self, rows: Sequence[Row]) -> Picture:
        from matplotlib.figure import Figure

        items = _items(rows)[::-1]
        picture = Figure(figsize=(8, 0.27 * len(items) + 1.6), layout="constrained")
        ax = picture.subplots()
        plain(ax)
        found = [_Found.of(rows, item) for item in items]
        for place, (item, one) in enumerate(zip(items, found, strict=True)):
            if number(one.best) < np.inf:
                ax.plot([PUBLISHED[item].best, number(one.best)], [place] * 2, color=LINE, lw=3, zorder=1)
        for label, style, errors in _series(items, found):
            places = [place for place, error in enumerate(errors) if error < np.inf]
            if places:
                ax.plot([errors[place] for place in places], places, ls="", label=label, **style)
        ax.set(xscale="log", xlabel="test RMSE", ylim=(-0.7, len(items) - 0.3))
        ax.set_yticks(range(len(items)), items)
        picture.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
        return picture


class _Found(NamedTuple):
    """The rows of one equation; best is the network of edgewise that rows held out choose."""

    human: Row | None
    found: Row | None
    best: Row | None
    mlp: Row | None
    pykan: Row | None

    @classmethod
    def of(cls, rows: Sequence[Row], item: str) -> _Found:
        own = [row for row in rows if row["item"] == item]

        def chosen(**wanted: str) -> Row | None:
            few = [row for row in own if all(row[key] == value for key, value in wanted.items())]
            return min(few, key=lambda row: number(row, "held"), default=None)

        human, found = chosen(kind=HUMAN), chosen(kind=FOUND)
        return cls(human, found, *(chosen(model=model) for model in (OURS, MLP, PYKAN)))


def _items(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(str(row["item"]) for row in rows))


def _cell(row: Row | None, bound: float | None = None) -> Cell:
    """An error, and whether it keeps a bound, where it is to keep one."""
    if row is None or row["status"]:
        return Cell("" if row is None else str(row["status"]))
    return Cell(told(number(row)), None if bound is None else number(row) <= bound)


def _count(what: str, least: int, published: str, kept: Sequence[bool]) -> Claim:
    return Claim(what, f"{least} of {least}", published, Cell(f"{sum(kept)} of {len(kept)}", sum(kept) >= least))


def _series(items: Sequence[str], found: Sequence[_Found]) -> list[tuple[str, dict[str, Any], list[float]]]:
    """What is drawn: names, marks and errors."""
    said = [PUBLISHED[item] for item in items]
    ours, mlp, pykan = (COLOURS[model] for model in (OURS, MLP, PYKAN))
    hollow = {"mfc": "white", "ms": 6, "zorder": 2}
    return [
        ("published KAN, the best", {"marker": "o", "color": INK, **hollow}, [one.best for one in said]),
        ("published MLP", {"marker": "s", "color": SOFT, **hollow}, [one.mlp for one in said]),
        ("MLP here", {"marker": "s", "color": mlp, "ms": 5}, [number(one.mlp) for one in found]),
        ("edgewise, a shape made by people", {"marker": "o", "color": ours, "ms": 5}, [number(o.human) for o in found]),
        ("edgewise, a shape found", {"marker": "^", "color": ours, "ms": 6}, [number(one.found) for one in found]),
        ("pykan here", {"marker": "D", "color": pykan, "ms": 4}, [number(one.pykan) for one in found]),
    ]
