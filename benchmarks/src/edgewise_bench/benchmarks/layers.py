"""One call of every library: a layer, a step, its memory; compiled and exported layers, and inference."""

import shutil
import tempfile
import time
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from edgewise._memory import available
from edgewise.kernels import kept
from edgewise.nn import KAN, KANLayer, frozen
from edgewise_bench import MLP, OURS, Benchmark, Case, Cell, Row, Settings, interleaved, peak_memory
from edgewise_bench.baselines import mlp, parameter_count
from edgewise_bench.benchmarks.libraries import BASELINES, LIBRARIES
from edgewise_bench.benchmarks.library import DOUBLE, GRIDS, SINGLE, Shape, Unit, hidden_width
from edgewise_bench.tables import grouped, number

_SKIPPED = "skipped: "


class Comparison(Benchmark):
    """Every library on the same data, interleaved; ratios are of medians, to the MLP, whose time is 1."""

    columns = ("library", "parameters", "seconds", "lower", "upper", "ratio", "repeats", "status")
    note = "edgewise: times the MLP's; the other libraries: times edgewise's"

    @abstractmethod
    def limit(self, row: Row) -> float | None:
        """Return the limit for edgewise's time over the MLP's."""

    @abstractmethod
    def lead(self, row: Row, library: str) -> float | None:
        """Return the limit for a baseline's time over edgewise's."""

    def compare(
        self, case: Case, settings: Settings, build: Callable[[str], Unit], skipped: Mapping[str, str]
    ) -> list[Row]:  # fmt: skip
        units = {name: build(name) for name in settings.libraries if name not in skipped}
        times = interleaved({name: unit.call for name, unit in units.items()}, settings.repeats, settings.patience)
        base = times[MLP].median if MLP in times else float("nan")
        rows = []
        for name, own in times.items():
            shared = {"library": name, "parameters": units[name].parameters, **own.columns()}
            rows.append(self.row(case, **shared, ratio=own.median / base))
        return rows + [self.row(case, library=name, repeats=0, status=_SKIPPED + why) for name, why in skipped.items()]

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        return [self.row(case, library=name, repeats=0, status=reason) for name in settings.libraries]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        shown = [name for name in BASELINES if any(row["library"] == name for row in rows)]
        head = ["case", "cores", "MLP ms", OURS, "at most", *shown]
        return head, [
            self._line(case, threads, {row["library"]: row for row in own}, shown)
            for (case, threads), own in grouped(rows, "case", "threads").items()
        ]

    def _line(self, case: str, threads: str, group: Mapping[str, Row], shown: Sequence[str]) -> list[Cell]:
        ours, unit = (number(group.get(name), "seconds") for name in (OURS, MLP))
        first = group.get(OURS, {"status": "not measured"})
        limit = self.limit(first) if ours < float("inf") else None
        cells = [Cell(case), Cell(threads), Cell(_short(1e3 * unit) if unit < float("inf") else "")]
        if max(ours, unit) < float("inf"):
            cells += [Cell(_short(ours / unit), None if limit is None else ours / unit <= limit)]
        else:
            cells += [Cell(str(first["status"]))]
        cells.append(Cell("" if limit is None else f"{limit:g}"))
        for name in shown:
            theirs = number(group.get(name), "seconds")
            if max(ours, theirs) < float("inf"):
                least = self.lead(first, name)
                cells.append(Cell(_short(theirs / ours), None if least is None else theirs / ours >= least))
            else:
                cells.append(Cell(str(group[name]["status"]).removeprefix(_SKIPPED) if name in group else ""))
        return cells


def _short(value: float) -> str:
    """Format with three digits, and no power of ten for large numbers."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


_TINY = (((32, 4, 3), "float32"), ((32, 2, 5), "float64"))


class Layers(Comparison):
    """Forward, and backward to parameters and input, of one layer."""

    name = "layers"
    title = "One layer, forward and backward to parameters and input"
    threaded = True

    def cases(self, settings: Settings) -> list[Case]:
        if settings.quick:
            shapes = [Shape(*sizes, 5, dtype) for sizes, dtype in _TINY]
        else:
            pairs = [(sizes, "float32") for sizes in SINGLE] + [(sizes, "float64") for sizes in DOUBLE]
            shapes = [Shape(*sizes, grid, dtype) for sizes, dtype in pairs for grid in GRIDS]
        return [Case(f"{s.batch} x {s.n_in} -> {s.n_out}, G = {s.grid}, {s.dtype}", s._asdict()) for s in shapes]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        shape = Shape(**case.values)
        reasons = {name: _too_much(name, shape, settings.patience) for name in settings.libraries}
        skipped = {name: reason for name, reason in reasons.items() if reason}
        return self.compare(case, settings, lambda name: LIBRARIES[name].layer(shape), skipped)

    def limit(self, row: Row) -> float | None:
        # times the MLP's, in float32 by grid cells, and in float64
        limits = {5: 1.2, 20: 0.9, 100: 0.4}
        double_limit = 2.0
        if _tiny(row):
            return None
        return double_limit if row["dtype"] == "float64" else limits.get(int(row["grid"]))

    def lead(self, row: Row, library: str) -> float | None:
        # times edgewise's, in float32 and in float64
        leads = {"efficient-kan": (3.0, 3.0), "pykan": (20.0, 5.0), "jaxkan": (1.0, 1.0)}
        return None if _tiny(row) else leads[library][row["dtype"] == "float64"]


def _tiny(row: Row) -> bool:
    """Return whether a row is of a quick run, which has no limits."""
    return any(int(row["batch"]) == sizes[0] for sizes, _ in _TINY)


def _too_much(name: str, shape: Shape, patience: float) -> str | None:
    """Return why a library is left out: memory or time, extrapolated from an eighth and a sixteenth of the rows."""
    large_array = 32_000_000  # entries of the largest array from which a library's need is estimated first
    share = 0.7  # of the available memory that a library may need
    if shape.batch * shape.n_in * max(shape.n_out, shape.grid) < large_array:
        return None
    small, large = ((rows, *_need(name, shape._replace(batch=rows))) for rows in (shape.batch // 16, shape.batch // 8))
    rate = max(0.0, (large[1] - small[1]) / (large[0] - small[0]))
    memory, seconds = large[1] + rate * (shape.batch - large[0]), large[2] * shape.batch / large[0]
    free = available()
    if free is not None and memory > share * free:
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


_ROWS, _FEW = 1000, 32


class Steps(Comparison):
    """A full training step with Adam: loss, gradients, update."""

    name = "steps"
    title = "One Adam step of a network on all rows, float64"

    def cases(self, settings: Settings) -> list[Case]:
        rows = _FEW if settings.quick else _ROWS
        return [Case(f"[2, 5, 1], G = 5, {rows} rows", {"network": "[2, 5, 1]", "grid": 5, "rows": rows})]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        x = np.random.default_rng(0).uniform(-1, 1, (case.values["rows"], 2))
        y = np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)
        return self.compare(case, settings, lambda name: LIBRARIES[name].step([2, 5, 1], 5, x, y), {})

    def limit(self, row: Row) -> float | None:
        step_limit = 2.0
        return step_limit if int(row["rows"]) == _ROWS else None

    def lead(self, row: Row, library: str) -> float | None:
        return 1.0 if int(row["rows"]) == _ROWS else None


class Peaks(Benchmark):
    """Peak resident memory of the first step, above the level with data, layer and optimizer made.

    Each library runs in a separate process. Before that level is taken, a step of the same layer on 64 rows loads and
    compiles what a step needs. The step is forward, backward to parameters and input, and Adam: what it allocates,
    gradients and Adam's moments included, counts.
    """

    name = "memory"
    title = "Peak memory of one training step of a layer, above data and layer"
    columns = ("parameters", "bytes", "status")
    fresh_process = True
    shape: ClassVar[Shape] = Shape(4096, 784, 64, 20, "float32")
    tiny: ClassVar[Shape] = Shape(128, 8, 4, 5, "float32")

    def cases(self, settings: Settings) -> list[Case]:
        shape = self.tiny if settings.quick else self.shape
        return [Case(name, {**shape._asdict(), "library": name}) for name in settings.libraries]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        warm = 64  # rows of the steps that warm up
        name, shape = case.values["library"], Shape(*(case.values[field] for field in Shape._fields))
        library = LIBRARIES[name]
        for _ in range(2):
            library.layer(shape._replace(batch=min(warm, shape.batch)), adam=True).call()
        unit = library.layer(shape, adam=True)
        return [self.row(case, parameters=unit.parameters, bytes=peak_memory(unit.call))]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        memory_limit = 1.5
        found = {row["library"]: float(row["bytes"]) for row in rows if row["bytes"] not in ("", None)}
        lines = []
        for row in rows:
            name = row["library"]
            cells = [Cell(name), Cell(f"{found[name] / 1e6:.4g}" if name in found else str(row["status"]))]
            ratio = found[name] / found["mlp"] if name in found and found.get("mlp") else None
            limited = name == "edgewise" and int(row["batch"]) == self.shape.batch
            cells.append(
                Cell("" if ratio is None else f"{ratio:.3g}", ratio <= memory_limit if limited and ratio else None)
            )
            lines.append([*cells, Cell(f"{memory_limit:g}" if limited else "")])
        return ["library", "MB", "times the MLP's", "at most"], lines


#: what is timed -> what it is compared with, and the limit of the ratio, if there is one
_CALL_LIMITS: dict[str, tuple[str, float | None]] = {
    "compiled, forward and backward": ("eager, forward and backward", 1.1),
    "compiled, forward": ("eager, forward", 1.1),
    "exported with kernels, forward": ("eager, forward", 1.25),
    "AOTInductor with kernels, forward": ("eager, forward", 1.1),
    "exported, forward": ("eager, forward", None),
    "AOTInductor, forward": ("eager, forward", None),
    "edgewise": (MLP, 1.5),
    "frozen": (MLP, 1.1),
}


class Calls(Benchmark):
    """Layers with G = 5 in float32, and a network of float64; all calls of a case are interleaved."""

    name = "calls"
    title = "Compiled and exported layers, and inference of 1 and 8 rows"
    columns = ("what", "seconds", "lower", "upper", "repeats", "status")

    def cases(self, settings: Settings) -> list[Case]:
        few_rows = (1, 8)
        network = [2, 5, 1]
        shapes = SINGLE[:1] if settings.quick else SINGLE
        few = [
            Case(f"inference, {rows} x {n_in} -> {n_out}", {"rows": rows, "widths": f"{n_in} {n_out}"})
            for _, n_in, n_out in shapes for rows in few_rows
        ]  # fmt: skip
        few += [
            Case(f"inference, {rows} rows, {network}", {"rows": rows, "widths": " ".join(map(str, network))})
            for rows in few_rows
        ]
        if settings.quick or shutil.which("c++") is None:  # Inductor compiles with it
            return few
        return [
            Case(f"{how}, {rows} x {n_in} -> {n_out}", {"rows": rows, "widths": f"{n_in} {n_out}"})
            for how in ("compiled", "exported") for rows, n_in, n_out in shapes
        ] + few  # fmt: skip

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        widths, rows = list(map(int, case.values["widths"].split())), case.values["rows"]
        calls = {"compiled": _compiled, "exported": _exported}.get(case.label.split(",")[0], _few)(rows, widths)
        times = interleaved(calls, settings.repeats, settings.patience)
        return [self.row(case, what=what, **own.columns()) for what, own in times.items()]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        lines = []
        for (case,), own in grouped(rows, "case").items():
            seconds = {row["what"]: number(row, "seconds") for row in own}
            for what, (base, most) in _CALL_LIMITS.items():
                if max(seconds.get(what, float("inf")), seconds.get(base, float("inf"))) < float("inf"):
                    ratio = seconds[what] / seconds[base]
                    cells = [Cell(case), Cell(f"{what}, over {base}"), Cell(f"{1e6 * seconds[base]:.3g}")]
                    shown = "" if most is None else f"{most:g}"
                    lines.append([*cells, Cell(f"{ratio:.3g}", most is None or ratio <= most), Cell(shown)])
        return ["case", "what", "over, in microseconds", "ratio", "at most"], lines


def _layer(rows: int, widths: list[int]) -> tuple[KANLayer, torch.Tensor]:
    layer = KANLayer(*widths, dtype=torch.float32, generator=torch.Generator().manual_seed(0))
    return layer, 2 * torch.rand(rows, widths[0], generator=torch.Generator().manual_seed(1)) - 1


def _exported(rows: int, widths: list[int]) -> dict[str, Callable[[], Any]]:
    layer, x = _layer(rows, widths)
    shapes = ({0: torch.export.Dim("rows")},)
    programs = {"": torch.export.export(layer, (x,), dynamic_shapes=shapes)}
    with kept():
        programs[" with kernels"] = torch.export.export(layer, (x,), dynamic_shapes=shapes)
    calls = {"eager, forward": _inference(layer, x)}
    for name, program in programs.items():
        calls[f"exported{name}, forward"] = _inference(program.module(), x)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's compiler
        for number, (name, program) in enumerate(programs.items()):
            path = torch._inductor.aoti_compile_and_package(program, package_path=f"{folder}/{number}.pt2")
            calls[f"AOTInductor{name}, forward"] = _inference(torch._inductor.aoti_load_package(path), x)
    return calls


def _compiled(rows: int, widths: list[int]) -> dict[str, Callable[[], Any]]:
    layer, x = _layer(rows, widths)
    x.requires_grad_()
    upstream, trained = torch.ones(rows, widths[1]), [x, *layer.parameters()]

    def step(module: Callable[..., torch.Tensor]) -> Callable[[], None]:
        def call() -> None:
            for tensor in trained:
                tensor.grad = None
            module(x).backward(upstream)

        return call

    both = {"eager": layer, "compiled": torch.compile(layer, fullgraph=True)}
    steps = {f"{name}, forward and backward": step(module) for name, module in both.items()}
    return {**steps, **{f"{name}, forward": _inference(module, x.detach()) for name, module in both.items()}}


def _few(rows: int, widths: list[int]) -> dict[str, Callable[[], Any]]:
    dtype = torch.float32 if len(widths) == 2 else torch.float64
    module = KANLayer(*widths, dtype=dtype) if len(widths) == 2 else KAN(widths, dtype=dtype)
    hidden = hidden_width(widths[0], widths[-1], parameter_count(module))
    x = 2 * torch.rand(rows, widths[0], dtype=dtype, generator=torch.Generator().manual_seed(1)) - 1
    modules = {MLP: mlp([widths[0], hidden, widths[-1]], dtype), "edgewise": module, "frozen": frozen(module)}
    return {name: _inference(one, x) for name, one in modules.items()}


def _inference(module: Callable[..., torch.Tensor], x: torch.Tensor) -> Callable[[], torch.Tensor]:
    def call() -> torch.Tensor:
        with torch.no_grad():
            return module(x)

    return call
