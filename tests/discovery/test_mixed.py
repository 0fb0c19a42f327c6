"""Constants that differ by group: figures that lme4 and nlme print, likelihoods by quadrature, and what must hold.

`mixed_examples.json` holds tables and figures with their sources. Of nlme's they are by maximum likelihood. The curves
of Theoph are the same with both rates exchanged, so that they need a start, as in nlme.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import edgewise as ew
from edgewise.regression import FitOutcome, FormulaFit

EXAMPLES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parents[1] / "mixed_examples.json").read_text())
FITS = [(name, k) for name, each in EXAMPLES.items() for k in range(len(each["fits"]))]


def sleepstudy() -> pd.DataFrame:
    return pd.read_csv(ew.datasets.path("sleepstudy"))


def line(table: Any, **options: Any) -> FormulaFit:
    given: dict[str, Any] = {"groups": "Subject", "varying": ["a", "b"], **options}
    return ew.fit_formula("a + b*Days", table, "Reaction", **given)


def made(groups: int, rows: int, between: float, noise: float, seed: int = 0) -> pd.DataFrame:
    """A column g of groups, x, and y = (3 + b_g) exp(-x) + 1, with normal b_g."""
    rng = np.random.default_rng(seed)
    own = 3 + between * rng.standard_normal(groups)
    g, x = np.repeat(np.arange(groups), rows), np.tile(np.linspace(0, 2, rows), groups)
    return pd.DataFrame({"g": g, "x": x, "y": own[g] * np.exp(-x) + 1 + noise * rng.standard_normal(len(x))})


def decay(table: pd.DataFrame, **options: Any) -> FormulaFit:
    return ew.fit_formula("A*exp(-k*x) + c", table, "y", **{"groups": "g", "varying": "A", **options})


def test_sleepstudy_has_the_figures_of_lme4() -> None:
    """Bates and others (2015), and the documentation of lmer: print(fm1); 17 degrees of freedom: lmerTest."""
    fit = line(sleepstudy())
    by = fit.by_group
    assert by is not None and fit.outcome is FitOutcome.CONVERGED
    found = [(c.value, c.error) for c in fit.constants.values()]
    np.testing.assert_allclose(found, [(251.405, 6.825), (10.467, 1.546)], atol=5e-4)
    np.testing.assert_allclose(by.fit.deviations, [24.741, 5.922], atol=1e-3)
    assert by.fit.correlation[0, 1] == pytest.approx(0.066, abs=5e-4) and fit.residual_error == pytest.approx(
        25.592, abs=1e-3
    )
    assert -2 * fit.log_likelihood == pytest.approx(1743.628, abs=1e-3)
    assert fit.uncertainty.freedoms == pytest.approx([17, 17], abs=1e-3)
    assert by.table().loc["308", ["a", "b"]].tolist() == pytest.approx([253.6637, 19.6663], abs=1e-3)  # coef(fm1)
    full, apart = line(sleepstudy(), restricted=False), line(sleepstudy(), between="diagonal")
    assert full.log_likelihood == pytest.approx(-875.97, abs=5e-3) and full.by_group is not None
    assert full.by_group.fit.deviations == pytest.approx([23.78, 5.717], abs=5e-3)  # refitML(fm1)
    assert apart.by_group is not None and apart.by_group.fit.deviations == pytest.approx([25.05, 5.988], abs=2e-3)
    assert -2 * apart.log_likelihood == pytest.approx(1743.669, abs=1e-3)


@pytest.mark.parametrize(("name", "which"), FITS)
def test_what_nlme_prints_is_found(name: str, which: int) -> None:
    given = EXAMPLES[name]
    printed = given["fits"][which]
    fit = ew.fit_formula(
        given["formula"], given["table"], given["target"], groups=given["groups"], varying=printed["varying"],
        between=printed["between"], restricted=False, start=given.get("start"),
    )  # fmt: skip
    by = fit.by_group
    assert by is not None and fit.outcome is FitOutcome.CONVERGED
    for constant, (value, error) in printed["constants"].items():
        found = fit.constants[constant]
        assert abs(found.value - value) < 0.02 * found.error, (constant, found)
        assert error is None or found.error == pytest.approx(error, rel=0.02)
    for constant, deviation in zip(by.names, by.fit.deviations, strict=True):
        assert deviation == pytest.approx(printed["deviations"][constant], rel=3e-3, abs=1e-4)
    assert fit.residual_error == pytest.approx(printed["residual"], rel=1e-3)
    places = 0.5 if float(printed["likelihood"]).is_integer() else 0.006
    assert fit.log_likelihood == pytest.approx(printed["likelihood"], abs=places)


def test_two_exponentials_differ_by_person_as_in_nlme() -> None:
    """Indometh: Kwan and others (1976); R's datasets. The ratio is what the README of the R package varTestnlme prints.

    The maxima of nlme may be a hundredth too low, as in its other fits.
    """
    conc = [
        1.5, 0.94, 0.78, 0.48, 0.37, 0.19, 0.12, 0.11, 0.08, 0.07, 0.05,
        2.03, 1.63, 0.71, 0.7, 0.64, 0.36, 0.32, 0.2, 0.25, 0.12, 0.08,
        2.72, 1.49, 1.16, 0.8, 0.8, 0.39, 0.22, 0.12, 0.11, 0.08, 0.08,
        1.85, 1.39, 1.02, 0.89, 0.59, 0.4, 0.16, 0.11, 0.1, 0.07, 0.07,
        2.05, 1.04, 0.81, 0.39, 0.3, 0.23, 0.13, 0.11, 0.08, 0.1, 0.06,
        2.31, 1.44, 1.03, 0.84, 0.64, 0.42, 0.24, 0.17, 0.13, 0.1, 0.09,
    ]  # fmt: skip
    time = [0.25, 0.5, 0.75, 1.0, 1.25, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
    table = pd.DataFrame({"person": np.repeat(np.arange(6), 11), "time": time * 6, "conc": conc})
    full, short = (
        ew.fit_formula(
            "A1*exp(-exp(lrc1)*time) + A2*exp(-exp(lrc2)*time)", table, "conc", groups="person", varying=varying,
            between="diagonal", restricted=False, start={"A1": 2.8, "lrc1": 0.8, "A2": 0.5, "lrc2": -1.3},
        )
        for varying in (["A1", "lrc1", "A2", "lrc2"], ["A1", "lrc1"])
    )  # fmt: skip
    assert full.outcome is short.outcome is FitOutcome.CONVERGED
    assert 2 * (full.log_likelihood - short.log_likelihood) == pytest.approx(4.5608, abs=0.02)
    assert full.by_group is not None and full.by_group.fit.deviations[-1] < 1e-3


def test_intervals_of_deviations_are_those_of_nlme() -> None:
    """intervals(fm1Theo.nlme) as nlme's script ch08 prints it."""
    given = EXAMPLES["Theoph"]
    fit = ew.fit_formula(
        given["formula"], given["table"], "conc", groups="Subject", varying=["lKe", "lKa", "lCl"], restricted=False,
        start=given["start"],
    )  # fmt: skip
    assert fit.by_group is not None
    printed = [(0.0574, 0.299), (0.3845, 1.058), (0.1557, 0.405), (0.596, 0.780)]
    np.testing.assert_allclose(fit.by_group.fit.intervals(), printed, rtol=0.03)


def quadrature(values: np.ndarray, table: pd.DataFrame, nodes: int = 60) -> float:
    """The log-likelihood of Orange's model at (Asym, xmid, scal, sd of Asym, sd of residuals), b integrated over."""
    asym, xmid, scal, between, sigma = values
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    total = 0.0
    for _, rows in table.groupby("Tree"):
        curve = 1 / (1 + np.exp((xmid - rows.age.to_numpy()) / scal))
        y = rows.circumference.to_numpy()
        variance = 1 / (1 / between**2 + curve @ curve / sigma**2)
        center = variance * (curve @ (y - asym * curve)) / sigma**2
        b = center + np.sqrt(variance) * z
        left = y[:, None] - (asym + b) * curve[:, None]
        inside = -0.5 * np.sum(left**2, 0) / sigma**2 - 0.5 * b**2 / between**2 + 0.5 * z**2
        norm = -len(y) / 2 * np.log(2 * np.pi * sigma**2) - np.log(between) + 0.5 * np.log(variance / (2 * np.pi))
        total += norm + np.log(np.sum(w * np.exp(inside - inside.max()))) + inside.max()
    return float(total)


def test_the_likelihood_is_that_of_quadrature_and_has_its_maximum_there() -> None:
    given = EXAMPLES["Orange"]
    table = pd.DataFrame(given["table"])
    fit = ew.fit_formula(given["formula"], table, "circumference", groups="Tree", varying="Asym", restricted=False)
    assert fit.by_group is not None
    at = np.array([*fit.values.values(), fit.by_group.fit.deviations[0], fit.residual_error])
    assert quadrature(at, table) == pytest.approx(fit.log_likelihood, abs=1e-3)
    for k in range(5):
        for step in (0.99, 1.01):
            moved = at.copy()
            moved[k] *= step
            assert quadrature(moved, table) < quadrature(at, table)


def test_names_and_order_of_groups_and_rows_do_not_matter() -> None:
    table = sleepstudy()
    fit = line(table)
    names = {label: f"person {k * 7 % 18}" for k, label in enumerate(table.Subject.unique())}
    other = table.assign(Subject=table.Subject.map(names)).sample(frac=1, random_state=1)
    again = line(other)
    np.testing.assert_allclose([*again.values.values()], [*fit.values.values()], rtol=1e-6)
    assert fit.by_group is not None and again.by_group is not None
    one, two = fit.by_group.table(), again.by_group.table()
    np.testing.assert_allclose(two.loc[[names[int(label)] for label in one.index]].b, one.b, rtol=1e-4)


def test_units_of_columns_only_scale() -> None:
    table = sleepstudy()
    fit, scaled = line(table), line(table.assign(Reaction=table.Reaction / 1e6, Days=table.Days * 86400.0))
    assert fit.by_group is not None and scaled.by_group is not None
    factors = np.array([1e-6, 1e-6 / 86400])
    np.testing.assert_allclose(scaled.by_group.fit.deviations, factors * fit.by_group.fit.deviations, rtol=1e-4)
    np.testing.assert_allclose(scaled.by_group.fit.correlation, fit.by_group.fit.correlation, atol=1e-4)
    errors = [np.array([c.error for c in each.constants.values()]) for each in (fit, scaled)]
    np.testing.assert_allclose(errors[1], factors * errors[0], rtol=1e-4)


def test_many_rows_of_a_group_leave_no_shrinkage() -> None:
    table = made(6, 400, 1.0, 0.05)
    fit = decay(table)
    assert fit.by_group is not None
    k, c = fit.values["k"], fit.values["c"]
    for label, own in table.groupby("g"):
        curve = np.exp(-k * own.x)
        alone = float(curve @ (own.y - c) / (curve @ curve))
        assert fit.by_group.table().A[str(label)] == pytest.approx(alone, abs=2e-3)


def test_groups_that_do_not_differ_have_the_variance_zero_and_the_constants_of_one_fit() -> None:
    table = made(12, 8, 0.0, 0.0)
    table["y"] += np.tile(0.2 * np.random.default_rng(3).standard_normal(8), 12)
    fit, plain = decay(table), ew.fit_formula("A*exp(-k*x) + c", table, "y")
    assert fit.by_group is not None and fit.by_group.fit.deviations[0] == 0
    np.testing.assert_allclose([*fit.values.values()], [*plain.values.values()], rtol=1e-5)
    np.testing.assert_allclose(fit.by_group.values[:, 0], plain.values["A"], rtol=1e-5)
    assert "one value for all groups would do" in str(fit)
    ((_, p),) = fit.by_group.fit.needed
    assert p > 0.05


def test_shrinkage_lies_between_the_group_alone_and_the_mean() -> None:
    table = made(20, 3, 1.0, 0.5, seed=1)
    fit = decay(table)
    assert fit.by_group is not None
    mean, k, c = (fit.values[name] for name in ("A", "k", "c"))
    alone = np.array(
        [np.exp(-k * own.x) @ (own.y - c) / np.sum(np.exp(-2 * k * own.x)) for _, own in table.groupby("g")]
    )
    ratio = (fit.by_group.values[:, 0] - mean) / (alone - mean)
    assert (ratio > 0).all() and (ratio < 1).all() and np.ptp(ratio) < 1e-6


def test_predictions_of_known_new_and_missing_groups() -> None:
    fit = line(sleepstudy())
    by = fit.by_group
    assert by is not None
    asked = pd.DataFrame({"Days": [5.0, 5.0, 5.0], "Subject": [308, 999, None]})
    values, low, high = fit.predict(asked, 0.95)
    assert values[0] == pytest.approx(253.6637 + 5 * 19.66626, abs=1e-3)
    assert values[1:] == pytest.approx(fit.values["a"] + 5 * fit.values["b"])
    days = np.array([1.0, 5.0])
    mean = np.asarray(fit.covariance)
    variance = days @ (mean + by.fit.between) @ days + fit.residual_error**2
    assert (high - low)[1] == pytest.approx(2 * 2.1098 * np.sqrt(variance), rel=1e-3) and (high - low)[0] < (
        high - low
    )[1]
    without = fit.predict({"Days": [5.0]}, 0.95)
    assert [float(each[0]) for each in without] == pytest.approx([values[1], low[1], high[1]])
    assert fit.predict({"Days": [5.0, 5.0]}, groups=["308", "309"])[0] == pytest.approx(values[0])
    with pytest.raises(ew.InputError, match="a label for each of the 2 rows"):
        fit.predict({"Days": [5.0, 5.0]}, groups=["308"])


def test_new_groups_lie_in_their_intervals_as_often_as_said() -> None:
    inside = []
    for seed in range(20):
        table = made(13, 6, 1.0, 0.1, seed=seed)
        known, new = table[table.g < 12], table[table.g == 12]
        _, low, high = decay(known).predict(new, 0.9)
        inside += [float(new.y.iloc[0]) > low[0] and float(new.y.iloc[0]) < high[0]]
    assert 0.7 < np.mean(inside) <= 1


def test_exact_rows_have_the_constants_of_each_group() -> None:
    fit = decay(made(5, 6, 1.0, 0.0))
    truth = 3 + np.random.default_rng(0).standard_normal(5)
    assert fit.by_group is not None and fit.outcome is FitOutcome.EXACT
    np.testing.assert_allclose(fit.by_group.values[:, 0], truth, rtol=1e-10)
    assert fit.by_group.fit.deviations[0] == pytest.approx(truth.std(ddof=1))


def test_weights_count_as_repeated_rows_do_in_the_means() -> None:
    table = sleepstudy()
    fit = line(table.assign(w=4.0), weights="w")
    assert [c.value for c in fit.constants.values()] == pytest.approx([251.405, 10.467], abs=1e-3)
    assert fit.residual_error == pytest.approx(2 * 25.592, abs=2e-3)


def test_the_printout_and_the_picture_show_the_groups() -> None:
    fit = line(sleepstudy())
    text = str(fit)
    assert "Constants that differ between the 18 groups of Subject (restricted maximum likelihood):" in text
    assert "b: mean 10.5 ± 1.5, standard deviation 5.922 (3.92 to 8.95), correlation 0.07 with a; p 2.8e-10" in text
    assert "308: a = 254 ± 12, b = 19.7 ± 2.3" in text and "and 12 more (fit.by_group.table())" in text
    assert len(fit.plot().axes) == 18 and fit.by_group is not None
    assert fit.by_group.summary().columns.tolist() == ["mean", "error", "deviation", "low", "high", "p", "cor_a"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"groups": None}, "'varying' needs 'groups'"),
        ({"varying": ["c"]}, "constant in 'varying' 'c'"),
        ({"varying": []}, "'varying' must list names"),
        ({"varying": 3}, "'varying' must list names"),
        ({"between": "none"}, "'none'"),
        ({"restricted": 1}, "'restricted' must be"),
        ({"bounds": {"a": (0, 300)}}, "bounds does not go with 'varying'"),
        ({"loss": "huber"}, "loss does not go with 'varying'"),
        ({"covariance": "clustered"}, "covariance does not go with 'varying'"),
        ({"groups": np.ones(180)}, "at least 2 groups of rows. Got 1"),
        ({"groups": np.arange(180)}, "Each of the 180 groups has one row"),
    ],
)  # fmt: skip
def test_bad_requests_are_named(change: dict[str, Any], match: str) -> None:
    with pytest.raises(ew.InputError, match=match):
        line(sleepstudy(), **change)


def test_rows_without_a_label_are_left_out_with_a_note() -> None:
    table = sleepstudy()
    table.loc[[3, 4], "Subject"] = np.nan
    fit = line(table)
    assert len(fit.rows.y) == 178 and "'groups' in 2" in fit.notes[0]
    assert fit.by_group is not None and fit.by_group.labels[0] == "308"


def test_a_constant_that_rows_do_not_determine_is_said() -> None:
    fit = ew.fit_formula("a*c + b*Days", sleepstudy(), "Reaction", groups="Subject", varying="a")
    assert fit.outcome is FitOutcome.UNDETERMINED and fit.by_group is None
