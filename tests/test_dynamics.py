"""Equations from trajectories: the right terms, constants within their errors, and what bad input is answered."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
from scipy.integrate import solve_ivp

import edgewise as ew
from edgewise.dynamics import Dynamics, Outcome

Rates = Callable[[float, Any], list[float]]


def path(rates: Rates, start: list[float], times: Any, noise: float = 0.0, seed: int = 10) -> Any:
    """Return the states (n, m) of a system, with noise relative to their standard deviation."""
    found = solve_ivp(rates, (times[0], times[-1]), start, t_eval=times, method="DOP853", rtol=1e-11, atol=1e-12).y.T
    return found + noise * found.std(axis=0) * np.random.default_rng(seed).normal(size=found.shape)


def terms(found: Dynamics) -> list[set[str]]:
    """Return the terms of each equation, without factors, constants within them as K."""
    out = []
    for rate in found.equations.values():
        parts = [term.as_independent(*rate.free_symbols)[1] for term in sympy.Add.make_args(rate)]
        out.append({str(p.xreplace({n: sympy.Symbol("K") for n in p.atoms(sympy.Float)})) for p in parts})
    return out


def hunting(t: float, z: Any) -> list[float]:
    return [z[0] - 0.5 * z[0] * z[1], 0.4 * z[0] * z[1] - 0.8 * z[1]]


def swinging(t: float, z: Any) -> list[float]:
    return [z[1], -0.4 * z[1] - 4 * np.sin(z[0])]


@cache
def predators() -> Dynamics:
    t = np.linspace(0, 15, 150)
    table = pd.DataFrame(path(hunting, [3, 1], t, 0.02), columns=["hare", "lynx"])
    return ew.discover_ode(t, table, effort="quick")


def test_noisy_trajectories_give_the_right_terms_and_constants_with_errors() -> None:
    found = predators()
    assert terms(found) == [{"hare", "hare*lynx"}, {"lynx", "hare*lynx"}]
    true = sorted([1.0, -0.5, 0.4, -0.8])
    constants = sorted(found.constants.values(), key=lambda c: c.value)
    assert all(abs(c.value - v) < 4 * c.error < 0.1 for c, v in zip(constants, true, strict=True))
    assert all(c.interval[0] < c.value < c.interval[1] for c in constants)
    assert found.outcome is Outcome.NOISE
    assert all(0.015 < value < 0.025 for value in found.error.values())
    assert found.forecast is not None and max(found.forecast.values()) < 0.05


def test_a_result_can_be_read_and_used() -> None:
    found = predators()
    assert "±" in str(found) and str(found).startswith("hare' = ")
    assert r"\dot{hare}" in found._repr_latex_()
    assert list(found.frame().columns) == ["constant", "value", "error", "low", "high"]
    assert [c.complexity for c in found.front] == sorted(c.complexity for c in found.front)
    assert {s.name for s in found.forms["hare"].free_symbols} >= {"hare", "lynx", "c1"}
    space: dict[str, Any] = {}
    source = found.to_python("rates")
    assert "def rates(t, hare, lynx):" in source
    exec(compile(source, "rates", "exec"), space)  # noqa: S102 (what was exported runs)
    t = np.linspace(0, 5, 20)
    own = found.simulate([2, 1], t)
    ours = solve_ivp(lambda t, z: space["rates"](t, *z), (0, 5), [2, 1], t_eval=t, rtol=1e-9, atol=1e-11).y.T
    assert np.allclose(own, ours, atol=1e-5)
    assert np.allclose(found.rates(0.0, [[2.0, 1.0]])[0], space["rates"](0.0, 2.0, 1.0))


def test_the_same_rows_give_the_same_equations() -> None:
    t = np.sort(np.random.default_rng(1).uniform(0, 6, 60))
    x = [path(lambda t, z: [1.2 * z[0] * (1 - z[0] / 5)], [s], t, 0.01)[:, 0][:, None] for s in (0.2, 8.0)]
    first, second = (ew.discover_ode([t, t], x, ["q"], effort="quick") for _ in range(2))
    assert terms(first) == [{"q", "q**2"}]
    assert str(first) == str(second)


def test_exact_positions_give_an_equation_of_second_order() -> None:
    t = np.linspace(0, 8, 200)
    found = ew.discover_ode(t, path(swinging, [2.0, 0.0], t)[:, 0], ["angle"], order=2, effort="quick")
    assert found.outcome is Outcome.EXACT
    assert terms(found) == [{"angle_dot"}, {"angle_dot", "sin(angle)"}]
    constants = sorted(found.constants.values(), key=lambda c: c.value)
    assert [c.value for c in constants] == pytest.approx([-4.0, -0.4], rel=1e-9)
    assert all(c.interval[0] <= true <= c.interval[1] for c, true in zip(constants, [-4.0, -0.4], strict=True))
    assert all(c.error < 1e-6 for c in constants)


@pytest.mark.slow
def test_forcing_of_unknown_frequency_is_found() -> None:
    t = np.linspace(0, 25, 400)
    x = path(lambda t, z: [z[1], -0.2 * z[1] - z[0] + 0.6 * np.cos(2.3 * t)], [1.0, 0.0], t, 0.01)
    found = ew.discover_ode(t, x, effort="quick")
    assert terms(found) == [{"y"}, {"x", "y", "cos(K*t)"}]
    assert any(abs(c.value - 2.3) < 0.01 for c in found.constants.values())


@pytest.mark.slow
def test_the_lynx_and_the_hare_follow_lotka_and_volterra() -> None:
    table = pd.read_csv(ew.datasets.path("lynx"))
    found = ew.discover_ode(table["year"] - 1900, table[["hare", "lynx"]])
    assert terms(found) == [{"hare", "hare*lynx"}, {"lynx", "hare*lynx"}]


def test_a_search_that_is_ended_returns_what_it_has() -> None:
    def stop(stage: str, fraction: float, best: str | None) -> None:
        assert 0 <= fraction <= 1
        if best is not None:
            raise KeyboardInterrupt

    t = np.linspace(0, 10, 100)
    found = ew.discover_ode(t, path(hunting, [3, 1], t), effort="quick", progress=stop)
    assert found.outcome is Outcome.INTERRUPTED and "hare" not in found.equations
    with pytest.raises(ew.EdgewiseError, match="No equations were found"):
        ew.discover_ode(t, path(hunting, [3, 1], t), time_limit=1e-9)


T = np.linspace(0, 1, 20)
X = np.stack([np.sin(T), np.cos(T)], axis=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((T[::-1], X), "must increase"),
        ((np.where(T > 0.5, 0.5, T), X), "must increase"),
        ((T, np.where(X > 0.9, np.nan, X)), "must be finite"),
        ((T[:5], X[:5]), "at least 8 rows"),
        ((T[:-1], X), "equally many rows"),
        (([T, T], [X, X[:, :1]]), "same states"),
        (([T], [X, X]), "equally many trajectories"),
        ((T, np.ones(20)), "never changes"),
        ((T, X, ["a"]), "names"),
        ((T, X, ["t", "a"]), "No state may be named 't'"),
        ((T, "abc"), "numbers"),
    ],
)
def test_bad_tables_are_refused(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ew.InputError, match=said):
        ew.discover_ode(*arguments)


@pytest.mark.parametrize(
    "options", [{"order": 3}, {"effort": "much"}, {"seed": -1}, {"time_limit": 0}, {"progress": 1}]
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ew.InputError, match=next(iter(options))):
        ew.discover_ode(T, X, **options)


def test_bad_simulations_are_refused() -> None:
    found = predators()
    with pytest.raises(ew.InputError, match="2 columns"):
        found.simulate([1.0], [0.0, 1.0])
    with pytest.raises(ew.InputError, match="increase"):
        found.simulate([1.0, 1.0], [1.0, 0.0])
