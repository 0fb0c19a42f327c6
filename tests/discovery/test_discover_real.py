"""Tables that follow no exact law: a front that is always good, honest outcomes, and input as it comes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sympy

import edgewise as ew
from edgewise.discovery import Discovery, Outcome

QUICK = 3000


def noisy_table(n: int = 80, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.5, 3, (n, 2))
    y = 3 * np.exp(-x[:, 0]) * x[:, 1] + np.sqrt(x[:, 1]) + 0.2 * rng.standard_normal(n)
    return pd.DataFrame(x, columns=["a", "b"]), y


@pytest.fixture(scope="module")
def found() -> Discovery:
    x, y = noisy_table()
    return ew.discover(x, y, effort=QUICK, time_limit=300)


def r2(y: np.ndarray, predicted: np.ndarray) -> float:
    return float(1 - np.mean((y - predicted) ** 2) / np.var(y))


def test_the_front_goes_from_simple_to_accurate_and_the_best_beats_a_plane(found: Discovery) -> None:
    x, y = noisy_table(500, seed=1)
    assert len(found) >= 6
    held_out = [c.held_out for c in found if c is not found.best]
    assert held_out == sorted(held_out, reverse=True)
    train, target = noisy_table()
    design = np.column_stack([train, np.ones(len(train))])
    plane = np.column_stack([x, np.ones(len(x))]) @ np.linalg.lstsq(design, target, rcond=None)[0]
    assert r2(y, found.best.predict(x)) > r2(y, plane) - 0.01
    assert found.best.complexity <= 30


def test_the_ceiling_is_the_best_flexible_model(found: Discovery) -> None:
    x, y = noisy_table(500, seed=1)
    assert found.ceiling is not None
    assert found.ceiling.r2 == pytest.approx(r2(y, found.ceiling.predict(x)), abs=0.05)
    assert found.ceiling.network().n_out == 1


def test_a_data_frame_is_read_by_name(found: Discovery) -> None:
    x, _ = noisy_table(20, seed=2)
    shuffled = x[["b", "a"]].assign(other=1.0)
    assert np.array_equal(found.best.predict(shuffled), found.best.predict(x.to_numpy()))
    assert np.array_equal(found.ceiling.predict(shuffled), found.ceiling.predict(x))  # type: ignore[union-attr]
    with pytest.raises(ew.InputError, match="lacks"):
        found.best.predict(x[["a"]])


@pytest.mark.slow
def test_the_same_effort_gives_the_same_front(found: Discovery) -> None:
    x, y = noisy_table()
    again = ew.discover(x, y, effort=QUICK, time_limit=600)
    assert [str(c.expression) for c in again] == [str(c.expression) for c in found]


@pytest.mark.slow
def test_columns_beyond_the_tenth_count() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(150, 14))
    y = x @ np.arange(1, 15) + 3 * rng.standard_normal(150)
    found = ew.discover(x, y, effort=500, time_limit=300)
    assert {f"x{k}" for k in range(11, 15)} <= {s.name for c in found for s in c.expression.free_symbols}
    assert max(r2(y, c.predict(x)) for c in found) > 0.97


def test_a_proportional_law_of_both_signs_is_found() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(60, 1))
    found = ew.discover(x, 2.5 * x[:, 0] + 0.3 * rng.standard_normal(60), names=["u"], effort=500)
    u = sympy.Symbol("u")
    assert any(c.expression.coeff(u) == c.expression / u for c in found if c.expression.free_symbols)


def test_six_rows_are_not_said_to_leave_only_noise() -> None:
    """Biochemical oxygen demand: Bates and Watts (1988), appendix A1.4."""
    time, demand = np.array([1, 2, 3, 4, 5, 7.0]), np.array([8.3, 10.3, 19.0, 16.0, 15.6, 19.8])
    found = ew.discover(time[:, None], demand, names=["t"], effort=500)
    assert found.outcome not in (Outcome.NOISE, Outcome.EXACT)


@pytest.mark.slow
def test_a_cell_of_minus_999_makes_no_pole() -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(1, 2, (80, 2))
    y = x[:, 0] * 3 + x[:, 1] + 0.05 * rng.standard_normal(80)
    x[17, 0] = -999.0
    found = ew.discover(x, y, names=["a", "b"], effort=QUICK, time_limit=300)
    keep = np.arange(80) != 17
    points = rng.uniform(1, 2, (500, 2))
    assert r2(points[:, 0] * 3 + points[:, 1], found.best.predict(points)) > 0.5
    assert r2(y[keep], found.best.predict(x[keep])) > 0.5


def test_an_interrupted_search_returns_what_it_found() -> None:
    x, y = noisy_table()

    def interrupt(stage: str, fraction: float, best: str | None) -> None:
        if 0.3 <= fraction < 1:
            raise KeyboardInterrupt

    found = ew.discover(x, y, effort=QUICK, progress=interrupt)
    assert found.outcome is Outcome.INTERRUPTED and len(found) >= 2
    assert np.isfinite(found.best.predict(x)).all()


@pytest.mark.parametrize("effort", ["slow", -1, 1.5, None, True])
def test_other_efforts_are_refused(effort: object) -> None:
    x, y = noisy_table(20)
    with pytest.raises(ew.InputError, match="effort"):
        ew.discover(x, y, effort=effort)  # type: ignore[arg-type]


@pytest.mark.slow
def test_best_is_no_longer_than_a_formula_of_the_front_that_fits_as_well() -> None:
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.uniform(280, 400, 150), rng.uniform(1, 5, 150)])
    y = 20 * np.exp(-600 / x[:, 0]) * np.sqrt(x[:, 1]) * (1 + 0.05 * rng.standard_normal(150))
    found = ew.discover(x, y, names=["T", "p"], effort=QUICK, time_limit=300)
    shorter = [c for c in found if c.complexity < found.best.complexity]
    assert found.best.r2 > 0.95 and all(c.held_out > found.best.held_out for c in shorter)
