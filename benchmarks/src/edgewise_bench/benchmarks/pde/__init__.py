"""Differential equations: the problems, and errors, estimates and outcomes, by default and with poor settings."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgewise.pde import Problem, march, solve
from edgewise.train import Options
from edgewise_bench import MLP, OURS, Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.pde import pinnacle, problems, references, shapes
from edgewise_bench.benchmarks.pde.networks import Network, TanhNetwork
from edgewise_bench.benchmarks.pde.references import Reference
from edgewise_bench.tables import format_number, number


def _modulus(h: Any) -> Tensor:
    return (h[0].value ** 2 + h[1].value ** 2).sqrt()


@dataclass(frozen=True)
class Task:
    """A problem with its reference.

    limit: the relative L2 error to reach, which is also what is asked for; none for a problem that is only reported.
    marched: solved by `march` rather than by `solve`. published: the lowest figures that were found, with their method.
    main: one of the fourteen that are counted. read: what is compared, a function of the unknown with `order`
    derivatives.
    """

    title: str
    problem: Callable[[], Problem]
    reference: Callable[[], Reference]
    limit: float | None = None
    marched: bool = False
    published: str = ""
    main: bool = True
    read: Callable[[Any], Tensor] = references.first
    order: int = 0


def _tasks() -> Iterator[tuple[str, Task]]:
    """Yield the problems of the file next to this one: `problem` and `reference` are functions of `arguments`.

    Where a problem has an exact solution, `exact` is the function in the place of a reference.
    """
    rows = tomllib.loads(Path(__file__).with_name("tasks.toml").read_text(encoding="utf-8"))
    reads = {
        "value": references.first,
        "modulus": _modulus,
        "across": lambda s: s.y,
    }  # across: the speed of a stream function
    for name, row in rows.items():
        numbers, settings = row.pop("arguments", []), row.pop("settings", {})
        problem = partial(_named(row.pop("problem", name)), *numbers)
        exact = _named(row.pop("exact")) if "exact" in row else None
        known = row.pop("reference", name)
        made = partial(_exact, problem, exact) if exact else partial(_named(known, references), *numbers, **settings)
        yield name, Task(problem=problem, reference=made, read=reads[row.pop("read", "value")], **row)


def _named(name: str, first: Any = problems) -> Any:
    """Return a function of a file, or of one of those of further problems."""
    return getattr(first, name, None) or getattr(shapes, name, None) or getattr(pinnacle, name)


def _exact(problem: Callable[[], Problem], function: Callable[[Any], Tensor]) -> Reference:
    return references.exact(problem().domain, function)


TASKS: dict[str, Task] = dict(_tasks())
"""The problems by their name; the first ones are the fourteen that are counted."""


JAXKAN = "jaxkan"
_DEFAULT = "default"
_SEEDS = (0, 1)
_SECONDS, _GUARD = 120.0, 300.0  # CPU seconds of a baseline; of a solution
_QUICK = ("heat",)
_CLOSE, _ENOUGH = 5.0, 12  # estimates within this factor of the error, on this number of the problems

POOR: dict[str, dict[bool, dict[str, Any]]] = {
    "coarse": {True: {"degree": 5}, False: {"grids": [2, 3]}},
    "loose": {True: {"tolerance": 1e-2}, False: {"tolerance": 1e-2}},
    "few points": {False: {"points": 60, "boundary": 20, "grids": [8]}},
    "few steps": {False: {"steps": 3}},
    "short": {True: {"seconds": 1.0}, False: {"seconds": 1.0}},
}
"""Poor settings by name: of `march` and of `solve`, where they have them."""


class Equations(Benchmark):
    """Fourteen differential equations that are usual in the field and more, each solved by one call.

    The call says what accuracy is asked for: half of the limit. Poor settings are tried on the fourteen: the outcome
    must not claim success with an error of more than ten times the accuracy asked for.
    """

    name = "pde"
    title = "Differential equations at the parameters that are usual in the field"
    overtime = 900.0
    columns = (
        "relative", "estimate", "outcome", "wrong", "tolerance", "parameters", "seconds", "valid", "status",
    )  # fmt: skip
    parallel = True
    slow = True
    note = (
        "relative L2 error, the worst of two seeds; ratio: of the estimated error to the true one; s: CPU seconds on "
        "one core; MLP and jaxKAN: errors after that many seconds of training; published: see docs/benchmarks.md"
    )

    def cases(self, settings: Settings) -> list[Case]:
        names = _QUICK if settings.quick else tuple(TASKS)
        seeds = _SEEDS[:1] if settings.quick else _SEEDS
        found = [_case(name, OURS, seed, _DEFAULT) for name in names for seed in seeds]
        main = [name for name in names if TASKS[name].main]
        found += [_case(name, OURS, 0, kind) for name in main for kind in POOR if TASKS[name].marched in POOR[kind]]
        seconds = 2.0 if settings.quick else settings.budget or _SECONDS
        others = [name for name in (MLP, JAXKAN) if name in settings.libraries]
        return found + [_case(name, other, 0, f"{seconds:g} s") for other in others for name in names]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        task, seed, setting = TASKS[case.values["problem"]], case.values["seed"], case.values["setting"]
        reference = task.reference()
        if case.values["library"] == OURS:
            return [self.row(case, **_solved(task, reference, seed, setting))]
        return [self.row(case, **_trained(task, reference, case.values["library"], seed, float(setting.split()[0])))]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        names = [name for name in TASKS if any(row["problem"] == name for row in rows)]
        lines = [_line(TASKS[name], [row for row in rows if row["problem"] == name]) for name in names]
        head = ["problem", "limit", "error", "ratio", "outcome", "parameters", "s", "MLP", "jaxKAN", "published"]
        return head, [*lines, *_counts(rows, len(head))]


def _case(problem: str, library: str, seed: int, setting: str) -> Case:
    values = {"problem": problem, "library": library, "seed": seed, "setting": setting}
    return Case(f"{problem}: {library}, seed {seed}, {setting}", values)


def _solved(task: Task, reference: Reference, seed: int, setting: str) -> Row:
    """Return the row of one call."""
    given: dict[str, Any] = {"tolerance": task.limit / 2 if task.limit else references.UNASKED[task.marched]}
    given |= {} if setting == _DEFAULT else POOR[setting][task.marched]
    options = Options(seed=seed, time_limit=given.pop("seconds", _GUARD))
    problem = task.problem()
    with clock() as spent:
        found: Any = (march if task.marched else solve)(problem, options=options, **given)
    error = _error(task, reference, found)
    claimed = found.outcome.name == "CONVERGED"
    return {
        "relative": error,
        "estimate": found.error if math.isfinite(found.error) else "",
        "outcome": found.outcome.name,
        "wrong": claimed and error > references.WRONG * given["tolerance"],
        "tolerance": given["tolerance"],
        "parameters": found.parameters if task.marched else found.history[-1].parameters,
        "seconds": spent.process,
        "valid": _valid_until(task, reference, found) if task.marched else "",
    }


def _trained(task: Task, reference: Reference, library: str, seed: int, seconds: float) -> Row:
    """Return the row of a baseline."""
    network = _network(library, task, seed)
    spent = network.train_for(seconds, seed)
    error = _error(task, reference, network)
    return {"relative": error, "parameters": network.parameter_count, "seconds": spent}


def _network(library: str, task: Task, seed: int) -> Network:
    if library == MLP:
        return TanhNetwork(task.problem(), seed)
    from edgewise_bench.benchmarks.pde.networks import JaxKANNetwork

    return JaxKANNetwork(task.problem(), seed)


def _error(task: Task, reference: Reference, found: Any) -> float:
    error = reference.error(task.read(found.at(reference.points, task.order)))
    return error if math.isfinite(error) else math.inf


def _valid_until(task: Task, reference: Reference, found: Any) -> float:
    """Return the time until which every profile of a marched solution is within 1e-3 of the reference."""
    valid = 1e-3  # relative error of a profile
    t = reference.points[:, 0].contiguous()
    off = (task.read(found.at(reference.points, task.order)) - reference.values).square()
    box = found.problem.box
    edges = torch.linspace(box.low[0], box.high[0], 51, dtype=torch.float64)
    part = (torch.bucketize(t, edges) - 1).clamp_min(0)
    sums = torch.zeros(2, 50, dtype=torch.float64)
    sums[0].index_add_(0, part, off)
    sums[1].index_add_(0, part, reference.values.square())
    bad = torch.nonzero(~(sums[0] <= valid**2 * sums[1]))
    return float(edges[bad[0, 0]] if len(bad) else edges[-1])


def _line(task: Task, rows: Sequence[Row]) -> list[Cell]:
    own = [row for row in rows if row["library"] == OURS and row["setting"] == _DEFAULT]
    worst = max(own, key=lambda row: number(row, "relative"), default=None)
    error, ratio, seconds = number(worst, "relative"), _ratio(worst), number(worst, "seconds")
    others = [next((row for row in reversed(rows) if row["library"] == name), None) for name in (MLP, JAXKAN)]
    return [
        Cell(task.title),
        Cell(format_number(task.limit or math.inf)),
        Cell(_shown(worst), None if task.limit is None or worst is None else error <= task.limit),
        Cell(format_number(ratio)),
        Cell(str(worst["outcome"]) if worst else ""),
        Cell(str(worst["parameters"]) if worst else ""),
        Cell(format_number(seconds, 3), None if worst is None else seconds <= _SECONDS),
        *(Cell(f"{_shown(row)} in {row['setting']}" if row else "") for row in others),
        Cell(task.published),
    ]


def _shown(row: Row | None) -> str:
    return "" if row is None else str(row["status"] or format_number(number(row, "relative")) or "infinite")


def _ratio(row: Row | None) -> float:
    """Return the estimated error over the true one, infinity where there is no estimate."""
    estimate = number(row, "estimate")
    return estimate / max(number(row, "relative"), 1e-300) if estimate < math.inf else math.inf


def _counts(rows: Sequence[Row], width: int) -> list[list[Cell]]:
    """Return the lines that count: estimates that are close, and success that is claimed wrongly."""
    own = [row for row in rows if row["library"] == OURS and TASKS[row["problem"]].main and not row["status"]]
    default = [row for row in own if row["setting"] == _DEFAULT]
    problems = {row["problem"] for row in default}
    close = {p for p in problems if all(_is_close(row) for row in default if row["problem"] == p)}
    poor = [row for row in own if row["setting"] != _DEFAULT]
    wrong = sum(str(row["wrong"]) == "True" for row in [*default, *poor])
    claims = sum(row["outcome"] == "CONVERGED" for row in [*default, *poor])
    full = len(problems) >= _ENOUGH
    lines = [
        [Cell("estimate within a factor of 5"), Cell(f"{_ENOUGH} of 14"),
         Cell(f"{len(close)} of {len(problems)}", len(close) >= _ENOUGH if full else None)],
        [Cell(f"wrong claims, {len(default)} default and {len(poor)} poor settings"), Cell("0"),
         Cell(f"{wrong} of {claims}", wrong == 0 if own else None)],
    ]  # fmt: skip
    return [line + [Cell("")] * (width - len(line)) for line in lines]


def _is_close(row: Row) -> bool:
    return 1 / _CLOSE <= _ratio(row) <= _CLOSE
