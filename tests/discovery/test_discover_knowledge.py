"""What a person knows: every formula but the constant is as it has to be, and the search makes use of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import edgewise as ew
from edgewise.cli import main
from edgewise.discovery import Discovery, Outcome
from edgewise.discovery.knowledge import Knowledge, Sketch, Template, dimensionless_groups, monomial_of
from edgewise.expressions import FitData, complexity, parse

QUICK: dict[str, Any] = {"effort": 64, "time_limit": 300.0}
A, B, T = sympy.symbols("a b t")


def table(n: int = 60, columns: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 3, (n, columns))


def formulas(found: Discovery) -> list[sympy.Expr]:
    """The formulas that say something of the inputs: the best and the front, the constant left out."""
    return [c.expression for c in (*found, found.best) if c.expression.free_symbols]


def know(names: str = "abt", target: str = "y", **known: Any) -> Knowledge:
    return Knowledge.of(known, tuple(names), target)  # type: ignore[arg-type]


# ---- functions, columns, length


@pytest.mark.parametrize("functions", [["exp", "log"], ["-sin", "-cos", "-tanh"]])
def test_only_allowed_functions_occur(functions: list[str]) -> None:
    x = table()
    y = np.sin(2 * x[:, 0]) * x[:, 1]
    found = ew.discover(x, y, ["a", "b"], functions=functions, max_complexity=9, **QUICK)
    assert formulas(found) and not any(f.has(sympy.sin, sympy.cos, sympy.tanh) for f in formulas(found))
    assert any("functions" in stage for stage in found.stages)


@pytest.mark.parametrize(
    ("functions", "text", "admitted"),
    [
        (["exp"], "a*exp(-t) + a^2 + b^5", True),
        (["exp"], "sqrt(a)", False),
        (["sqrt"], "sqrt(a) + 1/sqrt(b)", True),
        (["sqrt"], "a^(1/3)", False),
        (["power"], "abs(a)^0.7 + sqrt(b)", True),
        (["exp"], "abs(a)", False),
        (["-square"], "a^2", False),
        (["-square"], "a^3 + tan(b)", True),
        (["exp"], "2^t", False),
        (["exp"], "sqrt(2)*t", True),
        (["abs", "asin"], "abs(a) + asin(b)", True),
    ],
)
def test_functions_of_a_formula(functions: list[str], text: str, admitted: bool) -> None:
    assert know(functions=functions).admits(parse(text, ["a", "b", "t"])) is admitted


def test_forbidden_columns_never_appear_and_predictions_still_take_all() -> None:
    x = table(columns=3)
    y = 2 * x[:, 0] + x[:, 2]
    found = ew.discover(x, y, ["a", "b", "c"], forbid="a", max_complexity=9, **QUICK)
    assert found.names == ("a", "b", "c") and not any(f.has(A) for f in formulas(found))
    assert found.predict(x).shape == (len(x),) and found.equations.best.sum() == 1
    assert found.constants() is not None and found.best in list(found)


def test_required_columns_occur_in_all_but_the_constant() -> None:
    x = table()
    y = 2 * x[:, 0] + 0.3 * np.random.default_rng(1).standard_normal(len(x))
    found = ew.discover(x, y, ["a", "b"], require=["b"], max_complexity=9, **QUICK)
    assert formulas(found) and all(f.has(B) for f in formulas(found)) and found.best.expression.has(B)
    assert found[0].expression.is_number


def test_no_formula_is_longer_than_asked() -> None:
    x = table(40)
    y = np.exp(-x[:, 0]) * x[:, 1] + np.sqrt(x[:, 1]) + 0.2 * np.random.default_rng(1).standard_normal(len(x))
    found = ew.discover(x, y, max_complexity=7, **QUICK)
    assert formulas(found) and all(complexity(f) <= 7 for f in formulas(found))


def test_an_exact_law_that_is_not_as_asked_does_not_end_the_search() -> None:
    x = table()
    found = ew.discover(x, x[:, 0] * x[:, 1], ["a", "b"], max_complexity=2, **QUICK)
    assert found.outcome is Outcome.APPROXIMATE and all(complexity(f) <= 2 for f in formulas(found))


def test_without_a_formula_as_asked_the_constant_is_given_and_says_so() -> None:
    x = table()
    found = ew.discover(x, x[:, 0] * x[:, 1], ["a", "b"], require=["a", "b"], max_complexity=2, **QUICK)
    assert found.best.expression.is_number and len(found) == 1 and found.outcome is Outcome.APPROXIMATE
    assert "the constant is given" in found.stages[-1]


# ---- units

PENDULUM = {"L": "m", "g": "m/s^2", "angle": "", "mass": "kg", "T": "s"}


@pytest.mark.slow
def test_dimensionless_groups_reduce_the_table() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.uniform(*ends, 60) for ends in ((0.2, 2), (1.6, 25), (0.1, 1.2), (0.1, 3))])
    period = 2 * np.pi * np.sqrt(x[:, 0] / x[:, 1]) * (1 + x[:, 2] ** 2 / 16) * (1 + 0.01 * rng.standard_normal(60))
    known = {"units": PENDULUM, "constants": "dimensionless"}
    found = ew.discover(x, period, list(PENDULUM)[:4], target="T", max_complexity=12, **known, **QUICK)
    assert found.best.r2 > 0.99 and not found.best.expression.has(sympy.Symbol("mass"))
    knowledge = Knowledge.of(known, tuple(PENDULUM)[:4], "T")  # type: ignore[arg-type]
    assert all(knowledge.admits(f) for f in formulas(found))
    assert any("sqrt(L)/sqrt(g) is a function of angle" in stage for stage in found.stages)


def test_a_constant_with_a_unit_stays_a_measured_number() -> None:
    x = table(columns=1)
    spring = ew.discover(x, 2 * x[:, 0], ["x"], target="F", units={"x": "m", "F": "N"}, **QUICK)
    assert spring.outcome is Outcome.EXACT and spring.best.expression.has(sympy.Float)
    energy = ew.discover(table(), 0.5 * table()[:, 0] * table()[:, 1] ** 2, ["a", "b"], target="E",
                         units={"a": "kg", "b": "m/s", "E": "J"}, constants="dimensionless", **QUICK)  # fmt: skip
    assert energy.best.expression == A * B**2 / 2


_UNITS = st.dictionaries(st.sampled_from(["m", "s", "kg"]), st.integers(-2, 2), max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.lists(_UNITS, min_size=1, max_size=4), _UNITS)
def test_groups_have_no_dimension_and_the_scale_has_that_of_the_target(
    columns: list[dict[str, int]], target: dict[str, int]
) -> None:
    names = tuple("abcd"[: len(columns)])
    units = know(names=names, units=dict(zip(names, columns, strict=True)) | {"y": target}).units  # type: ignore[arg-type]
    assert units is not None
    matrix = sympy.Matrix([[unit.get(base, 0) for unit in columns] for base in ("m", "s", "kg")])
    for groups in dimensionless_groups(units):
        assert units.problem(monomial_of(groups.scale)) is None
        assert len(groups.products) == len(columns) - matrix.rank()
        for powers in groups.products:
            rows = [[powers.get(name, Fraction(0)) for name in names]]
            assert not any(matrix * sympy.Matrix(rows).T)


# ---- guesses


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 20), st.floats(0.05, 4), st.sampled_from([1, -1]))
def test_constants_of_a_guess_are_found(scale: float, rate: float, sign: int) -> None:
    t = np.linspace(0, 3, 60)
    y = scale * np.exp(-sign * rate * t) + 1
    best = Sketch.of("A*exp(-k*t) + c", ["t"]).fitted(FitData.of(["t"], t[:, None], y))[0]
    assert best.error < 1e-6


def test_a_guess_of_constants_over_many_decades_is_the_law() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.uniform(0.5, 50, 100) * 1e13, rng.uniform(1000, 6000, 100)])
    y = 1.4745e-50 * x[:, 0] ** 3 / np.expm1(4.799e-11 * x[:, 0] / x[:, 1])
    found = ew.discover(x, y, ["nu", "T"], guesses=["A*nu^3/(exp(k*nu/T) - 1)"], **QUICK)
    assert found.outcome is Outcome.EXACT and any("guess" in stage for stage in found.stages)


def test_numbers_of_a_guess_are_where_it_starts() -> None:
    x = table(columns=1)
    y = 3.5 * np.exp(-0.7 * x[:, 0]) + 0.01 * np.random.default_rng(1).standard_normal(len(x))
    found = ew.discover(x, y, ["t"], guesses=[2 * sympy.exp(-T / 2)], max_complexity=9, **QUICK)
    assert any(isinstance(f, sympy.Mul) and f.has(sympy.exp) for f in formulas(found)) and found.best.r2 > 0.99


# ---- templates


def test_a_linear_template_is_solved_for_its_part() -> None:
    x = table()
    y = x[:, 0] * np.log(x[:, 1]) + np.exp(-x[:, 1])
    found = ew.discover(x, y, ["a", "b"], template="a*? + exp(-b)", **QUICK)
    assert found.outcome is Outcome.EXACT
    assert sympy.simplify(found.best.expression - A * sympy.log(B) - sympy.exp(-B)) == 0
    assert all((f - sympy.exp(-B)).has(A) and f.has(sympy.exp(-B)) for f in formulas(found))


def test_a_function_around_the_part_is_undone() -> None:
    x = table()
    y = np.exp(-x[:, 0] / x[:, 1]) + x[:, 1]
    found = ew.discover(x, y, ["a", "b"], template="exp(-?) + b", **QUICK)
    assert found.outcome is Outcome.EXACT
    assert all((f - B).has(sympy.exp) or (f - B).is_positive for f in formulas(found))


def test_constants_and_several_parts_are_found_in_turn() -> None:
    t = np.linspace(0, 6, 40)
    y = 3 * np.exp(-0.3 * t) * np.cos(4 * t + 0.5)
    y += 0.02 * np.random.default_rng(0).standard_normal(len(t))
    found = ew.discover(t[:, None], y, ["t"], template="A*exp(-?)*cos(?)", max_complexity=14, **QUICK)
    assert found.best.r2 > 0.995 and found.best.expression.has(sympy.cos) and found.best.expression.has(sympy.exp)
    assert all(isinstance(f, sympy.Mul | sympy.cos | sympy.exp) for f in formulas(found))


def test_template_reads_backquotes_and_solves() -> None:
    template = Template.of("`really?`^2*sqrt(?)", ["really?"])
    assert len(template.parts) == 1 and not template.linear()
    x, part = table(columns=1), np.linspace(1, 2, 60)
    values, slopes = template.solved(["really?"], x, x[:, 0] ** 2 * np.sqrt(part)) or (part, part)
    assert np.allclose(values, part) and np.allclose(slopes, x[:, 0] ** 2 / (2 * np.sqrt(part)))


# ---- constants, directions, limits


@pytest.mark.parametrize(
    ("known", "text", "reason"),
    [
        ({"constants": "positive"}, "2.3*exp(1.7*t)", None),
        ({"constants": "positive"}, "2.3*exp(-1.7*t)", "constants"),
        ({"constants": (0, 2)}, "2.3*a", "constants"),
        ({"constants": (0, 2)}, "3*a", None),
        ({"monotone": {"t": 1}}, "a*t^3", None),
        ({"monotone": {"t": "+"}}, "a - t", "monotone"),
        ({"monotone": {"t": -1}}, "1/(t + 1)", None),
        ({"monotone": {"t": -1}}, "1/(t - 1.2)", "monotone"),
        ({"monotone": {"t": -1}}, "a*b", None),
        ({"limits": {"t -> inf": 0}}, "a*exp(-t)/b", None),
        ({"limits": {"t -> inf": 0}}, "1/log(t + 2)", None),
        ({"limits": {"t -> inf": 0}}, "sin(t)/t", None),
        ({"limits": {"t -> inf": 0}}, "sin(t)", "limits"),
        ({"limits": {"t -> inf": 0}}, "t", "limits"),
        ({"limits": {"t -> inf": 0}}, "exp(exp(t))", "limits"),
        ({"limits": {"t -> inf": 0}}, "sqrt(a - t)", "limits"),
        ({"limits": {"t -> inf": "inf"}}, "log(t)", None),
        ({"limits": {"t -> inf": "inf"}}, "tanh(t)", "limits"),
        ({"limits": {"t -> inf": "-inf"}}, "-t^2/a", None),
        ({"limits": {"t -> inf": 1}}, "t^2/(t^2 + a)", None),
        ({"limits": {"t -> 0": 0, "b -> 0": 0}}, "t*b/a", None),
        ({"limits": {"t -> 0": 1}}, "sin(t)/t", None),
        ({"limits": {"t -> 0": "inf"}}, "1/t", None),
        ({"limits": {"t → -inf": 0}}, "exp(t)", None),
        ({"units": {"a": "kg", "b": "m", "t": "s"}}, "a + b", "units"),
        ({"units": {"a": "kg", "b": "m", "t": "s"}}, "exp(-1.37*t)", None),
        ({"units": {"a": "kg", "b": "m", "t": "s", "y": "N"}}, "a*b/t^2", None),
        ({"units": {"a": "kg", "b": "m", "t": "1", "y": "N"}}, "a*b/t^2", "units"),
    ],
)
def test_what_a_formula_is_at_odds_with(known: dict[str, Any], text: str, reason: str | None) -> None:
    formula = parse(text, ["a", "b", "t"])
    measured = {number: sympy.Float(number) for number in formula.atoms(sympy.Rational) if number.q > 2}
    assert know(**known).objection(formula.xreplace(measured), table(columns=3), 10.0) == reason


@settings(max_examples=40, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3))
def test_directions_agree_with_derivatives_of_polynomials(a: float, b: float, c: float) -> None:
    formula = sympy.Float(a) * T + sympy.Float(b) * T**2 + sympy.Float(c) * T**3
    x = np.linspace(0.5, 3, 60)[:, None]
    slopes = a + 2 * b * x + 3 * c * x**2
    assume(np.abs(slopes.min()) > 0.05 and formula.has(T))
    assert know(names="t", monotone={"t": 1}).admits(formula, x) is bool(slopes.min() > 0)


def test_formulas_rise_and_level_off_as_asked() -> None:
    t = np.linspace(0.1, 4, 50)
    y = 2 * np.tanh(t) + 0.1 * np.random.default_rng(0).standard_normal(50)
    found = ew.discover(t[:, None], y, ["t"], monotone={"t": 1}, limits={"t -> 0": 0}, max_complexity=9, **QUICK)
    knowledge = know(names="t", monotone={"t": 1}, limits={"t -> 0": 0})
    assert formulas(found) and all(knowledge.admits(f, t[:, None], float(np.ptp(y))) for f in formulas(found))


@pytest.mark.slow
def test_a_known_limit_takes_the_place_of_a_fitted_constant() -> None:
    t = np.linspace(0, 6, 50)
    y = 20 + 60 * np.exp(-t / 2) + 2 * np.random.default_rng(0).standard_normal(50)
    found = ew.discover(t[:, None], y, ["t"], limits={"t -> inf": 20}, max_complexity=9, **QUICK)
    assert found.best.r2 > 0.95 and found.best.expression.has(sympy.Integer(20))


def test_standard_errors_and_forbidden_columns_go_with_a_template() -> None:
    x = table(columns=3)
    sigma = 0.02 * x[:, 2] ** 2
    y = x[:, 0] * np.exp(-x[:, 1]) + sigma * np.random.default_rng(0).standard_normal(60)
    found = ew.discover(x, y, ["a", "b", "t"], sigma=sigma, template="a*?", forbid="t", max_complexity=9, **QUICK)
    assert found.names == ("a", "b", "t") and found.best.expression.free_symbols == {A, B}
    assert np.corrcoef(found.predict(x), x[:, 0] * np.exp(-x[:, 1]))[0, 1] > 0.99


# ---- what makes no sense


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"functions": ["sine"]}, "Unknown function 'sine'. Known: sin"),
        ({"functions": ["exp", "-sin"]}, "allow all of its names, or forbid all"),
        ({"functions": "exp"}, "must list names"),
        ({"require": ["aa"]}, "Unknown column in 'require' 'aa'. Known: a"),
        ({"forbid": ["a", "b", "t"]}, "leaves no column"),
        ({"forbid": "a", "require": "a"}, "both in"),
        ({"forbid": 3}, "must list columns"),
        ({"max_complexity": 0}, "whole number from 1"),
        ({"units": {"a": "kg"}}, "names no unit of 'b'"),
        ({"units": {"a": "kg", "b": "m", "t": "s", "z": "m"}}, "Unknown column in 'units' 'z'"),
        ({"units": {"a": "blub", "b": "m", "t": "s"}}, "is no unit"),
        ({"units": "kg"}, "must map names to units"),
        ({"guesses": ["a +"]}, "Formula, character"),
        ({"guesses": [3]}, "must be a text"),
        ({"guesses": 3}, "must list formulas"),
        ({"template": "a + b"}, "unknown part"),
        ({"template": "? - ?/0"}, "divides by zero"),
        ({"template": "0*? + a"}, "cancels"),
        ({"constants": "small"}, "must be 'positive'"),
        ({"constants": (2, 1)}, "must be 'positive'"),
        ({"constants": "dimensionless"}, "only where 'units'"),
        ({"monotone": {"x": 1}}, "Unknown column in 'monotone'"),
        ({"monotone": {"t": 2}}, r"must say \+1 or -1"),
        ({"monotone": "t"}, "must map columns"),
        ({"limits": {"t": 0}}, "must map texts"),
        ({"limits": {"x -> inf": 0}}, "Unknown column in 'limits'"),
        ({"limits": {"t -> inf": "much"}}, "must be a number"),
        ({"limits": 3}, "must map texts"),
        ({"forbidd": ["a"]}, "Unknown argument of discover 'forbidd'. Known: forbid"),
        ({"timelimit": 3}, "Unknown argument of discover 'timelimit'. Known: time_limit"),
    ],
)
def test_knowledge_that_makes_no_sense_is_refused(known: dict[str, Any], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        ew.discover(table(columns=3), np.arange(60.0), ["a", "b", "t"], **known)


def test_a_slip_in_a_name_is_no_constant() -> None:
    with pytest.raises(ew.InputError, match=r"Unknown name 'presure'\. Known: pressure"):
        Sketch.of("2*presure", ["pressure"])


# ---- the command


def test_the_command_takes_knowledge_and_repeats_a_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    t = table(columns=1)[:, 0]
    rows = np.column_stack([t, np.arange(60), 2 * np.exp(-1.5 * t)])
    np.savetxt("table.csv", rows, "%.15g", delimiter=",", header="t,id,y", comments="")
    options = ["--functions", "exp,log", "--forbid", "id", "--require", "t", "--units", "t=s,y=m", "--guess",
               "A*exp(-k*t)", "--guess", "1/t", "--max-complexity", "12", "--monotone", "t=-", "--constants",
               "-10,10", "--limit", "t -> inf = 0", "--effort", "64"]  # fmt: skip
    assert main(["discover", "table.csv", "--target", "y", "--out", "first", *options]) == 0
    saved = Path("first/search.toml").read_text()
    assert 'guess = ["A*exp(-k*t)", "1/t"]' in saved and 'file = "table.csv"' in saved
    assert main(["discover", "--config", "first/search.toml", "--out", "second", "--seed", "1"]) == 0
    assert Path("second/search.toml").read_text() == saved.replace("seed = 0", "seed = 1")
    first, second = (Path(folder, "formula.txt").read_text().splitlines()[0] for folder in ("first", "second"))
    assert first == second and first.startswith(("y = 2.0*exp(-1.5", "y = 1.99", "y = 2.00"))
    capsys.readouterr()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("target = ", "is no TOML"),
        ("efort = 3\n", "Unknown option in c.toml 'efort'. Known: effort"),
        ('target = "y"\nmonotone = "t"\n', "--monotone must say something like t=+"),
        ('target = "y"\nforbid = "a,"\n', "--forbid must list names"),
        ('target = "y"\nunits = {t = "s", id = "", y = "blub"}\n', "is no unit"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savetxt("t.csv", np.arange(24.0).reshape(8, 3) ** 2, delimiter=",", header="t,id,y", comments="")
    Path("c.toml").write_text(text)
    assert main(["discover", "t.csv", "--config", "c.toml"]) == 2
    assert words in capsys.readouterr().err
    assert main(["discover", "t.csv", "--config", "none.toml"]) == 2
    assert "cannot be read" in capsys.readouterr().err
