"""The data of the benchmarks: laws, functions, chains, knots, text."""

from __future__ import annotations

import re
import sys

import numpy as np
import pandas as pd
import pytest
import sympy

import edgewise as ew
from edgewise import EdgewiseError, InputError
from edgewise.symbolic import parse
from edgewise_bench import datasets
from edgewise_bench.datasets import Equation, chain, characters, dimensionless, special


def test_the_equations_are_120_with_all_their_variables_in_them() -> None:
    found = datasets.equations()
    assert len(found) == 120 and len({equation.name for equation in found}) == 120
    for equation in found:
        words = set(re.findall(r"[A-Za-z_]\w*", equation.formula))
        known = {"exp", "sqrt", "pi", "sin", "cos", "tanh", "arcsin", "arccos", "ln"}
        assert words - known == set(equation.names), equation.name
        x = equation.sample(50, seed=1)
        assert (x >= [v.low for v in equation.variables]).all() and (x <= [v.high for v in equation.variables]).all()
    with pytest.raises(InputError, match=r"I\.6\.2"):
        datasets.feynman("I.6.3")


def test_the_systems_are_seven_pairs_with_four_starts() -> None:
    found = datasets.strogatz()
    assert [system.derivative for system in found] == ["x", "y"] * 7
    assert all(len(system.starts) == 4 for system in found)


PI = np.pi
TRUTHS = {
    "I.6.2": lambda theta, s: np.exp(-0.5 * (theta / s) ** 2) / (s * np.sqrt(2 * PI)),
    "I.6.2b": lambda theta, mean, s: np.exp(-0.5 * ((theta - mean) / s) ** 2) / (s * np.sqrt(2 * PI)),
    "I.9.18": lambda a, b, c, d, e, f: a / (np.square(b - 1) + np.square(c - d) + np.square(e - f)),
    "I.12.11": lambda a, theta: 1 + a * np.sin(theta),
    "I.13.12": lambda a, b: a / b - a,
    "I.15.3x": lambda a, b: (1 - a) * np.cosh(np.arctanh(b)),
    "I.16.6": lambda a, b: np.tanh(np.arctanh(a) + np.arctanh(b)),
    "I.18.4": lambda a, b: b + (1 - b) / (1 + a),
    "I.26.2": lambda n, theta: np.angle(np.sqrt(1 - (n * np.sin(theta)) ** 2) + 1j * n * np.sin(theta)),
    "I.27.6": lambda a, b: 1 / (a * b + 1),
    "I.29.16": lambda a, one, two: np.abs(np.exp(1j * one) - a * np.exp(1j * two)),
    "I.30.3": lambda n, theta: (1 - np.cos(n * theta)) / (1 - np.cos(theta)),
    "I.30.5": lambda a, n: np.arctan2(a, np.sqrt(n**2 - a**2)),
    "I.37.4": lambda a, delta: np.abs(1 + np.sqrt(a) * np.exp(1j * delta)) ** 2,
    "I.40.1": lambda n, a: n / np.exp(a),
    "I.44.4": lambda n, a: n * np.log2(a) / np.log2(np.e),
    "I.50.26": lambda a, alpha: np.cos(a) * (1 + alpha * np.cos(a)),
    "II.2.42": lambda a, b: a * b - b,
    "II.6.15a": lambda a, b, c: c / (4 * PI) * np.hypot(a, b),
    "II.11.7": lambda n, a, theta: n + n * a * np.cos(theta),
    "II.11.27": lambda n, alpha: 3 * n * alpha / (3 - n * alpha),
    "II.35.18": lambda n, a: n / (2 * np.cosh(a)),
    "II.36.38": lambda a, alpha, b: a + alpha * b,
    "II.38.3": lambda a, b: a / b,
    "III.9.52": lambda a, b, c: 2 * a * (1 - np.cos(b - c)) / (b - c) ** 2,
    "III.10.19": lambda a, b: np.linalg.norm([np.ones_like(a), a, b], axis=0),
    "III.17.37": lambda beta, alpha, theta: beta + beta * alpha * np.cos(theta),
}


def _values(equation: Equation, x: np.ndarray) -> np.ndarray:
    formula = parse(equation.formula, equation.names)
    return sympy.lambdify(equation.names, formula, "numpy")(*x.T)


def test_there_are_27_with_names_of_their_own() -> None:
    assert [equation.name for equation in dimensionless()] == list(TRUTHS)


@pytest.mark.parametrize("equation", dimensionless(), ids=lambda equation: equation.name)
def test_values_are_finite_vary_and_are_those_of_an_independent_formula(equation: Equation) -> None:
    x = equation.sample(2000, seed=1)
    y = _values(equation, x)
    assert np.isfinite(y).all() and y.std() > 0.01
    np.testing.assert_allclose(y, TRUTHS[equation.name](*x.T), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("equation", dimensionless(), ids=lambda equation: equation.name)
def test_every_input_is_in_the_formula_and_is_without_dimension(equation: Equation) -> None:
    words = set(re.findall(r"[A-Za-z_]\w*", equation.formula))
    assert words - {"exp", "sqrt", "pi", "sin", "cos", "arcsin", "ln", "sinc"} == set(equation.names)
    assert all(variable.low < variable.high for variable in equation.variables)
    assert {variable.dimension for variable in equation.variables} == {equation.dimension} == {(0,) * 5}


@pytest.mark.parametrize("equation", dimensionless(), ids=lambda equation: equation.name)
def test_values_are_finite_at_the_corners_too(equation: Equation) -> None:
    ends = np.meshgrid(*[(v.low, v.high) for v in equation.variables])
    x = np.column_stack([end.ravel() for end in ends])
    assert np.isfinite(_values(equation, x)).all()


NAMES = [row.name for row in special()]


def test_there_are_fifteen() -> None:
    assert len(NAMES) == len(set(NAMES)) == 15


@pytest.mark.parametrize("name", NAMES)
def test_values_are_finite_and_vary_on_the_whole_rectangle(name: str) -> None:
    (function,) = special(name)
    x, y = function.table(2000, seed=1)
    assert np.isfinite(y).all() and y.std() > 0.01
    assert (x.min(axis=0) >= function.low).all() and (x.max(axis=0) <= function.high).all()
    corners = np.array(
        [[a, b] for a in (function.low[0], function.high[0]) for b in (function.low[1], function.high[1])]
    )
    assert np.isfinite(function.values(corners[:, 0], corners[:, 1])).all()


@pytest.mark.parametrize(
    ("name", "x", "identity"),
    [
        ("ellipj", None, lambda x, y: np.where(y == 0, np.sin(x), np.nan)),
        ("jv", 0.5, lambda x, y: np.sqrt(2 / (np.pi * y)) * np.sin(y)),
        ("iv", 0.5, lambda x, y: np.sqrt(2 / (np.pi * y)) * np.sinh(y)),
        ("kv", 0.5, lambda x, y: np.sqrt(np.pi / (2 * y)) * np.exp(-y)),
        ("yv", 0.5, lambda x, y: -np.sqrt(2 / (np.pi * y)) * np.cos(y)),
        ("lpmv0", 2.0, lambda x, y: (3 * y**2 - 1) / 2),
        ("lpmv1", 1.0, lambda x, y: -np.sqrt(1 - y**2)),
        ("lpmv2", 2.0, lambda x, y: 3 * (1 - y**2)),
        ("sph01", None, lambda x, y: np.sqrt(3 / (4 * np.pi)) * np.cos(y)),
        ("sph11", None, lambda x, y: -np.sqrt(3 / (8 * np.pi)) * np.sin(y) * np.cos(x)),
        ("sph22", None, lambda x, y: np.sqrt(15 / (32 * np.pi)) * np.sin(y) ** 2 * np.cos(2 * x)),
    ],
)
def test_values_are_those_of_elementary_cases(name: str, x: float | None, identity) -> None:
    (function,) = special(name)
    points, _ = function.table(200, seed=0)
    a, b = points.T
    a = a if x is None else np.full_like(a, x)
    b = np.zeros_like(b) if name == "ellipj" else b
    np.testing.assert_allclose(function.values(a, b), identity(a, b), rtol=1e-9, atol=1e-12)


def _share(model: str, values: list[dict], sites: int = 377) -> float:
    """The share of states on the side of the exact edge that their spread says."""
    right = []
    for number, one in enumerate(values):
        found = chain(model).states(sites=sites, phase=0.7 * number, **one)
        extended = chain(model).edge(found.energy, **one) < 0
        right.append(np.mean(extended == (found.dimension > 0.5)))
    return float(np.mean(right))


@pytest.mark.parametrize(
    ("model", "values", "least"),
    [
        ("mosaic", [{"lam": lam, "kappa": 2} for lam in (0.3, 0.8, 1.5, 3.0)], 0.95),
        ("aubry-andre generalized", [{"lam": a, "alpha": b} for a in (0.4, 0.8, 1.2) for b in (-0.5, 0.3)], 0.95),
        ("aubry-andre modified", [{"lam": a, "p": b} for a in (1.0, 2.0, 4.0) for b in (1.0, 2.0)], 0.95),
    ],
)
def test_states_extend_on_the_side_of_the_edge_where_they_should(model: str, values: list[dict], least: float) -> None:
    assert _share(model, values) > least


def test_without_alpha_all_states_change_at_once() -> None:
    model = chain("aubry-andre generalized")
    assert model.states(sites=233, lam=0.5, alpha=0.0).dimension.mean() > 0.8
    assert model.states(sites=233, lam=2.0, alpha=0.0).dimension.mean() < 0.3


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: special("bessel"), "Unknown special function"),
        (lambda: special("jv")[0].table(0, seed=0), "rows"),
        (lambda: chain("anderson"), "Unknown chain"),
        (lambda: chain("mosaic").states(lam=1.0), "takes lam, kappa"),
        (lambda: chain("mosaic").states(sites=3, lam=1.0, kappa=2), "sites"),
    ],
)
def test_what_cannot_be_is_refused(act, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()


def test_the_text_is_the_help_topics_each_paragraph_once() -> None:
    known = characters()
    text = known.text()
    assert len(text) == len(known.codes) > 100_000
    assert known.codes.dtype == np.int64
    assert "".join(sorted(set(text))) == known.alphabet
    paragraphs = text.split("\n\n")
    assert len(set(paragraphs)) == len(paragraphs)
    assert 'The "while" statement' in text
    assert known.text([0, 1]) == known.alphabet[:2]


def test_the_text_is_the_same_each_time() -> None:
    assert np.array_equal(characters().codes, characters().codes)


def test_a_python_without_help_topics_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(EdgewiseError, match="no help topics"):
        characters()


KNOWN = {
    "K4a1": (2.029883212819307, 0),
    "K5a1": (2.828122088330783, 2),
    "K12n242": (2.828122088330783, -8),
}
"""Volume and size of the signature, by the literature: 4_1, 5_2, and the pretzel knot (-2, 3, 7) of equal volume."""
MAY_BE_MISSING = ["short_geodesic_real", "short_geodesic_imag", "injectivity_radius"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return datasets.knots()


def test_thirty_thousand_knots_and_no_gaps_but_where_the_note_says(table: pd.DataFrame) -> None:
    assert len(table) >= 30_000 and table["name"].is_unique
    gaps = table.isna().any()
    assert list(gaps[gaps].index) == MAY_BE_MISSING
    assert table[MAY_BE_MISSING].isna().nunique(axis=1).eq(1).all()
    assert (table["alternating"] == table["name"].str.contains("a")).all()


def test_all_hyperbolic_knots_to_thirteen_crossings(table: pd.DataFrame) -> None:
    """Hoste, Thistlethwaite and Weeks's counts of prime knots, less the torus knots and two satellites."""
    prime = {4: 1, 5: 2, 6: 3, 7: 7, 8: 21, 9: 49, 10: 165, 11: 552, 12: 2176, 13: 9988}
    others = {5: 1, 7: 1, 8: 1, 9: 1, 10: 1, 11: 1, 13: 1 + 2}
    counts = table["crossings"].value_counts()
    assert all(counts[crossings] == count - others.get(crossings, 0) for crossings, count in prime.items())


def test_the_relations_hold(table: pd.DataFrame) -> None:
    longitude, real, imag = (
        table[name].to_numpy()
        for name in ("longitudinal_translation", "meridional_translation_real", "meridional_translation_imag")
    )
    np.testing.assert_allclose(2 * table["cusp_volume"], longitude * imag, rtol=1e-9)
    assert (table["signature"] % 2 == 0).all()
    slope = longitude * real / (real**2 + imag**2)
    assert np.corrcoef(slope, table["signature"])[0, 1] > 0.96
    known = table.dropna()
    assert (known["injectivity_radius"] * 2 - known["short_geodesic_real"]).abs().max() < 1e-11
    assert (table["volume"] > 2.02988).all()


def test_known_knots(table: pd.DataFrame) -> None:
    rows = table.set_index("name")
    for name, (volume, signature) in KNOWN.items():
        assert rows.loc[name, "volume"] == pytest.approx(volume, abs=1e-9)
        assert abs(rows.loc[name, "signature"]) == abs(signature)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # from Python 3.12 on, of its fork
def test_the_generator_makes_the_rows_that_are_stored(table: pd.DataFrame) -> None:
    pytest.importorskip("snappy")
    from knots import assemble, geodesics, invariants

    names = ["K3a1", "K4a1", "K5a1", "K8a5"]
    made = assemble(invariants(names, 0), geodesics(names, 0)).set_index("name")
    assert list(made.index) == names[1:]
    stored = table.set_index("name").loc[names[1:]]
    numbers = [name for name in stored.select_dtypes("number") if name not in MAY_BE_MISSING]
    np.testing.assert_allclose(made[numbers], stored[numbers], rtol=1e-8, atol=1e-8)
    assert made["short_geodesic_real"].to_numpy() == pytest.approx([1.087070145, 0.562399149, 1.509074635], abs=1e-8)
    assert made["symmetry_group"].tolist() == stored["symmetry_group"].tolist()


def test_signatures_of_known_knots() -> None:
    """The trefoils, 5_1 and 8_19 as positive or negative braids, the figure eight; each by its Seifert matrix too."""
    snappy = pytest.importorskip("snappy")
    from knots import signature

    knots = (([1, 1, 1], -2), ([-1, -1, -1], 2), ([1] * 5, -4), ([1, 2] * 4, -6), ([1, -2, 1, -2], 0))
    for braid, expected in knots:
        link = snappy.Link(braid_closure=braid)
        seifert = np.array(link.seifert_matrix(), dtype=float)
        assert signature(link) == expected == -np.sign(np.linalg.eigvalsh(seifert + seifert.T)).sum()
