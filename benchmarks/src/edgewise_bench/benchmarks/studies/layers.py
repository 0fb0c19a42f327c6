"""Layers compared with ordinary ones: convolutions on digits, and one layer on a CUDA GPU by each of its routes."""

from __future__ import annotations

import itertools
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.kernels import BSplineFamily
from edgewise.kernels.bspline import basis
from edgewise.kernels.dense.gpu import Tile, unavailable
from edgewise.nn import KANConv2d, RationalConv2d
from edgewise_bench import Case, Cell, Row, Settings, clock
from edgewise_bench.baselines import adamw_milliseconds, parameter_count
from edgewise_bench.benchmarks.library import DEGREE, DOUBLE, GRIDS, SINGLE, hidden_width
from edgewise_bench.benchmarks.studies.study import Figure, Study, labeled
from edgewise_bench.tables import known

FIRST, EPOCHS, BATCH, RATE = 10, 20, 64, 1e-2
ORDINARY = "Conv2d"
RATIO, CLOSE = 1.5, 1e-4  # limits: time of a step over that of Conv2d, difference of the outputs in onnxruntime
Data = tuple[Tensor, Tensor, Tensor, Tensor]  # images and classes to train on, and to measure on


class Convolutions(Study):
    """Three networks with about as many parameters, each two convolutions and a linear map, trained alike.

    70 % of the 1797 digits of scikit-learn (8 x 8 pixels): `Conv2d` with SiLU after it, `KANConv2d` and
    `RationalConv2d` without. The seed drives split, first values and batches. Grids, domains and first values of the
    splines were chosen on seeds from 0 to 9 and from 100 to 107, by accuracy on rows not trained on; those measured
    here are 10 and up. A step's time is that of this process, in turns with `Conv2d`'s.
    """

    name = "convolutions"
    title = "Convolutions of functions on digits: accuracy on rows not trained on"
    columns = ("parameters", "accuracy", "seconds", "onnx", "milliseconds", "ratio", "status")
    by = ("network",)
    figures = (
        Figure("parameters", "parameters"), Figure("accuracy", "accuracy", fmean), Figure("least", "accuracy", min),
        Figure("step, ms", "milliseconds"),
        Figure("over Conv2d's", "ratio", most=lambda row: RATIO if row["network"] == "KANConv2d" else np.inf),
        Figure("onnxruntime off", "onnx", max, most=CLOSE),
    )  # fmt: skip
    note = "limit: KANConv2d's mean accuracy is not below that of Conv2d"
    first = FIRST
    seeds = 5
    grid: ClassVar = {"network": lambda: NETWORKS}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head, lines = super().table(rows)
        means = {name: fmean(known([row for row in rows if row["network"] == name], "accuracy") or [np.nan])
                 for name in ("KANConv2d", ORDINARY)}  # fmt: skip
        for line in lines:
            if line[0].text == "KANConv2d" and not np.isnan(means[ORDINARY]):
                place = head.index("accuracy")
                line[place] = line[place]._replace(passed=means["KANConv2d"] >= means[ORDINARY])
        return head, lines

    def missing(self) -> str:
        absent = [name for name in ("sklearn", "onnxruntime") if find_spec(name) is None]
        return f"{' and '.join(absent)} not installed here" if absent else ""

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        seconds = steps((given["network"], ORDINARY), 2 if settings.quick else 60)
        own = seconds[given["network"]]
        found = trained(given["network"], given["seed"], 1 if settings.quick else EPOCHS)
        return {**found, "milliseconds": 1000 * own, "ratio": own / seconds[ORDINARY]}


def network(convs: tuple[nn.Module, nn.Module], between: Callable[[], nn.Module]) -> nn.Module:
    """Two blocks of convolution, batch normalization, activation and pooling, then a linear map to ten classes."""
    first, second = convs
    c, d = (int(conv.out_channels) for conv in convs)  # type: ignore[arg-type]
    blocks = [first, nn.BatchNorm2d(c), between(), nn.MaxPool2d(2), second, nn.BatchNorm2d(d), between()]
    return nn.Sequential(*blocks, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * d, 10))


def ordinary() -> nn.Module:
    return network((nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.Conv2d(32, 64, 3, padding=1, bias=False)), nn.SiLU)


def splines() -> nn.Module:
    kind: dict[str, Any] = {"padding": 1, "grid": 1, "degree": 2, "base": None, "init": "noise"}
    first = KANConv2d(1, 24, 3, domain=(0.0, 1.0), **kind)  # where pixels lie
    return network((first, KANConv2d(24, 30, 3, domain=(-2.0, 2.0), **kind)), nn.Identity)


def rational() -> nn.Module:
    kind: dict[str, Any] = {"padding": 1, "bias": False}
    first = RationalConv2d(1, 32, 3, init="identity", **kind)
    return network((first, RationalConv2d(32, 64, 3, init="silu", **kind)), nn.Identity)


NETWORKS = {ORDINARY: ordinary, "KANConv2d": splines, "RationalConv2d": rational}


def digits(seed: int) -> Data:
    """Images with pixels from 0 to 1; the seed chooses 30 % of the rows to measure on."""
    from sklearn.datasets import load_digits

    values, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(values))
    cut = round(0.7 * len(order))
    x = torch.from_numpy(values[order]).float().reshape(-1, 1, 8, 8) / 16
    y = torch.from_numpy(classes[order]).long()
    return x[:cut], y[:cut], x[cut:], y[cut:]


def exported(model: nn.Module, x: Tensor) -> Tensor:
    """What onnxruntime makes of a model."""
    from onnxruntime import InferenceSession

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls this exporter old; the other needs onnxscript
        file = Path(folder) / "model.onnx"
        torch.onnx.export(model, (x[:2],), file, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "rows"}})
        return torch.from_numpy(InferenceSession(file).run(None, {"x": x.numpy()})[0])


def trained(name: str, seed: int, epochs: int) -> Row:
    """Train a network by AdamW with a rate that rises and falls, and return its row."""
    torch.manual_seed(seed)
    model, (x, y, fresh_x, fresh_y) = NETWORKS[name](), digits(seed)
    solver = torch.optim.AdamW(model.parameters(), lr=RATE)
    batches = -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(solver, RATE, total_steps=epochs * batches)
    with clock() as spent:
        for _ in range(epochs):
            for index in torch.randperm(len(x)).split(BATCH):
                solver.zero_grad()
                nn.functional.cross_entropy(model(x[index]), y[index]).backward()
                solver.step()
                schedule.step()
    model.eval()
    with torch.no_grad():
        outputs = model(fresh_x)
    accuracy = float((outputs.argmax(1) == fresh_y).double().mean())
    return {
        "parameters": parameter_count(model), "accuracy": accuracy,
        "seconds": spent.process, "onnx": float((exported(model, fresh_x) - outputs).abs().max()),
    }  # fmt: skip


def steps(names: Iterable[str], rounds: int) -> dict[str, float]:
    """Return median seconds of this process in a step of each network on one batch, in turns."""
    x, y, *_ = (part[:BATCH] for part in digits(0))
    models = {}
    for name in names:
        torch.manual_seed(0)
        models[name] = NETWORKS[name]()
    spent = adamw_milliseconds(models, lambda model: nn.functional.cross_entropy(model(x), y), rounds)
    return {name: 1e-3 * own for name, own in spent.items()}


CUBIC = BSplineFamily(DEGREE)
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
    columns = ("card", "what", "milliseconds", "lower", "upper", "ratio", "repeats", "status")
    parallel = False
    by = ("rows", "n_in", "n_out", "grid", "dtype", "precision", "what")
    figures = (Figure("ms", "milliseconds"), Figure("over the MLP's", "ratio"))

    def missing(self) -> str:
        return unavailable() or ""

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
    for name, (lower, middle, upper) in spreads.items():
        ratio = middle / spreads["mlp"][1]
        yield {"what": name, "milliseconds": middle, "lower": lower, "upper": upper, "ratio": ratio, "repeats": repeats}


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
            for key, (lower, middle, upper) in on_the_wall(calls, repeats).items():
                row = {"what": f"{route} {name}", "tile": key, "milliseconds": middle}
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
