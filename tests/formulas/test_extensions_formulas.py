"""A function and a language of one's own, defined here and used like those of the package."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.export import Language, Printer, Source, program
from edgewise.formulas.programs import Evolution, Fitter, Program, apply_own, variable
from edgewise.functions import Function

X = 4 * torch.rand(400, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 2


@pytest.fixture(scope="module")
def lorentzian() -> Iterator[Function]:
    """1 / (1 + z^4), which the library does not have."""
    row = Function("lorentzian", lambda z: 1 / (1 + z**4), lambda z: 1 / (1 + z**4), complexity=3)
    library = ew.functions.register.__globals__["_LIBRARY"]
    yield ew.functions.register(row)
    del library[row.name]  # other tests run in this process


def snapped(y: torch.Tensor) -> ew.KAN:
    """Train on three inputs, of which two matter; prune, snap."""
    fitted = ew.fit(ew.KAN([3, 1], grid=5, seed=0), X, y, grids=[10, 20], options=ew.Options(progress=False))
    small = ew.prune(fitted.model, X, y)
    return ew.symbolic.snap(small.model, X, y).model


def test_a_function_from_outside_is_fitted_pruned_snapped_saved_and_exported(lorentzian: Function, tmp_path) -> None:
    y = 2 * lorentzian.torch(X[:, 0]) + X[:, 1] ** 2
    model = snapped(y)
    assert model.layers[0].symbols[0, 0] == lorentzian.name
    assert not model.layers[0].mask[0, 2]
    formula = model.formula(["a", "b", "c"])
    a, b = sympy.symbols("a b")
    assert sympy.simplify(formula - 2 / (1 + a**4) - b**2) == 0
    ew.save(model, tmp_path / "m.safetensors")
    assert ew.load(tmp_path / "m.safetensors").formula(["a", "b", "c"]) == formula
    assert ew.symbolic.parse("lorentzian(a)") == 1 / (1 + a**4)
    space: dict = {}
    exec(compile(ew.export.numpy(model), "exported", "exec"), space)  # noqa: S102 (a text that edgewise wrote)
    np.testing.assert_allclose(space["f"](*X.T.numpy()), y, rtol=1e-12)


@pytest.fixture
def bessel(monkeypatch: pytest.MonkeyPatch) -> Function:
    """The modified Bessel function of order zero, registered for one test."""
    own = {name: ew.functions.get(name) for name in ew.functions.names()}
    monkeypatch.setattr("edgewise.formulas.functions._library._LIBRARY", own)
    row = Function("I0", torch.special.i0, lambda z: sympy.besseli(0, z), complexity=3)
    return ew.functions.register(row)


def bessel_law() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).uniform(0.5, 3, (300, 2))
    return x, np.i0(1.7 * x[:, 0]) * x[:, 1] + x[:, 1] ** 2


def test_discover_finds_a_registered_function_in_a_law_of_two_variables(bessel: Function) -> None:
    x, y = bessel_law()
    found = ew.discover(x, y, ["x", "z"])
    assert found.outcome.name == "EXACT"
    a, z = sympy.symbols("x z")
    assert sympy.expand(sympy.nsimplify(found.best.expression) - z * sympy.besseli(0, 17 * a / 10) - z**2) == 0


@pytest.mark.slow
def test_a_registered_function_can_be_forbidden(bessel: Function) -> None:
    x, y = bessel_law()
    found = ew.discover(x, y, ["x", "z"], functions=["-I0"], effort=3000)
    assert not any(each.expression.has(sympy.besseli) for each in found)
    with pytest.raises(ew.InputError, match="Unknown function 'I1'"):
        ew.discover(x, y, functions=["I1"])


def test_programs_with_a_registered_function_are_evaluated_fitted_and_sent_to_other_processes(bessel: Function) -> None:
    x, y = bessel_law()
    law = sympy.Symbol("z") * sympy.besseli(0, 1.5 * sympy.Symbol("x")) + sympy.Symbol("z") ** 2
    program = Program.from_expression(law, ["x", "z"])
    assert program is not None and program.expression(["x", "z"]).has(sympy.besseli)
    np.testing.assert_allclose(program.predict(x), np.i0(1.5 * x[:, 0]) * x[:, 1] + x[:, 1] ** 2, rtol=1e-10)
    step, constants = 1e-6, program.constants
    for k, column in enumerate(program.jacobian(x).T):
        moved = [program.with_constants(constants + s * step * np.eye(len(constants))[k]).predict(x) for s in (1, -1)]
        np.testing.assert_allclose(column, (moved[0] - moved[1]) / (2 * step), rtol=1e-5, atol=1e-6)
    search = Evolution(x, y, max_complexity=12, seeds=[program])
    again = pickle.loads(pickle.dumps(search))
    assert search.run(640) == again.run(640)
    assert [each.error for each in search.front()] == [each.error for each in again.front()]
    assert min(each.error for each in search.front()) < 1e-12 * np.var(y)
    assert np.isnan(program.predict(np.array([[500.0, 1.0]])))  # beyond the table


def test_fits_to_one_column_know_many_registered_functions(bessel: Function) -> None:
    x = np.linspace(0.1, 2, 50)[:, None]
    fitter = Fitter(x, 1 + 3 * np.tanh(0.7 * x[:, 0]))
    for k in range(3):
        row = ew.functions.register(Function(f"other {k}", torch.tanh, lambda z: sympy.tanh(z)))
        found = fitter.fit(Program.of(apply_own(row.name, variable(0, 0.9))))
        np.testing.assert_allclose(found.program.constants, [0.7, 3.0, 1.0], rtol=1e-4)


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        (Function("own 1", torch.special.i0, lambda z: sympy.besseli(0, z)), 1e-12),
        (Function("own 2", lambda z: torch.sin(z) / torch.sqrt(1 + z * z), lambda z: sympy.sin(z)), 1e-12),
        (Function("own 3", torch.lgamma, sympy.loggamma, (0.0, float("inf"))), 1e-9),
    ],
    ids=["I0", "a wave that dies out", "log gamma"],
)
def test_the_table_of_a_registered_function_is_right(row: Function, limit: float, bessel: Function) -> None:
    ew.functions.register(row)
    x = np.random.default_rng(0).uniform(0.1, 5, (2000, 1))
    values = Program.of(apply_own(row.name, variable(0))).predict(x)
    expected = row.torch(torch.from_numpy(x[:, 0])).numpy()
    assert np.abs(values - expected).max() <= limit * expected.std()


class _JuliaPrinter(Printer):
    language = "Julia"
    functions: ClassVar[Mapping[str, str]] = {name: name for name in ("exp", "log", "sqrt", "sin", "cos", "Abs")}
    constants: ClassVar[Mapping[str, str]] = {"Pi": "pi"}

    def power(self, base: sympy.Expr, exponent: sympy.Expr) -> str:
        return super().power(base, exponent).replace("**", "^")

    def choice(self, condition: str, then: str, other: str) -> str:
        return f"ifelse({condition}, {then}, {other})"

    def sinc(self, argument: sympy.Expr) -> str:
        return self.call("sinc", argument / sympy.pi)


def _julia(source: Source, function: str = "f") -> str:
    source.formulas("a Julia function")
    written = program(source, function, {"end", "function", "pi"})
    printer = _JuliaPrinter()
    lines = [f"    {symbol} = {printer.doprint(value)}" for symbol, value in written.steps]
    lines.append("    return " + ", ".join(map(printer.doprint, written.results)))
    return "\n".join([f"function {function}({', '.join(written.inputs.values())})", *lines, "end"])


JULIA = Language("julia", (".jl",), _julia)


def test_a_language_from_outside_writes_a_trained_pruned_and_snapped_network() -> None:
    model = snapped(torch.exp(X[:, 0]) + X[:, 1] ** 2)
    names = ["mass (kg)", "end", "c"]
    text = ew.export.text(model, JULIA, names, function="energy")
    assert text == "function energy(mass_kg, end_, c)\n    return end_^2 + exp(mass_kg)\nend"
    with pytest.raises(ew.InputError, match="Unknown language 'julia'"):
        ew.export.text(model, "julia", names)
    ew.export.register(JULIA)
    assert ew.export.text(model, "julia", names, function="energy") == text
    assert "julia" in ew.export.languages()
    with pytest.raises(ew.InputError, match="known already"):
        ew.export.register(JULIA)
    with pytest.raises(ew.InputError, match="still splines"):
        ew.export.text(ew.KAN([1, 1]), JULIA)
    with pytest.raises(ew.InputError, match="tanh, which cannot be written in Julia"):
        ew.export.text(sympy.tanh(sympy.Symbol("x")), JULIA)


def test_the_command_knows_a_registered_language(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    from edgewise.cli import main

    ew.export.register(JULIA)
    path = tmp_path / "m.safetensors"
    ew.save(ew.symbolic.network_of("2*sin(t)"), path, names=["t"])
    assert main(["export", str(path), "--to", "julia"]) == 0
    assert "return 2*sin(t)" in capsys.readouterr().out
