"""Dimensions: formulas of physics fit, formulas with one thing wrong do not, and units that are none are refused."""

from __future__ import annotations

import sys
import time
from fractions import Fraction

import pytest
import sympy

import edgewise as ew
from edgewise.symbolic import consistent, dimension, unit_problem
from edgewise_bench import datasets

x, y, t, v, m, g = sympy.symbols("x y t v m g")
UNITS = {"x": "m", "y": "m", "t": "s", "v": "m/s", "m": "kg", "g": "m/s^2"}


@pytest.mark.parametrize(
    ("text", "same"),
    [("N", "kg*m/s^2"), ("J", "N m"), ("km/h", "m/s"), ("rad", ""), ("%", ""), ("m²", "m**2"), ("eV", "joule")],
)
def test_units_of_one_dimension(text: str, same: str) -> None:
    assert dimension(text) == dimension(same)


def test_dimensions_are_exponents() -> None:
    assert dimension("") == {} == dimension({"m": 0})
    assert dimension("m^0.5") == {"[length]": Fraction(1, 2)}
    assert dimension({"m": 1 / 3, "kg": -2}) == {"kg": Fraction(-2), "m": Fraction(1, 3)}
    found = dimension("m")
    found["[length]"] = Fraction(7)
    assert dimension("m") == {"[length]": Fraction(1)}  # what is remembered cannot be changed from outside


HOSTILE = [
    "no_unit", "m+s", "2*m", "m**m", "m**9**9**9**9", "9^9^9^9", "m^(9^9)", "(" * 3000, "m" * 101, "__import__('os')",
    "m.real", "m[0]", "lambda: 1", "m;s", "m\0", "m^1e9", "m^nan", "1/0", "m**-", "()",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_unit_is_refused_at_once(text: str) -> None:
    dimension("m")
    start = time.perf_counter()
    try:
        found = dimension(text)
    except ew.InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 300
    else:
        assert text == "()" and found == {}
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("unit", [3, None, ["m"], {"m": "1"}, {"m": True}, {"m": float("nan")}, {"m": 1e9}])
def test_what_is_neither_text_nor_exponents_is_refused(unit) -> None:
    with pytest.raises(ew.InputError, match="unit"):
        dimension(unit)


def test_without_pint_texts_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pint", None)
    with pytest.raises(ew.InputError, match=r"pip install 'edgewise\[units\]'"):
        dimension("m/fortnight")
    assert consistent(x / t, {"x": {"m": 1}, "t": {"s": 1}}, {"m": 1, "s": -1})


@pytest.mark.parametrize(
    ("formula", "target"),
    [
        (m * v**2 / 2 + m * g * x, "J"),
        (v * t + g * t**2 / 2, "m"),
        (sympy.sqrt(2 * g * x), "m/s"),
        (sympy.sin(x / y) * v, "m/s"),
        (x * sympy.exp(-v * t / x), "m"),
        (sympy.Abs(x - y) + sympy.Max(x, y), "m"),
        (sympy.log(x) - sympy.log(y), ""),
        (2 ** (x / y), ""),
        (sympy.atan2(x, y) + sympy.pi, "rad"),
        (sympy.Integer(0), "kg"),
        (sympy.Integer(3), "%"),
        ((x**2 + y**2) ** sympy.Rational(1, 3), "m^(2/3)"),
    ],
)
def test_formulas_that_fit(formula: sympy.Expr, target: str) -> None:
    assert unit_problem(formula, UNITS, {"[length]": 2 / 3} if "/3" in target else target) is None


@pytest.mark.parametrize(
    ("formula", "target", "message"),
    [
        (x + t, None, "t has dimension [time], but x has [length]"),
        (x + 1, None, "1 has dimension none, but x has [length]"),
        (sympy.exp(t), None, "t has dimension [time], but is an argument of exp"),
        (sympy.sin(g * t), None, "but is an argument of sin"),
        (2**t, None, "but is an exponent"),
        (x ** (x / y), None, "its exponent x/y is no number"),
        (m * v, "J", "the formula has dimension [length] [mass]/[time], but the target [length]^2 [mass]/[time]^2"),
        (sympy.sqrt(x), "m", "[length]^(1/2)"),
        (1 / (m * t), "m", "1/([mass] [time])"),
        (sympy.log(x) + sympy.log(y), None, "argument of log"),
        (sympy.atan2(x, t), None, "but x has [length]"),
        (sympy.Min(x, t), None, "but x has [length]"),
    ],
)
def test_formulas_that_do_not_fit_say_where(formula: sympy.Expr, target: str | None, message: str) -> None:
    problem = unit_problem(formula, UNITS, target)
    assert problem is not None and message in problem
    assert not consistent(formula, UNITS, target)


def test_free_constants_may_have_any_dimension_each() -> None:
    law = 9.8066 * t**2 / 2 + 1.234 * t + sympy.exp(-0.717 * t) * 0.31
    assert not consistent(law, {"t": "s"}, "m")
    assert consistent(law, {"t": "s"}, "m", constants="free")
    assert not consistent(law + t**3, {"t": "s"}, "m", constants="free")
    assert not consistent(sympy.exp(2 * t), {"t": "s"}, constants="free")  # exact numbers have none
    assert not consistent(0.123 * sympy.sin(x * t), UNITS, constants="free")
    assert not consistent(0.5 * t + x + y * t, UNITS, constants="free")


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ew.InputError, match="No unit is given for 'q'"):
        consistent(sympy.Symbol("q") + x, UNITS)
    with pytest.raises(ew.InputError, match="Known: free"):
        consistent(x, UNITS, constants="fre")
    with pytest.raises(ew.InputError, match="sympy expression"):
        consistent("x + t", UNITS)


def test_the_equations_of_the_benchmark_fit_their_own_units() -> None:
    """All but one, whose symbol the table of units shares with another equation; with a wrong term none does."""
    base = ("m", "s", "kg", "K", "V")
    misfits, wrong = [], 0
    for equation in datasets.equations():
        units = {variable.name: dict(zip(base, variable.dimension, strict=True)) for variable in equation.variables}
        target = dict(zip(base, equation.dimension, strict=True))
        formula = ew.symbolic.parse(equation.formula, equation.names)
        if not consistent(formula, units, target):
            misfits.append(equation.name)
            continue
        for variable in equation.variables:
            if variable.dimension != equation.dimension:
                wrong += 1
                assert not consistent(formula + sympy.Symbol(variable.name), units, target), equation.name
    assert misfits == ["I.43.16"]
    assert wrong > 300
