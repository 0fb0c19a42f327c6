"""Exports: names, numbers, traps of each language, what is said, and what is refused."""

from __future__ import annotations

import math
import pickle
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.discovery import Candidate
from edgewise.export import identifiers, latex_names

X, Y = sympy.symbols("x y")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
HOSTILE = [
    "lambda", "if", "mass (kg)", "θ", "größe", 'a"""b', "*/ int main(){}", "back\\slash", "new\nline", "??/", "np", "f",
    "exp", "double", "2nd", "质量", "e", "out", "const", "inputs", "self", "π", "\u202e", " ", "mass_kg", "x", "t1",
    "NAN",
]  # fmt: skip


def python(text: str, name: str = "f") -> Any:
    space: dict[str, Any] = {}
    exec(compile(text, "exported", "exec"), space)  # noqa: S102 (a text that edgewise wrote)
    return space[name]


def compiles(text: str, tmp_path: Path) -> None:
    if COMPILER is None:
        return
    path = tmp_path / "f.c"
    path.write_text(text, encoding="utf-8")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c", "-o", str(tmp_path / "f.o")]
    done = subprocess.run([COMPILER, *flags, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + text


# names


def test_hostile_names_are_names_in_every_language(tmp_path) -> None:
    symbols = [sympy.Symbol(name) for name in HOSTILE]
    terms = [(k + 1) * sympy.sin(s) for k, s in enumerate(symbols)]
    formula = sympy.Add(*terms) + symbols[0] ** 2
    units = dict.fromkeys(HOSTILE[:3], "m")
    x = np.random.default_rng(0).uniform(0, 1, (4, len(HOSTILE)))
    expected = np.sin(x) @ np.arange(1, len(HOSTILE) + 1) + x[:, 0] ** 2
    text = ew.export.numpy(formula, HOSTILE, units=units, target='y"""*/')
    np.testing.assert_allclose(python(text)(*x.T), expected)
    rows = torch.from_numpy(x)
    np.testing.assert_allclose(ew.export.torch(formula, HOSTILE)(rows)[:, 0].detach(), expected)
    np.testing.assert_allclose(
        python(ew.export.torch_source(formula, HOSTILE), "Formula")()(rows)[:, 0].detach(), expected
    )
    source = ew.export.c(formula, HOSTILE, units=units, target="*/ x ??/ /*")
    assert re.fullmatch(r"[^\n]*", source.split("(void)")[0].split("double f(")[1].split(";")[0])
    compiles(source, tmp_path)
    assert all(text.isascii() for text in identifiers(HOSTILE).values())
    assert len(set(latex_names(HOSTILE).values())) == len(HOSTILE)
    formula_text = ew.export.excel(formula, HOSTILE)
    assert isinstance(formula_text, str)
    assert "SIN(AB2)" in formula_text


_HEADERS = """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdarg stdbool stddef stdint
    stdio stdlib string time wchar wctype
"""


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_names_of_macros_are_no_parameters(tmp_path) -> None:
    """Every macro of the headers of C99 as the name of a column, in a file that includes them all."""
    includes = "".join(f"#include <{header}.h>\n" for header in _HEADERS.split())
    command = [COMPILER, "-std=c99", "-E", "-dM", "-"]
    listed = subprocess.run(command, input=includes, capture_output=True, text=True, check=True).stdout
    macros = sorted(set(re.findall(r"^#define ([A-Za-z]\w*) ", listed, re.MULTILINE)))
    assert {"FP_NAN", "INFINITY", "NAN", "I", "EOF", "errno", "EDOM", "DBL_MAX"} <= set(macros)
    names = [
        *macros,
        "linux",
        "unix",
        "assert",
        "M_PI",
        "NULL",
        "typeof",
        "nullptr",
        "BOOL",
        "EX",
        "mass",
        "gamma",
        "R2",
    ]
    names = list(dict.fromkeys(names))
    text = ew.export.c(sympy.Add(*map(sympy.Symbol, names)), names)
    compiles(includes + text, tmp_path)
    assert "double mass, double gamma, double R2)" in text


@pytest.mark.parametrize("function", ["gamma", "y1", "abs", "printf", "FP_NAN", "sinf", "isnan", "errno", "I"])
def test_a_function_of_c_is_not_called_like_one_of_its_library(function: str) -> None:
    with pytest.raises(ew.InputError, match="'function' must be a free name"):
        ew.export.c(X, function=function)


@pytest.mark.parametrize("function", ["sum", "zip", "np", "float", "enumerate"])
def test_a_function_of_python_is_not_called_like_one_that_it_calls(function: str) -> None:
    with pytest.raises(ew.InputError, match="'function' must be a free name"):
        ew.export.numpy(X, function=function)


def test_the_docstring_tells_the_real_names() -> None:
    function = python(
        ew.export.numpy(X + sympy.Symbol("mass (kg)"), ["x", "mass (kg)"], units={"x": "m/s"}, target="E")
    )
    lines = function.__doc__.splitlines()
    assert lines[0] == "E = mass (kg) + x"
    assert [line.split() for line in lines[2:5]] == [["x", "[m/s]"], ["mass_kg", "mass", "(kg)"], ["returns", "E"]]


def test_a_saved_model_brings_its_names_and_units(tmp_path) -> None:
    model = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "log", (2.0, 0.0, 1.0, 0.0))
    ew.save(model, tmp_path / "m", names=["time"], target="size", units={"time": "s"})
    text = ew.export.c(ew.io.load_with_metadata(tmp_path / "m"), function="size_of")
    assert "double size_of(double time);" in text
    assert "time  [s]" in text
    assert "defined where time > 0" in text


@pytest.mark.parametrize("way", ["numpy", "c", "torch", "torch_source", "latex", "excel"])
def test_a_candidate_of_a_discovery_brings_its_names(way: str) -> None:
    candidate = Candidate(X**2 * sympy.log(Y), ("spare", "y", "x"), 0.0, 6)
    export = getattr(ew.export, way)
    assert str(export(candidate)) == str(export(candidate.sympy(), ["spare", "y", "x"]))
    assert str(export(candidate, ["x", "y"])) == str(export(candidate.sympy(), ["x", "y"]))
    other = Candidate(X + sympy.Symbol("z"), ("x", "z"), 0.0, 3)
    assert str(export([candidate, other])) == str(export([candidate.sympy(), other.sympy()], ["spare", "y", "x", "z"]))


def test_names_default_to_the_symbols_in_their_natural_order() -> None:
    ten, two = sympy.symbols("x10 x2")
    assert "def f(x2, x10):" in ew.export.numpy(ten - two)
    assert "def f(x1, x2):" in ew.export.numpy(ew.nn.set_function(
        ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "x"), 0, 0, 1, "x"))  # fmt: skip


# numbers


NUMBERS = [0.1, 1 / 3, 1e-300, 1.7976931348623157e308, 5e-324, 123456789.123456789, -2.5e-17, 6.02214076e23, math.pi]


@pytest.mark.parametrize("value", NUMBERS)
def test_doubles_come_back_to_the_last_bit(value: float) -> None:
    formula = sympy.Float(value, 17) + 0 * X
    assert python(ew.export.numpy(formula, ["x"]))(0.0) == value
    assert ew.export.torch(formula, ["x"])(torch.zeros(1)).item() == value
    c = re.search(r"return (\S+);", ew.export.c(formula, ["x"]))
    assert c is not None
    assert float(c[1]) == value
    mantissa, _, exponent = ew.export.latex(formula, ["x"]).partition(r" \cdot 10^")
    assert float(mantissa.replace("- ", "-") + ("e" + exponent.strip("{}") if exponent else "")) == value


def test_c_divides_no_integers_and_multiplies_small_powers(tmp_path) -> None:
    text = ew.export.c(
        [X / 2, sympy.Rational(1, 2) * sympy.Rational(1, 3) + X, X**3, (X + 1) ** 2, X**20, X**-2, 10**20 * X]
    )
    assert not re.search(r"(?<![\w.+])\d+(?![\w.\]])", re.sub(r"out\[\d\]", "", text.split("{")[1]))
    for piece in ("x/2.0", "1.0/6.0", "x*x*x", "pow(x, 20.0)", "1.0/(x*x)", "1e+20*x"):
        assert piece in text, text
    assert "pow(x, 3" not in text
    compiles(text, tmp_path)


def test_whole_numbers_and_lists_are_taken_by_numpy() -> None:
    function = python(ew.export.numpy([1 / X**2, sympy.Integer(3), X * Y]))
    inverse, three, product = function([1, 2, 4], 2)
    assert inverse.tolist() == [1.0, 0.25, 0.0625]
    assert three.tolist() == [3, 3, 3]
    assert product.tolist() == [2.0, 4.0, 8.0]
    assert python(ew.export.numpy(X**2))(3) == 9.0


def test_undefined_is_nan_everywhere() -> None:
    formula = X ** sympy.Rational(1, 3) + X ** sympy.Rational(2, 3)  # the real cube root would be another function
    with np.errstate(invalid="ignore"):
        assert np.isnan(python(ew.export.numpy(formula))(-8.0))
    assert torch.isnan(ew.export.torch(formula)(torch.tensor([-8.0]))).all()
    assert "cbrt" not in ew.export.c(formula)


# PyTorch


def test_constants_are_trained_and_read_back() -> None:
    module = ew.export.torch(3 * sympy.sin(2 * X) + 1 + X**2 * sympy.pi / 4, trainable=True)
    module(torch.ones(5, 1)).sum().backward()
    gradient = module.constants.grad
    assert gradient is not None
    assert gradient.shape == (3,)
    assert (gradient != 0).all()
    with torch.no_grad():
        module.constants[int((module.constants == 2).nonzero())] = 2.125
    assert module.formula() == 3 * sympy.sin(sympy.Rational(17, 8) * X) + 1 + X**2 * sympy.pi / 4
    untouched = ew.export.torch(3 * sympy.sin(2 * X))
    assert untouched.formula() == 3 * sympy.sin(2 * X)
    assert not any(p.requires_grad for p in untouched.parameters())


def test_the_module_is_a_module_like_any_other(tmp_path) -> None:
    module = ew.export.torch([X * Y, sympy.Max(X, Y, 1), sympy.Piecewise((X, X > Y), (2, True))], ["x", "y"])
    x = torch.rand(3, 5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert module(x).shape == (3, 5, 3)
    assert torch.equal(pickle.loads(pickle.dumps(module))(x), module(x))
    torch.save(module.state_dict(), tmp_path / "s")
    again = ew.export.torch([X * Y, sympy.Max(X, Y, 1), sympy.Piecewise((X, X > Y), (2, True))], ["x", "y"])
    again.load_state_dict(torch.load(tmp_path / "s", weights_only=True))
    assert torch.equal(again(x), module(x))
    assert module.float()(x.float()).dtype == torch.float32
    jacobian = torch.func.vmap(torch.func.jacrev(module))(x[0].float())
    assert jacobian.shape == (5, 3, 2)
    with pytest.raises(ew.InputError, match=r"shape \(\.\.\., 2\)"):
        module(torch.zeros(4, 3))


# domains


DOMAINS = {
    sympy.log(X): ["x > 0"],
    sympy.sqrt(1 + X**2) + sympy.log(1 + sympy.exp(X)): [],
    1 / (X - Y): ["x - y != 0"],
    X ** sympy.Rational(-1, 2): ["x > 0"],
    X ** sympy.Rational(2, 3): ["x >= 0"],
    sympy.acos(X / 2) + sympy.atanh(Y): ["x <= 2", "x >= -2", "y < 1", "y > -1"],
    sympy.acosh(X): ["x >= 1"],
    sympy.tan(X): ["cos(x) != 0"],
    X**2 + sympy.sin(X): [],
}


@pytest.mark.parametrize("formula", DOMAINS, ids=str)
def test_where_a_formula_is_defined_is_said(formula: Any) -> None:
    text = ew.export.numpy(formula, ["x", "y"])
    expected = " and ".join(DOMAINS[formula])
    assert (f"defined where {expected}\n" in text) if expected else ("defined where" not in text)


# what is refused


WAYS = ["numpy", "c", "torch", "torch_source", "latex", "excel"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("source", "names", "words"),
    [
        ("x + 1", None, "Got str"),
        (None, None, "Got NoneType"),
        (True, None, "Got bool"),
        ([], None, "nothing to export"),
        ([X, "y"], None, "Got str"),
        (X + Y, ["x"], "'y', which is not among the inputs"),
        (X, ["x", "x"], "different texts"),
        (X, "x", "different texts"),
        (X, ["x", ""], "different texts"),
        (X, ["x", 3], "different texts"),
        (X, 3, "different texts"),
        (X + sympy.I, None, "not a real"),
        (X * sympy.nan, None, "not a real"),
        (X + sympy.oo, None, "not a real"),
        (float("nan"), None, "not a real"),
        (X + sympy.sqrt(-2), None, "not a real"),
        (sympy.Integral(sympy.exp(-(X**2)), X), None, "cannot be exported"),
        (sympy.besselj(0, X), None, "besselj"),
        (sympy.Function("g")(X), None, "cannot be exported"),
        (sympy.Piecewise((X, X > 0)), None, "end its last piece"),
        (sympy.Float("1e400", 20) * X, None, "too large"),
        (sympy.Float("1e-400", 20) * X, None, "too small"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_formula_is_refused_in_one_line(way: str, source: Any, names: Any, words: str) -> None:
    if way == "latex" and isinstance(source, sympy.besselj | sympy.Piecewise):
        return  # which mathematics can write
    with pytest.raises(ew.InputError, match=words) as caught:
        getattr(ew.export, way)(source, names)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("function", ["", "2f", "a b", "lambda", "double", "f()", "größe", 3, "_f"])
def test_a_function_needs_a_name(function: Any) -> None:
    with pytest.raises(ew.InputError, match="'function'"):
        ew.export.c(X, function=function)


@pytest.mark.parametrize("target", [3, ["a", "b"], "", []])
def test_targets_match_the_outputs(target: Any) -> None:
    with pytest.raises(ew.InputError, match="'target' must be 1"):
        ew.export.numpy(X, target=target)


@pytest.mark.parametrize("units", ["kg", {"z": "kg"}, {"x": 3}, {"x": "a\nb"}])
def test_units_match_the_names(units: Any) -> None:
    with pytest.raises(ew.InputError, match="unit"):
        ew.export.numpy(X, units=units)


def test_exports_are_quiet(quiet, empty_folder) -> None:
    for way in WAYS:
        getattr(ew.export, way)(X**2 / Y)


# the command


@pytest.mark.parametrize(
    ("language", "ending", "words"),
    [
        ("c", ".c", "double f(double a, double b);"),
        ("numpy", ".py", "def f(a, b):"),
        ("torch", ".py", "class Formula(torch.nn.Module):"),
        ("excel", ".txt", "=2*A2 + B2^2"),
        ("latex", ".tex", "y = 2 a + b^{2}"),
    ],
)
def test_the_command_writes_what_the_function_gives(language, ending, words, tmp_path, capsys) -> None:
    from edgewise.cli import main

    model = ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "x", (2.0, 0.0, 1.0, 0.0))
    ew.save(ew.nn.set_function(model, 0, 0, 1, "x^2"), tmp_path / "m", names=["a", "b"], target="y")
    assert main(["export", str(tmp_path / "m"), "--to", language]) == 0
    printed = capsys.readouterr().out
    assert words in printed.splitlines()
    assert printed.endswith("\n")
    path = tmp_path / f"out{ending}"
    assert main(["export", str(tmp_path / "m"), "--to", language, "--output", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == printed
