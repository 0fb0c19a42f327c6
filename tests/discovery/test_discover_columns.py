"""Tables as they come: text, dates, gaps, groups and several targets in `discover`."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import edgewise as ew
from edgewise.discovery import Discoveries, discover_directly
from edgewise.expressions import parse

EFFORT = {"effort": 500, "time_limit": 300.0}


def made(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    kind = np.array(["plain", "with milk", "plain", "black"])[np.arange(n) % 4]
    return pd.DataFrame({"a": rng.uniform(1, 3, n), "kind": kind, "hot": np.arange(n) % 3 == 0})


def drink(table: pd.DataFrame) -> np.ndarray:
    return np.array(3 * table.a + 2 * (table.kind == "with milk") - 5 * table.hot)


def test_text_becomes_terms_and_the_result_takes_the_table_as_it_came() -> None:
    table = made()
    found = ew.discover(table, drink(table), target="price", **EFFORT)
    assert found.outcome.name == "EXACT"
    assert found.names == ("a", "kind_black", "kind_with milk", "hot")
    assert found.best.text() == "2*`kind_with milk` + 3*a - 5*hot"
    assert found.notes == ["Levels of 'kind' have inputs (1 or 0): black, with milk; baseline: 'plain'."]
    assert found.notes[0] in found.stages and found.notes[0] in repr(found)
    shuffled = table[["hot", "kind", "a"]].iloc[::-1]
    for predict in (found.predict, found.best.predict, found[len(found) - 1].predict):
        np.testing.assert_allclose(predict(shuffled), drink(shuffled), atol=1e-9)
    again = parse(found.equations.formula.iloc[-1], found.names)
    assert again == found.best.expression


def test_a_level_that_was_not_seen_has_no_value() -> None:
    table = made()
    found = ew.discover(table, drink(table), **EFFORT)
    values = found.predict(table.head(2).assign(kind=["plain", "oat"]))
    assert np.isfinite(values[0]) and np.isnan(values[1])


@pytest.mark.parametrize("as_frame", [pl.from_pandas, lambda t: t.astype({"kind": "category"}), lambda t: t.to_numpy()])
def test_frames_of_polars_categories_and_arrays_of_objects_are_read_alike(as_frame: object) -> None:
    table = made()
    found = ew.discover(as_frame(table), drink(table), ["a", "kind", "hot"], **EFFORT)  # type: ignore[operator]
    assert found.outcome.name == "EXACT" and "kind_with milk" in str(found.best)
    np.testing.assert_allclose(found.predict(as_frame(table)), drink(table), atol=1e-9)  # type: ignore[operator]


def test_dates_count_from_a_told_origin() -> None:
    days = pd.date_range("2020-03-01", periods=50, freq="D")
    shuffled = np.random.default_rng(0).permutation(50)
    table = pd.DataFrame({"day": days[shuffled], "text": days[shuffled].strftime("%Y-%m-%d").astype(object)})
    y = 2.0 * shuffled + 1
    for name in table:
        found = ew.discover(table[[name]], y, **EFFORT)
        assert str(found.best.expression) == f"2*{name}_days + 1"
        assert found.notes == [f"Dates in '{name}' count as '{name}_days': days since 2020-03-01."]
        np.testing.assert_allclose(found.predict(table), y)


def test_dates_over_many_years_count_in_years() -> None:
    days = pd.to_datetime([f"{year}-07-01" for year in range(1990, 2020)])
    found = discover_directly(pd.DataFrame({"day": days}), np.arange(30.0) + 0.5, target="age")
    assert found.names == ("day_years",)
    assert "years since 1990-01-01" in found.notes[0]


def test_rows_with_gaps_are_left_out_and_said() -> None:
    table = made()
    y = drink(table)
    y[7] = np.nan
    table.loc[[3, 4, 5], "a"] = np.nan
    table.loc[3, "kind"] = None
    found = ew.discover(table, y, **EFFORT)
    assert found.outcome.name == "EXACT" and len(found.y) == 56
    assert found.notes[0] == "1 row of 60 left out: no 'y'."
    assert "3 rows of 60 left out: values are missing ('a' in 3, 'kind' in 1)" in found.notes[-1]
    assert np.isnan(found.predict(table)[3]) and found.predict(table)[0] == pytest.approx(y[0])


def test_gaps_in_arrays_are_left_out_too() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (40, 2))
    y = x[:, 0] * x[:, 1]
    x[3, 1] = np.nan
    found = discover_directly(x, y)
    assert str(found.best.expression) == "x1*x2" and "1 row of 40 left out" in found.notes[0]


def test_an_indicator_keeps_rows_with_gaps() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"a": rng.uniform(1, 3, 80), "kind": ["u", "v"] * 40})
    y = np.array(2 * table.a)
    gaps = rng.random(80) < 0.3
    y[gaps] = 7.5
    table.loc[gaps, "a"] = np.nan
    table.loc[::9, "kind"] = None
    found = ew.discover(table, y, missing="indicator", **EFFORT)
    assert len(found.y) == 80 and {"a_missing", "kind_missing"} <= {*found.names}
    assert found.best.r2 > 0.999 and "a_missing" in str(found.best)
    np.testing.assert_allclose(found.predict(table), y, atol=0.1)
    assert "26 gaps of 'a' count as the median." in found.notes


def test_what_says_nothing_is_left_out_and_said() -> None:
    n = 40
    rng = np.random.default_rng(0)
    a = rng.uniform(1, 2, n)
    table = pd.DataFrame(
        {"id": np.arange(n), "a": a, "same": 3.0, "again": a, "empty": np.nan, "name": [f"n{k}" for k in range(n)],
         "word": "w", "sparse": np.where(np.arange(n) < 30, np.nan, 1.0)}
    )  # fmt: skip
    found = ew.discover(table, 2 * a + 1, **EFFORT)
    assert found.names == ("a",) and str(found.best.expression) == "2*a + 1"
    said = " ".join(found.notes)
    for name, why in {
        "id": "it only numbers the rows", "same": "it is 3 in every row", "empty": "it has no values",
        "name": "it is text with 40 different values in 40 rows", "word": "it is w in every row",
        "sparse": "30 of 40 cells are empty (missing='indicator' keeps it)",
    }.items():  # fmt: skip
        assert f"Column {name!r} is left out: {why}." in found.notes
    assert "Input 'again' is left out: it equals 'a' in every row." in said
    np.testing.assert_allclose(found.predict(table), 2 * a + 1)


def test_a_column_that_counts_the_rows_is_told() -> None:
    table = pd.DataFrame({"place": np.arange(30), "a": np.random.default_rng(0).random(30)})
    found = ew.discover(table, 2 * table.a + table.place, **EFFORT)
    assert str(found.best.expression) == "2*a + place"
    assert found.notes == ["Column 'place' counts the rows: leave it out unless their order matters."]


def test_a_copy_of_the_target_is_told() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.random(30), "leak": rng.random(30)})
    found = ew.discover(table, table.leak.rename("y"), **EFFORT)
    assert str(found.best.expression) == "leak"
    assert "Input 'leak' equals the target 'y' in every row." in found.notes


def test_arrays_lose_columns_that_say_nothing_but_keep_their_width() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (40, 3))
    x[:, 1] = 5.0
    found = discover_directly(x, x[:, 0] * x[:, 2])
    assert found.names == ("x1", "x3") and str(found.best.expression) == "x1*x3"
    np.testing.assert_allclose(found.predict(x), x[:, 0] * x[:, 2])


@pytest.mark.slow
def test_many_levels_are_cut_and_said() -> None:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 30, 300)
    table = pd.DataFrame({"kind": [f"k{k:02}" for k in kind], "a": rng.random(300)})
    found = ew.discover(table, rng.random(300), **EFFORT)
    assert len(found.names) == 12 and "baseline: the other 19 levels (groups='kind' gives" in found.notes[0]


GROUPS = {"u": (1.0, 2.0), "v": (3.0, 0.5), "w": (-2.0, 1.0)}


def grouped(n: int = 90) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.uniform(1, 4, n), "group": rng.choice([*GROUPS], n, p=[0.5, 0.3, 0.2])})
    shift, factor = np.array([GROUPS[each] for each in table.group]).T
    return table, shift, factor


def test_a_constant_that_differs_by_group_is_found(tmp_path: Path) -> None:
    table, shift, _ = grouped()
    y = (shift + 2 * table.x**2).to_numpy()
    found = ew.discover(table, y, groups="group", effort=800, time_limit=300)
    assert found.outcome.name == "EXACT" and found.best.text() == "a + 2*x**2"
    assert found.groups is not None
    assert found.groups.a.to_dict() == pytest.approx({name: pair[0] for name, pair in GROUPS.items()})
    assert found.groups.index.name == "group" and found.groups.rows.sum() == 90
    np.testing.assert_allclose(found.predict(table[["group", "x"]]), y, atol=1e-9)
    mean = np.mean([pair[0] for pair in GROUPS.values()])
    assert found.predict(table.head(1).assign(group="new")) == pytest.approx(mean + 2 * table.x[0] ** 2)
    assert "a differs by group" in repr(found) and "v: a = 3" in repr(found)
    page = found.report(tmp_path / "r.html").read_text(encoding="utf-8")
    assert re.search("<li>a differs by group: .*v: a = 3;? ?.*</li>", page) and "<li>x from 1." in page


@pytest.mark.slow
def test_noisy_offsets_and_scales_have_error_bars() -> None:
    table, shift, factor = grouped(100)
    y = shift + factor * np.sqrt(table.x) + 0.02 * np.random.default_rng(2).standard_normal(100)
    found = ew.discover(table, y, groups="group", effort=800, time_limit=300)
    assert found.best.text() == "a + b*sqrt(x)" and found.groups is not None
    for name, (a, b) in GROUPS.items():
        line = found.groups.loc[name]
        assert abs(line.a - a) < 4 * line.a_error and abs(line.b - b) < 4 * line.b_error


def test_groups_that_do_not_differ_have_no_constants() -> None:
    table, *_ = grouped()
    found = ew.discover(table, (table.x**2).to_numpy(), groups="group", effort=800, time_limit=300)
    assert found.groups is None and str(found.best.expression) == "x**2"


def test_several_targets() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (50, 2))
    y = pd.DataFrame({"product": x[:, 0] * x[:, 1], "sum": x[:, 0] + x[:, 1], "gap": x[:, 0] ** 2})
    y.loc[3, "gap"] = np.nan
    found: Any = ew.discover(x, y, **EFFORT)
    assert isinstance(found, Discoveries) and [*found] == ["product", "sum", "gap"]
    assert str(found["product"].best.expression) == "x1*x2" and len(found["gap"].y) == 49
    assert "product = x1*x2  (EXACT, held-out R2 1)" in repr(found)
    assert found.equations.target.unique().tolist() == ["product", "sum", "gap"]
    assert [*ew.discover(x, y.to_numpy()[:, :2], **EFFORT)] == ["y1", "y2"]
    with pytest.raises(ew.InputError, match="sum"):
        found["summ"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"groups": "kinds"}, "'kinds'.*Known"),
        ({"missing": "fill"}, "'missing' must be"),
        ({"target": ["a", "b"]}, "'target' must name"),
        ({"y": np.array(["a"] * 60)}, "y must be numbers"),
        ({"y": np.full(60, np.nan)}, "no values"),
    ],
)
def test_bad_options_are_named(change: dict[str, object], match: str) -> None:
    arguments: dict[str, object] = {"x": made(), "y": drink(made()), **EFFORT, **change}
    with pytest.raises(ew.InputError, match=match):
        ew.discover(**arguments)  # type: ignore[arg-type]


def run(*arguments: str) -> tuple[int, str]:
    import io
    from contextlib import redirect_stdout

    from edgewise.cli import main

    said = io.StringIO()
    with redirect_stdout(said):
        code = main(["discover", "t.csv", "--effort", "500", "--time-limit", "300", *arguments])
    return code, said.getvalue()


@pytest.mark.slow
def test_the_command_takes_text_gaps_groups_and_several_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table, shift, _ = grouped(60)
    table = table.assign(y=shift + 2 * table.x, z=3 * table.x + (table.group == "v"))
    table.loc[4, "x"] = np.nan
    table.to_csv("t.csv", index=False)
    code, said = run("--target", "y", "--groups", "group", "--inputs", "x")
    assert code == 0 and "Explaining y by x, group (60 rows, 2 inputs)." in said
    assert "y = a + 2*x" in said and "a differs by group" in said and "1 row of 60 left out" in said
    assert "y = a + 2*x" in Path("edgewise-report/formula.txt").read_text()
    code, said = run("--target", "z,y", "--inputs", "x,group", "--out", "both")
    assert code == 0 and "z = group_v + 3*x" in said
    assert Path("both/z/report.html").exists() and Path("both/y/formula.txt").exists()
    assert "Levels of 'group' have inputs (1 or 0): v, w; baseline: 'u'." in said


@pytest.mark.slow
def test_many_columns_are_screened_and_said() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2, (300, 40))
    law = x[:, 0] * np.exp(-x[:, 20]) + x[:, 39] ** 2 / 2
    y = law + 0.1 * law.std() * rng.standard_normal(300)
    found = ew.discover(x, y, **EFFORT)
    assert len(found.names) < 15 and {"x1", "x21", "x40"} <= {*found.names}
    assert found.notes[-1].startswith(f"Of 40 inputs {len(found.names)} were searched")
    new = rng.uniform(0, 2, (500, 40))
    right = new[:, 0] * np.exp(-new[:, 20]) + new[:, 39] ** 2 / 2
    line = np.linalg.lstsq(np.column_stack([np.ones(300), x]), y, rcond=None)[0]
    rest = np.mean((np.column_stack([np.ones(500), new]) @ line - right) ** 2)
    assert np.mean((found.predict(new) - right) ** 2) < 0.2 * rest


def test_a_law_among_many_columns_is_found_at_once() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (200, 30))
    found = ew.discover(x, x[:, 3] ** 2 / x[:, 17], **EFFORT)
    assert str(found.best.expression) == "x4**2/x18" and len(found.names) == 30


def test_all_columns_are_kept_where_more_than_thirty_matter() -> None:
    from edgewise.discovery.search import screen
    from edgewise.discovery.tables import Table

    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (400, 34))
    table = Table.of(tuple(f"x{k}" for k in range(34)), x, x @ rng.uniform(1, 2, 34), "y")
    assert len(screen(table, 0)) == 34


def test_constants_are_fitted_to_all_rows_of_a_large_table() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2, (120_000, 2))
    y = 7.1234 + 3.3 * x[:, 0] + 1.7 * x[:, 1] + 2 * rng.standard_normal(120_000)
    found = discover_directly(x, y)
    exact = np.linalg.lstsq(np.column_stack([x, np.ones(120_000)]), y, rcond=None)[0]
    plane = next(each for each in found if each.fitted == 3)
    np.testing.assert_allclose(plane.predict(np.eye(2)), exact[:2] + exact[2], rtol=1e-5)
    assert "are fitted to all 120000" in found.stages[-1]
    assert max(each.error for each in found.constants(plane)) < 0.06


def test_a_search_of_groups_keeps_its_time_and_what_it_found() -> None:
    import time

    table, shift, factor = grouped(300)
    y = shift + factor * np.sin(5 * table.x) + 0.1 * np.random.default_rng(0).standard_normal(300)
    begun = time.monotonic()
    found = ew.discover(table, y, groups="group", time_limit=2)
    assert time.monotonic() - begun < 6 and found.outcome.name == "TIME_LIMIT"
    values, low, high = found.predict(table, interval=0.9)
    assert values.shape == (300,) and (low < high).all()


def test_ctrl_c_ends_several_targets_and_searches_of_groups() -> None:
    def stop(stage: str, fraction: float, best: str | None) -> None:
        if 0.02 < fraction < 1:
            raise KeyboardInterrupt

    table, shift, _ = grouped(60)
    y = pd.DataFrame({"y": np.sin(5 * table.x) + shift, "z": np.cos(3 * table.x**2)})
    found: Any = ew.discover(table[["x"]], y, time_limit=300, progress=stop)
    assert [*found] == ["y"] and found["y"].outcome.name == "INTERRUPTED"
    noisy = y.y + np.random.default_rng(0).normal(0, 0.5, 60)
    grouped_found = ew.discover(table, noisy, groups="group", time_limit=300, progress=stop)
    assert grouped_found.outcome.name == "INTERRUPTED" and len(grouped_found) >= 1


@pytest.mark.slow
def test_errors_and_knowledge_go_with_text_and_gaps() -> None:
    table = made(80).assign(s=0.02)
    table.loc[::7, "s"] = 2.0
    rng = np.random.default_rng(0)
    y = drink(table) + rng.standard_normal(80) * table.s
    table.loc[[3, 4], "a"] = np.nan
    found = ew.discover(table, y, sigma="s", forbid=["hot"], **EFFORT)
    assert len(found.y) == 78 and "hot" not in str(found.best) and "s" not in found.names
    assert found.noise_model.kind == "given"
    assert np.isfinite(found.predict(table)).sum() == 78
