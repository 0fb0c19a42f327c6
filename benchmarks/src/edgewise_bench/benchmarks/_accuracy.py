"""Time to an accuracy, where each library trains in its own ways; and the error of `fit` with its default arguments."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import inf
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from edgewise_bench import Benchmark, Case, Cell, Row, Settings
from edgewise_bench.benchmarks.libraries import LIBRARIES, Point, Race
from edgewise_bench.datasets import special
from edgewise_bench.tables import grouped, number

GOAL = 1e-5
_FACTOR, _LEAST, _MOST = 60, 60.0, 300.0  # of a baseline's time: times edgewise's, and its bounds in seconds
_OURS, _DEFAULT = "edgewise", "default"


class Target(NamedTuple):
    """A function on a box, and the network that edgewise and pykan learn it with."""

    name: str
    values: Callable[[np.ndarray], np.ndarray]
    low: float
    widths: list[int]
    rows: int

    def sample(self, rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw uniform rows, each input from `low` to 1, and their values."""
        x = rng.uniform(self.low, 1, (rows, self.widths[0]))
        return x, self.values(x)


def _bessel(x: np.ndarray) -> np.ndarray:
    from scipy.special import j0

    return j0(20 * x[:, 0])


TARGETS = (
    Target("exp(sin(pi x) + y^2)", lambda x: np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2), -1, [2, 1, 1], 1000),
    Target("ellipj(x, y)", lambda x: special("ellipj")[0].values(*x.T), 0, [2, 5, 1], 1000),
    Target("four variables", lambda x: np.exp(np.sin(np.pi * (x[:, ::2] ** 2 + x[:, 1::2] ** 2)).mean(1)), -1,
           [4, 2, 1, 1], 3000),
)  # fmt: skip
PRODUCT = Target("product", lambda x: x.prod(1), -1, [2, 2, 1], 1000)
BESSEL = Target("J0(20 x)", _bessel, -1, [1, 1], 1000)


class Accuracy(Benchmark):
    """Test error against seconds of training, every run in a separate process on one core, in float64.

    edgewise is run before and after its baselines; a whole call of `fit` is one point of its curve. The others' clock
    stops for compilation and while the error is measured; a run ends at the goal or with its time.
    """

    name = "accuracy"
    title = f"Seconds of training to a test error of {GOAL:g}"
    file = "curves.csv"
    columns = ("recipe", "run", "seconds", "error", "status")
    fresh_process = True
    note = "edgewise: the quickest fit that gets there; best other: seconds, or the lowest error where none gets there"

    def cases(self, settings: Settings) -> list[Case]:
        targets = TARGETS[:1] if settings.quick else TARGETS
        return [case for target in targets for case in _cases_of(target, settings)]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        repeats, long = 3, 3.0  # of edgewise's fits, and the seconds from which one is enough
        target = next(target for target in TARGETS if target.name == case.values["target"])
        library, recipes = LIBRARIES[case.values["library"]], case.values["recipes"]
        rows = []
        for recipe in recipes:
            for run in range(repeats if library.name == _OURS and not settings.quick else 1):
                race = _race(target, case.values["budget"])
                library.train(recipe, race)
                points = race.points or [Point(race.seconds, inf)]
                shared = {"recipe": recipe, "run": run}
                rows += [self.row(case, **shared, **point._asdict()) for point in _telling(points)]
                if race.seconds > long:
                    break
        return rows

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        return [self.row(case, recipe=recipe, run=0, status=reason) for recipe in case.values["recipes"]]

    def row(self, case: Case, **found: Any) -> Row:
        kept = ("target", "library", "turn", "budget")
        return super().row(replace(case, values={key: case.values[key] for key in kept}), **found)

    def prepare(self, case: Case, rows: Sequence[Row]) -> Case:
        """Give a baseline its time, from what edgewise took on the target."""
        if case.values["budget"] or case.values["library"] == _OURS:
            return case
        runs = [run for run in _runs(rows) if run.target == case.values["target"] and run.library == _OURS]
        budget = min(_MOST, max(_LEAST, _FACTOR * min((run.seconds for run in runs), default=inf)))
        return Case(case.label, {**case.values, "budget": budget})

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        runs = list(_runs(rows))
        head = ["target", "edgewise s", "default fit s", "its error", "best other", "which", "times", "at least"]
        return head, [_line(name, runs) for name in dict.fromkeys(run.target for run in runs)]


class Run(NamedTuple):
    """One library's way of training on a target: seconds to the goal (or infinity), lowest error, last second."""

    target: str
    library: str
    recipe: str
    seconds: float
    error: float
    last: float


def _cases_of(target: Target, settings: Settings) -> Iterator[Case]:
    quick = 2.0  # seconds of every run of a quick benchmark
    budget = quick if settings.quick else settings.budget

    def case(library: str, recipes: Sequence[str], turn: str) -> Case:
        shared = {"target": target.name, "library": library, "recipes": list(recipes), "budget": budget, "turn": turn}
        return Case(f"{target.name}: {library}, {turn or recipes[0]}", shared)

    ours = LIBRARIES[_OURS].recipes[:1] if settings.quick else LIBRARIES[_OURS].recipes
    yield case(_OURS, ours, "before")
    for name in settings.libraries:
        if name != _OURS:
            for recipe in LIBRARIES[name].recipes:
                yield case(name, [recipe], "")
    yield case(_OURS, ours, "after")


def _telling(points: Sequence[Point]) -> list[Point]:
    """Return the points whose error is 2 % lower than any before, and the last one."""
    shown, lowest = [], inf
    for point in points:
        if point.error < 0.98 * lowest or point is points[-1]:
            shown.append(point)
            lowest = min(lowest, point.error)
    return shown


def _race(target: Target, budget: float, seed: int = 1) -> Race:
    fresh = 2000  # rows to measure on
    rng = np.random.default_rng(seed)
    return Race(
        target.widths, *target.sample(target.rows, rng), *target.sample(fresh, rng), budget or _MOST, GOAL, seed
    )


def _runs(rows: Sequence[Row]) -> Iterator[Run]:
    """Yield each way of training, with the median over its runs."""
    known = [row for row in rows if number(row, "seconds") < inf]
    for key, own in grouped(known, "target", "library", "recipe").items():
        turns = grouped(own, "turn", "run").values()
        races = [[Point(number(row, "seconds"), number(row)) for row in turn] for turn in turns]
        first = [next((p.seconds for p in points if p.error <= GOAL), inf) for points in races]
        error = median(min(point.error for point in points) for points in races)
        last = median(points[-1].seconds for points in races)
        yield Run(key[0], key[1], key[2], inf if inf in first else median(first), error, last)


def _line(target: str, runs: Sequence[Run]) -> list[Cell]:
    lead = 50.0
    ours = [run for run in runs if run.target == target and run.library == _OURS]
    others = [run for run in runs if run.target == target and run.library != _OURS]
    quickest = min((run.seconds for run in ours), default=inf)
    whole = next((run for run in ours if run.recipe == _DEFAULT), None)
    cells = [Cell(target), Cell(f"{quickest:.3g}") if quickest < inf else Cell("not reached", False)]
    cells += [Cell(f"{whole.last:.3g}"), Cell(f"{whole.error:.2g}")] if whole else [Cell(""), Cell("")]
    if not others:
        return [*cells, *[Cell("")] * 4]
    best = min(others, key=lambda run: (run.seconds, run.error))
    which, least = Cell(f"{best.library}, {best.recipe}"), Cell(f"{lead:g}")
    if best.seconds == inf:
        return [*cells, Cell(f"error {best.error:.2g}"), which, Cell("never", quickest < inf), least]
    times = best.seconds / quickest
    return [*cells, Cell(f"{best.seconds:.3g}"), which, Cell(f"{times:.3g}", times >= lead), least]
