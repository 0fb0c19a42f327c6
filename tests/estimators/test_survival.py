"""KANSurvival: the classical models are those of lifelines; curves are found; what scikit-learn and people expect."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from edgewise import InputError
from edgewise.estimators import KANSurvival
from edgewise.tables.additive import Accelerated, Cox, survival_rows

EXAMPLES = json.loads((Path(__file__).parents[1] / "survival_examples.json").read_text())
SEEDS = st.integers(0, 2**32 - 1)
LOSSES: list[Any] = ["cox", "weibull", "lognormal", "loglogistic"]


def example(name: str) -> tuple[Any, Any]:
    entry = EXAMPLES[name]
    table = pd.DataFrame(entry["table"])
    y = (table[entry["event"]] == 1, table[entry["time"]])
    return table.drop(columns=[entry["event"], entry["time"]]), y


def made(rows: int = 300, seed: int = 0) -> tuple[Any, Any]:
    """A hazard of exp(2 - 3 x1^2), about a third of the rows censored; x2 is noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 2))
    lives, leaves = rng.exponential(np.exp(3 * x[:, 0] ** 2 - 2)), rng.exponential(1.0, rows)
    y = np.zeros(rows, [("event", bool), ("time", float)])
    y["event"], y["time"] = lives <= leaves, np.minimum(lives, leaves)
    return pd.DataFrame(x, columns=["a", "b"]), y


def slow_partial_likelihood(eta: Any, y: Any) -> float:
    """The sum over events, one after another, by Efron's rule."""
    total = 0.0
    for stratum in np.unique(y["stratum"]):
        own, s = y[y["stratum"] == stratum], eta[y["stratum"] == stratum]
        for time in np.unique(own["time"][own["event"]]):
            tied = own["event"] & (own["time"] == time)
            weight, w = own["weight"][tied].mean(), own["weight"]
            risk, ties = (w * np.exp(s))[own["time"] >= time].sum(), (w * np.exp(s))[tied].sum()
            total += (w * s)[tied].sum()
            total -= weight * sum(np.log(risk - k / tied.sum() * ties) for k in range(tied.sum()))
    return float(total)


def random_rows(rng: Any, rows: int) -> Any:
    return survival_rows(
        rng.random(rows) < 0.6,
        rng.integers(1, 8, rows).astype(float),
        rng.integers(0, 3, rows),
        rng.uniform(0.5, 2, rows),
    )


@fuzz(20)
@given(seed=SEEDS)
def test_gradient_and_curvature_are_those_of_the_partial_likelihood(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 30))
    y, eta, z = random_rows(rng, n), rng.normal(size=n), rng.normal(size=(n, 2))
    w = y["weight"]
    loss = w @ Cox().loss(eta[:, None], y)
    np.testing.assert_allclose(-loss / 2, slow_partial_likelihood(eta, y), rtol=1e-9, atol=1e-9)

    def along(t: Any) -> float:
        return slow_partial_likelihood(eta + z @ t, y)

    h, one = 1e-4, np.eye(2)
    slopes = [(along(h * e) - along(-h * e)) / (2 * h) for e in one]
    response, working = Cox().working(eta[:, None], y, 0)
    np.testing.assert_allclose(z.T @ (w * working * (response - eta)), slopes, rtol=1e-4, atol=1e-5)
    moments = Cox().moments(z, eta, y, w, eta)
    np.testing.assert_allclose(moments.cross, slopes, rtol=1e-4, atol=1e-5)
    curvature = [
        [
            (along(h * (a + b)) - along(h * (a - b)) - along(h * (b - a)) + along(-h * (a + b))) / (4 * h * h)
            for b in one
        ]
        for a in one
    ]
    np.testing.assert_allclose(moments.centered().gram, -np.array(curvature), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loss", LOSSES[1:])
@fuzz(5)
@given(seed=SEEDS)
def test_working_responses_of_accelerated_times_follow_their_loss(loss: Any, seed: int) -> None:
    n, family, rng = 20, Accelerated(loss), np.random.default_rng(seed)
    y, eta = random_rows(rng, n), rng.normal(1, 1, size=n)
    w, direction, h = y["weight"], rng.normal(size=n), 1e-5
    response, working = family.working(eta[:, None], y, 0)
    up, down = (w @ family.loss((eta + t * direction)[:, None], y) for t in (h, -h))
    # sigma is the best one at every eta, so that its change does not count
    np.testing.assert_allclose(
        -(w * working * (response - eta)) @ direction, (up - down) / (2 * h), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("name", ["lung", "veteran", "rossi"])
def test_cox_regression_has_the_coefficients_of_lifelines(name: str) -> None:
    x, y = example(name)
    model, known = KANSurvival(linear="all").fit(x, y), EXAMPLES[name]["cox"]
    table = model.coefficients_
    assert list(table) == ["coef", "exp(coef)", "se(coef)", "z", "p"]
    for covariate, coefficient in known["coef"].items():
        error = known["se"][covariate]
        np.testing.assert_allclose(table["coef"][covariate], coefficient, rtol=1e-3, atol=1e-3 * error)
        np.testing.assert_allclose(table["se(coef)"][covariate], error, rtol=1e-3, atol=1e-5)
    eta = model.predict(x)[:, None]
    rows = survival_rows(*map(np.asarray, y))
    np.testing.assert_allclose(-Cox().loss(eta, rows).sum() / 2, known["log_likelihood"], rtol=1e-6)
    np.testing.assert_allclose(model.score(x, y), known["concordance"], atol=1e-5)


def test_strata_weights_and_accelerated_times_have_the_coefficients_of_lifelines() -> None:
    x, y = example("veteran")
    stratified = KANSurvival(strata="celltype", linear="all").fit(x, y).coefficients_["coef"]
    np.testing.assert_allclose(stratified, pd.Series(EXAMPLES["veteran"]["by celltype"])[stratified.index], atol=1e-5)
    x, y = example("rossi")
    weights = 1 + np.arange(len(x)) % 3
    weighted = KANSurvival(linear="all").fit(x, y, sample_weight=weights).coefficients_["coef"]
    known = pd.Series(EXAMPLES["rossi"]["weights 1, 2, 3, 1, ..."])[weighted.index]
    np.testing.assert_allclose(weighted, known, atol=1e-5)
    for loss in ("weibull", "lognormal", "loglogistic"):
        found = KANSurvival(loss, linear="all").fit(x, y).coefficients_["coef"]
        # lifelines stops at a log-likelihood of -679.9385 for log-logistic times, where the largest is -679.9384
        np.testing.assert_allclose(found, pd.Series(EXAMPLES["rossi"][loss])[found.index], atol=2e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_curve_is_found_and_predictions_agree_with_each_other(loss: Any) -> None:
    x, y = made()
    new, known = made(seed=1)
    model = KANSurvival(loss).fit(x, y)
    line = KANSurvival(loss, linear="all").fit(x, y)
    best = slow_concordance(known, -(new["a"].to_numpy() ** 2))
    assert model.score(new, known) > best - 0.02
    assert model.score(new, known) > line.score(new, known) + 0.1
    assert model.integrated_brier_score(new, known) < line.integrated_brier_score(new, known) - 0.015
    survival: Any = model.predict_survival_function(new)
    hazard = model.predict_cumulative_hazard_function(new)
    assert survival.shape == (len(new), len(model.event_times_)) == hazard.shape
    assert survival.min() >= 0
    assert survival.max() <= 1
    assert (np.diff(survival, axis=1) <= 0).all()
    np.testing.assert_allclose(np.exp(-hazard), survival, atol=1e-12)
    order = np.argsort(model.predict(new))
    assert (np.diff(survival[order], axis=0) <= 1e-12).all()  # the higher the risk, the lower at every time
    median = model.predict_median(new)
    inside = np.flatnonzero(np.isfinite(median))[:10]
    for row in inside:
        at = model.predict_survival_function(
            new.iloc[[row]], times=[median[row] * (1 - 1e-9), median[row] * (1 + 1e-9)]
        )
        assert at[0, 0] >= 0.5 - 1e-6 >= at[0, 1] - 2e-6
    np.testing.assert_allclose(model.predict_survival_function(new, times=[0.0]), 1.0)


@pytest.mark.parametrize("loss", LOSSES)
def test_what_is_read_from_a_fit_adds_up(loss: Any) -> None:
    x, y = made(150)
    model = KANSurvival(loss).fit(x, y)
    parts = model.explain(x)
    sign = 1 if loss == "cox" else -1
    np.testing.assert_allclose(parts.sum(axis=1), sign * model.predict(x), atol=1e-9)
    importance: Any = model.importance(x, y)
    assert importance.index[0] == "a"
    assert importance["loss"]["a"] > 0
    assert {"constant", "line", "curves", "selected"} <= {*model.candidates_.index}
    assert "a" in model.edges_.index
    assert "loss of a constant" in model.summary()
    assert model.plot_curves(x).unit == {"cox": "adds to log hazard ratio"}.get(loss, "adds to log time")
    smooth = KANSurvival(loss, steps=False).fit(x, y)
    import torch

    eta = smooth.network_(torch.as_tensor(smooth.network_inputs(x))).detach().numpy()[:, 0]
    np.testing.assert_allclose(eta, sign * smooth.predict(x), atol=1e-9)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_survival_function(x), model.predict_survival_function(x))


def test_all_forms_of_the_target_give_the_same_fit() -> None:
    x, y = made(80)
    event, time = y["event"], y["time"]
    named = np.zeros(len(y), [("died", bool), ("days", float)])
    named["died"], named["days"] = event, time
    forms = [
        (event, time),
        (event.astype(int).tolist(), time.tolist()),
        (pd.Series(event), pd.Series(time)),
        named,
        pd.DataFrame({"died": event, "days": time}),
        pd.DataFrame({"days": time, "died": event}),
        np.column_stack([event, time]),
    ]
    want = KANSurvival(steps=False).fit(x, y).predict(x)
    for form in forms:
        np.testing.assert_array_equal(KANSurvival(steps=False).fit(x, form).predict(x), want)


def test_it_works_with_the_searches_of_scikit_learn() -> None:
    x, y = made(120)
    assert cross_val_score(KANSurvival(steps=False), x, y, cv=KFold(3)).mean() > 0.6
    search = GridSearchCV(KANSurvival(steps=False), {"loss": ["cox", "weibull"]}, cv=2).fit(x, y)
    assert search.best_params_["loss"] in ("cox", "weibull")
    model = KANSurvival("weibull", steps=False, strata=None)
    twin: Any = clone(model)
    assert twin.get_params() == model.get_params()
    batches = KANSurvival(steps=False).partial_fit(x[:70], y[:70]).partial_fit(x[70:], y[70:])
    np.testing.assert_array_equal(batches.predict(x), KANSurvival(steps=False).fit(x, y).predict(x))


def test_times_in_another_unit_and_a_zero_weight_change_nothing() -> None:
    x, y = made(120)
    longer, more = y.copy(), np.ones(len(y))
    longer["time"] *= 365.25
    for loss in ("cox", "weibull"):
        first, second = (KANSurvival(loss).fit(x, own) for own in (y, longer))
        np.testing.assert_allclose(
            np.diff(first.predict(x)), np.diff(second.predict(x)), atol=2e-3 * np.ptp(first.predict(x))
        )
        np.testing.assert_allclose(
            first.predict_survival_function(x, [0.5]), second.predict_survival_function(x, [0.5 * 365.25]), atol=2e-3
        )
    more[:20] = 0
    without = KANSurvival(steps=False).fit(x[20:], y[20:]).predict(x)
    np.testing.assert_allclose(KANSurvival(steps=False).fit(x, y, sample_weight=more).predict(x), without)


def test_constraints_and_straight_lines_hold_for_all_rows() -> None:
    x, y = made()
    x["c"] = np.random.default_rng(3).choice(["u", "v", "w"], len(x))
    model = KANSurvival(monotonic_cst={"b": 1}).fit(x, y)
    grid = pd.DataFrame({"a": 0.3, "b": np.linspace(-2, 2, 41), "c": "u"})
    assert (np.diff(model.predict(grid)) >= -1e-9).all()
    mixed = KANSurvival(linear=["b", "c"]).fit(x, y)
    assert list(mixed.coefficients_.index) == ["b", "c[v]", "c[w]"]
    np.testing.assert_allclose(np.diff(mixed.predict(grid)) / 0.1, mixed.coefficients_["coef"]["b"], atol=1e-9)
    levels = mixed.predict(pd.DataFrame({"a": 0.3, "b": 0.0, "c": ["u", "v", "w"]}))
    np.testing.assert_allclose(levels[1:] - levels[0], mixed.coefficients_["coef"][1:], atol=1e-9)
    assert mixed.score(*_with_c(seed=5)) > 0.68


def _with_c(seed: int) -> tuple[Any, Any]:
    x, y = made(seed=seed)
    return x.assign(c="u"), y


def test_strata_have_baselines_of_their_own() -> None:
    x, y = made(400)
    x["site"] = np.where(np.arange(400) % 2, "slow", "fast")
    y["time"] = np.where(np.arange(400) % 2, 5 * y["time"], y["time"])
    model = KANSurvival(strata=["site"], steps=False).fit(x, y)
    fast, slow = (model.predict_survival_function(x[:50].assign(site=site), [1.0]) for site in ("fast", "slow"))
    assert (slow > fast).all()
    first, second = (model.predict(x[:50].assign(site=site)) for site in ("fast", "slow"))
    np.testing.assert_array_equal(first, second)
    with pytest.raises(InputError, match="none of the 2 strata"):
        model.predict_survival_function(x[:2].assign(site="unknown"))


def slow_concordance(y: Any, risk: Any) -> float:
    """Pair by pair: half a point for equal risks; at equal times an event comes before what was censored."""
    points = [
        1.0 if risk[i] > risk[j] + 1e-8 else 0.5 * (abs(risk[i] - risk[j]) <= 1e-8)
        for i in np.flatnonzero(y["event"])
        for j in range(len(y))
        if y["time"][i] < y["time"][j] or (y["time"][i] == y["time"][j] and not y["event"][j])
    ]
    return float(np.mean(points))


def slow_brier(train: Any, y: Any, survival: Any, time: float) -> float:
    """Row by row, with the censoring of other rows by the product over times; those of Graf and others."""

    def left(until: float, included: bool) -> float:
        """The probability of not being censored before a time, or until it and at it."""
        factor = 1.0
        for t in np.unique(train["time"][~train["event"]]):
            if t < until or (included and t == until):
                at_risk = (train["time"] > t) | ((train["time"] == t) & ~train["event"])
                factor *= 1 - ((train["time"] == t) & ~train["event"]).sum() / at_risk.sum()
        return factor

    total = 0.0
    for s, event, own in zip(survival, y["event"], y["time"], strict=True):
        if own > time:
            total += (1 - s) ** 2 / left(time, True)
        elif event:
            total += s**2 / left(own, False)
    return total / len(y)


def test_the_concordance_and_the_brier_score_are_those_of_loops() -> None:
    x, y = made(120)
    x, y["time"] = x.round(1), np.ceil(20 * y["time"]) / 20  # with ties
    model = KANSurvival(steps=False, products=0).fit(x[:80], y[:80])
    new, known = x[60:], y[60:]
    np.testing.assert_allclose(model.score(new, known), slow_concordance(known, model.predict(new)))
    weighted = model.score(new, known, sample_weight=np.append(np.zeros(10), np.ones(50)))
    np.testing.assert_allclose(weighted, model.score(new[10:], known[10:]))
    times = [0.1, 0.2, 0.4]
    errors = [
        slow_brier(y[:80], known, s, t)
        for t, s in zip(times, model.predict_survival_function(new, times).T, strict=True)
    ]
    mean = np.trapezoid(errors, times) / 0.3
    np.testing.assert_allclose(model.integrated_brier_score(new, known, times), mean)
    with pytest.raises(ValueError, match="two rows"):
        model.score(new[:1], known[:1])


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (([1, 2], [1.0, 2.0]), "Got 2 among the events"),
        (([1, 0], [1.0, -2.0]), "not negative"),
        (([1, 0], [1.0, np.nan]), "finite"),
        (([0, 0], [1.0, 2.0]), "All 2 rows are censored"),
        (np.array([1.0, 2.0]), "structured array"),
        ((1, 2, 3), "a tuple of 3"),
        (pd.DataFrame({"event": [1, 0]}), "1 columns"),
        ((["yes", "no"], [1.0, 2.0]), "could not convert"),
    ],
)
def test_what_is_wrong_with_times_is_said(y: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        KANSurvival().fit([[1.0], [2.0]], y)


def test_what_is_wrong_with_arguments_is_said() -> None:
    x, y = made(40)
    with pytest.raises(InputError, match=r"Unknown loss 'coxx'. Known: cox"):
        KANSurvival(loss="coxx").fit(x, y)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="for loss='cox'"):
        KANSurvival("weibull", strata="a").fit(x, y)
    with pytest.raises(InputError, match="must leave a column"):
        KANSurvival(strata=["a", "b"]).fit(x, y)
    with pytest.raises(InputError, match="Unknown column in 'linear' 'd'"):
        KANSurvival(linear=["d"]).fit(x, y)
    at_once = y.copy()
    at_once["time"][0] = 0
    with pytest.raises(InputError, match="above zero"):
        KANSurvival("weibull").fit(x, at_once)
    model = KANSurvival(steps=False).fit(x, at_once)
    with pytest.raises(InputError, match="finite numbers >= 0"):
        model.predict_survival_function(x, times=[-1.0])
    with pytest.raises(InputError, match="at least two times"):
        model.integrated_brier_score(x, y, times=[1.0])


def test_large_tables_choose_their_shape_by_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewise.tables.additive._large.TUNING", SimpleNamespace(shape_rows=400, most_rows=200_000))
    x, y = made(1000)
    for loss in LOSSES:
        model = KANSurvival(loss, steps=False, linear=["b"]).fit(x, y)
        assert model.score(*made(seed=2)) > 0.68
        assert abs(float(model.coefficients_["z"]["b"])) < 4


def test_missing_values_are_welcome() -> None:
    x, y = made()
    x.loc[::7, "a"] = np.nan
    model = KANSurvival().fit(x, y)
    assert np.isfinite(model.predict(x)).all()
    assert np.diff(model.event_times_).min() > 0


def test_sparse_data_is_fitted_and_predicted_like_an_array() -> None:
    x, y = made()
    x = np.where(x.to_numpy() < 0, 0.0, x.to_numpy())
    own, plain = KANSurvival().fit(csr_array(x), y), KANSurvival().fit(x, y)
    np.testing.assert_array_equal(own.predict(csr_array(x)), plain.predict(x))


def test_one_event_equal_times_and_no_noise_are_fitted() -> None:
    rng = np.random.default_rng(0)
    x, time = rng.normal(size=(60, 3)), rng.exponential(size=60)
    for loss in LOSSES:
        for y in ((np.arange(60) == np.argmin(time), time), (time > 1, np.ones(60))):
            assert np.isfinite(KANSurvival(loss, steps=False).fit(x, y).predict(x)).all()
    for loss in LOSSES[1:]:
        exact = KANSurvival(loss, linear="all").fit(x, (np.ones(60), np.exp(2 + x[:, 0])))
        np.testing.assert_allclose(exact.coefficients_["coef"], [1, 0, 0], atol=1e-3)
        np.testing.assert_allclose(exact.predict_median(x), np.exp(2 + x[:, 0]), rtol=1e-3)
