"""Equations from trajectories: the right terms, constants within their errors, and what bad input is answered."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp
from trajectories import hunting, path, terms

import edgewise as ew
from edgewise.dynamics import Dynamics, Outcome
from edgewise_bench import Settings
from edgewise_bench.benchmarks import BENCHMARKS


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


def test_the_picture_has_each_state_and_the_plane_of_two() -> None:
    over_time = predators().plot().axes
    assert [ax.get_ylabel() for ax in over_time] == ["hare", "lynx", "lynx"]
    curve = over_time[0].lines[0].get_xydata()
    rows = predators().data.values[:, 0]
    assert np.abs(np.interp(np.linspace(0, 15, 150), *np.transpose(curve)) - rows).max() < 0.3
    t = [np.linspace(5, 9, 30)] * 2
    driven = ew.discover_ode(t, [np.exp(-t[0]), np.exp(-t[0])], inputs=[{"w": np.ones(30)}] * 2, effort="quick")
    (ax,) = driven.plot().axes
    assert len(ax.lines) == 2 and ax.get_xlim()[1] < 10


@pytest.mark.slow
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


GROWTH = np.linspace(0, 10, 150)


def growing(x0: float = 0.1, noise: float = 0.0) -> Any:
    return path(lambda t, x: [-0.5 * x[0] * np.log(x[0] / 2)], [x0], GROWTH, noise, 0)


@pytest.mark.slow
def test_gompertz_growth_is_found_as_x_log_x() -> None:
    exact = ew.discover_ode(GROWTH, growing(), effort="quick")
    assert exact.outcome is Outcome.EXACT and terms(exact) == [{"x", "x*log(x)"}]
    assert exact.simulate([30.0], [0.0, 1.0])[1, 0] == pytest.approx(10.3363, rel=1e-4)  # far beyond the rows
    noisy = ew.discover_ode(GROWTH, growing(noise=0.01), effort="quick")
    assert noisy.outcome is Outcome.NOISE and terms(noisy) == [{"x", "x*log(x)"}]


@pytest.mark.slow
def test_errors_of_integration_buy_no_terms() -> None:
    x = solve_ivp(lambda t, x: 2 - 0.3 * x, (0, 10), [0.0], t_eval=GROWTH, rtol=1e-5, atol=1e-6).y[0]
    found = ew.discover_ode(GROWTH, x, effort="quick")
    assert terms(found) == [{"1", "x"}] and found.outcome is Outcome.FLOOR


def test_forms_that_the_rows_do_not_tell_apart_are_rivals() -> None:
    t = np.linspace(0, 7, 150)
    found = ew.discover_ode(t, path(lambda t, x: [x[0] - x[0] ** 3], [0.05], t, 0.01), effort="quick")
    assert found.outcome is Outcome.AMBIGUOUS and found.rivals
    assert "rivals, for x from" in str(found) and found.ranges["x"][0] < 0.1 < 0.9 < found.ranges["x"][1]
    assert all(rival.error < 1.2 * found.error["x"] for rival in found.rivals)


@pytest.mark.slow
def test_hill_functions_of_a_toggle_switch_are_not_claimed_as_polynomials() -> None:
    t = np.linspace(0, 8, 300)
    x = path(lambda t, z: [3 / (1 + z[1] ** 2) - z[0], 3 / (1 + z[0] ** 2) - z[1]], [1.2, 0.4], t, 0.01)
    assert ew.discover_ode(t, x, effort="quick").outcome in (Outcome.AMBIGUOUS, Outcome.APPROXIMATE)


@pytest.mark.slow
def test_drag_of_second_degree_is_found() -> None:
    t = np.linspace(0, 15, 300)
    found = ew.discover_ode(t, path(lambda t, z: [z[1], -z[0] - 0.5 * z[1] * abs(z[1])], [3.0, 0.0], t), effort="quick")
    assert terms(found) == [{"y"}, {"x", "y*Abs(y)"}]


RNG = np.random.default_rng(0)


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "x",
    [RNG.normal(size=60), 5 + 0.1 * RNG.normal(size=60), np.cumsum(RNG.normal(size=60))],
    ids=["noise", "rest", "walk"],
)
def test_series_of_noise_get_an_answer(x: Any, order: Any) -> None:
    found = ew.discover_ode(np.arange(60.0), x, order=order, effort="quick")
    assert set(found.equations) == ({"x"} if order == 1 else {"x", "x_dot"})
    assert found.outcome is not Outcome.EXACT


def test_a_state_at_rest_has_no_rate() -> None:
    x = 5 + 0.1 * np.random.default_rng(3).normal(size=60)
    found = ew.discover_ode(np.arange(60.0), x, effort="quick")
    assert found.equations == {"x": 0} and found.outcome is Outcome.NOISE and str(found).startswith("x' = 0")
    both = ew.discover_ode([np.arange(60.0)] * 2, [x, x[::-1] + 1], effort="quick")
    assert both.equations == {"x": 0}


@pytest.mark.slow
def test_eleven_rows_of_a_drug_get_an_answer() -> None:
    t = [0, 0.25, 0.57, 1.12, 2.02, 3.82, 5.1, 7.03, 9.05, 12.12, 24.37]
    x = [0.74, 2.84, 6.57, 10.5, 9.66, 8.58, 8.36, 7.47, 6.89, 5.94, 3.28]
    for order in (1, 2):
        found = ew.discover_ode(t, x, ["conc"], order=order, effort="quick")  # type: ignore[arg-type]
        assert found.outcome is Outcome.APPROXIMATE


#: hundredths of a foot over 570 of Lake Huron's level, 1875 to 1972 (LakeHuron of R's datasets)
LEVELS = """
1038 1186 1097 1080 979 1039 1042 1082 1140 1132 1144 1168 1117 1053 1001 991 914 916 955 967 844 824 910 909 935
882 932 901 900 980 983 972 989 1001 937 869 819 867 955 892 809 937 1013 1014 951 924 866 886 805 779 675 675 782
864 1058 948 738 690 694 624 684 685 690 779 818 751 723 842 961 905 926 922 938 910 795 812 975 1085 1041 996 961
876 818 721 713 910 825 791 689 596 680 768 838 852 974 931 989 996
"""


@pytest.mark.slow
def test_a_forecast_worse_than_the_mean_forbids_a_claim() -> None:
    rows = np.array(LEVELS.split(), float)
    found = ew.discover_ode(np.arange(len(rows)), rows - rows.mean(), ["level"], order=2, effort="quick")
    assert found.outcome in (Outcome.APPROXIMATE, Outcome.AMBIGUOUS)


@pytest.mark.slow
def test_columns_of_one_state_are_trajectories() -> None:
    t = np.linspace(0, 5, 20)
    x = [k * np.exp(-t) for k in (1, 2, 3)]
    for times in ([t] * 3, t):
        found = ew.discover_ode(times, x, ["c"], effort="quick")
        assert terms(found) == [{"c"}] and found.starts.shape == (3, 1)


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
        ((T, np.where(X > 0.9, np.inf, X)), "finite"),
        ((T, np.where(X.min() < X, np.nan, X)), "measured 1 times"),
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bell, noise 0.01", "square in sine, noise 0,"])
def test_terms_that_cancel_are_no_law(name: str) -> None:
    """Sums of terms of the libraries follow exp(-x^2) and sin(x^2) along a trajectory, but are not what they are."""
    cases = BENCHMARKS["claims"].cases(Settings(seed=1))
    (row,) = BENCHMARKS["claims"].measure(next(c for c in cases if name in c.label), Settings(seed=1))
    assert row["said"] == "approximate"
