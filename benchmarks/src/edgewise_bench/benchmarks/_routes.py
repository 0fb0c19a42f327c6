"""What each operation costs by each of its routes, and whether the quicker one is chosen."""

import math
from collections.abc import Callable, Sequence

import torch

from edgewise.nn import KAN, GaussNewtonMatrix, Layout, Pass
from edgewise_bench import Benchmark, Case, Cell, Row, Settings, interleaved
from edgewise_bench.benchmarks.libraries import Shape
from edgewise_bench.tables import grouped

_ROUTES = ("dense", "sparse")
_GRIDS, _ROWS, _FEW = (5, 8, 12, 20, 50), 3000, 100
_LOSS = 1.5  # times the quicker route's time that the chosen one may take


class Routes(Benchmark):
    """The matrix of second-order training, on one core: the number of functions from which it is assembled sparsely.

    Earlier rows also time the operations of a layer by a dense route, which B-splines had on CPUs; each was slower.
    """

    name = "routes"
    title = "Each operation by each route"
    file = "routes.csv"
    columns = ("operation", "route", "seconds", "lower", "upper", "repeats", "chosen", "reason", "status")
    note = "chosen: the time of what the library takes by itself, over the quicker route's"

    def cases(self, settings: Settings) -> list[Case]:
        grids, rows = (_GRIDS, _ROWS) if not settings.quick else (_GRIDS[:1], _FEW)
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
        return head, [_line(case, what, own) for (case, what), own in grouped(rows, "case", "operation").items()]


def _line(case: str, operation: str, group: Sequence[Row]) -> list[Cell]:
    if any(row["status"] for row in group):
        return [Cell(case), Cell(str(group[0]["status"])), *[Cell("")] * 4]
    seconds = {str(row["route"]): float(row["seconds"]) for row in group}
    chosen = next((str(row["route"]) for row in group if int(row["chosen"])), "")
    ratio = seconds.get(chosen, math.nan) / min(seconds.values())
    full = int(group[0]["rows"]) != _FEW
    times = [f"{1e3 * seconds[route]:.3g}" if route in seconds else "" for route in _ROUTES]
    return [
        Cell(case), Cell(operation), *map(Cell, times),
        Cell(f"{chosen}, {ratio:.3g}" if chosen else "", ratio <= _LOSS if chosen and full else None),
        Cell(f"{_LOSS:g}"),
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
