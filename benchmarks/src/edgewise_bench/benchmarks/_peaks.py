"""Memory of one training step of a wide layer."""

from collections.abc import Sequence

from edgewise_bench import Benchmark, Case, Cell, Row, Settings, peak_memory
from edgewise_bench.benchmarks.libraries import LIBRARIES, Shape

_SHAPE = Shape(4096, 784, 64, 20, "float32")
_TINY = Shape(128, 8, 4, 5, "float32")
_WARM = 64  # rows of the steps that warm up
_LIMIT = 1.5


class Peaks(Benchmark):
    """Peak resident memory of the first step, above the level with data, layer and optimizer made.

    Each library runs in a separate process. Before that level is taken, a step of the same layer on 64 rows loads and
    compiles what a step needs. The step is forward, backward to parameters and input, and Adam: what it allocates,
    gradients and Adam's moments included, counts.
    """

    name = "memory"
    title = "Peak memory of one training step of a layer, above data and layer"
    file = "memory.csv"
    columns = ("parameters", "bytes", "status")
    fresh_process = True

    def cases(self, settings: Settings) -> list[Case]:
        shape = _TINY if settings.quick else _SHAPE
        return [Case(name, {**shape._asdict(), "library": name}) for name in settings.libraries]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        name, shape = case.values["library"], Shape(*(case.values[field] for field in Shape._fields))
        library = LIBRARIES[name]
        for _ in range(2):
            library.layer(shape._replace(batch=min(_WARM, shape.batch)), adam=True).call()
        unit = library.layer(shape, adam=True)
        return [self.row(case, parameters=unit.parameters, bytes=peak_memory(unit.call))]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        found = {row["library"]: float(row["bytes"]) for row in rows if row["bytes"] not in ("", None)}
        lines = []
        for row in rows:
            name = row["library"]
            cells = [Cell(name), Cell(f"{found[name] / 1e6:.4g}" if name in found else str(row["status"]))]
            ratio = found[name] / found["mlp"] if name in found and found.get("mlp") else None
            limited = name == "edgewise" and int(row["batch"]) == _SHAPE.batch
            cells.append(Cell("" if ratio is None else f"{ratio:.3g}", ratio <= _LIMIT if limited and ratio else None))
            lines.append([*cells, Cell(f"{_LIMIT:g}" if limited else "")])
        return ["library", "MB", "times the MLP's", "at most"], lines
