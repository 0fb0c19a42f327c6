"""Additive fits: curves, smoothing, products, hidden nodes, families, and the network that they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import edgewise as ew
from edgewise.tables.additive import (
    Block,
    Classes,
    Design,
    Family,
    Gamma,
    Gaussian,
    Moments,
    Poisson,
    Prior,
    Request,
    additive,
    constrained,
    embedded,
    network,
    reml,
)

RNG = np.random.default_rng(0)


def table(rows: int, seed: int = 0) -> tuple[np.ndarray, list[bool]]:
    """A skewed column, one with gaps, levels with gaps, two values, heavy tails."""
    r = np.random.default_rng(seed)
    x = np.column_stack(
        [np.exp(2 * r.normal(size=rows)), r.normal(size=rows), r.integers(0, 5, rows), r.integers(0, 2, rows),
         r.normal(size=rows) ** 3]
    )  # fmt: skip
    x[r.random(rows) < 0.1, 1] = np.nan
    x[r.random(rows) < 0.1, 2] = np.nan
    return x, [False, False, True, False, False]


def target(x: np.ndarray, seed: int = 1) -> np.ndarray:
    noise = 0.3 * np.random.default_rng(seed).normal(size=len(x))
    effects = np.array([0, 1, -1, 2, 0.5])
    levels = np.where(np.isfinite(x[:, 2]), effects[np.nan_to_num(x[:, 2]).astype(int)], 0.3)
    return np.log(x[:, 0]) * np.nan_to_num(x[:, 1]) + levels + x[:, 3] + noise


def far(x: np.ndarray) -> np.ndarray:
    """The table with values beyond its ends, levels never seen and other gaps."""
    r = np.random.default_rng(5)
    out = x.copy()
    out[:, 0] *= r.choice([0.1, 1, 10], len(x))
    out[:, 4] *= r.choice([1, 5], len(x))
    out[r.random(len(x)) < 0.1, 3] = np.nan
    out[r.random(len(x)) < 0.1, 2] = 17
    return out


FAMILIES: list[tuple[Family, object]] = [
    (Gaussian(), lambda y: y),
    (Classes(2), lambda y: (y > 0).astype(float)),
    (Classes(3), lambda y: np.digitize(y, [-0.5, 0.8]).astype(float)),
    (Poisson(), lambda y: np.floor(np.exp(np.clip(y, -2, 2)))),
    (Gamma(), lambda y: np.exp(y / 2)),
]


@pytest.mark.parametrize(("family", "of"), FAMILIES, ids=lambda v: type(v).__name__ if not callable(v) else "")
def test_the_network_is_the_model(family: Family, of) -> None:  # type: ignore[no-untyped-def]
    x, levels = table(300)
    fit = additive(x, of(target(x)), levels, family)
    made = network(fit.model)
    for rows in (x, far(x)):
        outputs = made(torch.as_tensor(fit.design.values(rows))).detach().numpy()
        np.testing.assert_allclose(outputs, fit.model.eta(rows), atol=1e-10)
    assert fit.model.products and len(made.layers) == 2


def test_a_network_of_curves_alone_is_one_layer_and_a_hidden_node_makes_two() -> None:
    x = RNG.normal(size=(300, 3))
    plain = additive(x, np.sin(x[:, 0]) + x[:, 1], [False] * 3, Gaussian(), Request(products=0, hidden=False))
    assert network(plain.model).widths == [3, 1]
    y = np.sqrt(np.exp(0.7 * (x @ [1, 1, 0.5]))) + 0.05 * RNG.normal(size=300)
    hidden = additive(x, y, [False] * 3, Gaussian(), Request(products=0, maps=False))
    made = network(hidden.model)
    assert made.widths == [3, 2, 1] and hidden.scores["curves and a hidden node"] < 0.3 * hidden.scores["curves"]
    np.testing.assert_allclose(made(torch.as_tensor(x)).detach().numpy(), hidden.model.eta(x), atol=1e-10)


def test_a_one_layer_network_is_embedded_in_any_shape() -> None:
    x = torch.rand(60, 2, dtype=torch.float64)
    made = ew.KAN([2, 2], grid=7, seed=3)
    for widths in ([2, 3, 2], [2, (0, [2, 3]), 4, (1, [3])], [2, (1, 1), (2, 2), 2]):
        found = embedded(made, ew.KAN(widths), x)
        assert found is not None and found.widths == ew.KAN(widths).widths
        torch.testing.assert_close(found(x), made(x))
    assert embedded(made, ew.KAN([2, 1, 2]), x) is None


def test_curves_level_off_beyond_the_data() -> None:
    x = np.sort(RNG.uniform(0, 1, 200))[:, None]
    fit = additive(x, 3 * x[:, 0] + 0.1 * RNG.normal(size=200), [False], Gaussian())
    near, out, beyond = (float(fit.predict(np.array([[v]]))[0, 0]) for v in (1.2, 3.0, 1e6))
    assert near == pytest.approx(3.6, abs=0.1)
    assert 4.0 < out < 5.0 and beyond == pytest.approx(out)


def test_smoothing_is_the_most_likely_one() -> None:
    """The smoothing parameters minimize the restricted likelihood and its prior, written out independently."""
    z = RNG.normal(size=(80, 9))
    y = z[:, 0] + 0.5 * z[:, 1:4].sum(1) + RNG.normal(size=80)
    blocks = [Block("straight", 1), Block("wiggly", 3), Block("wiggly", 5)]
    sizes = np.array([1, 3, 5])
    prior = Prior.of(blocks)
    about = Moments.of(z, y).centered()

    def criterion(rho: np.ndarray) -> float:
        penalty = np.repeat(np.exp(rho), sizes)
        matrix = about.gram + np.diag(penalty)
        beta = np.linalg.solve(matrix, about.cross)
        away = rho - prior.centers
        return (
            79 * np.log(about.square - about.cross @ beta)
            + np.linalg.slogdet(matrix)[1]
            - sizes @ rho
            + away @ prior.precision @ away
        )

    expected = minimize(criterion, prior.centers, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9})
    found = reml(about, 79, sizes, prior=prior)
    np.testing.assert_allclose(found.rho, expected.x, atol=0.02)
    penalty = np.repeat(np.exp(found.rho), sizes)
    hat = np.linalg.inv(about.gram + np.diag(penalty)) @ about.gram
    np.testing.assert_allclose(found.feature_edf, np.diag(hat), atol=1e-6)


def test_noise_and_signal_are_told_apart() -> None:
    x = RNG.normal(size=(400, 3))
    y = np.sin(3 * x[:, 0]) + 0.3 * RNG.normal(size=400)
    fit = additive(x, y, [False] * 3, Gaussian(), Request(products=0, select="best"))
    edf = [float(each.sum()) for each in fit.model.edf]
    assert edf[0] > 2 * max(edf[1:])
    truth = np.sin(3 * x[:, 0])
    assert np.mean((fit.predict(x)[:, 0] - truth) ** 2) < 0.01


def test_the_pair_that_interacts_is_found() -> None:
    x = RNG.normal(size=(500, 6))
    y = x[:, 0] + x[:, 2] * x[:, 5] + 0.5 * RNG.normal(size=500)
    fit = additive(x, y, [False] * 6, Gaussian(), Request(products=1, select="best"))
    assert list(fit.model.products) == [(2, 5)]
    barred = additive(x, y, [False] * 6, Gaussian(), Request(allowed=lambda pair: pair != (2, 5)))
    assert (2, 5) not in barred.model.products


def test_levels_of_few_rows_are_shrunk_to_the_mean() -> None:
    level = np.repeat([0, 1, 2], [100, 100, 2])
    y = np.array([0.0, 1.0, 3.0])[level] + RNG.normal(size=202)
    mean = y[200:].mean()
    fit = additive(level[:, None].astype(float), y, [True], Gaussian(), Request(select="best", maps=False))
    low, high, rare, unseen = (float(fit.predict(np.array([[v]]))[0, 0]) for v in (0.0, 1.0, 2.0, 9.0))
    assert low == pytest.approx(0, abs=0.3) and high == pytest.approx(1, abs=0.3)
    assert high < rare < 0.98 * mean and low < unseen < rare


def test_effects_of_single_values_are_found() -> None:
    day = np.repeat(np.arange(60.0), 8)
    effect = RNG.normal(size=60)[day.astype(int)]
    x = np.column_stack([day, RNG.normal(size=480)])
    y = x[:, 1] + effect + 0.3 * RNG.normal(size=480)
    without = additive(x, y, [False, False], Gaussian(), Request(values=False))
    fit = additive(x, y, [False, False], Gaussian())
    assert fit.scores["selected"] < 0.4 * without.scores["selected"]
    assert [type(part).__name__ for part in fit.design.inputs] == ["Curve", "Levels", "Curve"]


@pytest.mark.parametrize("sign", [1, -1])
def test_monotone_curves_never_turn(sign: int) -> None:
    x = RNG.uniform(-2, 2, (300, 2))
    y = sign * np.tanh(2 * x[:, 0]) + x[:, 1] ** 2 + 0.5 * RNG.normal(size=300)
    fit = additive(x, y, [False, False], Gaussian(), Request(monotone={0: sign}))
    grid = np.column_stack([np.linspace(-5, 5, 3000), np.zeros(3000)])
    assert (sign * np.diff(fit.predict(grid)[:, 0])).min() > -1e-12
    free = additive(x, y, [False, False], Gaussian(), Request(products=0))
    turning = np.diff(free.predict(grid)[:, 0]) * sign
    assert turning.min() < -1e-6  # without the rule it does turn


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), rules=st.integers(1, 6))
def test_constrained_least_squares_meets_the_conditions_of_optimality(seed: int, rules: int) -> None:
    r = np.random.default_rng(seed)
    root, cross, rows = r.normal(size=(5, 5)), r.normal(size=5), r.normal(size=(rules, 5))
    matrix = root @ root.T + np.eye(5)
    free = np.linalg.solve(matrix, cross)
    found = constrained(matrix, cross, rows, free)
    slack = rows @ found
    assert slack.min() > -1e-9
    gradient = matrix @ found - cross
    active = rows[slack < 1e-7]
    multipliers = np.linalg.lstsq(active.T, gradient, rcond=None)[0] if len(active) else np.zeros(0)
    residual = gradient - active.T @ multipliers if len(active) else gradient
    assert np.abs(residual).max() < 1e-6
    if len(active) <= 5:
        assert (multipliers > -1e-6).all()


def test_gaps_and_levels_of_large_tables_have_their_effects() -> None:
    generator = np.random.default_rng(0)
    x = np.column_stack([generator.normal(size=110_000), generator.integers(0, 90_000, 110_000)])
    x[::4, 0] = np.nan  # 82,500 different numbers
    x[::3, 1] = 90_000.0
    y = np.where(np.isnan(x[:, 0]), 2.0, 0.1 * x[:, 0]) + (x[:, 1] == 90_000.0)
    model = additive(x, y, [False, True], Gaussian(), Request(products=0, maps=False, hidden=False, values=False)).model
    at = model.eta(np.array([[0.0, np.nan], [np.nan, np.nan], [0.0, 90_000.0]]))[:, 0] * y.std()
    assert at[1] - at[0] == pytest.approx(2.0, abs=0.05) and at[2] - at[0] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("family", [Gaussian(), Classes(2)])
def test_all_rows_of_a_large_table_are_used(family: Family) -> None:
    x = RNG.normal(size=(24_000, 3))
    x[RNG.random(24_000) < 0.05, 1] = np.nan
    signal = np.sin(2 * x[:, 0]) + np.nan_to_num(x[:, 1]) + x[:, 2] * x[:, 0]
    y = signal + RNG.normal(size=24_000)
    fit = additive(x, y if isinstance(family, Gaussian) else (y > 0) * 1.0, [False] * 3, family)
    eta = fit.model.eta(x)[:, 0]
    slope = np.polyfit(signal, eta, 1)[0]
    assert np.corrcoef(eta, signal)[0, 1] > 0.99
    assert slope == pytest.approx(1 / fit.target.scale if isinstance(family, Gaussian) else 1.9, rel=0.15)
    made = network(fit.model)
    np.testing.assert_allclose(
        made(torch.as_tensor(fit.design.values(x[:50]))).detach().numpy(), fit.model.eta(x[:50]), atol=1e-9
    )


@pytest.mark.parametrize("family", [Poisson(), Gamma()])
def test_counts_and_amounts_have_the_right_mean(family: Family) -> None:
    x = RNG.uniform(-1, 1, (500, 1))
    mean = np.exp(1 + np.sin(3 * x[:, 0]))
    y = RNG.poisson(mean).astype(float) if isinstance(family, Poisson) else RNG.gamma(3.0, mean / 3)
    fit = additive(x, y, [False], family)
    found = fit.predict(x)[:, 0]
    assert found.sum() == pytest.approx(y.sum(), rel=0.01)
    assert np.mean(np.abs(found / mean - 1)) < 0.1


def test_a_target_over_decades_is_fitted_on_its_logarithm_and_comes_back_as_a_mean() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 2))
    y = np.exp(2 * x[:, 0] + np.sin(x[:, 1]) + 0.5 * rng.normal(size=400))
    fit = additive(x, y, [False, False], Gaussian())
    assert fit.target.name == "log"
    assert fit.predict(x).mean() == pytest.approx(y.mean(), rel=0.2)
    assert fit.predict(100 * x).max() <= np.e * y.max() * (1 + 1e-9)


def test_weights_count_rows() -> None:
    x = RNG.normal(size=(200, 1))
    y = x[:, 0] + np.where(np.arange(200) < 100, 0.0, 5.0)
    weights = np.where(np.arange(200) < 100, 1.0, 1e-3)
    fit = additive(x, y, [False], Gaussian(), Request(maps=False), weights=weights)
    assert np.mean(fit.predict(x)[:, 0] - x[:, 0]) == pytest.approx(0, abs=0.1)


def test_the_simplest_of_equals_is_a_line() -> None:
    x = RNG.normal(size=(200, 4))
    y = x[:, 0] - 2 * x[:, 1] + RNG.normal(size=200)
    fit = additive(x, y, [False] * 4, Gaussian(), Request(select="simplest"))
    assert fit.weights["line"] == 1.0


def test_what_check_raises_ends_the_search() -> None:
    stages: list[str] = []

    def check(stage: str) -> None:
        stages.append(stage)
        if len(stages) > 12:
            raise KeyboardInterrupt

    x = RNG.normal(size=(100, 3))
    with pytest.raises(KeyboardInterrupt):
        additive(x, x[:, 0], [False] * 3, Gaussian(), check=check)
    assert {"curves", "line"} <= set(stages)


def test_columns_on_a_logarithmic_axis_say_so() -> None:
    x, levels = table(300)
    design = Design.of(x, levels, mapped=True)
    assert design.is_mapped and not Design.of(x, levels).is_mapped
    values = design.values(far(x))
    assert np.isfinite(values).all() and values.shape == (300, len(design.inputs))


def test_columns_of_many_levels_cost_little_and_interact_by_their_frequent_levels() -> None:
    r = np.random.default_rng(0)
    many = np.minimum(r.geometric(0.02, 900), 300).astype(float)
    x = np.column_stack([many, r.integers(0, 80, 900).astype(float), r.normal(size=900)])
    y = np.where(many < 4, 2.0, -1.0) * x[:, 2] + r.normal(size=300)[many.astype(int) - 1] + 0.3 * r.normal(size=900)
    fit = additive(x, y, [True, True, False], Gaussian(), Request(products=2))
    assert (0, 2) in fit.model.products and max(len(beta) for beta in fit.model.products.values()) <= 400
    made = network(fit.model)
    outputs = made(torch.as_tensor(fit.design.values(x))).detach().numpy()
    np.testing.assert_allclose(outputs, fit.model.eta(x), atol=1e-9)
    once = additive(np.arange(50.0)[:, None], r.normal(size=50), [True], Gaussian())
    assert once.design.inputs == ()


def test_products_have_all_levels_of_a_category_within_the_limit_on_features() -> None:
    r = np.random.default_rng(0)
    levels = r.integers(0, 40, (1600, 2)).astype(float)
    x = np.column_stack([levels, r.normal(size=(1600, 5))])
    y = r.normal(size=40)[levels[:, 0].astype(int)] * x[:, 2] + 0.3 * r.normal(size=1600)
    fit = additive(x, y, [True] * 2 + [False] * 5, Gaussian(), Request(products=16, select="best"))
    assert len(fit.model.products[0, 2]) == 40 * 4
    used = sum(np.count_nonzero(np.any(beta != 0, axis=1)) for beta in fit.model.beta)
    products = sum(map(len, fit.model.products.values()))
    assert 400 < used + products <= 700 and len(fit.model.products) < 16
    assert fit.scores["selected"] < 0.3


def test_effects_of_single_values_and_hidden_nodes_keep_within_the_limit_on_features() -> None:
    r = np.random.default_rng(0)
    days = np.column_stack([r.permutation(1600) % 400 for _ in range(2)]).astype(float)
    effects = r.normal(size=(2, 400))
    sums = effects[0][days[:, 0].astype(int)] + effects[1][days[:, 1].astype(int)]
    x = np.column_stack([days, r.normal(size=1600)])
    fit = additive(x, np.exp((sums + x[:, 2]) / 2), [False] * 3, Gaussian(), Request(maps=False))
    assert [type(part).__name__ for part in fit.design.inputs].count("Levels") == 1
    assert "curves and a hidden node" not in fit.scores


def test_a_poor_candidate_does_not_shrink_a_good_one() -> None:
    r = np.random.default_rng(0)
    x = r.uniform(0, 10, (300, 1))
    fit = additive(x, np.sin(x[:, 0]) + 0.05 * r.normal(size=300), [False], Gaussian())
    assert fit.scores["selected"] < 1.1 * fit.scores["curves"] and fit.weights["line"] < 0.01


@pytest.mark.parametrize(("rows", "speed"), [(30, 9), (48, 12)])
def test_a_fast_oscillation_is_not_taken_for_noise(rows: int, speed: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (rows, 1))
    new = np.linspace(-0.9, 0.9, 100)[:, None]
    model = ew.estimators.KANRegressor().fit(x, np.sin(speed * x[:, 0]))
    assert model.score(new, np.sin(speed * new[:, 0])) > 0.95
    noise = ew.estimators.KANRegressor().fit(x, rng.normal(size=rows))
    assert np.mean(noise.predict(new) ** 2) < 0.5
