"""Formulas from text: what is read, what is refused and where the error points, and how fast."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import edgewise as ew
from edgewise.symbolic import parse

X, Y, Z = sympy.symbols("x y z")

READ = {
    "1 + x*y": 1 + X * Y, "x - y - z": X - Y - Z, "x/y/z": X / (Y * Z), "x/y*z": X * Z / Y, "-x^2": -(X**2),
    "(-x)^2": X**2, "2^3^2": sympy.Integer(512), "x^-2": X**-2, "x**y": X**Y, "x^y^z": X ** (Y**Z), "x*-y": -X * Y,
    "--x": X, "x--y": X + Y, "+x": X, "2*(x + y)": 2 * X + 2 * Y, "1/2*x": X / 2, "x^0.5": sympy.sqrt(X),
    "0.1*x": X / 10, ".5": sympy.Rational(1, 2), "1.": sympy.Integer(1), "1e-3": sympy.Rational(1, 1000),
    "2.5E+1": sympy.Integer(25), "1/0.3": sympy.Rational(10, 3), "pi*e": sympy.pi * sympy.E, "E^x": sympy.exp(X),
    "sqrt(x)": sympy.sqrt(X), "ln(x) + log(y)": sympy.log(X) + sympy.log(Y), "log10(x)": sympy.log(X) / sympy.log(10),
    "arcsin(x) + asin(y)": sympy.asin(X) + sympy.asin(Y), "Abs(x - y)": sympy.Abs(X - Y), "abs(-3)": sympy.Integer(3),
    "abs(2^x^y)": 2 ** (X**Y), "abs(exp(acos(x)))": sympy.exp(sympy.acos(X)),
    "sec(x)": 1 / sympy.cos(X), "hypot(x, y)": sympy.sqrt(X**2 + Y**2), "pow(x, 3)": X**3, "expm1(x)": sympy.exp(X) - 1,
    "x² + y⁻¹·z": X**2 + Z / Y, "2^x²": 2 ** (X**2), "x − y × z ÷ 2": X - Y * Z / 2, "π*x": sympy.pi * X,
    "x·y": X * Y, "x·sin(y)·2": 2 * X * sympy.sin(Y), "x²·y⋅z∙2": 2 * X**2 * Y * Z,
    "x\u0387y": X * Y, "x∗y": X * Y, "x∕y÷z": X / (Y * Z), "x – y": X - Y,
    "（x＋y）＊z／2 － 1＾x": (X + Y) * Z / 2 - 1,
    "0" * 5000 + "7": sympy.Integer(7), "x^" + "0" * 5000 + "2": X**2, "x" + "⁰" * 5000 + "²": X**2,
    "`x·y` + x": sympy.Symbol("x·y") + X,
    " x\n+\ty ": X + Y, "`mass (kg)`^2": sympy.Symbol("mass (kg)") ** 2,
    "x₁ + θ": sympy.Symbol("x₁") + sympy.Symbol("θ"),
    "erfc(x)": sympy.erfc(X),
    "gaussian(x)": sympy.exp(-(X**2)), "x - x": sympy.Integer(0), "cos(0)": sympy.Integer(1), "007": sympy.Integer(7),
    "lambda_0 + import_": sympy.Symbol("lambda_0") + sympy.Symbol("import_"),
}  # fmt: skip


@pytest.mark.parametrize("text", READ, ids=lambda text: text[:24])
def test_what_is_read(text: str) -> None:
    assert parse(text) == READ[text]


def test_names_come_before_constants_and_kept_functions() -> None:
    e, pi, gaussian = sympy.symbols("e pi gaussian")
    assert parse("e*pi + E", ["e", "pi"]) == e * pi + sympy.E
    assert parse("gaussian*gaussian(e)", ["gaussian", "e"]) == gaussian * sympy.exp(-(e**2))


def test_a_decimal_is_the_constant_that_a_network_would_print() -> None:
    assert parse("0.3333333333333333") == sympy.Rational(1, 3)
    assert parse("3.141592653589793*x") == sympy.pi * X
    assert str(parse("0.123456789*x")) == "0.123456789*x"
    assert float(parse("6.674e-11")) == 6.674e-11
    assert parse("123456789012345678901234567890") == sympy.Integer(123456789012345678901234567890)


def test_long_exact_numbers_become_doubles() -> None:
    assert parse("(13/12)^360").is_Rational
    assert float(parse("(366/365)^3650")) == pytest.approx((366 / 365) ** 3650, rel=1e-15)
    assert float(parse("(sqrt(2)/1.4142)^1000000")) == pytest.approx((2**0.5 / 1.4142) ** 1000000, rel=1e-9)


#: what takes sympy minutes where its numbers are exact, and what is long or deep; its value at x = 1.3, or None
HARD = {
    "0.005^(0.024^24)": 0.005 ** (0.024**24),
    "12^(999999/1000003)": 12 ** (999999 / 1000003),
    "(12*x)^(999999/1000003)": (12 * 1.3) ** (999999 / 1000003),
    "exp(log(12)*999999/1000003 + x)": 12 ** (999999 / 1000003) * math.exp(1.3),
    "exp(999999/1000003*log(12*x))": (12 * 1.3) ** (999999 / 1000003),
    "2^(log(12)*999999/1000003/log(2)*x/x)": 12 ** (999999 / 1000003),
    "^".join(["0.5"] * 40): 0.6411857445049859,
    "^".join(["sqrt(2)"] * 40): 1.9999989,
    "*".join(f"({k}/{k + 1})^300" for k in range(7, 400)) + "*x": None,
    "+".join(f"({k}/{k + 1})^300*x" for k in range(7, 400)): None,
    "+".join(f"1/{k}" for k in range(1, 1500)): 7.889,
    "+".join(f"sqrt({k})" for k in range(1, 900)): None,
    "(pi + e + sqrt(2) + sqrt(3) + sqrt(5))^200*x": None,
    "gaussian(" * 49 + "x" + ")" * 49: None,
    "+".join(f"sin({k}*x)" for k in range(1, 600)): None,
    "*".join(f"(x + {k})^z" for k in range(600)): None,
    "+".join(f"x^{k}*z^{900 - k}" for k in range(1, 700)) + "+" + "sin(" * 49 + "x" + ")" * 49: None,
    "-(" * 49 + "x" + ")" * 49: -1.3,
    "x" + "+x" * 4900: 4901 * 1.3,
    "+".join(f"x{k}" for k in range(1800)): None,
}


@pytest.mark.parametrize("text", HARD, ids=lambda text: text[:24])
def test_what_is_hard_takes_seconds_at_most(text: str) -> None:
    start = time.thread_time()
    try:
        form = parse(text)
        known = form.free_symbols <= {X, Z}
        ew.symbolic.network_of(text, ["x", "z"] if known else None)
    except ew.InputError as error:
        assert str(error).isprintable()
        assert HARD[text] is None, error
    else:
        if HARD[text] is not None:
            assert float(form.subs(X, 1.3)) == pytest.approx(
                HARD[text], rel=1e-3 if "sqrt" in text or "/1" in text else 1e-9
            )
    assert (
        time.thread_time() - start < 6.0
    )  # two for each of parse and network_of, and what begins before they are over


_LEAVES = st.one_of(
    st.sampled_from([X, Y, Z, sympy.pi]),
    st.builds(sympy.Rational, st.integers(-9, 9), st.integers(1, 9)),
    st.sampled_from([0.123456789, 6.5e-8, -2.3456e10]).map(sympy.Float),
)


def _larger(parts: st.SearchStrategy[sympy.Expr]) -> st.SearchStrategy[sympy.Expr]:
    powers = st.builds(lambda b, p: (b + X) ** p, parts, st.sampled_from([2, -1, -3, sympy.Rational(1, 2), Y]))
    calls = st.builds(lambda f, u: f(u + X), st.sampled_from([sympy.sin, sympy.exp, sympy.atan, sympy.erf]), parts)
    return st.one_of(st.builds(sympy.Add, parts, parts), st.builds(sympy.Mul, parts, parts), powers, calls)


@given(st.recursive(_LEAVES, _larger, max_leaves=8))
def test_what_sympy_writes_is_read_back(form: sympy.Expr) -> None:
    if form.has(sympy.zoo, sympy.nan, sympy.oo, sympy.I):
        return
    again = parse(str(form), ["x", "y", "z"])
    at = {X: sympy.Rational(7, 5), Y: sympy.Rational(3, 7), Z: sympy.Rational(11, 9)}
    value, other = (complex(sympy.N(f.subs(at), 30, maxn=400)) for f in (form, again))
    assert other == pytest.approx(value, rel=1e-9, abs=1e-12)


@given(st.one_of(st.text(max_size=40), st.text("0123456789.eE+-*/^()xyspiqrtln, ²", max_size=40)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        form = parse(text)
    except ew.InputError as error:
        assert str(error).isprintable()
    else:
        assert isinstance(form, sympy.Expr)


#: text, names, the character that the error points at (None: the text as a whole), words of the error
REFUSED = [
    ("__import__('os').system('ls')", None, 12, "not part of a formula"),
    ("__import__(os)", None, 1, "Unknown function '__import__'"),
    ("exec(x)", None, 1, "Unknown function 'exec'"),
    ("eval(x)", None, 1, "Unknown function 'eval'"),
    ("open(x)", None, 1, "Unknown function 'open'"),
    ("x.__class__.__mro__", None, 2, "no attributes"),
    ("x.real", None, 2, "no attributes"),
    ("lambda x: x", None, 8, "expected an operator"),
    ("x if y else z", None, 3, "expected an operator"),
    ("[x for x in y]", None, 1, "round brackets"),
    ("{x}", None, 1, "round brackets"),
    ("x[0]", None, 2, "round brackets"),
    ("'x'", None, 1, "not part of a formula"),
    ('"x" + y', None, 1, "not part of a formula"),
    ("x; y", None, 2, "not part of a formula"),
    ("y = x", None, 3, "right-hand side"),
    ("x == 1", None, 3, "right-hand side"),
    ("x := 1", None, 3, "not part of a formula"),
    ("f\"{x}\"", None, 2, "not part of a formula"),
    ("x @ y", None, 3, "not part of a formula"),
    ("x\\ny", None, 2, "not part of a formula"),
    ("# x", None, 1, "not part of a formula"),
    ("9**9**9", None, 1, "size of a double"),
    ("9^9^9^9^9^9", None, 7, "size of a double"),
    ("((2*x)^1000)^1000", None, 1, "too large"),
    ("(x^999999)^999999", None, 2, "too large"),
    ("x^1e9", None, 1, "too large"),
    ("10^400", None, 1, "size of a double"),
    ("10^-400*x", None, 1, "size of a double"),
    ("1e999", None, 1, "1.8e308"),
    ("1e-999*x", None, 1, "1.8e308"),
    ("9" * 400, None, 1, "1.8e308"),
    ("1" * 9000, None, 1, "1.8e308"),
    ("1e200*x*1e200", None, 1, "too large together"),
    ("exp(exp(exp(100)))", None, 5, "not a real and finite"),
    ("exp(1000)", None, 1, "not a real and finite"),
    ("(" * 100_000, None, None, "100000 characters"),
    ("(" * 9_000 + "x", None, 52, "50 deep"),
    ("sin(" * 2_000 + "x", None, 205, "50 deep"),
    ("x^" * 4_000 + "x", None, 103, "50 deep"),
    ("-" * 9_000, None, 9_001, "found the end"),
    ("x+" * 4_900 + "(", None, 9_802, "found the end"),
    ("1/0", None, 3, "divides by zero"),
    ("x/(y - y)", None, 4, "divides by zero"),
    ("0^-1", None, 1, "real and finite"),
    ("0^x", None, 1, "power that varies"),
    ("log(0)", None, 1, "log(0)"),
    ("sqrt(-1)", None, 1, "real and finite"),
    ("(-8)^(1/3)", None, 1, "real and finite"),
    ("asin(2)", None, 1, "asin(2)"),
    ("log10(-1)", None, 1, "'log10'"),
    ("tan(pi/2)", None, 1, "real and finite"),
    ("(x", None, 1, "never closed"),
    ("sin(x", None, 4, "never closed"),
    ("x)", None, 2, "closes nothing"),
    ("(x))", None, 4, "closes nothing"),
    ("()", None, 2, "found ')'"),
    ("sin()", None, 5, "found ')'"),
    ("sin(x, y)", None, 1, "takes 1 argument"),
    ("pow(x)", None, 1, "takes 2 arguments"),
    ("(x, y)", None, 1, "between arguments"),
    ("1,5*x", None, 2, "decimal takes a point"),
    ("sin", None, 1, "needs an argument"),
    ("sin x", None, 5, "with brackets"),
    ("2 x", None, 3, "with *"),
    ("2x", None, 2, "with *"),
    ("x(y + 1)", ["x", "y"], 1, "write x*(...)"),
    ("pi(x)", None, 1, "write pi*(...)"),
    ("0x10", None, 2, "expected an operator"),
    ("1_000", None, 2, "expected an operator"),
    ("1e", None, 2, "expected an operator"),
    ("1.2.3", None, 4, "expected an operator"),
    ("x +", None, 4, "found the end"),
    ("* x", None, 1, "found '*'"),
    ("x" + " ²" * 4000, None, 5, "expected an operator"),
    ("((x^999)^999)^999", None, 2, "too large"),
    ("(12*x)^4000", None, 1, "no size that a double has"),
    ("gaussian(y^2500)", None, 1, "too large"),
    ("16^(z - 1.6e11)", None, 1, "too large"),
    ("(x + 1)^2500 * (x + 1)^2500", None, 1, "too large"),
    ("(x^pi/-3.2e11)^(42 + log10(42.095))", None, 1, "too small together"),
    ("((x^pi/-3.2e11)^(42 + log10(42.095)))^x", None, 2, "too small together"),
    ("x ^^ 2", None, 4, "found '^'"),
    ("x // y", None, 4, "found '/'"),
    ("x!", None, 2, "factorials"),
    ("|x|", None, 1, "abs"),
    ("5%", None, 2, "100"),
    ("`x", None, 1, "backquotes"),
    ("", None, None, "empty"),
    (" \t\n ", None, None, "empty"),
    ("x\x00", None, 2, "U+0000"),
    ("x\u200b", None, 2, "U+200B ZERO WIDTH SPACE"),
    ("s\u0456n(x)", None, 1, "U+0456"),
    ("\u0445 + 1", ["x"], 1, "U+0445"),
    ("½*x", None, 1, "U+00BD"),
    ("٣*x", None, 1, "U+0663"),
    ("∞", None, 1, "INFINITY"),
    ("√x", None, 1, "SQUARE ROOT"),
    ("1 + spead*mass", ["speed", "mass"], 5, "Known: speed"),
    ("gama(x)", None, 1, "Unknown function 'gama'"),
    ("coz(x)", None, 1, "Known: cot, cos"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "names", "at", "words"), REFUSED, ids=[repr(row[0][:24]) for row in REFUSED])
def test_what_is_refused_and_where_and_how_fast(text: str, names: list[str] | None, at: int | None, words: str) -> None:
    taken = []
    for _ in range(3):
        start = time.process_time()
        with pytest.raises(ew.InputError) as caught:
            parse(text, names)
        taken.append(time.process_time() - start)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message and message.isprintable() and len(message) < 400
    assert at is None or (message.startswith(f"Formula, character {at}: ") and ">>" in message)
    assert min(taken) < 0.1


def test_the_error_shows_the_part_and_what_stands_around_it() -> None:
    with pytest.raises(ew.InputError, match=r"Here: \.\.\.defghijkl \+ a \+ b \+ >>vv<< \+ c$"):
        parse("abcdefghijkl + a + b + vv + c", ["a", "b", "c", "abcdefghijkl"])


@pytest.mark.parametrize(
    "text", [None, 3, 2.5, b"x", ["x"], sympy.Symbol("x"), object()], ids=lambda v: type(v).__name__
)
def test_what_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(ew.InputError, match="A formula is text"):
        parse(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("names", ["xy", [], ["x", "x"], [1], ["x", ""], {"x": 1}, 3], ids=str)
def test_names_that_are_none_are_refused(names: object) -> None:
    with pytest.raises(ew.InputError, match="'names' must list"):
        parse("x", names)  # type: ignore[arg-type]


@pytest.mark.parametrize("start", ["sin(", "abs(x-", "sqrt(1+", "1/(1+", "x*(1+", "tanh(x*"])
def test_formulas_as_deep_as_allowed_are_read(start: str) -> None:
    assert parse(start * 49 + "x" + ")" * 49).free_symbols == {X}


def test_functions_that_double_their_argument_do_not_explode(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = ew.functions.Function("twice", lambda x: x * x.exp(), lambda x: x * sympy.exp(x))
    monkeypatch.setitem(ew.functions.register.__globals__["_LIBRARY"], "twice", twice)
    assert parse("twice(x)") == X * sympy.exp(X)
    with pytest.raises(ew.InputError, match="more than 20000 parts"):
        parse("twice(" * 40 + "x" + ")" * 40)


@pytest.mark.parametrize(
    "text", ["tan(arcsin(1))", "x + tan(arcsin(0.9/0.9))", "log(sin(pi)) + x", "1.5*(x + tan(pi/2))"]
)
def test_what_has_a_double_but_no_value_is_refused(text: str) -> None:
    with pytest.raises(ew.InputError, match="not a real and finite number"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "1.938*(x + pi)",
        "0.3*(x + pi + sqrt(2))",
        "0.123456*(x*pi + y*2^(1/3) - 3)",
        "x + softplus(2500)",
        "x + erfc(1.5e150)",
    ],
)
def test_numbers_that_a_factor_meets_in_a_sum_are_read_as_they_are_written(text: str) -> None:
    form = parse(text)
    assert parse(str(form)) == form


@pytest.mark.parametrize("read", [parse, ew.symbolic.network_of])
def test_a_call_of_sympy_that_does_not_end_is_interrupted(read: Any) -> None:
    """sympy multiplies (re + i im)^2500 out to find whether the hyperbolic sine is real."""
    began = time.thread_time()
    with pytest.raises(ew.InputError, match="takes more than 2 seconds"):
        read("0*(x + sinh(cbrt(y^2500*(e*z))))")
    assert time.thread_time() - began < 8
