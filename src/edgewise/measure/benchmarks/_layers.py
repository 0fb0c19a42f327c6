"""One layer of each library, compared with an MLP of the same shape and size."""

from __future__ import annotations

import time

from edgewise._memory import available
from edgewise.measure import Case, Row, Settings, peak_memory
from edgewise.measure.benchmarks._comparison import Comparison
from edgewise.measure.benchmarks.libraries import BASELINES, LIBRARIES, Shape

_SINGLE = ((1024, 64, 64), (1024, 256, 256), (512, 512, 512), (4096, 784, 64))
_DOUBLE = ((1000, 2, 5), (1000, 5, 1))
_TINY = (((32, 4, 3), "float32"), ((32, 2, 5), "float64"))
_GRIDS = (5, 20, 100)

#: times the MLP's, in float32 by grid cells, and in float64
_LIMITS = {5: 1.2, 20: 0.9, 100: 0.4}
_DOUBLE_LIMIT = 2.0
#: times edgewise's, in float32 and in float64
_LEADS = {"efficient-kan": (3.0, 3.0), "pykan": (20.0, 5.0), "jaxkan": (1.0, 1.0)}

_LARGE = 32_000_000  # entries of the largest array from which a library's need is estimated first
_SHARE = 0.7  # of the available memory that a library may need


class Layers(Comparison):
    """Forward, and backward to parameters and input, of one layer."""

    name = "layers"
    title = "One layer, forward and backward to parameters and input"
    file = "layers.csv"
    threaded = True

    def cases(self, settings: Settings) -> list[Case]:
        if settings.quick:
            shapes = [Shape(*sizes, 5, dtype) for sizes, dtype in _TINY]
        else:
            pairs = [(sizes, "float32") for sizes in _SINGLE] + [(sizes, "float64") for sizes in _DOUBLE]
            shapes = [Shape(*sizes, grid, dtype) for sizes, dtype in pairs for grid in _GRIDS]
        return [Case(_label(shape), shape._asdict()) for shape in shapes]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        shape = Shape(**case.values)
        reasons = {name: _too_much(name, shape, settings.patience) for name in settings.libraries}
        skipped = {name: reason for name, reason in reasons.items() if reason}
        return self.compare(case, settings, lambda name: LIBRARIES[name].layer(shape), skipped)

    def limit(self, row: Row) -> float | None:
        if _tiny(row):
            return None
        return _DOUBLE_LIMIT if row["dtype"] == "float64" else _LIMITS.get(int(row["grid"]))

    def lead(self, row: Row, library: str) -> float | None:
        return None if _tiny(row) else _LEADS[library][row["dtype"] == "float64"]


def _tiny(row: Row) -> bool:
    """Return whether a row is of a quick run, which has no limits."""
    return any(int(row["batch"]) == sizes[0] for sizes, _ in _TINY)


def _label(shape: Shape) -> str:
    return f"{shape.batch} x {shape.n_in} -> {shape.n_out}, G = {shape.grid}, {shape.dtype}"


def _too_much(name: str, shape: Shape, patience: float) -> str | None:
    """Return why a library is left out: memory or time, extrapolated from an eighth and a sixteenth of the rows."""
    if shape.batch * shape.n_in * max(shape.n_out, shape.grid) < _LARGE:
        return None
    small, large = ((rows, *_need(name, shape._replace(batch=rows))) for rows in (shape.batch // 16, shape.batch // 8))
    rate = max(0.0, (large[1] - small[1]) / (large[0] - small[0]))
    memory, seconds = large[1] + rate * (shape.batch - large[0]), large[2] * shape.batch / large[0]
    free = available()
    if free is not None and memory > _SHARE * free:
        return f"needs {memory / 1e9:.0f} GB"
    if seconds > patience and name in BASELINES:
        return f"takes {seconds:.0f} s"
    return None


def _need(name: str, shape: Shape) -> tuple[int, float]:
    """Return the bytes and seconds of one call."""
    call = LIBRARIES[name].layer(shape).call
    call()
    began = time.perf_counter()
    memory = peak_memory(call)
    return memory, time.perf_counter() - began
