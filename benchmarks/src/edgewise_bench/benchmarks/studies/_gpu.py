"""One layer on a CUDA GPU: each route beside an MLP of equal size, and the tiles that suit the card."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import quantiles
from typing import Any

import torch
from torch import Tensor

from edgewise.kernels import BSplineFamily
from edgewise.kernels.bspline import basis
from edgewise.kernels.dense.gpu import Tile, unavailable
from edgewise_bench import Case, Row, Settings
from edgewise_bench.benchmarks.libraries import hidden_width
from edgewise_bench.benchmarks.studies._study import Figure, Study, labeled

DEGREE = 3
CUBIC = BSplineFamily(DEGREE)
SINGLE = [(1024, 64, 64), (1024, 256, 256), (512, 512, 512), (4096, 784, 64)]
DOUBLE = [(1000, 2, 5), (1000, 5, 1)]
GRIDS = (5, 20, 100)
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-4, torch.bfloat16: 3e-2}
TILES = [Tile(*sizes) for sizes in itertools.product((64, 128), (64, 128), (32, 64), (4, 8))]
NARROW = [Tile(32 * warps, outputs, warps=warps) for outputs in (16, 32, 64) for warps in (1, 2, 4)]
Calls = dict[str, Callable[[], Any]]


class GPULayers(Study):
    """Forward, and backward to coefficients and input; every result is compared with plain torch before it is timed.

    Times are on the wall, of many calls in a row with one wait at the end, interleaved.
    """

    name = "gpu"
    title = "One layer on a CUDA GPU, each route and operation"
    file = "gpu.csv"
    columns = ("card", "what", "milliseconds", "lower", "upper", "ratio", "repeats", "status")
    parallel = False
    by = ("rows", "n_in", "n_out", "grid", "dtype", "precision", "what")
    figures = (Figure("ms", "milliseconds"), Figure("over the MLP's", "ratio"))

    def missing(self) -> str:
        return unavailable() or ""

    def grid(self) -> Mapping[str, Iterable[Any]]:
        return {}

    def cases(self, settings: Settings) -> list[Case]:
        single = [("float32", "highest"), ("float32", "high"), ("bfloat16", "highest")]  # without and with TF32
        kinds = [(sizes, *how) for sizes in SINGLE for how in single]
        kinds += [(sizes, "float64", "highest") for sizes in DOUBLE]
        names = ("rows", "n_in", "n_out", "grid", "dtype", "precision")
        found = [
            labeled(dict(zip(names, (*sizes, grid, dtype, precision), strict=True)))
            for grid in GRIDS
            for sizes, dtype, precision in kinds
        ]
        return [] if self.missing() else found[: 1 if settings.quick else None]

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Iterator[Row]:
        for row in self.timed(Layer(*given.values()), settings.repeats):
            yield {"card": torch.cuda.get_device_name(), **row}

    def timed(self, layer: Layer, repeats: int) -> Iterator[Row]:
        return layers(layer, repeats)


class GPUTiles(GPULayers):
    """Each operation with each tile that the card takes, to choose the defaults by; compiles for long."""

    name = "gpu-tiles"
    title = "The operations of a layer on a CUDA GPU with each tile"
    file = "gpu_tiles.csv"
    columns = ("card", "what", "tile", "milliseconds", "lower", "upper", "repeats", "status")
    by = (*GPULayers.by, "tile")
    figures = (Figure("ms", "milliseconds"),)

    def timed(self, layer: Layer, repeats: int) -> Iterator[Row]:
        return tiles(layer, repeats)


class Layer:
    """One shape: points in single precision where products are in bfloat16, as under autocast."""

    def __init__(self, rows: int, n_in: int, n_out: int, grid: int, dtype: str, precision: str):
        torch.set_float32_matmul_precision(precision)
        self.sizes, self.dtype, self.precision = (rows, n_in, n_out, grid), getattr(torch, dtype), precision
        wide = torch.promote_types(self.dtype, torch.float32)
        knots = torch.arange(-DEGREE, grid + DEGREE + 1, dtype=wide, device="cuda") * (2 / grid) - 1
        self.knots = knots.repeat(n_in, 1)
        self.x = 2 * torch.rand(rows, n_in, dtype=wide, device="cuda") - 1
        self.c = torch.randn(n_out, n_in, grid + DEGREE, dtype=self.dtype, device="cuda")
        self.g = torch.randn(rows, n_out, dtype=self.dtype, device="cuda")

    def operations(self, route: str, tile: Tile | None = None) -> Calls:
        """The three calls of a training step."""
        x, c, g, knots = self.x, self.c, self.g, self.knots
        backend: Any = CUBIC.gpu[route]
        count = c.shape[2]
        return {
            "contract": lambda: backend.contract(CUBIC, x, c, None, knots, 0, tile=tile),
            "vjp_inputs": lambda: backend.vjp_inputs(CUBIC, x, c, g, knots, 1, tile=tile),
            "vjp_coefficients": lambda: backend.vjp_coefficients(CUBIC, x, g, None, knots, count, 0, tile=tile),
        }

    def expected(self) -> dict[str, Tensor]:
        """What they should give, by plain torch in double precision."""
        x, c, g, knots = (number.double() for number in (self.x, self.c, self.g, self.knots))
        values = basis(x, knots, DEGREE, 0)
        by_function = (g @ c.flatten(1)).unflatten(1, values.shape[1:])
        return {
            "contract": values.flatten(1) @ c.flatten(1).T,
            "vjp_inputs": (by_function * basis(x, knots, DEGREE, 1)).sum(-1),
            "vjp_coefficients": (g.T @ values.flatten(1)).unflatten(1, values.shape[1:]),
        }

    def mlp(self) -> Callable[[], None]:
        """Forward and backward of Linear, SiLU, Linear with as many parameters."""
        _, n_in, n_out, _ = self.sizes
        hidden = hidden_width(n_in, n_out, self.c.numel())
        layers = torch.nn.Linear(n_in, hidden), torch.nn.SiLU(), torch.nn.Linear(hidden, n_out)
        module = torch.nn.Sequential(*layers).to("cuda", self.dtype)
        x = self.x.to(self.dtype).requires_grad_()
        trained = [x, *module.parameters()]

        def call() -> None:
            torch.autograd.grad(module(x), trained, self.g)

        return call

    def written_out(self) -> Callable[[], None]:
        """The layer by plain torch: the basis written to memory, then matrix products."""
        flat = self.c.flatten(1).T

        def call() -> None:
            values = basis(self.x, self.knots, DEGREE, 0).to(self.dtype).flatten(1)
            _ = values @ flat, values.T @ self.g
            by_function = (self.g @ flat.T).unflatten(1, self.c.shape[1:])
            (by_function * basis(self.x, self.knots, DEGREE, 1)).sum(-1)

        return call

    def check(self, calls: Mapping[str, Callable[[], Tensor]], expected: Mapping[str, Tensor], what: str) -> None:
        loose = 30 if self.precision == "high" and self.dtype == torch.float32 else 1  # TF32 has 10 bits
        for name, call in calls.items():
            error = float((call().double() - expected[name]).abs().max() / expected[name].abs().max())
            if not error < loose * TOLERANCES[self.dtype]:
                raise ArithmeticError(f"{what} {name} of {self.sizes}, {self.dtype} is off by {error:.1e}")


def layers(case: Layer, repeats: int) -> Iterator[Row]:
    """Whole layers, then the operations of each route."""
    expected = case.expected()
    calls: Calls = {"mlp": case.mlp(), "written out": case.written_out()}
    for route in ("dense", "sparse"):
        operations = case.operations(route)
        case.check(operations, expected, route)
        calls[route] = lambda operations=operations: [call() for call in operations.values()]
        calls |= {f"{route} {name}": call for name, call in operations.items()}
    spreads = on_the_wall(calls, repeats)
    for name, (lower, median, upper) in spreads.items():
        ratio = median / spreads["mlp"][1]
        yield {"what": name, "milliseconds": median, "lower": lower, "upper": upper, "ratio": ratio, "repeats": repeats}


def tiles(case: Layer, repeats: int) -> Iterator[Row]:
    """Each operation of each route with each tile that the card takes."""
    expected = case.expected()
    for route, candidates in (("dense", [None, *TILES]), ("sparse", [None, *NARROW])):
        for name in expected:
            calls: Calls = {}
            for tile in candidates:
                call = case.operations(route, tile)[name]
                try:
                    case.check({name: call}, expected, f"{route} {tile}")
                except Exception as error:  # noqa: BLE001 (Triton has an error of its own for tiles that do not fit)
                    yield {"what": f"{route} {name}", "tile": str(tile), "status": type(error).__name__}
                    continue
                calls["default" if tile is None else " ".join(map(str, tile))] = call
            for key, (lower, median, upper) in on_the_wall(calls, repeats).items():
                row = {"what": f"{route} {name}", "tile": key, "milliseconds": median}
                yield {**row, "lower": lower, "upper": upper, "repeats": repeats}


def on_the_wall(calls: Calls, repeats: int) -> dict[str, tuple[float, float, float]]:
    """Quartiles of milliseconds a call; a repeat is of as many calls as take about 20 ms."""
    numbers = {}
    for name, call in calls.items():
        milliseconds(call, 3)
        numbers[name] = max(1, round(20 / milliseconds(call, 3)))
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            found[name].append(milliseconds(call, numbers[name]))
    return {name: tuple(quantiles(values, n=4, method="inclusive")) for name, values in found.items()}  # type: ignore[misc]


def milliseconds(call: Callable[[], Any], number: int) -> float:
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(number):
        call()
    torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - began) / number
