"""Training: time to an accuracy, where each library trains in its own ways; classification, compared with an MLP."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from statistics import median
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from edgewise.nn import KAN, Layout
from edgewise.train import fit
from edgewise_bench import MLP, OURS, Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.baselines import mlp, parameter_count
from edgewise_bench.benchmarks.libraries import LIBRARIES
from edgewise_bench.benchmarks.library import Point, Race, hidden_width
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

    def row(self, case: Case, **measured: Any) -> Row:
        kept = ("target", "library", "turn", "budget")
        return super().row(replace(case, values={key: case.values[key] for key in kept}), **measured)

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


class Rows(NamedTuple):
    """Rows that are trained on, and rows to measure on: inputs (n, d), class numbers (n,)."""

    x: Tensor
    y: Tensor
    fresh_x: Tensor
    fresh_y: Tensor

    def accuracy(self, model: torch.nn.Module) -> float:
        """Return the test accuracy of a network: by its largest output, or the sign of its only one."""
        dtype = next(model.parameters()).dtype
        with torch.no_grad():
            outputs = model(self.fresh_x.to(dtype))
        choice = outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).long()
        return float((choice == self.fresh_y).double().mean())


@dataclass(frozen=True)
class Task:
    """A table of classes, drawn with a seed or always the same, and the network that edgewise trains on it."""

    name: str
    table: Callable[[int], tuple[np.ndarray, np.ndarray]]
    widths: tuple[int, ...]
    grid: int = 5
    degree: int = 3

    @property
    def parameters(self) -> int:
        return Layout(self.network(0)).size

    def network(self, seed: int) -> KAN:
        return KAN(self.widths, grid=self.grid, degree=self.degree, seed=seed)

    def rows(self, seed: int, most: int | None = None) -> Rows:
        """Return the table; the seed chooses 30 % of the rows for testing.

        The training rows standardize the inputs. `most`: take that many rows only.
        """
        x, y = self.table(seed)
        order = np.random.default_rng(seed).permutation(len(x))[:most]
        cut = round(0.7 * len(order))
        inputs, classes = torch.from_numpy(x[order]), torch.from_numpy(y[order]).long()
        inputs = (inputs - inputs[:cut].mean(0)) / inputs[:cut].std(0).clamp_min(1e-9)
        return Rows(inputs[:cut], classes[:cut], inputs[cut:], classes[cut:])


def moons(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw two interleaved half circles: 1000 rows, noise of 0.2."""
    rng = np.random.default_rng(seed)
    y, turn = rng.integers(0, 2, 1000), rng.uniform(0, np.pi, 1000)
    upper, lower = np.c_[np.cos(turn), np.sin(turn)], np.c_[1 - np.cos(turn), 0.5 - np.sin(turn)]
    return np.where(y[:, None] == 0, upper, lower) + 0.2 * rng.standard_normal((1000, 2)), y


def shipped(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Load a table of scikit-learn: 569 tumors, malignant or benign, or 1797 handwritten digits of 8 x 8 pixels."""
    from sklearn import datasets

    return getattr(datasets, name)(return_X_y=True)


# The networks were chosen on other moons, and within the training rows of the tables.
TASKS = (
    Task("two moons", moons, (2, 1)),
    Task("breast cancer", partial(shipped, "load_breast_cancer"), (30, 1)),
    Task("digits", partial(shipped, "load_digits"), (64, 10), grid=2, degree=1),
)


class Classification(Benchmark):
    """Accuracy on rows not trained on, and seconds of training, each library in its own precision.

    edgewise: one call of `fit` in float64. The MLP: float32, minibatches, Adam with the rate that is best on
    its own held-out rows, stopped early there; the seconds are of that one run. Both meet the same rows in turns.
    """

    name = "classification"
    title = "Classes: accuracy and seconds, medians over the seeds"
    needs: ClassVar = {"sklearn": "scikit-learn, which has the tables, is not installed here: pip install scikit-learn"}
    columns = ("library", "parameters", "seed", "accuracy", "seconds", "status")
    note = "accuracy: on test rows; MLP: Adam at its best rate, the seconds of that run alone"

    def cases(self, settings: Settings) -> list[Case]:
        return [] if self.missing() else [Case(task.name, {"table": task.name}) for task in TASKS]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        few = 200  # rows of a quick benchmark
        seeds = 5
        task = next(task for task in TASKS if task.name == case.values["table"])
        most = few if settings.quick else None
        for train in (_edgewise, _mlp):  # what is made once for a process is no part of training
            train(task, task.rows(0, few), 0)
        found = []
        for seed in range(1 if settings.quick else seeds):
            rows = task.rows(seed, most)
            for library, train in ((OURS, _edgewise), (MLP, _mlp)):
                trained = train(task, rows, seed)
                accuracy = rows.accuracy(trained.model)
                shared = {"library": library, "seed": seed, "accuracy": accuracy}
                found.append(self.row(case, **shared, parameters=trained.parameters, seconds=trained.seconds))
        return found

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["table", "parameters", "MLP's", "edgewise", "MLP", "edgewise s", "MLP s"]
        return head, [_class_line(name, group) for (name,), group in grouped(rows, "table").items()]


class _Trained(NamedTuple):
    model: torch.nn.Module
    parameters: int
    held_out: float
    seconds: float


def _edgewise(task: Task, rows: Rows, seed: int) -> _Trained:
    with clock() as spent:
        result = fit(task.network(seed), rows.x, rows.y, loss="cross_entropy", grids=None)
    return _Trained(result.model, task.parameters, result.validation_error, spent.wall)


def _mlp(task: Task, rows: Rows, seed: int) -> _Trained:
    """Train with each of Adam's rates, and return the best one on the MLP's own validation rows."""
    rates = (1e-3, 3e-3, 1e-2, 3e-2)
    return min((_adam(task, rows, seed, rate) for rate in rates), key=lambda trained: trained.held_out)


def _adam(task: Task, rows: Rows, seed: int, rate: float) -> _Trained:
    """Train one hidden layer of SiLU with as many parameters as edgewise; keep the best epoch on held-out rows."""
    batch, patience, epochs = 64, 20, 400
    n_in, n_out = task.widths[0], task.widths[-1]
    torch.manual_seed(seed)
    model = mlp([n_in, hidden_width(n_in, n_out, task.parameters), n_out], torch.float32)
    x, y, cut = rows.x.float(), rows.y, round(0.9 * len(rows.x))
    best, state, since = float("inf"), model.state_dict(), 0
    with clock() as spent:
        solver = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
        for _ in range(epochs):
            for index in torch.randperm(cut).split(batch):
                solver.zero_grad()
                _loss(model(x[index]), y[index]).backward()
                solver.step()
            with torch.no_grad():
                held_out = float(_loss(model(x[cut:]), y[cut:]))
            since = 0 if held_out < best else since + 1
            if since == 0:
                best, state = held_out, {name: value.clone() for name, value in model.state_dict().items()}
            if since == patience:
                break
        model.load_state_dict(state)
    return _Trained(model, parameter_count(model), best, spent.wall)


def _loss(outputs: Tensor, y: Tensor) -> Tensor:
    if outputs.shape[1] > 1:
        return cross_entropy(outputs, y)
    return binary_cross_entropy_with_logits(outputs[:, 0], y.to(outputs.dtype))


def _class_line(name: str, rows: Sequence[Row]) -> list[Cell]:
    group = grouped(rows, "library")
    if not {(OURS,), (MLP,)} <= set(group):
        status = next((row["status"] for row in rows if row["status"]), "not measured")
        return [Cell(name), *[Cell("")] * 2, Cell(str(status)), *[Cell("")] * 3]
    (size, right, seconds), (their_size, their_right, their_seconds) = (
        [median(number(row, key) for row in group[library,]) for key in ("parameters", "accuracy", "seconds")]
        for library in (OURS, MLP)
    )
    cells = [Cell(name), Cell(f"{size:.0f}"), Cell(f"{their_size:.0f}"), Cell(f"{right:.4g}", right >= their_right)]
    cells += [Cell(f"{their_right:.4g}"), Cell(f"{seconds:.3g}", seconds < their_seconds)]
    return [*cells, Cell(f"{their_seconds:.3g}")]
