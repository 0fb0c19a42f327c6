"""What each operation costs by each of its routes, and whether the quicker one is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from edgewise.kernels import Choice, contract, explain, forced, vjp_coefficients, vjp_inputs
from edgewise.measure import Benchmark, Case, Cell, Row, Settings, interleaved
from edgewise.measure.benchmarks.libraries import Shape
from edgewise.nn import KAN, GaussNewtonMatrix, KANLayer, Layout, Pass

_SIZES = ((1024, 64, 64), (1024, 256, 256), (4096, 784, 64))
_GRIDS = (5, 20, 100)
_NARROW = (1000, 5, 1)
_TINY = Shape(32, 4, 3, 5, "float32")
_ROUTES = ("dense", "sparse")

_MATRIX, _MATRIX_GRIDS, _ROWS, _FEW = "matrix of [2, 5, 1]", (5, 8, 12, 20, 50), 3000, 100
_DEGREE = 3
_LOSS = 1.5  # times the quicker route's time that the chosen one may take


class Routes(Benchmark):
    """The operations of a layer, and the matrix of second-order training, on one core.

    The constants by which the dispatcher chooses (`milliseconds` of the backends), and the number of functions from
    which the matrix is assembled sparsely (`nn/_gauss_newton.py`), come from such rows.
    """

    name = "routes"
    title = "Each operation by each route"
    file = "routes.csv"
    columns = ("operation", "route", "seconds", "lower", "upper", "repeats", "chosen", "reason", "status")
    note = "chosen: the time of what the library takes by itself, over the quicker route's"

    def cases(self, settings: Settings) -> list[Case]:
        shapes = [Shape(*sizes, grid, "float32") for sizes in _SIZES for grid in _GRIDS]
        shapes += [Shape(*_NARROW, grid, "float64") for grid in _GRIDS]
        grids, rows = (_MATRIX_GRIDS, _ROWS) if not settings.quick else (_MATRIX_GRIDS[:1], _FEW)
        layers = [_TINY] if settings.quick else shapes
        return [Case(_label(shape), {"rows": shape.batch, **shape._asdict()}) for shape in layers] + [
            Case(f"{_MATRIX}, G = {grid}, {rows} rows", {"rows": rows, **Shape(rows, 2, 1, grid, "float64")._asdict()})
            for grid in grids
        ]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        shape = Shape(**{name: case.values[name] for name in Shape._fields})
        if case.label.startswith(_MATRIX):
            return self._timed(case, "matrix", *_matrix(shape), settings)
        chosen = explain(shape.batch, shape.n_in, shape.n_out, count=shape.grid + _DEGREE, dtype=_dtype(shape))
        rows = []
        for operation, call in _operations(shape).items():
            ways = {route: _by(route, call) for route in _ROUTES}
            rows += self._timed(case, operation, ways, chosen[operation], settings)
        return rows

    def _timed(
        self, case: Case, operation: str, ways: dict[str, Callable[[], object]], chosen: Choice, settings: Settings
    ) -> list[Row]:  # fmt: skip
        shared = {"operation": operation, "reason": chosen.reason}
        return [
            self.row(case, **shared, **times.columns(), route=route, chosen=int(route == chosen.route))
            for route, times in interleaved(ways, settings.repeats, settings.patience).items()
        ]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            groups.setdefault((row["case"], row["operation"]), []).append(row)
        head = ["case", "operation", *(f"{route} ms" for route in _ROUTES), "chosen", "at most"]
        return head, [_line(*key, group) for key, group in groups.items()]


def _line(case: str, operation: str, group: Sequence[Row]) -> list[Cell]:
    if any(row["status"] for row in group):
        return [Cell(case), Cell(str(group[0]["status"])), *[Cell("")] * 4]
    seconds = {str(row["route"]): float(row["seconds"]) for row in group}
    chosen = next(str(row["route"]) for row in group if int(row["chosen"]))
    ratio = seconds[chosen] / min(seconds.values())
    full = int(group[0]["rows"]) not in (_TINY.batch, _FEW)
    return [
        Cell(case), Cell(operation), *(Cell(f"{1e3 * seconds[route]:.3g}") for route in _ROUTES),
        Cell(f"{chosen}, {ratio:.3g}", ratio <= _LOSS if full else None), Cell(f"{_LOSS:g}"),
    ]  # fmt: skip


def _label(shape: Shape) -> str:
    return f"{shape.batch} x {shape.n_in} -> {shape.n_out}, G = {shape.grid}, {shape.dtype}"


def _dtype(shape: Shape) -> torch.dtype:
    return getattr(torch, shape.dtype)


def _operations(shape: Shape) -> dict[str, Callable[[], object]]:
    """Return the three operations of forward and backward."""
    layer = KANLayer(shape.n_in, shape.n_out, grid=shape.grid, degree=_DEGREE, dtype=_dtype(shape))
    x, g = map(torch.from_numpy, shape.data())
    c, knots, family = layer.coefficients.detach(), layer.knots, layer.basis
    return {
        "contract": lambda: contract(x, c, knots, family),
        "vjp_inputs": lambda: vjp_inputs(x, c, g, knots, family, 1),
        "vjp_coefficients": lambda: vjp_coefficients(x, g, None, knots, family, c.shape[2], 0),
    }


def _by(route: str, call: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        with forced(route=route):
            call()

    return run


def _matrix(shape: Shape) -> tuple[dict[str, Callable[[], object]], Choice]:
    """Return the ways to J'J of a network with SiLU and splines: by a Jacobian, and without one."""
    model = KAN([2, 5, 1], grid=shape.grid, base="silu")
    layout = Layout(model)
    dense, sparse = GaussNewtonMatrix(model, layout), GaussNewtonMatrix(model, layout)
    chosen = Choice("numba", sparse.route, "many functions on an edge")
    dense.edges = None
    with torch.no_grad():
        forward = Pass(model, torch.from_numpy(shape.data()[0]))
    hessian = torch.zeros(layout.size, layout.size, dtype=torch.float64)

    def by(matrix: GaussNewtonMatrix) -> Callable[[], object]:
        return lambda: matrix.add(forward, lambda rows: rows, hessian)

    return {"dense": by(dense), "sparse": by(sparse)}, chosen
