"""Equations from trajectories with gaps, few rows, inputs, known terms, and constants that differ between them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp
from trajectories import hunting, path, terms

import edgewise as ew
from edgewise.dynamics import Dynamics, Outcome

T = np.linspace(0, 15, 150)


def test_gaps_are_left_out_value_by_value() -> None:
    x = path(hunting, [3, 1], T, 0.02)
    x[np.random.default_rng(1).random(x.shape) < 0.3] = np.nan
    x[40:44] = np.nan
    found = ew.discover_ode(T, x, ["hare", "lynx"], effort="quick")
    assert terms(found) == [{"hare", "hare*lynx"}, {"lynx", "hare*lynx"}]
    assert found.outcome is Outcome.NOISE and found.data.size < 0.75 * 300
    assert max(found.error.values()) == pytest.approx(0.02, rel=0.2)


def test_errors_of_integration_are_no_small_terms() -> None:
    loose = solve_ivp(lambda t, z: [z[1], -2.1 * z[0]], (0, 10), [0.4, 0], t_eval=np.linspace(0, 10, 200), rtol=1e-5)
    found = ew.discover_ode(loose.t, loose.y.T, effort="quick")
    assert terms(found) == [{"y"}, {"x"}]


def test_terms_that_lower_errors_of_integration_a_little_are_not_believed() -> None:
    """Nine terms were shown here, with sines and a cube."""
    t = np.linspace(0, 10, 512)
    loose = solve_ivp(
        lambda t, z: [z[0] * (3 - z[0] - 2 * z[1]), z[1] * (2 - z[0] - z[1])], (0, 10), [2.3, 3.6], "LSODA", t,
        rtol=1e-5, atol=1e-7,
    )  # fmt: skip
    found = ew.discover_ode(t, loose.y.T, effort="quick")
    assert terms(found) == [{"x", "x**2", "x*y"}, {"y", "y**2", "x*y"}] and found.outcome is Outcome.FLOOR


def budworm(t: float, z: Any) -> list[float]:
    return [0.4 * z[0] * (1 - z[0] / 95) - z[0] ** 2 / (1 + z[0] ** 2)]


def test_what_is_found_follows_the_rows_without_jumps() -> None:
    """A cosine whose solutions stand still at 46 was found for growth from 44 to 90: by jumps within the noise."""
    t = np.linspace(0, 10, 512)
    x = solve_ivp(budworm, (0, 10), [44.3], t_eval=t, rtol=1e-5, atol=1e-8).y.T
    x *= 1 + 0.05 * np.random.default_rng([15, 0, 0, 50, 0]).standard_normal(x.shape)
    found = ew.discover_ode(t, x, effort="quick")
    left = np.sqrt(np.mean((found.simulate(found.starts[0], t) - x) ** 2)) / x.std()
    assert left == pytest.approx(found.error["x"], rel=0.1)


def test_a_slow_drift_within_the_noise_is_not_claimed_to_be_rest() -> None:
    t = np.linspace(0, 10, 512)
    x = 1 / (1 + np.exp(-0.032 * t) / 9)[:, None]
    found = ew.discover_ode(t, x * (1 + 0.05 * np.random.default_rng(1).standard_normal(x.shape)), effort="quick")
    assert found.outcome is Outcome.AMBIGUOUS


def pines() -> tuple[list[Any], list[Any]]:
    """Heights of eight trees at six ages each, with an asymptote that differs between trees."""
    rng = np.random.default_rng(5)
    ages = np.array([3.0, 5, 10, 15, 20, 25])
    tops = 100 * np.exp(0.05 * rng.normal(size=8))
    rows = [top - (top + 8) * np.exp(-0.04 * ages) + 0.4 * rng.normal(size=6) for top in tops]
    return [ages] * 8, [row[:, None] for row in rows]


def test_many_trajectories_of_few_rows_share_a_law_and_have_constants_of_their_own() -> None:
    found = ew.discover_ode(*pines(), ["height"], known={"height": "a - b*height"}, only=True, effort="quick")
    assert terms(found) == [{"1", "height"}]
    people = found.population()
    growth, rate = (people.constants[name] for name in ("c1", "c2"))
    assert abs(-rate.value - 0.04) < 3 * rate.error and abs(growth.value - 4) < 3 * growth.error
    assert (
        people.individual.shape == (8, 2)
        and people.starts.shape == (8, 1)
        and people.noise["height"] == pytest.approx(0.4, rel=0.4)
    )
    assert list(people.frame().columns) == ["constant", "value", "error", "low", "high", "spread"]
    assert "of 8 trajectories" in str(people)


def test_what_varies_needs_several_trajectories() -> None:
    t = np.linspace(0, 4, 20)
    found = ew.discover_ode(t, np.exp(-t), terms=["x"], only=True)
    with pytest.raises(ew.InputError, match="at least 3 trajectories"):
        found.population()


def controls(t: Any) -> Any:
    return np.sin(1.3 * np.asarray(t)) + 0.4 * np.cos(0.7 * np.asarray(t))


def harvested(t: float, z: Any) -> list[float]:
    return [z[0] - 0.5 * z[0] * z[1] - 0.3 * controls(t) * z[0], 0.4 * z[0] * z[1] - 0.8 * z[1]]


@pytest.mark.parametrize(
    "inputs",
    [controls(T), pd.DataFrame({"u": controls(T)}), {"u": controls}, [{"u": controls(T)}]],
    ids=["column", "frame", "function", "list"],
)
def test_inputs_drive_the_states(inputs: Any) -> None:
    x = path(harvested, [3, 1], T, 0.02)
    found = ew.discover_ode(T, x, ["hare", "lynx"], inputs=inputs, effort="quick")
    assert terms(found) == [{"hare", "hare*lynx", "hare*u"}, {"lynx", "hare*lynx"}]
    true = path(harvested, [2, 2], T)
    assert np.abs(found.simulate([2, 2], T, {"u": controls}) - true).max() < 0.1
    assert np.abs(found.simulate([2, 2], T, controls(T)) - true).max() < 0.1
    assert found.rates(0.0, [[2.0, 1.0]], inputs=[[0.5]]).shape == (1, 2)
    assert "def rates(t, hare, lynx, u):" in found.to_python()
    with pytest.raises(ew.InputError, match="needs u"):
        found.simulate([2, 2], T)


def test_inputs_belong_to_their_trajectories() -> None:
    held = np.repeat(np.random.default_rng(2).uniform(-1, 1, 30), 5)
    t = np.linspace(0, 15, 151)[:-1]
    step = t[1] - t[0]

    def heated(own: Any) -> Any:
        return path(lambda s, z: [-0.5 * z[0] + 0.8 * own[min(int((s + 1e-9) / step), 149)]], [0.2], t)

    both = [heated(held), heated(held[::-1])]
    found = ew.discover_ode(
        [t, t], both, ["T"], inputs=[{"power": held}, {"power": held[::-1]}], terms=["power", "T"], only=True
    )
    assert terms(found) == [{"power", "T"}]
    assert [c.value for c in found.constants.values()] == pytest.approx([0.8, -0.5], rel=0.02)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (controls(T)[:-1], "for each row"),
        (np.where(T > 3, np.nan, controls(T)), "not finite"),
        ({"hare": controls}, "that no state has"),
        ([{"u": controls}, {"u": controls}], "as many tables"),
        ("abc", "numbers"),
    ],
)
def test_bad_inputs_are_refused(inputs: Any, said: str) -> None:
    with pytest.raises(ew.InputError, match=said):
        ew.discover_ode(T, path(hunting, [3, 1], T), ["hare", "lynx"], inputs=inputs)


def falling(t: float, z: Any) -> list[float]:
    return [z[1], -9.81 - 0.3 * z[1]]


def test_known_parts_of_rates_keep_their_constants() -> None:
    t = np.linspace(0, 6, 120)
    x = path(falling, [10, 5], t, 0.02)
    found = ew.discover_ode(t, x, ["h", "v"], known={"v": "-9.81"}, effort="quick")
    assert terms(found) == [{"v"}, {"1", "v"}] and len(found.constants) == 2
    assert found.written.text().splitlines()[1].startswith("v' = -9.81 - (0.29")
    free = ew.discover_ode(t, x, ["h", "v"], known={"v": "-g - k*v"}, effort="quick")
    assert terms(free) == [{"v"}, {"1", "v"}] and len(free.constants) == 3


def test_terms_of_ones_own_have_constants_within() -> None:
    t = np.linspace(0, 6, 120)
    x = path(lambda t, z: [-1.5 * z[0] / (0.6 + z[0])], [5], t, 0.02)
    found = ew.discover_ode(t, x, ["s"], terms=["s/(K + s)", "1"], only=True)
    assert terms(found) == [{"s/(K + s)"}]
    inner = list(found.constants.values())
    assert abs(inner[0].value + 1.5) < 4 * inner[0].error and abs(inner[1].value - 0.6) < 4 * inner[1].error


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"terms": "x"}, "must list"),
        ({"terms": ["K"]}, "must depend on"),
        ({"terms": ["x +* 2"]}, "expected a number"),
        ({"only": True}, "'only' must be True, with"),
        ({"only": True, "known": {"x": "-x"}}, "nothing is left"),
        ({"known": {"z": "1"}}, "States are x, y"),
        ({"known": {"x": "exp(-k*x)"}}, "factor of a term"),
        ({"known": ["x"]}, "must map"),
        ({"bounds": {"z": {}}}, "States are x, y"),
        ({"bounds": {"x": {"2*x": (0, 1)}}}, "no constants"),
        ({"bounds": {"x": {"K*x": (0, 1)}}}, "no constants"),
        ({"bounds": {"x": {"x": 1}}}, "a least and a largest"),
        ({"bounds": {"x": {"x": (1, 0)}}}, "a least and a largest"),
        ({"bounds": {"x": {"x": (0, 0)}}, "known": {"x": "k*x"}}, "barred"),
    ],
)
def test_bad_prior_knowledge_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ew.InputError, match=said):
        ew.discover_ode(T, path(hunting, [3, 1], T), **given)


def chaos(t: float, z: Any) -> list[float]:
    return [10 * (z[1] - z[0]), z[0] * (28 - z[2]) - z[1], z[0] * z[1] - 8 / 3 * z[2]]


def test_constants_have_signs_and_bounds() -> None:
    x = path(hunting, [3, 1], T, 0.02)

    def found(bounds: Any) -> Dynamics:
        return ew.discover_ode(T, x, ["hare", "lynx"], bounds=bounds, effort="quick")

    free = found(None)
    rate = free.constants["c1"]
    kept = found({"hare": {"hare": (0, rate.value - rate.error), "hare*lynx": (None, 0)}})
    assert terms(kept) == terms(free) == [{"hare", "hare*lynx"}, {"lynx", "hare*lynx"}]
    for bounds in ({"hare": {"hare": (rate.value + 5, None)}}, {"hare": {"hare*lynx": (0, 0)}}):
        other = found(bounds)
        assert not terms(other)[0] & {*bounds["hare"]} and terms(other)[1] == {"lynx", "hare*lynx"}
        assert other.error["hare"] < 0.2 and len(other.constants) > len(free.constants)


@pytest.mark.slow
def test_a_hidden_state_of_lorenz_is_found_from_the_other_two() -> None:
    t = np.linspace(0, 12, 600)
    found = ew.discover_ode(t, path(chaos, [1, 1, 20], t, 0.005)[:, :2], hidden="h", effort="quick")
    assert terms(found) == [{"x", "y"}, {"y", "h*x"}, {"1", "h", "x*y"}]
    assert found.outcome is Outcome.UNDETERMINED and found.names == ("x", "y", "h")
    rates = found.equations["h"]
    values = {str(t.as_independent(*rates.free_symbols)[1]): float(t.as_coeff_Mul()[0]) for t in rates.args}
    assert values == pytest.approx({"1": 28 * 8 / 3, "h": -8 / 3, "x*y": -1}, rel=0.01)  # h = 28 - z


def test_the_susceptible_of_an_epidemic_are_found_from_the_infected() -> None:
    t = np.linspace(0, 60, 200)
    x = path(lambda t, z: [-0.5 * z[0] * z[1], 0.5 * z[0] * z[1] - 0.15 * z[1]], [0.99, 0.01], t, 0.01)
    found = ew.discover_ode(t, x[:, 1], ["I"], hidden="h", effort="quick")
    assert terms(found) == [{"I*h"}, {"I", "I*h"}]  # h = beta S - gamma
    assert found.outcome is Outcome.UNDETERMINED
    assert found.written.text().startswith("I' = I*h")
    infection, both = sorted(abs(c.value) for c in found.constants.values())[::-1]
    assert infection == pytest.approx(0.5, rel=0.02) and both == pytest.approx(0.5 * 0.15, rel=0.02)
    ahead = found.simulate(found.starts[0], t)
    assert np.abs(ahead[:, 0] - x[:, 1]).max() < 0.02


def test_what_is_not_hidden_is_left_out() -> None:
    x = np.random.default_rng(0).normal(size=60)
    assert ew.discover_ode(np.arange(60.0), x, hidden="h", effort="quick").equations == {"x": 0}
    t = np.linspace(0, 5, 60)
    found = ew.discover_ode(t, np.exp(-t), hidden="h", effort="quick")
    assert terms(found) == [{"x"}] and found.names == ("x",) and found.outcome is Outcome.EXACT
    with pytest.raises(ew.InputError, match="not measured"):
        ew.discover_ode(np.arange(60.0), x, hidden="x")
    with pytest.raises(ew.InputError, match="are not taken"):
        ew.discover_ode(np.arange(60.0), x, hidden="h", order=2)


def decays(spread: float) -> list[Any]:
    rng = np.random.default_rng(3)
    t = np.linspace(0, 5, 12)
    rates = 0.6 * np.exp(spread * rng.normal(size=5))
    return [
        start * np.exp(-rate * t) + 0.02 * rng.normal(size=12) for start, rate in zip(range(1, 6), rates, strict=True)
    ]


def test_constants_that_differ_between_trajectories_forbid_a_claim() -> None:
    t = [np.linspace(0, 5, 12)] * 5
    same = ew.discover_ode(t, decays(0.0), ["x"], terms=["x"], only=True)
    assert same.outcome is Outcome.NOISE
    differing = ew.discover_ode(t, decays(0.1), ["x"], terms=["x"], only=True)
    assert differing.outcome is Outcome.VARIES and "population()" in str(differing)
    assert differing.population().spread["c1"] == pytest.approx(0.1, rel=0.8)


def test_rounding_is_no_difference_between_trajectories() -> None:
    t = np.arange(40) / 2
    found = ew.discover_ode([t, t], [4 * np.exp(-0.4 * t)] * 2, terms=["x"], only=True)
    assert found.outcome is Outcome.EXACT


def test_long_and_short_trajectories_go_together() -> None:
    rng = np.random.default_rng(0)
    t = [np.linspace(0, 5, 1000), np.linspace(0, 5, 10)]
    found = ew.discover_ode(t, [np.exp(-own) + 0.01 * rng.normal(size=len(own)) for own in t], effort="quick")
    assert terms(found) == [{"x"}]


def test_noise_in_proportion_to_the_values_is_recognized() -> None:
    rng = np.random.default_rng(1)
    t = np.linspace(0, 6, 120)
    found = ew.discover_ode(t, 10 * np.exp(-t) * (1 + 0.05 * rng.normal(size=120)), ["x"], terms=["x"], only=True)
    (rate,) = found.constants.values()
    assert abs(rate.value + 1) < 4 * rate.error < 0.02  # 0.03 with equal noise
    assert np.ptp(found.data.spread) > 1


def test_results_can_be_pickled() -> None:
    t = np.linspace(0, 5, 60)
    found = ew.discover_ode(t, np.exp(-t), ["x"], inputs={"u": np.sin(3 * t)}, effort="quick")
    again = pickle.loads(pickle.dumps(found))
    assert str(again) == str(found)
    driven = {"u": np.zeros(3)}
    assert np.array_equal(again.simulate([1], [0, 1, 2], driven), found.simulate([1], [0, 1, 2], driven))
