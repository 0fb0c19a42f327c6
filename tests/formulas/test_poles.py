"""Exports at poles, and at infinity, give what the network and the formula give: NaN where they are undefined."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import sympy
import torch

import edgewise as ew

B = sympy.Symbol("b")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
HIDDEN = [
    sympy.exp(-1 / B**2), sympy.atan(1 / B), 1 / (1 + 1 / B), 1 / sympy.log(B), sympy.tanh(1 / B),
    sympy.exp(-1 / sympy.sqrt(B)), sympy.atan(sympy.log(B)), sympy.sqrt(1 / B**2), 3 + sympy.exp(-2 / B),
]  # fmt: skip
OPEN = [1 / B, sympy.log(B), 1 / sympy.tanh(B), 2 + 3 / B**2]


def from_numpy(source: Any, at: float) -> float:
    space: dict[str, Any] = {}
    exec(ew.export.numpy(source, ["b"]), space)  # noqa: S102 (a text that edgewise wrote)
    with np.errstate(all="ignore"):
        return float(space["f"](at))


def from_torch(source: Any, at: float) -> float:
    return ew.export.torch(source, ["b"])(torch.tensor([[at]], dtype=torch.float64)).item()


def from_torch_source(source: Any, at: float) -> float:
    space: dict[str, Any] = {}
    exec(ew.export.torch_source(source, ["b"]), space)  # noqa: S102 (a text that edgewise wrote)
    return space["Formula"]()(torch.tensor([[at]], dtype=torch.float64)).item()


def from_onnx(source: Any, at: float) -> float:
    session = onnxruntime.InferenceSession(ew.export.to_onnx(source, names=["b"], dtype="float64").SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: np.array([[at]])})[0].item()


LANGUAGES = [from_numpy, from_torch, from_torch_source, from_onnx]


def same(found: float, expected: float) -> bool:
    return bool(np.isclose(found, expected, rtol=1e-12, atol=0, equal_nan=True))


@pytest.mark.parametrize("formula", HIDDEN, ids=str)
def test_a_hidden_pole_is_nan_in_every_language(formula: sympy.Expr) -> None:
    network = ew.symbolic.network_of(formula, ["b"])
    assert np.isnan(network(torch.zeros(1, 1, dtype=torch.float64)).item())
    assert np.isnan(ew.expressions.evaluate(formula, ["b"], np.zeros((1, 1)))[0])
    for source in (formula, network):
        for language in LANGUAGES:
            assert np.isnan(language(source, 0.0)), language
            assert same(language(source, 0.5), float(formula.subs(B, 0.5))), language


@pytest.mark.parametrize("formula", OPEN, ids=str)
def test_a_pole_that_shows_is_infinite_as_in_the_network(formula: sympy.Expr) -> None:
    network = ew.symbolic.network_of(formula, ["b"])
    expected = network(torch.zeros(1, 1, dtype=torch.float64)).item()
    assert np.isinf(expected)
    assert all(same(language(source, 0.0), expected) for source in (formula, network) for language in LANGUAGES)


def test_overflow_is_no_pole() -> None:
    formula = 1 / (1 + sympy.exp(-B))
    assert all(same(language(formula, -800.0), 0.0) for language in LANGUAGES)


def test_a_branch_that_is_not_taken_has_no_poles() -> None:
    formula = sympy.Piecewise((sympy.exp(-1 / B**2), sympy.Ne(B, 0)), (0, True))
    assert from_numpy(formula, 0.0) == from_torch(formula, 0.0) == from_onnx(formula, 0.0) == 0
    assert ew.expressions.evaluate(formula, ["b"], np.zeros((1, 1)))[0] == 0


def test_the_formula_of_a_module_is_the_one_that_was_given() -> None:
    assert ew.export.torch(HIDDEN[0], ["b"]).formula() == HIDDEN[0]


MIXED = ew.nn.set_function(ew.nn.set_function(ew.KAN([1, 2, 1]), 0, 0, 0, "1/x"), 1, 0, 0, "tanh")


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("network", [ew.KAN([1, 1]), ew.KAN([1, 3, 1]), ew.KAN([1, 1], basis="rbf"), MIXED])
@pytest.mark.parametrize("at", [np.inf, -np.inf, np.nan, 0.0, 0.3, 7.0])
def test_networks_of_splines_agree_at_infinity_and_at_poles(network: ew.KAN, at: float) -> None:
    expected = network(torch.tensor([[at]], dtype=torch.float64)).item()
    assert same(from_numpy(network, at), expected)
    assert same(from_onnx(network, at), expected)


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_c_gives_what_the_network_gives(tmp_path: Path) -> None:
    networks = [*(ew.symbolic.network_of(f, ["b"]) for f in HIDDEN + OPEN), ew.KAN([1, 1]), MIXED]
    parts = [ew.export.c(network, ["b"], function=f"g{k}") for k, network in enumerate(networks)]
    for k, part in enumerate(parts):
        (tmp_path / f"g{k}.c").write_text(part)
    library = tmp_path / "g.so"
    files = [str(tmp_path / f"g{k}.c") for k in range(len(parts))]
    flags = ["-std=c99", "-Wall", "-Werror", "-pedantic", "-shared", "-fPIC"]
    subprocess.run([COMPILER, *flags, "-o", str(library), *files, "-lm"], check=True)  # type: ignore[list-item]
    loaded = ctypes.CDLL(str(library))
    for k, network in enumerate(networks):
        function = getattr(loaded, f"g{k}")
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double]
        for at in (0.0, 0.5, np.inf) if k >= len(HIDDEN + OPEN) else (0.0, 0.5):
            expected = network(torch.tensor([[at]], dtype=torch.float64)).item()
            assert same(function(at), expected), (k, at)
