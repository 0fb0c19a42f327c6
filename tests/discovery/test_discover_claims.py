"""What discovery claims: nothing by chance, nothing that only shows between the rows, and laws on few rows."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import edgewise as ew
from edgewise.discovery import Discovery, Outcome
from edgewise.discovery.judging import encompassing
from edgewise.discovery.judging._gaps import pole
from edgewise.discovery.residuals import lack_of_fit
from edgewise_bench.benchmarks.claims.tables import COUNT, KINDS, made_table

KNOWN = (Outcome.EXACT, Outcome.NOISE)
AXES = np.array([0.387, 0.723, 1.0, 1.524, 5.203, 9.537, 19.191, 30.069])  # of the planets, in au
YEARS = np.array([0.2409, 0.6152, 1.0, 1.881, 11.862, 29.457, 84.01, 164.79])
GRID = np.linspace(0, 1, 40)


def searched(x: np.ndarray, y: np.ndarray, names: list[str], effort: int | str = "normal") -> Discovery:
    return ew.discover(x.reshape(len(y), -1), y, names, effort=effort, time_limit=60.0)


def claims_law(found: Discovery) -> bool:
    """Return whether a discovery claims that the target follows its inputs by a formula."""
    return found.outcome in KNOWN and bool(found.best.expression.free_symbols)


def of_nothing(seed: int, number: int) -> Discovery:
    """Search a table of pure noise."""
    made = made_table(seed, COUNT - KINDS["nothing"] + number)
    assert made.kind == "nothing"
    return ew.discover(made.x, made.y, made.names, effort="quick", time_limit=60.0)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_law_is_claimed_on_a_few_rows_of_noise(number: int) -> None:
    found = of_nothing(1, number)
    assert not claims_law(found), str(found)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_no_law_is_claimed_on_forty_tables_of_noise() -> None:
    assert [number for number in range(KINDS["nothing"]) if claims_law(of_nothing(3, number))] == []


def test_as_many_constants_as_rows_leave_a_front_and_a_modest_formula() -> None:
    rng = np.random.default_rng(3)
    found = searched(rng.normal(size=(5, 4)), rng.normal(size=5), list("abcd"))
    assert found.outcome is Outcome.TOO_FEW_ROWS and "too few" in repr(found)
    assert found.noise == 0
    assert found.best.complexity <= 5 and len(found) > 1


@pytest.mark.slow
def test_a_step_is_not_exact_between_the_rows() -> None:
    """tanh(2000 t) meets every row; that it is steep is all that they show."""
    t = np.linspace(-1, 1, 50)
    found = searched(t, np.sign(t), ["t"], effort=1000)
    assert found.outcome is Outcome.UNSEEN and "between" in repr(found)


@pytest.mark.slow
def test_an_outlier_makes_no_pole() -> None:
    y = 1 + 0.01 * np.random.default_rng(0).standard_normal(len(GRID))
    y[13] -= 3
    found = searched(GRID, y, ["t"])
    assert not claims_law(found), str(found)


def test_kepler_s_law_is_claimed_on_eight_planets() -> None:
    found = searched(AXES, YEARS, ["a"])
    assert found.outcome is Outcome.NOISE
    assert found.noise < 1e-3
    ratio = sympy.lambdify(sympy.Symbol("a"), found.best.expression)(40.0) / 40**1.5
    assert ratio == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("whole", [True, False])
def test_an_exact_law_is_claimed_on_six_rows(whole: bool) -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(1, 10, (6, 2)).astype(float) if whole else rng.uniform(0, 2, (6, 2))
    found = searched(x, 2 * x[:, 0] * x[:, 1] + 1, ["x", "z"])
    assert found.outcome is Outcome.EXACT
    assert found.best.expression == 2 * sympy.Symbol("x") * sympy.Symbol("z") + 1


@pytest.mark.parametrize(("noise", "outcome"), [(0.02, Outcome.NOISE), (0.05, Outcome.AMBIGUOUS)])
def test_a_line_on_eight_rows_of_known_noise_is_best(noise: float, outcome: Outcome) -> None:
    """With a noise of 5 % it leads an exponential by 22, which is not claimed."""
    x = np.random.default_rng(5).uniform(0, 1, 8)
    y = 2 * x + 1 + 0.4 * noise * np.random.default_rng(6).standard_normal(8)
    found = ew.discover(x[:, None], y, ["x"], noise=noise)
    assert found.outcome is outcome and str(found.best.expression) == "2*x + 1"
    assert found.best.predict([[0.0], [1.0]]) == pytest.approx([1.0, 3.0], abs=0.1)


def test_an_exact_law_keeps_its_poles() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (60, 2))
    found = searched(x, 1 / (x[:, 0] - x[:, 1]), ["a", "b"])
    assert found.outcome is Outcome.EXACT


a, b = sympy.symbols("a b")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (1 / (a - b), True),
        (1 / (a + b + 3), False),
        (sympy.sin(a - b) ** 2 / (a - b) ** 2, False),
        (sympy.exp(-a) / (a**2 - sympy.Float(0.2) * a + sympy.Float(0.01)), True),
        (1 + sympy.Float(1e-16) / (a - sympy.Float(0.123)), True),
        (sympy.tan(2 * a), True),
        (sympy.tan(a), False),
        (sympy.log(a + sympy.Float(0.5)), True),
        (sympy.sqrt(a**2 + b**2), False),
    ],
    ids=str,
)
def test_a_pole_between_the_rows_is_seen(formula: sympy.Expr, expected: bool) -> None:
    x = np.random.default_rng(2).uniform(-1, 1, (40, 2))
    assert pole(formula, ["a", "b"], x) is expected


def test_a_quadratic_polynomial_sees_what_a_formula_lacks() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 3, (300, 2))
    y = x[:, 0] ** 2 * x[:, 1] + 0.25 * np.cos(3 * x[:, 0]) + rng.normal(0, 0.3, 300)
    plain = y - x[:, 0] ** 2 * x[:, 1]
    assert lack_of_fit(x, plain) < 1e-3 < lack_of_fit(x, plain - 0.25 * np.cos(3 * x[:, 0]))


def test_what_a_formula_lacks_is_not_asked_of_columns_that_are_flat() -> None:
    assert lack_of_fit(np.ones((40, 2)), np.random.default_rng(0).normal(size=40)) == 1.0


def test_what_another_model_knows_is_seldom_seen_where_there_is_nothing() -> None:
    """4000 tables whose noise differs from row to row: at 0.5 %, about 20 are taken for more."""
    rng = np.random.default_rng(0)
    spread = np.exp(rng.normal(size=80))
    chances = [encompassing(spread * rng.normal(size=80), rng.normal(size=80)) for _ in range(4000)]
    assert 5 < sum(chance < 0.005 for chance in chances) < 40


def test_what_another_model_knows_is_seen_where_a_law_lacks_a_term() -> None:
    rng = np.random.default_rng(0)
    chances = []
    for _ in range(50):
        missed, noise, error = rng.normal(size=(3, 600)) * [[0.06], [0.2], [0.06]]
        chances.append(encompassing(missed + noise, missed + error))
    assert np.median(chances) < 1e-4


def test_without_a_difference_another_model_knows_nothing() -> None:
    assert encompassing(np.ones(9), np.zeros(9)) == 1.0


@pytest.mark.slow
def test_a_step_whose_steepness_no_row_determines_is_not_claimed_to_leave_noise() -> None:
    rng = np.random.default_rng(2)
    x = np.sort(rng.uniform(0, 1, 40))
    found = searched(x, np.where(x > 0.63, 1.0, 0.0) + rng.normal(0, 0.02, 40), ["x"])
    assert not claims_law(found), str(found)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "number"), [("kinks", 55), ("steps", 38)])
def test_what_no_row_shows_is_not_exact(kind: str, number: int) -> None:
    """A piece between two corners without a row, and a step that is steep beyond all measure."""
    made = made_table(5055, number)
    assert made.kind == kind
    found = ew.discover(made.x, made.y, names=made.names, seed=5055, effort="quick")
    off = np.abs(found.predict(made.fresh) - made.truth) / np.ptp(made.truth)
    assert found.outcome is not Outcome.EXACT or np.mean(off > 1e-6) < 0.01


def test_what_comes_close_to_a_law_is_not_exact() -> None:
    """x - sin(x) from 0 to 1 is a power times an exponential to 4e-10, but what that leaves is smooth."""
    x = np.random.default_rng([6066, 56]).uniform(0, 1, (150, 3))
    found = ew.discover(x, x[:, 0] - np.sin(x[:, 0]), effort="quick")
    true = found.best.error < 1e-12
    assert (found.outcome is Outcome.EXACT) == true


@pytest.mark.parametrize("levels", [3, 5, 8])
def test_as_many_constants_as_different_rows_are_no_exact_law(levels: int) -> None:
    """Rows of the same inputs count once: any values at a few inputs have a formula."""
    rng = np.random.default_rng(levels)
    x = np.repeat(np.arange(1.0, levels + 1), 12)
    y = rng.normal(size=levels).round(2)[x.astype(int) - 1]
    assert ew.discover(x[:, None], y, time_limit=10).outcome is not Outcome.EXACT


def test_an_exact_law_is_claimed_from_repeated_rows() -> None:
    x = np.repeat(np.arange(1.0, 13), 5)
    assert ew.discover(x[:, None], 2.5 * x**2 + 1.3).outcome is Outcome.EXACT
