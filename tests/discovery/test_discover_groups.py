"""Constants that differ by group, with what a person knows, standard errors, weights and Huber's loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy

import edgewise as ew
from edgewise.discovery import Discovery, Outcome

QUICK: dict[str, Any] = {"groups": "kind", "effort": 20, "time_limit": 300.0}
SHIFTS = {"u": 1.0, "v": 3.0, "w": 4.5}
X, T = sympy.symbols("x t")


def rows(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Columns x, t and kind, and the shift of each kind in the column shift."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"x": rng.uniform(1, 4, n), "t": rng.uniform(0.5, 3, n), "kind": rng.choice([*SHIFTS], n)})
    return table.assign(shift=[SHIFTS[each] for each in table.kind])


def search(table: pd.DataFrame, y: Any, **options: Any) -> Discovery:
    return ew.discover(table.drop(columns="shift"), np.asarray(y), **{**QUICK, **options})


def forms(found: Discovery) -> list[sympy.Expr]:
    """The formulas that say something of the inputs, with symbols for what differs by group."""
    all_of_them = [c.expression if c.by_group is None else c.by_group.form for c in (*found, found.best)]
    return [form for form in all_of_them if form.free_symbols]


@pytest.mark.slow
def test_functions_and_length_hold_for_all_groups() -> None:
    table = rows(40)
    y = table["shift"] + np.sin(2 * table.x)
    found = search(table, y, functions=["-sin", "-cos", "-tanh"], max_complexity=8, forbid="t")
    assert forms(found) and not any(f.has(sympy.sin, sympy.cos, sympy.tanh) for f in forms(found))
    assert all(c.complexity <= 8 for c in found)
    assert any("You asked for functions: -sin" in stage for stage in found.stages)


@pytest.mark.slow
def test_forbidden_columns_are_not_seen_and_required_ones_occur() -> None:
    table = rows()
    y = table["shift"] + 2 * table.x + 0.3 * np.random.default_rng(1).standard_normal(len(table))
    found = search(table, y, forbid="x", require=["t"])
    assert forms(found) and all(f.has(T) and not f.has(X) for f in forms(found))
    assert {"x", "t"} < {*found.names} and found.predict(table).shape == (60,)


def test_dimensions_fit_and_constants_by_group_may_have_any() -> None:
    table = rows()
    y = table["shift"] * table.x / table.t
    units = {"x": "m", "t": "s", "y": "m"}
    found = search(table, y, units=units)
    assert found.outcome is Outcome.EXACT and found.best.by_group is not None
    assert sympy.simplify(found.best.by_group.form - sympy.Symbol("a") * X / T) == 0


def test_a_guess_is_taken_up() -> None:
    table = rows()
    y = table["shift"] * np.exp(-1.3 * table.t) / (table.x + 0.37)
    found = search(table, y, guesses="A*exp(-k*t)/(x + c)", effort=20)
    assert found.outcome is Outcome.EXACT and found.groups is not None
    assert found.groups.a.tolist() == pytest.approx([*SHIFTS.values()])


@pytest.mark.slow
def test_the_constants_of_every_group_are_in_range() -> None:
    table = rows()
    y = (table["shift"] - 2) * table.x + 5 + 0.1 * np.random.default_rng(0).standard_normal(60)
    for candidate in search(table, y, constants="positive", forbid="t", max_complexity=7):
        values = [] if candidate.by_group is None else candidate.by_group.values.ravel().tolist()
        form = candidate.expression if candidate.by_group is None else candidate.by_group.form
        assert all(v >= 0 for v in [*values, *map(float, form.atoms(sympy.Float))])


def test_the_formula_of_every_group_goes_up() -> None:
    table = rows()
    y = (table["shift"] - 2) * table.x + 0.1 * np.random.default_rng(0).standard_normal(60)
    found = search(table, y, monotone={"x": "+"}, forbid="t", max_complexity=9)
    grid = np.linspace(1, 4, 20)
    for kind in SHIFTS:
        values = found.predict(pd.DataFrame({"x": grid, "t": 1.0, "kind": kind}))
        assert (np.diff(values) >= -1e-9).all()


@pytest.mark.parametrize("known", [{"template": "a*?"}, {"limits": {"t -> inf": 0}}])
def test_forms_and_limits_are_refused(known: dict[str, Any]) -> None:
    table = rows()
    with pytest.raises(ew.InputError, match=f"'groups' cannot be combined with '{next(iter(known))}'"):
        search(table, table.x, **known)


def test_unknown_columns_are_named_without_the_groups() -> None:
    table = rows()
    with pytest.raises(ew.InputError, match="Unknown column in 'forbid' 'kind_v'"):
        search(table, table.x, forbid="kind_v")


def test_standard_errors_weigh_and_settle_what_is_noise() -> None:
    table, rng = rows(45), np.random.default_rng(3)
    error = rng.choice([0.02, 1.0], 45)
    y = table["shift"] + 2 * table.x + error * rng.standard_normal(45)
    found = search(table.assign(error=error), y, sigma="error", forbid="t", time_limit=4)
    assert found.outcome is Outcome.NOISE and found.chi2 is not None and 0.6 < found.chi2 < 1.5
    assert found.groups is not None and found.groups.a.tolist() == pytest.approx([*SHIFTS.values()], abs=0.06)


def test_rows_of_weight_zero_do_not_count_and_the_others_keep_their_groups() -> None:
    table = rows(80)
    weight = np.ones(80)
    weight[::3] = 0
    y = np.where(weight > 0, table["shift"] + table.x**2, 1e3)
    found = search(table, y, weights=weight)
    assert found.outcome is Outcome.EXACT and found.groups is not None
    assert found.groups.a.tolist() == pytest.approx([*SHIFTS.values()])
    assert found.groups.rows.sum() == int(weight.sum()) and "27 rows of 80 left out: the weight is 0." in found.notes


@pytest.mark.slow
def test_huber_is_not_led_astray() -> None:
    table, rng = rows(60), np.random.default_rng(5)
    truth = (table["shift"] + 2 * table.x).to_numpy()
    y, far = truth + 0.1 * rng.standard_normal(60), rng.permutation(60)[:6]
    y[far] += rng.uniform(0.8, 2, 6)
    found = search(table, y, loss="huber", forbid="t", functions=["square"], max_complexity=6)
    design = np.column_stack([table.x, pd.get_dummies(table.kind)])
    plain = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    assert np.mean((found.predict(table) - truth) ** 2) < 0.5 * np.mean((plain - truth) ** 2)
    assert found.noise_model.loss == "huber" and {*found.noise_model.lessened} <= {*far.tolist()}
    assert "Huber's loss" in found.noise_model.text()


@pytest.mark.slow
def test_a_search_of_groups_goes_on_where_it_was(tmp_path: Path) -> None:
    table = rows(30)
    y = table["shift"] + np.sin(table.x * table.t) + 0.2 * np.random.default_rng(0).standard_normal(30)
    saved = tmp_path / "search.npz"
    known = {"max_complexity": 8, "forbid": "t"}
    search(table, y, save=saved, time_limit=0.7, **known)
    again = search(table, y, resume=saved, **known)
    assert again.equations.formula.equals(search(table, y, **known).equations.formula)


def persons(n: int = 12, rows: int = 6, slope: float = 0.0) -> pd.DataFrame:
    """Persons with numbers, x, and y = 5 + shift of the person + (2 + slope of the person) x + noise."""
    rng = np.random.default_rng(7)
    own, tilt = rng.normal(0, 1.5, n), rng.normal(0, slope or 1e-300, n)
    who = np.repeat(np.arange(n), rows)
    x = np.tile(np.linspace(0, 3, rows), n)
    return pd.DataFrame(
        {"x": x, "who": 101 + who, "y": 5 + own[who] + (2 + tilt[who]) * x + rng.normal(0, 0.4, len(x))}
    )


SHORT: dict[str, Any] = {
    "groups": "who",
    "effort": 20,
    "time_limit": 300.0,
    "functions": ["square"],
    "max_complexity": 7,
}


@pytest.mark.slow
def test_constants_of_groups_are_those_of_a_stated_formula() -> None:
    table = persons()
    found = ew.discover(table[["x", "who"]], table.y, **SHORT)
    by = found.best.by_group
    stated = ew.fit_formula("a + b*x", table, "y", groups="who", varying="a")
    assert by is not None and stated.by_group is not None and found.best.text(3).count("x") == 1
    np.testing.assert_allclose(by.values, stated.by_group.values, rtol=1e-4)
    np.testing.assert_allclose(by.summary().iloc[0], stated.by_group.summary().iloc[0], rtol=1e-3)
    assert sorted(c.value for c in found.constants()) == pytest.approx(sorted(stated.values.values()), rel=1e-4)
    assert found.outcome in (Outcome.NOISE, Outcome.AMBIGUOUS) and by.labels[:2] == ("101", "102")
    assert "a: mean" in repr(found) and "drawn from a normal distribution by restricted maximum likelihood" in repr(
        found
    )
    new = pd.DataFrame({"x": [1.0, 1.0, 1.0], "who": [101.0, 999.0, np.nan]})
    values, low, high = found.predict(new, interval=0.9)
    mean = stated.values["a"] + stated.values["b"]
    assert values[1:] == pytest.approx(mean, rel=1e-4) and values[0] != pytest.approx(mean, rel=1e-4)
    assert (high - low)[1] > 1.5 * (high - low)[0] and (high - low)[1] == pytest.approx((high - low)[2])
    np.testing.assert_allclose(found.predict(new), values)


@pytest.mark.slow
def test_what_differs_is_chosen_by_the_marginal_likelihood() -> None:
    for slope, names in ((0.0, 1), (1.0, 2)):
        table = persons(slope=slope)
        found = ew.discover(table[["x", "who"]], table.y, **SHORT)
        assert found.best.by_group is not None and len(found.best.by_group.names) == names


@pytest.mark.slow
def test_noise_between_groups_that_do_not_differ_is_no_difference() -> None:
    table = persons().assign(y=lambda t: 5 + 2 * t.x + np.random.default_rng(3).normal(0, 0.4, len(t)))
    found = ew.discover(table[["x", "who"]], table.y, **SHORT)
    assert found.best.by_group is None


@pytest.mark.parametrize("kind", [int, str])
def test_repeated_rows_are_said_where_groups_are_not_given(kind: type) -> None:
    table = persons().astype({"who": kind})
    rng = np.random.default_rng(1)
    rows = table.iloc[rng.permutation(len(table))]
    said = "Rows of one who have correlated residuals (intraclass correlation 0."
    stated = ew.fit_formula("a + b*x", rows, "y")
    assert any(line.startswith(said) for line in stated.findings.sentences()) and stated.findings.dependent
    found = ew.discovery.discover_directly(rows[["x", "who"]], rows.y, forbid="who")
    assert any(line.startswith(said) and "groups='who' models it" in line for line in found.findings.sentences())
    alike = rows.assign(y=5 + 2 * rows.x + rng.normal(0, 0.4, len(rows)))
    assert ew.fit_formula("a + b*x", alike, "y").findings.repeated is None
    assert ew.fit_formula("a + b*x", rows, "y", groups="who", varying="a").findings.repeated is None
