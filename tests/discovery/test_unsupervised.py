"""Relations between the columns of a table: what is found, what is not, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sympy

import edgewise as ew
from edgewise.cli import main
from edgewise.unsupervised import (
    Evidence,
    Seeded,
    Tied,
    area,
    clustered,
    determiners,
    merged,
    ranked,
    remainder,
    shuffled,
)

OUTCOME = ew.unsupervised.Outcome


def parabola(rows: int = 120, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"a": rng.uniform(-1, 2, rows), "b": rng.uniform(size=rows)})
    table["c"] = table.a**2 + 1
    return table


@pytest.mark.slow
def test_six_columns_of_the_kan_paper() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (500, 6))
    x[:, 2] = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    x[:, 3] = x[:, 4] ** 3
    stages: list[str] = []
    found = ew.find_relations(
        x, seeds=1, formulas=False, progress=lambda stage, fraction, best: stages.append(stage)
    )  # fmt: skip
    assert {r.columns for r in found} == {("x1", "x2", "x3"), ("x4", "x5")}
    assert found.outcome is OUTCOME.FOUND and not found.doubtful
    assert all(r.sharp and r.p <= 0.01 and r.auc > 0.9 and r.seeds == r.tried == 1 for r in found)
    assert found.shares.shape == (1, 6) and found.shares[0, 5] == 0 and (found.shares[0, :5] > 0.1).all()
    assert stages[-1] == "done"
    table = found.table()
    assert len(table) == 2 and table.equation.isna().all() and not table.doubtful.any()


@pytest.mark.slow
def test_both_equations_of_the_kan_paper() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (1000, 6))
    x[:, 2] = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    x[:, 3] = x[:, 4] ** 3
    found = ew.find_relations(x)
    assert {str(r.equation) for r in found} == {"x3 = exp(x2**2 + sin(pi*x1))", "x4 = x5**3"}
    assert all(r.equation is not None and r.equation.exact and r.seeds >= 4 for r in found)


@pytest.mark.parametrize("draw", ["normal", "standard_cauchy"])
def test_independent_columns_are_not_tied(draw: str) -> None:
    x = getattr(np.random.default_rng(1), draw)(size=(150, 3))
    found = ew.find_relations(x, seeds=1)
    assert len(found) == 0 and found.outcome is OUTCOME.NONE and not found.doubtful
    assert found.table().empty and "not told from shuffled" in repr(found)
    assert found.plot().axes
    with pytest.warns(DeprecationWarning, match=r"Relations\.plot"):
        assert found.figure().axes


def test_a_circle_is_found_though_no_column_is_a_function_of_the_other() -> None:
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 300)
    found = ew.find_relations(np.column_stack([3 * np.cos(angle), 3 * np.sin(angle)]), ["u", "v"], seeds=1)
    assert [r.columns for r in found] == [("u", "v")]
    assert found[0].solved is None and found[0].remainder == 1
    assert found[0].equation is not None
    left, right = found[0].equation.left, found[0].equation.right
    u, v = sympy.symbols("u v")
    assert sympy.simplify(left - right - (u**2 + v**2 - 9)).evalf(chop=1e-6) == 0


def test_correlated_columns_are_dependent_but_have_no_equation() -> None:
    x = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=400)
    found = ew.find_relations(x, seeds=1, time_limit=5)
    assert [r.columns for r in found] == [("x1", "x2")]
    assert not found[0].sharp and "dependent" in found[0].text


@pytest.mark.slow
def test_columns_that_share_a_column_are_told_apart() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (400, 4))
    x[:, 1], x[:, 2] = np.exp(x[:, 0]), x[:, 0] * x[:, 3]
    found = ew.find_relations(x, seeds=1, formulas=False)
    assert len(found) == 2 and ("x1", "x2") in {r.columns for r in found}
    assert all(r.equation is None and r.text.startswith("f(") for r in found)
    other = next(r for r in found if r.columns != ("x1", "x2"))
    assert {"x3", "x4"} < {*other.columns} and len(other.columns) == 3


def test_names_repeats_and_constants() -> None:
    table = parabola()
    table["twin"], table["fixed"] = table.a, 3.0
    found = ew.find_relations(table, seeds=1, formulas=False)
    assert found.names == ("a", "b", "c", "twin")
    assert found.notes == ("Column 'fixed' is left out: it is constant.",) and "fixed" in repr(found)
    assert {c for r in found for c in r.columns} == {"a", "c", "twin"} and len(found) == 2


def test_the_same_arguments_give_the_same_result_and_change_nothing() -> None:
    table = parabola()
    kept, state = table.copy(), np.random.get_state()[1].copy()  # type: ignore[index,union-attr] # noqa: NPY002
    one, two = (ew.find_relations(table, seeds=1, seed=5, formulas=False) for _ in range(2))
    assert repr(one) == repr(two) and np.array_equal(one.shares, two.shares)
    assert table.equals(kept) and np.array_equal(state, np.random.get_state()[1])  # type: ignore[index,arg-type] # noqa: NPY002


@pytest.mark.slow
def test_seeds_side_by_side_find_the_same() -> None:
    one, two = (ew.find_relations(parabola(), seeds=2, n_jobs=jobs, formulas=False) for jobs in (1, 2))
    assert repr(one) == repr(two) and np.array_equal(one.shares, two.shares)


def test_out_of_time_is_an_outcome() -> None:
    found = ew.find_relations(parabola(), seeds=3, time_limit=1e-3)
    assert found.outcome is OUTCOME.TIME_LIMIT and "more time" in repr(found)


WRONG = {
    "one column": ((np.random.default_rng(0).normal(size=(60, 1)),), {}, "at least 2 columns"),
    "constants": ((np.ones((60, 3)),), {}, "at least 2 columns that vary. Got 0"),
    "one row": (([[1.0, 2.0]],), {}, "at least 40 rows. Got 1"),
    "not a number": ((np.full((60, 2), np.nan),), {}, "nan in row 0"),
    "infinite": ((np.full((60, 2), np.inf),), {}, "inf in row 0"),
    "text": (([["a", "b"]] * 60,), {}, "must be numbers"),
    "a string": (("table.csv",), {}, "must be numbers"),
    "three dimensions": ((np.zeros((60, 2, 2)),), {}, "shape"),
    "too few names": ((parabola(), ["a"]), {}, "3 different names"),
    "equal names": ((parabola(), ["a", "a", "b"]), {}, "different names"),
    "no seeds": ((parabola(),), {"seeds": 0}, "'seeds' must be an int >= 1"),
    "a truth value": ((parabola(),), {"seeds": True}, "'seeds'"),
    "negative seed": ((parabola(),), {"seed": -1}, "'seed'"),
    "no jobs": ((parabola(),), {"n_jobs": 0}, "'n_jobs'"),
    "no time": ((parabola(),), {"time_limit": 0}, "'time_limit'"),
    "endless": ((parabola(),), {"time_limit": float("inf")}, "'time_limit'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_refused_in_one_line(case: str) -> None:
    arguments, options, message = WRONG[case]
    with pytest.raises(ew.InputError, match=message) as error:
        ew.find_relations(*arguments, **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_shuffling_keeps_blocks_together_and_columns_what_they_are() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 4))
    rows[:, 1] = 2 * rows[:, 0]
    torn = shuffled(rows, [[0, 1], [2]], rng)
    assert np.array_equal(torn[:, 1], 2 * torn[:, 0]) and not np.array_equal(torn[:, 0], rows[:, 0])
    assert np.array_equal(np.sort(torn, axis=0), np.sort(rows, axis=0))
    assert np.array_equal(torn[:, 3], rows[:, 3])
    assert merged([[0], [1], [2], [3]], [1, 3]) == [[0], [2], [1, 3]]
    assert merged([[0]], [5]) == [[0]]


def test_ranks_lie_between_one_and_minus_one_with_ties_in_the_middle() -> None:
    ranks = ranked(np.array([[1e9], [5.0], [5.0], [-3.0]]))
    assert np.allclose(ranks[:, 0], [0.75, 0, 0, -0.75])


def test_what_determines_a_column() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (400, 5))
    x[:, 0] = x[:, 1] * x[:, 2]
    ranks = ranked(x)
    kept, left = determiners(ranks, 0, [1, 2, 3, 4])
    assert kept == [1, 2] and left < 0.1
    assert remainder(ranks, 3, [4]) > 0.9 and remainder(ranks, 0, []) == 1
    assert remainder(ranked(np.ones((60, 1)) * np.arange(60)[:, None] // 20 + np.zeros((60, 2))), 0, [1]) < 1e-6


def test_area_under_the_curve() -> None:
    assert area(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1
    assert area(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5


def tied(*columns: int, auc: float = 0.9) -> Tied:
    return Tied(columns, columns[-1], 0.1, Evidence(50.0, 0.005, auc))


def test_clusters_count_seeds_and_join_variants() -> None:
    found = [[tied(0, 1, 2), tied(3, 4, auc=0.99)], [tied(0, 1, 2), tied(3, 4)], [tied(0, 1), tied(5, 6)]]
    clusters = clustered([Seeded(part, np.zeros(7), False) for part in found])
    assert [c.columns for c in clusters] == [(0, 1, 2), (3, 4), (5, 6)]
    assert [c.support for c in clusters] == [3, 2, 1]
    assert clusters[0].variants == [(0, 1)] and clusters[1].auc == pytest.approx(0.945)


def test_the_picture_names_what_it_cannot_draw() -> None:
    ties = [ew.plot.Tie([0, 1], "b = a")]
    figure = ew.plot.relations(ties, ["a", "b", "$c_$"], np.zeros((2, 3)))
    assert [t.get_text() for t in figure.axes[0].texts] == ["b = a"]
    with pytest.raises(ew.InputError, match=r"\(seeds, 2\)"):
        ew.plot.relations(ties, ["a", "b"], np.zeros((2, 3)))
    with pytest.raises(ew.InputError, match="from 0 to 1"):
        ew.plot.relations([ew.plot.Tie([0, 2], "")], ["a", "b"], np.zeros((1, 2)))


def test_the_command_prints_the_relations_and_draws_them(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    table = parabola()
    table.loc[3, "b"] = np.nan
    table.to_csv("t.csv", index=False)
    assert main(["relations", "t.csv", "--seeds", "1", "--out", "r.svg"]) == 0
    out = capsys.readouterr().out
    assert "c = a**2 + 1" in out and "1 of 120 rows left out" in out and "1/1" in out
    assert (tmp_path / "r.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["none.csv"], "no file none.csv"),
        (["t.csv", "--columns", "a,z"], "'z'"),
        (["t.csv", "--columns", "a"], "at least 2 columns"),
        (["t.csv", "--out", "r.txt"], ".png"),
        (["t.csv", "--seeds", "0"], "--seeds"),
        (["t.csv", "--jobs", "0"], "'n_jobs'"),
        (["t.csv", "--time-limit", "-1"], "--time-limit"),
    ],
)
def test_the_command_refuses_in_one_line(options, said, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    parabola(60).to_csv("t.csv", index=False)
    assert main(["relations", *options]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv"]
