"""What calling costs: compiled and exported layers compared with eager ones, and a few rows compared with an MLP."""

import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch

from edgewise.kernels import kept
from edgewise.nn import KAN, KANLayer, frozen
from edgewise_bench import MLP, Benchmark, Case, Cell, Row, Settings, interleaved
from edgewise_bench.baselines import mlp, parameter_count
from edgewise_bench.benchmarks.libraries import hidden_width
from edgewise_bench.tables import grouped, number

_SHAPES = ((1024, 64, 64), (1024, 256, 256), (512, 512, 512), (4096, 784, 64))
_ROWS = (1, 8)

#: what is timed -> what it is compared with, and the limit of the ratio, if there is one
_LIMITS: dict[str, tuple[str, float | None]] = {
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
    file = "calls.csv"
    columns = ("what", "seconds", "lower", "upper", "repeats", "status")

    def cases(self, settings: Settings) -> list[Case]:
        network = [2, 5, 1]
        shapes = _SHAPES[:1] if settings.quick else _SHAPES
        few = [
            Case(f"inference, {rows} x {n_in} -> {n_out}", {"rows": rows, "widths": f"{n_in} {n_out}"})
            for _, n_in, n_out in shapes for rows in _ROWS
        ]  # fmt: skip
        few += [
            Case(f"inference, {rows} rows, {network}", {"rows": rows, "widths": " ".join(map(str, network))})
            for rows in _ROWS
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
            for what, (base, most) in _LIMITS.items():
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
