"""Export to ONNX: the same numbers as the network in onnxruntime, in both precisions."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import edgewise as ew
from edgewise import functions
from edgewise.bases import BASES, HIGHEST_DEGREE, Basis
from edgewise.cli import main
from edgewise.export import OnnxGraph, onnx_formulas, onnx_function, onnx_network, to_onnx

TOLERANCES = {"float32": 1e-6, "float64": 1e-12}  # of the outputs' size


def run(model: Any, inputs: np.ndarray | dict[str, np.ndarray]) -> np.ndarray:
    """The outputs of an ONNX model in onnxruntime."""
    given = inputs if isinstance(inputs, dict) else {"x": inputs}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, given)[0]


def assert_agrees(network: ew.KAN, x: np.ndarray, **options: Any) -> None:
    """Both precisions give what the network does for the same numbers, and are undefined where it is.

    A network is known no closer than its sums are rounded: functions that are nearly dependent have large coefficients.
    """
    rounding = 1e-15 * sum(float(layer.weights().detach().abs().sum((1, 2)).max()) for layer in network.layers)
    for dtype, tolerance in TOLERANCES.items():
        inputs = x.astype(dtype)
        found = run(to_onnx(network, dtype=dtype, **options), inputs)
        with torch.no_grad():
            expected = network(torch.from_numpy(inputs.astype(float))).numpy()
        assert found.dtype == dtype and found.shape == expected.shape
        assert (np.isnan(found) == np.isnan(expected)).all()
        assert np.nanmax(np.abs(found - expected)) <= tolerance * np.nanmax(np.abs(expected)) + rounding, dtype


def rows(width: int, n: int = 300, seed: int = 0) -> np.ndarray:
    """Points in the range, on its ends and knots, beyond it, and one that is no number."""
    generator = np.random.default_rng(seed)
    x = generator.uniform(-1.4, 1.4, (n, width))
    x[:40] = generator.choice([-1, -0.6, -0.2, 0.0, 0.2, 0.6, 1], (40, width))
    x[40:45] *= 100
    x[45, 0] = math.nan
    return x


def drawn(network: ew.KAN, seed: int = 0) -> ew.KAN:
    """The network with other coefficients and base weights."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in network.layers:
            for weights in (layer.coefficients, layer.base_weight):
                noise = torch.randn(weights.shape, generator=generator, dtype=weights.dtype)
                weights.add_(noise / (2 * layer.n_in**0.5))
    return network


class Cosines(Basis):
    """cos(k u), k = 0 .. G, with u from 0 to pi on the range: a basis that a user brings."""

    name, max_grid = "cosines", 20

    def count(self, grid: int) -> int:
        return grid + 1

    def grid(self, count: int) -> int:
        return count - 1

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        k = torch.arange(count, dtype=lo.dtype)
        factor = (torch.pi / (hi - lo)).unsqueeze(-1) * k
        angle = ((x - lo) / (hi - lo)).unsqueeze(-1) * (torch.pi * k)
        return torch.cos(angle + order * torch.pi / 2) * factor**order


# networks


@pytest.mark.parametrize("base", [None, "silu", "identity"])
@pytest.mark.parametrize("basis", [*BASES, Cosines()], ids=str)
def test_every_basis_and_base_function(basis: Any, base: Any) -> None:
    assert_agrees(drawn(ew.KAN([2, 3, 2], basis=basis, base=base)), rows(2))


@pytest.mark.parametrize("degree", range(1, HIGHEST_DEGREE + 1))
@pytest.mark.parametrize("width", [3, 40])
def test_every_degree_in_narrow_and_wide_layers(degree: int, width: int) -> None:
    assert_agrees(drawn(ew.KAN([2, width, 1], degree=degree, grid=6)), rows(2))


@pytest.mark.parametrize(("grid", "width"), [(1, 2), (1, 9), (2, 12), (33, 2), (200, 2), (40, 60)])
def test_few_and_many_cells(grid: int, width: int) -> None:
    assert_agrees(drawn(ew.KAN([2, width], grid=grid)), rows(2))


def test_uneven_knots_and_ranges_that_differ_by_input() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3)) ** 3 * [1.0, 50.0, 1e-3] + [0.0, 1000.0, 0.0]
    network = ew.nn.adapt_grid(drawn(ew.KAN([3, 2, 1], grid=9)), torch.from_numpy(x), quantiles=0.9)
    assert not torch.allclose(network.layers[0].knots.diff(dim=1)[0, :1], network.layers[0].knots.diff(dim=1)[0])
    assert_agrees(network, x)


def test_product_nodes_masks_and_inputs_that_do_nothing() -> None:
    network = drawn(ew.KAN([3, (2, [2, 3]), (0, 2), 2], base="silu"))
    assert_agrees(network, rows(3))
    removed = [(0, j, 1) for j in range(7)] + [(1, 0, 0), (2, 0, 0), (2, 0, 1)]
    sparse = ew.nn.remove_edges(network, removed)
    x = rows(3)[46:]
    assert_agrees(sparse, x)
    assert np.isfinite(run(to_onnx(sparse), np.array([[0.1, math.nan, 0.2]], dtype=np.float32))).all()


def constants_of(name: str) -> tuple[float, float, float, float]:
    """Constants a, b, c, d that take [0, 1] into the domain of a function."""
    lo, hi = functions.get(name).domain
    if math.isfinite(lo) and math.isfinite(hi):
        return (0.8 * (hi - lo), lo + 0.1 * (hi - lo), 1.3, -0.7)
    if math.isfinite(lo):
        return (1.9, lo + 0.3, -1.3, 0.25)
    return (1.7, 0.3, 1 / 3, math.pi / 7)


@pytest.mark.parametrize("name", [*functions.names(), "x^0.7", "x^7", "x^-5"])
def test_every_function_of_the_library(name: str) -> None:
    network = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, name, constants_of(name))
    x = np.append(np.random.default_rng(0).uniform(0, 1, 500), [0.0, 1.0, math.nan])
    assert_agrees(network, x[:, None])


@pytest.mark.parametrize("name", ["softplus", "logistic", "tanh", "erf", "erfc", "asinh", "atan", "sinc", "1/cosh"])
def test_functions_far_from_zero_and_close_to_it(name: str) -> None:
    network = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, name)
    x = np.concatenate([10.0 ** np.arange(-12, 13), [0.0], np.linspace(0, 20, 100)])
    assert_agrees(network, np.concatenate([x, -x])[:, None])


def test_small_values_keep_their_digits_in_doubles() -> None:
    """Relative to each value, not to the largest."""
    z = sympy.Symbol("z")
    x = np.concatenate([10.0 ** np.linspace(-9, 0.5, 200), [5.0, 12.0]])[:, None]
    formulas = [sympy.erfc(z), sympy.log(1 + z), sympy.sinh(z), sympy.asinh(z), sympy.atan(z), sympy.atanh(z / 100)]
    found = run(to_onnx(formulas, dtype="float64"), x)
    exact = np.array([[float(sympy.N(f.subs(z, sympy.Float(v, 60)), 40)) for f in formulas] for v in x[:, 0]])
    assert np.abs(found / exact - 1).max() < 1e-13


def test_spline_and_symbolic_edges_in_one_layer() -> None:
    network = drawn(ew.KAN([3, 3, 1], base="silu"))
    network = ew.nn.set_function(network, 0, 0, 1, "sin", (1.5, 0.2, 0.7, -0.1))
    network = ew.nn.set_function(network, 0, 2, 1, "exp", (0.5, 0.2, 0.7, -0.1))
    network = ew.nn.set_function(network, 0, 2, 0, "sin", (0.5, 0.2, 0.7, 0.3))
    network = ew.nn.set_function(ew.nn.remove_edges(network, [(0, 1, 1), (1, 0, 0)]), 1, 0, 2, "x^2")
    assert_agrees(network, rows(3)[46:])


def test_a_pole_spoils_the_outputs_that_it_leads_to_alone() -> None:
    network = ew.nn.set_function(ew.KAN([1, 2]), 0, 0, 0, "1/x")
    network = ew.nn.set_function(network, 0, 1, 0, "exp")
    assert run(to_onnx(network), np.zeros((1, 1), dtype=np.float32)).tolist() == [[math.inf, 1.0]]


@settings(deadline=None, max_examples=15, derandomize=True)
@given(st.data())
def test_random_networks(data: st.DataObject) -> None:
    node = st.one_of(
        st.integers(1, 5), st.tuples(st.integers(0, 3), st.lists(st.integers(2, 3), min_size=1, max_size=2))
    )
    widths = [data.draw(st.integers(1, 4)), *data.draw(st.lists(node, min_size=1, max_size=2))]
    options = {"basis": data.draw(st.sampled_from(list(BASES))), "grid": data.draw(st.integers(1, 9))}
    network = drawn(
        ew.KAN(widths, base=data.draw(st.sampled_from([None, "silu"])), **options), data.draw(st.integers(0, 9))
    )
    edges = [(n, j, i) for n, la in enumerate(network.layers) for j in range(la.n_out) for i in range(la.n_in)]
    removed = data.draw(st.lists(st.sampled_from(edges), max_size=4, unique=True))
    kept = [edge for edge in edges if edge not in removed]
    for edge in data.draw(st.lists(st.sampled_from(kept), max_size=3, unique=True)) if kept else ():
        name = data.draw(st.sampled_from(["sin", "cos", "tanh", "x^2", "gaussian"]))
        network = ew.nn.set_function(network, *edge, name, (0.7, 0.1, 0.5, 0.2))
    x = rows(network.n_in, 60)
    assert_agrees(ew.nn.remove_edges(network, removed) if removed else network, x[np.abs(x).max(1) < 2])


# formulas

A, B, C = sympy.symbols("a b c")
FORMULAS: dict[str, sympy.Expr] = {
    "sums, products and powers": 3 * A**2 / B - A**-3 * sympy.Abs(C) ** sympy.Rational(2, 3) + sympy.sqrt(B**2 + 1),
    "an exponent that varies": (1 + A**2) ** B,
    "log(1 + x)": sympy.log(1 + A**2 / 1000) + sympy.log(1 + sympy.exp(40 * B)),
    "pieces": sympy.Piecewise((A, A < 0), (sympy.sin(B), B > 1), (2, sympy.Ne(C, 1)), (3, True)),
    "largest and smallest": sympy.Max(A, B, C) + sympy.Min(A, 2),
    "angles": sympy.atan2(A, B) + sympy.acos(C / 4) + sympy.acot(A),
    "hyperbolic ones": sympy.acosh(2 + A**2) + sympy.sech(B) + sympy.coth(C) + sympy.asinh(A * 10**9),
    "steps": sympy.floor(A) + sympy.ceiling(B) + sympy.sign(C) + sympy.Heaviside(A) * B,
    "a constant": sympy.pi * sympy.E,
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name: str) -> None:
    x = np.random.default_rng(0).uniform(-3, 3, (400, 3))
    x[:4] = [[1, 0, 1], [0, 1, 1], [-1, 0.0, 2], [-2, -1, 1]]
    reference = ew.export.torch(FORMULAS[name], ["a", "b", "c"])
    for dtype, tolerance in TOLERANCES.items():
        inputs = x.astype(dtype)
        expected = reference(torch.from_numpy(inputs.astype(float))).detach().numpy()
        found = run(to_onnx(FORMULAS[name], names=["a", "b", "c"], dtype=dtype), inputs)
        with np.errstate(invalid="ignore"):
            near = np.abs(found - expected) <= tolerance * np.maximum(np.abs(expected), 1)
        assert (near | (found == expected) | (np.isnan(found) & np.isnan(expected))).all()


def test_several_formulas_their_names_and_those_without_inputs() -> None:
    model = to_onnx([A * B, sympy.Integer(3), B], names=["b", "a"], target=["area", "three", "width"])
    assert run(model, np.array([[2, 5], [3, 7]], dtype=np.float32)).tolist() == [[10, 3, 2], [21, 3, 3]]
    described = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert described == {"inputs": ["b", "a"], "outputs": ["area", "three", "width"]}
    assert run(to_onnx(sympy.Integer(3)), np.zeros((2, 0), dtype=np.float32)).tolist() == [[3], [3]]


# the file


def test_only_standard_operators_for_any_number_of_rows() -> None:
    model = to_onnx(drawn(ew.KAN([2, (1, 2), 30, 1], base="silu")))
    assert {node.domain for node in model.graph.node} == {""} and not model.functions
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    for n in (0, 1, 7):
        assert run(model, np.ones((n, 2), dtype=np.float32)).shape == (n, 1)


def test_the_file_loads_without_edgewise(tmp_path: Path) -> None:
    network = drawn(ew.KAN([2, 3, 1]))
    network_file, place = tmp_path / "model.safetensors", tmp_path / "model.onnx"
    ew.save(network, network_file, names=["mass", "speed"], target="energy")
    written = to_onnx(ew.io.load_with_metadata(network_file), place, dtype="float64")
    assert place.read_bytes() == written.SerializeToString(deterministic=True)
    code = (
        "import sys, json, numpy as np, onnxruntime\n"
        "session = onnxruntime.InferenceSession(sys.argv[1])\n"
        "found = session.run(['y'], {'x': np.array([[0.1, 0.2]])})[0].item()\n"
        "assert 'edgewise' not in sys.modules\n"
        "print(json.dumps([found, session.get_modelmeta().custom_metadata_map]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(place)], capture_output=True, text=True, check=True)
    value, metadata = json.loads(done.stdout)
    assert value == pytest.approx(network(torch.tensor([[0.1, 0.2]], dtype=torch.float64)).item(), abs=1e-13)
    assert metadata == {"inputs": '["mass", "speed"]', "outputs": '["energy"]'}


def test_the_command_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, place = tmp_path / "m.safetensors", tmp_path / "m.onnx"
    ew.save(ew.KAN([2, 1]), model)
    assert main(["export", str(model), "--to", "onnx", "--out", str(place)]) == 0
    onnx.checker.check_model(onnx.load(place), full_check=True)
    assert main(["export", str(model), "--to", "onnx"]) == 2
    assert "--out model.onnx" in capsys.readouterr().err


# what writes itself


class Estimator:
    """A category, a number that may be missing, a network, a link, and classes."""

    def __init__(self, network: ew.KAN) -> None:
        self.network = network

    def onnx(self, graph: OnnxGraph, inputs: Sequence[str] | None) -> None:
        number, city = inputs or ("number", "city")
        x, text = graph.input(number), graph.input(city, kind="text")
        filled = np.array([0.5]) * graph.where(graph.node("IsNaN", x), 0.5, 2 * x)
        codes = graph.cast(text.equal(np.array(["Bonn", "Köln"])))
        y = onnx_network(self.network, graph.concat([filled, codes]))
        y = y + onnx_formulas([sympy.Symbol("u") ** 2], ["u"], filled)
        chance = onnx_function("sigmoid", y)
        classes = graph.constant(np.array(["no", "yes"]))
        graph.output("class", graph.node("Gather", classes, graph.cast(graph.sum(chance, 1) > 0.5, int)), kind="text")
        graph.output("chances", graph.concat([1 - chance, chance]), width=2)


def test_an_object_writes_itself() -> None:
    network = drawn(ew.KAN([3, 2, 1]))
    model = to_onnx(Estimator(network), names=["size", "town"], dtype="float64")
    assert model.opset_import[0].version == 19
    session = onnxruntime.InferenceSession(model.SerializeToString())
    towns = np.array([["Köln"], ["Ulm"]], dtype=object)
    found, chances = session.run(None, {"size": np.array([[0.5], [math.nan]]), "town": towns})
    x = torch.tensor([[0.5, 0, 1], [0.25, 0, 0]], dtype=torch.float64)
    expected = torch.sigmoid(network(x)[:, 0] + x[:, 0] ** 2).detach().numpy()
    assert (
        np.allclose(chances[:, 1], expected, rtol=1e-13)
        and found.tolist() == np.where(expected > 0.5, "yes", "no").tolist()
    )


# errors


def test_a_function_of_your_own_is_written_by_its_formula_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    rows_then = {name: functions.get(name) for name in functions.names()}
    monkeypatch.setattr(
        "edgewise.formulas.functions._library._LIBRARY", rows_then
    )  # a copy, so that both are gone afterwards
    functions.register(functions.Function("softsign", torch.nn.functional.softsign, lambda z: z / (1 + sympy.Abs(z))))
    functions.register(functions.Function("log gamma", torch.lgamma, sympy.loggamma, (0.0, math.inf)))
    network = drawn(ew.KAN([2, 1]))
    assert_agrees(ew.nn.set_function(network, 0, 0, 0, "softsign"), rows(2))
    with pytest.raises(ew.InputError, match=r"'log gamma' of an edge cannot be exported.*loggamma"):
        to_onnx(ew.nn.set_function(network, 0, 0, 0, "log gamma"))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "dtype": (lambda: to_onnx(A, dtype="float16"), "Unknown 'dtype' 'float16'. Known: float64, float32"),  # type: ignore[arg-type]
    "source": (lambda: to_onnx("a network"), "Exports take a network"),
    "torch": (lambda: to_onnx(torch.nn.Linear(2, 1)), "torch.onnx.export"),
    "names": (lambda: to_onnx(ew.KAN([2, 1]), names=["a"]), "'names' must be 2 different texts"),
    "function": (lambda: to_onnx(sympy.gamma(A)), "uses gamma, which cannot be written in ONNX"),
    "large": (lambda: to_onnx(A * sympy.Float("1e300")), "1e.300 is too large for float32. Use dtype='float64'"),
    "small": (lambda: to_onnx(A * sympy.Float("1e-300")), "1e-300, too small for float32. Use dtype='float64'"),
    "pieces": (lambda: to_onnx(sympy.Piecewise((A, A > 0))), "end its last piece with True"),
    "place": (lambda: to_onnx(A, "nowhere/model.onnx"), "no folder nowhere"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_is_refused(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(ew.InputError, match=message):
        call()


def test_names_of_inputs_and_outputs_differ() -> None:
    graph = OnnxGraph()
    x = graph.input("x")
    for declare in (lambda: graph.input("x"), lambda: graph.output("x", x)):
        with pytest.raises(ew.InputError, match="named 'x'"):
            declare()
    with pytest.raises(ew.InputError, match="do not begin with '/'"):
        graph.input("/v0")
    with pytest.raises(ew.InputError, match="Unknown kind of values 'date'"):
        graph.input("day", kind="date")  # type: ignore[arg-type]


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ew.InputError, match=r"pip install 'edgewise\[onnx\]'"):
        to_onnx(ew.KAN([2, 1]))
