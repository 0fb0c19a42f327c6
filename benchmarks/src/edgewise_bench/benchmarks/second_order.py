"""One Levenberg-Marquardt step: how it grows with the grid, the network and the rows; the routes of its matrix."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from edgewise.nn import KAN, GaussNewtonMatrix, Layout, Pass
from edgewise.optim import LM
from edgewise.train import Objective, as_table
from edgewise_bench import Benchmark, Case, Cell, Quartiles, Row, Settings, interleaved, peak_memory, resident_memory
from edgewise_bench.benchmarks.library import Shape
from edgewise_bench.tables import grouped, number

_ROWS, _MANY, _FEW = 3000, 1_000_000, 100
_FINE, _COARSE, _DEEP = "[2, 5, 1], G = 100", "[2, 5, 1], G = 20", "[2, 5, 3, 1], G = 12"
_NETWORKS = {_COARSE: ([2, 5, 1], 20), _FINE: ([2, 5, 1], 100), _DEEP: ([2, 5, 3, 1], 12)}
_PRODUCT = "two products J'J, 448 columns"

#: what, over what, at most
_LIMITS = ((_FINE, _COARSE, 5.0), (_DEEP, _PRODUCT, 1.0))


class SecondOrder(Benchmark):
    """Assembly of the matrix, Cholesky factor, step, and the cost there, on one core, float64, SiLU and splines.

    A step's time is a fifth of a run of five, each taken at the first trial. Times are interleaved with those of two
    products J'J of a dense Jacobian by torch. Memory is that of the process at its peak, and how far that is above its
    level with the rows made.
    """

    name = "lm"
    title = "One Levenberg-Marquardt step"
    columns = ("what", "parameters", "seconds", "lower", "upper", "repeats", "bytes", "above", "status")
    fresh_process = True

    def cases(self, settings: Settings) -> list[Case]:
        rows, many = (_FEW, 10 * _FEW) if settings.quick else (_ROWS, _MANY)
        return [Case(f"time, {rows} rows", {"rows": rows}), Case(f"memory, {many} rows", {"rows": many})]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        rows = case.values["rows"]
        found = [_memory(rows)] if case.label.startswith("memory") else _times(rows, settings)
        return [self.row(case, **{"what": case.label, **row}) for row in found]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        gigabytes = 1.5
        full = any(int(row["rows"]) == _ROWS for row in rows)
        seconds = {row["what"]: value for row in rows if (value := number(row, "seconds")) < float("inf")}
        lines = [[Cell(what), Cell(f"{1e3 * value:.3g} ms"), Cell(""), Cell("")] for what, value in seconds.items()]
        for what, over, most in _LIMITS:
            if what in seconds and over in seconds:
                ratio = seconds[what] / seconds[over]
                kept = ratio <= most if full else None
                lines.append([Cell(f"{what} over {over}"), Cell(""), Cell(f"{ratio:.3g}", kept), Cell(f"{most:g}")])
        for row in rows:
            if (size := number(row, "bytes") / 1e9) < float("inf"):
                kept = size <= gigabytes if int(row["rows"]) == _MANY else None
                lines.append([Cell(row["case"]), Cell(""), Cell(f"{size:.3g} GB", kept), Cell(f"{gigabytes:g} GB")])
            elif row["status"]:
                lines.append([Cell(row["case"]), Cell(row["status"]), Cell(""), Cell("")])
        return ["what", "time", "measured", "at most"], lines


def _times(rows: int, settings: Settings) -> list[Row]:
    columns = 448
    steps = 5  # of a run whose time is divided
    problems = {what: _problem(*network, rows) for what, network in _NETWORKS.items()}
    jacobian = torch.randn(rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    calls = {what: _steps(problem, steps) for what, problem in problems.items()}
    calls[_PRODUCT] = lambda: [jacobian.T @ jacobian for _ in range(2 * steps)]
    sizes = {what: problem.layout.size for what, problem in problems.items()} | {_PRODUCT: columns}
    times = interleaved(calls, settings.repeats, settings.patience)
    found = []
    for what, own in times.items():
        step = Quartiles(own.median / steps, own.lower / steps, own.upper / steps, own.repeats)
        found.append({"what": what, "parameters": sizes[what], **step.columns()})
    return found


def _memory(rows: int) -> Row:
    large = ([2, 5, 1], 30)  # 510 parameters
    _steps(_problem(*large, _FEW), 1)()  # compiles
    problem = _problem(*large, rows)
    level = resident_memory()
    above = peak_memory(_steps(problem, 1))
    return {"parameters": problem.layout.size, "bytes": level + above, "above": above}


def _problem(widths: list[int], grid: int, rows: int) -> Objective:
    x = np.random.default_rng(0).uniform(-1, 1, (rows, widths[0]))
    y = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    model = KAN(widths, grid=grid, base="silu")
    return Objective(model, as_table(x, y, None, widths[0], 1))


def _steps(problem: Objective, count: int) -> Callable[[], object]:
    """Return a run of `count` steps."""
    damping = 1e5  # large enough for every step to be taken at once: one matrix, one factor, one new cost
    solver = LM(steps=count, damping=damping, tolerance=0)
    return lambda: solver.minimize(problem, problem.start)


_ROUTES = ("dense", "sparse")
_GRIDS, _ROUTE_ROWS, _QUICK_ROWS = (5, 8, 12, 20, 50), 3000, 100


class Routes(Benchmark):
    """The matrix of second-order training, on one core: the number of functions from which it is assembled sparsely.

    Earlier rows also time the operations of a layer by a dense route, which B-splines had on CPUs; each was slower.
    """

    name = "routes"
    title = "Each operation by each route"
    columns = ("operation", "route", "seconds", "lower", "upper", "repeats", "chosen", "reason", "status")
    note = "chosen: the time of what the library takes by itself, over the quicker route's"

    def cases(self, settings: Settings) -> list[Case]:
        grids, rows = (_GRIDS, _ROUTE_ROWS) if not settings.quick else (_GRIDS[:1], _QUICK_ROWS)
        return [
            Case(f"matrix of [2, 5, 1], G = {grid}, {rows} rows",
                 {"rows": rows, **Shape(rows, 2, 1, grid, "float64")._asdict()})
            for grid in grids
        ]  # fmt: skip

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        ways, chosen = _matrix(Shape(**{name: case.values[name] for name in Shape._fields}))
        times = interleaved(ways, settings.repeats, settings.patience)
        shared = {"operation": "matrix", "reason": "many functions on an edge"}
        return [
            self.row(case, **shared, route=route, **own.columns(), chosen=int(route == chosen))
            for route, own in times.items()
        ]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["case", "operation", *(f"{route} ms" for route in _ROUTES), "chosen", "at most"]
        return head, [_route_line(case, what, own) for (case, what), own in grouped(rows, "case", "operation").items()]


def _route_line(case: str, operation: str, group: Sequence[Row]) -> list[Cell]:
    slower = 1.5  # times the quicker route's time that the chosen one may take
    if any(row["status"] for row in group):
        return [Cell(case), Cell(str(group[0]["status"])), *[Cell("")] * 4]
    seconds = {str(row["route"]): float(row["seconds"]) for row in group}
    chosen = next((str(row["route"]) for row in group if int(row["chosen"])), "")
    ratio = seconds.get(chosen, math.nan) / min(seconds.values())
    full = int(group[0]["rows"]) != _QUICK_ROWS
    times = [f"{1e3 * seconds[route]:.3g}" if route in seconds else "" for route in _ROUTES]
    return [
        Cell(case), Cell(operation), *map(Cell, times),
        Cell(f"{chosen}, {ratio:.3g}" if chosen else "", ratio <= slower if chosen and full else None),
        Cell(f"{slower:g}"),
    ]  # fmt: skip


def _matrix(shape: Shape) -> tuple[dict[str, Callable[[], object]], str]:
    """J'J of a network with SiLU beside the splines: by a Jacobian, and without one."""
    model = KAN([2, 5, 1], grid=shape.grid, base="silu")
    layout = Layout(model)
    dense, sparse = GaussNewtonMatrix(model, layout), GaussNewtonMatrix(model, layout)
    route, dense.edges = sparse.route, None
    with torch.no_grad():
        forward = Pass(model, torch.from_numpy(shape.data()[0]))
    hessian = torch.zeros(layout.size, layout.size, dtype=torch.float64)

    def by(matrix: GaussNewtonMatrix) -> Callable[[], object]:
        return lambda: matrix.add(forward, lambda rows: rows, hessian)

    return {"dense": by(dense), "sparse": by(sparse)}, route
