"""Random formulas: read or refused within a bound, and the same numbers as network and in every language."""

from __future__ import annotations

import math
import shutil
import time

import numpy as np
import pytest
import torch
from exactly import FUNCTIONS, Exact, UndefinedError
from exported import by_c, by_numpy, run_python
from fuzzing import fuzz
from hypothesis import example, given
from hypothesis import strategies as st

import edgewise as ew
from edgewise.symbolic import network_of, parse

NAMES = ["x", "y", "z"]
needs_compiler = pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="no C compiler")
_SECONDS = 6.0  # of the processor: two for parse, two for network_of, and what begins before they are over

_NUMBERS = st.one_of(
    st.integers(0, 12).map(str),
    st.floats(1e-3, 50).map(lambda value: repr(round(value, 3))),
    st.floats(1e-12, 1e12).map(repr),
    st.sampled_from(["pi", "e", "1e-30", "6.674e-11", "2.5E+3", "1/3", ".5", "sqrt(2)", "2^(1/3)", "π"]),
)
_EXPONENTS = st.sampled_from(
    ["2", "3", "-1", "-2", "0.5", "(1/3)", "(-2/3)", "1.5", "-0.5", "4", "pi", "0.123", "(7/5)", "0"]
)
_ONE = st.sampled_from(sorted({*FUNCTIONS} - {"pow", "hypot"}))
_LEAVES = st.one_of(st.sampled_from(NAMES), st.sampled_from(NAMES), _NUMBERS)


def _grown(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Formulas of formulas, those that hold one part twice among them."""
    return st.one_of(
        st.builds("({} {} {})".format, parts, st.sampled_from("+-"), parts),
        st.builds("({}{}{})".format, parts, st.sampled_from(["*", "/", "·", " × "]), parts),
        st.builds("{}/({})".format, parts, parts),
        st.builds("-{}".format, parts),
        st.builds("({})^{}".format, parts, _EXPONENTS),
        st.builds("({0})^({1})".format, parts, parts),
        st.builds("{}({})".format, _ONE, parts),
        st.builds("{}({}, {})".format, st.sampled_from(["pow", "hypot"]), parts, parts),
        st.builds("({0} + {1}*{0} - {2})".format, parts, _NUMBERS, parts),
        st.builds("({0} + {1}({0}) + {2}({1}({0})))".format, parts, _ONE, _ONE),
    )


FORMULAS = st.recursive(_LEAVES, _grown, max_leaves=10)


def rows(seed: int) -> np.ndarray:
    """Points of size one and beyond, positive and of both signs."""
    rng = np.random.default_rng(seed)
    scale = rng.choice([0.1, 1.0, 1.0, 3.0], (10, 1))
    return np.concatenate([rng.uniform(0.05, 3, (5, 3)), rng.uniform(-2, 2, (5, 3))]) * scale


def compiled(text: str) -> ew.KAN | None:
    """The network of a formula, None where it is refused, in a line and in time."""
    start = time.thread_time()
    try:
        return network_of(text, NAMES)
    except ew.InputError as error:
        assert str(error).isprintable()
        assert "faithfully" not in str(error), text
        return None
    finally:
        assert time.thread_time() - start < _SECONDS


def agree(text: str, points: np.ndarray, found: np.ndarray) -> None:
    """Require that numbers are those of a formula wherever it has some, as far as doubles go."""
    exact = Exact(text)
    for point, value in zip(points.tolist(), found.tolist(), strict=True):
        try:
            truth, allowed = exact.at(dict(zip(NAMES, point, strict=True)))
        except UndefinedError:
            continue
        if allowed >= abs(truth):  # no digit of it is left in doubles, as of 1/expm1(1e-17)
            continue
        assert math.isfinite(value) and abs(value - truth) <= allowed + 1e-290, (text, point, value, float(truth))


@fuzz(80)
@given(FORMULAS, st.integers(0, 99))
@example("pow(expm1(x^15.928), expm1(x^15.928))", 9)  # 0^0 where expm1 rounds to zero
def test_a_network_gives_the_numbers_of_its_formula(text: str, seed: int) -> None:
    model = compiled(text)
    if model is not None:
        x = rows(seed)
        with torch.no_grad():
            agree(text, x, model(torch.from_numpy(x))[:, 0].numpy())


_ALPHABET = st.sampled_from(
    [*"0123456789.eE+-*/^()xyπ, ²⁻·×−", "sin(", "log(", "abs(", "^(", "^-", "1/", ")*", "`a b`", "1e9", "pow("]
)
_TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(_ALPHABET, max_size=60).map("".join),
    st.builds(lambda text, at, part: text[:at] + part + text[at:], FORMULAS, st.integers(0, 40), st.text(max_size=3)),
    st.builds(
        lambda part, count, end: part * count + "x" + end * count,
        _ALPHABET,
        st.integers(0, 60),
        st.sampled_from([")", "", "+x)"]),
    ),
    st.builds(
        lambda part, count: part * count + "x",
        st.sampled_from(["x+", "x^", "2^", "0.3^", "sin(x)*", "9*", "1/3-", "-", "("]),
        st.integers(0, 3000),
    ),
)


@fuzz(80)
@given(_TEXTS)
def test_any_text_is_read_or_refused_in_time(text: str) -> None:
    start = time.thread_time()
    try:
        form = parse(text)
        network_of(text, sorted(s.name for s in form.free_symbols) or ["x"])  # type: ignore[union-attr]
    except ew.InputError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 500
    assert time.thread_time() - start < _SECONDS


@fuzz(80)
@given(FORMULAS)
def test_what_is_written_is_read_back(text: str) -> None:
    try:
        form = parse(text, NAMES)
    except ew.InputError:
        return
    again = parse(str(form), NAMES)
    if again != form:  # sympy multiplies out what it divided by: 3/(2*(1 + exp(-x)))
        with np.errstate(all="ignore"):
            agree(text, rows(0), by_numpy(ew.export.numpy(again, NAMES), rows(0))[:, 0])
    assert ew.export.latex(form, NAMES).count("{") == ew.export.latex(form, NAMES).count("}")


@fuzz(30)
@given(FORMULAS, st.integers(0, 99))
@example("asinh(softplus(-37.801))", 0)  # log(1 + 3.8e-17)
def test_numpy_and_torch_give_the_numbers_of_the_formula(text: str, seed: int) -> None:
    if compiled(text) is None:
        return
    form, x = parse(text, NAMES), rows(seed)
    with np.errstate(all="ignore"):
        agree(text, x, by_numpy(ew.export.numpy(form, NAMES), x)[:, 0])
    agree(text, x, ew.export.torch(form, NAMES)(torch.from_numpy(x))[:, 0].detach().numpy())
    written = run_python(ew.export.torch_source(form, NAMES), "Formula")()
    agree(text, x, written(torch.from_numpy(x))[:, 0].detach().numpy())


@needs_compiler
@fuzz(2)
@given(st.lists(FORMULAS, min_size=20, max_size=30), st.integers(0, 99))
def test_c_gives_the_numbers_of_the_formulas(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], seed: int
) -> None:
    texts = [text for text in texts if compiled(text) is not None]
    if len(texts) < 2:
        return
    x, folder = rows(seed), tmp_path_factory.mktemp("c")
    found = by_c(ew.export.c([parse(text, NAMES) for text in texts], NAMES), x, len(texts), folder)
    for column, text in zip(found.T, texts, strict=True):
        agree(text, x, column)
