"""Exports: whatever the language, the same numbers as the network."""

from __future__ import annotations

import ctypes
import math
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import edgewise as ew
from edgewise import functions

N = 1000
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wmissing-prototypes", "-Werror", "-pedantic", "-O1", "-fPIC", "-shared"]
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler")


# the networks: every function of the library, product nodes, several outputs, nested ones


def inside(name: str) -> tuple[float, float, float, float]:
    """Constants a, b, c, d that take [0, 1] into the domain of a function."""
    lo, hi = functions.get(name).domain
    if math.isfinite(lo) and math.isfinite(hi):
        return (0.8 * (hi - lo), lo + 0.1 * (hi - lo), 1.3, -0.7)
    if math.isfinite(lo):
        return (1.9, lo + 0.3, -1.3, 0.25)
    return (1.7, 0.3, 1 / 3, math.pi / 7)


def every_function() -> ew.KAN:
    """One output for each function, plus the second input."""
    names = functions.names()
    model = ew.KAN([2, len(names)])
    for j, name in enumerate(names):
        model = ew.nn.set_function(model, 0, j, 0, name, inside(name))
        model = ew.nn.set_function(model, 0, j, 1, "x", (0.1, 0.0, 1.0, 0.0))
    return model


def built(widths: list[Any], names: list[str], seed: int = 0) -> ew.KAN:
    """A network whose edges carry the named functions in turn, with constants of all kinds."""
    generator = torch.Generator().manual_seed(seed)
    model = ew.KAN(widths)
    count = 0
    for number, layer in enumerate(model.layers):
        for j in range(layer.n_out):
            for i in range(layer.n_in):
                a, b, c, d = (torch.rand(4, generator=generator, dtype=torch.float64) - 0.4).tolist()
                affine = (a, b, c, d) if count % 3 else (round(3 * a) or 1.0, 0.5, -math.pi / 3, round(c, 2))
                model = ew.nn.set_function(model, number, j, i, names[count % len(names)], affine)
                count += 1
    return model


NETWORKS: dict[str, Callable[[], ew.KAN]] = {
    "every function": every_function,
    "sums": lambda: built([2, 3, 1], ["sin", "x^2", "exp", "tanh", "x", "gaussian"]),
    "products": lambda: built([3, (1, [2, 3]), 2], ["x", "cos", "x^2", "atan", "exp"]),
    "nested": lambda: built([2, 2, (0, 2), 2, 1], ["sin", "x", "tanh", "x^3", "gaussian"], seed=1),
    "arities": lambda: built([2, (2, [5, 2]), (1, [2]), 1], ["x", "sin", "x", "tanh"], seed=2),
    "pieces": lambda: built([2, 2, 1], ["abs", "x", "atan", "x^2"], seed=3),
    "constants": lambda: built([1, 1], ["x^2"], seed=4),
}


@pytest.fixture(scope="module")
def networks() -> dict[str, tuple[ew.KAN, list[str], np.ndarray, np.ndarray]]:
    """Each network with names, rows and what it makes of them."""
    out = {}
    for key, make in NETWORKS.items():
        model = make()
        x = torch.rand(N, model.n_in, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
        names = ["mass", "theta", "x_1"][: model.n_in]
        out[key] = (model, names, x.numpy(), model(x).detach().numpy())
    return out


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest one, relative to the value or, where it is near a root, to the spread of its column."""
    assert found.shape == expected.shape
    assert np.isfinite(expected).all()
    scale = np.maximum(np.abs(expected), 0.1 * expected.std(axis=0))
    return float((np.abs(found - expected) / scale).max())


def run_python(text: str, name: str) -> Any:
    """What a source text defines."""
    space: dict[str, Any] = {}
    exec(compile(text, name, "exec"), space)  # noqa: S102 (a text that edgewise wrote)
    return space[name]


def by_numpy(text: str, x: np.ndarray, name: str = "f") -> np.ndarray:
    out = run_python(text, name)(*x.T)
    return np.stack(out if isinstance(out, tuple) else (out,), axis=1)


def by_c(text: str, x: np.ndarray, n_out: int, folder: Path, name: str = "f") -> np.ndarray:
    assert COMPILER is not None
    source, library = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(text, encoding="utf-8")
    done = subprocess.run([COMPILER, *FLAGS, str(source), "-lm", "-o", str(library)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + text
    call = ctypes.CDLL(str(library))[name]
    double = ctypes.c_double
    call.restype = double if n_out == 1 else None
    call.argtypes = [double] * x.shape[1] + ([ctypes.POINTER(double)] if n_out > 1 else [])
    if n_out == 1:
        return np.array([[call(*row)] for row in x.tolist()])
    out, rows = (double * n_out)(), []
    for row in x.tolist():
        call(*row, out)
        rows.append(list(out))
    return np.array(rows)


def by_excel(text: str, x: np.ndarray, cells: list[str]) -> np.ndarray:
    """One formula evaluated by the `formulas` package, all rows at once."""
    import formulas

    call = formulas.Parser().ast(text)[1].compile()
    assert set(call.inputs) <= set(cells)
    columns = {cell: x[:, [k]] for k, cell in enumerate(cells)}
    if re.search(r"\b(ERF|MAX|MIN)\(", text):  # which the package takes one by one
        rows = [call(*(np.array([[columns[c][r, 0]]]) for c in call.inputs)) for r in range(len(x))]
        return np.array([float(np.asarray(row).item()) for row in rows])
    out = np.asarray(call(*(columns[cell] for cell in call.inputs))).ravel().astype(float)
    return np.broadcast_to(out, len(x))


def by_latex(text: str, names: list[str], x: np.ndarray) -> np.ndarray:
    """Read back by sympy's parser of LaTeX; names are told by how the parser reads them alone."""
    from sympy.parsing.latex import parse_latex

    from edgewise.export._latex import latex_names

    read = text.replace(r"\left|", "|").replace(r"\right|", "|").replace(r"\operatorname{erf}", "erf")
    read = read.replace("erf\\left", "W\\left")  # the parser knows functions of one letter
    expression = parse_latex(read, backend="antlr")
    symbols = [parse_latex(latex_names(names)[name], backend="antlr") for name in names]
    assert expression.free_symbols <= set(symbols), text
    call = sympy.lambdify(symbols, expression, [{"W": np.vectorize(math.erf)}, "numpy"])
    return np.broadcast_to(call(*x.T), len(x))


@pytest.mark.parametrize("key", NETWORKS)
def test_numpy_agrees_with_the_network(key: str, networks) -> None:
    model, names, x, expected = networks[key]
    text = ew.export.numpy(model, names)
    assert difference(by_numpy(text, x), expected) < 1e-12
    assert max(map(len, text.splitlines())) < 140


@needs_compiler
@pytest.mark.parametrize("key", NETWORKS)
def test_c_agrees_with_the_network(key: str, networks, tmp_path: Path) -> None:
    model, names, x, expected = networks[key]
    text = ew.export.c(model, names)
    assert difference(by_c(text, x, model.n_out, tmp_path), expected) < 1e-12


@pytest.mark.parametrize("key", NETWORKS)
def test_torch_agrees_with_the_network(key: str, networks) -> None:
    model, names, x, expected = networks[key]
    rows = torch.from_numpy(x)
    module = ew.export.torch(model, names)
    assert difference(module(rows).detach().numpy(), expected) < 1e-12
    written = run_python(ew.export.torch_source(model, names), "Formula")()
    assert difference(written(rows).detach().numpy(), expected) < 1e-12


@pytest.mark.parametrize("key", NETWORKS)
def test_excel_agrees_with_the_network(key: str, networks) -> None:
    model, names, x, expected = networks[key]
    texts = ew.export.excel(model, names)
    columns = [by_excel(t, x, ["A2", "B2", "C2"]) for t in ([texts] if isinstance(texts, str) else texts)]
    assert difference(np.stack(columns, axis=1), expected) < 1e-9


@pytest.mark.parametrize("key", NETWORKS)
def test_latex_read_back_agrees_with_the_network(key: str, networks) -> None:
    model, names, x, expected = networks[key]
    formula = model.formula(names)
    columns = [
        by_latex(ew.export.latex(f, names), names, x) for f in (formula if isinstance(formula, list) else [formula])
    ]
    assert difference(np.stack(columns, axis=1), expected) < 1e-12


@pytest.mark.parametrize("key", NETWORKS)
def test_sympy_agrees_with_the_network(key: str, networks) -> None:
    model, names, x, expected = networks[key]
    formula = model.formula(names)
    columns = [
        np.broadcast_to(sympy.lambdify(sympy.symbols(names), f, ["scipy", "numpy"])(*x.T), N)
        for f in (formula if isinstance(formula, list) else [formula])
    ]
    assert difference(np.stack(columns, axis=1), expected) < 1e-12
