"""Noise as it is: its kind, standard errors and weights that are given, outliers, and bad cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import sympy

import edgewise as ew
from edgewise.discovery import NoiseModel, Outcome, discover_directly
from edgewise.discovery.models import far_rows, isolated_cells
from edgewise.discovery.tables import KINDS, NoiseKind, recognized

QUICK = 600
X1, X2 = sympy.symbols("x1 x2")


def inputs(n: int = 200, seed: int = 0, low: float = 0.5, high: float = 4.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, (n, 2))


def law(x: np.ndarray) -> np.ndarray:
    return 3.1 * x[:, 0] ** 1.5 / x[:, 1]


def quickly(x: object, y: object, **options: object) -> ew.discovery.Discovery:
    return ew.discover(x, y, effort=QUICK, time_limit=300, **options)  # type: ignore[arg-type]


def right(found: ew.discovery.Discovery, x: np.ndarray, y: np.ndarray) -> float:
    """Return the error of the best formula on values without noise, over their standard deviation."""
    return float(np.std(found.best.predict(x) - y) / np.std(y))


@pytest.mark.parametrize("kind", ["additive", "relative", "mixed", "counts"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_kinds_of_noise_are_told_from_residuals(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    f = np.exp(rng.uniform(0, 3, 400))
    y = {
        "additive": f + 0.5 * rng.standard_normal(400),
        "relative": f * (1 + 0.1 * rng.standard_normal(400)),
        "mixed": f * (1 + 0.1 * rng.standard_normal(400)) + 0.4 * rng.standard_normal(400),
        "counts": 1.0 * rng.poisson(f),
    }[kind]
    found = recognized(f, y)
    assert found.kind == kind
    assert found.sigma(np.array([10.0]))[0] == pytest.approx(
        {"additive": 0.5, "relative": 1.0, "mixed": np.hypot(1.0, 0.4), "counts": np.sqrt(10)}[kind], rel=0.2
    )


@pytest.mark.parametrize("heavy", [False, True])
def test_additive_noise_stays_additive(heavy: bool) -> None:
    kinds = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        f = np.exp(rng.uniform(0, 3, 60))
        noise = rng.standard_t(3, 60) if heavy else rng.standard_normal(60)
        kinds.append(recognized(f, f + noise).kind)
    assert kinds.count("additive") >= 99


def test_few_rows_say_nothing_of_the_kind_of_noise() -> None:
    rng = np.random.default_rng(0)
    f = np.exp(rng.uniform(0, 3, 30))
    assert recognized(f, f * (1 + 0.1 * rng.standard_normal(30))).kind == "additive"


class Quadratic(NoiseKind):
    """The recipe of CONTRIBUTING.md: noise in proportion to the square of the value."""

    name, looks, rows, margin = "quadratic", "quadratic", "by 1/{}^4", 4.0

    def sigma(self, level: float, share: float, size: np.ndarray) -> np.ndarray:
        return share * size**2

    def text(self, level: float, share: float) -> str:
        return f"quadratic, {share:.2g} times the square"

    def trials(self, fitted: np.ndarray) -> Iterator[tuple[float, float]]:
        yield 0.0, 1.0


def test_a_kind_that_there_is_not_is_refused() -> None:
    with pytest.raises(ew.InputError, match="additive"):
        NoiseModel("relativ")


def test_a_kind_of_noise_is_a_class_and_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 3, (200, 1))
    y = 4 * x[:, 0] + 0.04 * x[:, 0] ** 2 * rng.standard_normal(200)
    assert recognized(4 * x[:, 0], y).kind == "relative"
    monkeypatch.setitem(KINDS, "quadratic", Quadratic())
    found = ew.discover(x, y, effort=1000, time_limit=300)
    assert found.noise_model.kind == "quadratic" and found.noise_model.text().startswith("quadratic, 0.002")
    assert "The noise looks quadratic." in found.stages
    assert "Noise: quadratic" in repr(found) and "rows weighted by 1/y^4" in repr(found)


@pytest.mark.slow
def test_relative_noise_is_told_and_constants_are_not_biased() -> None:
    x = inputs(200)
    truth = 2 * x[:, 0] + x[:, 1] ** 2
    y = truth * (1 + 0.2 * np.random.default_rng(1).standard_normal(200))
    found = quickly(x, y)
    assert found.noise_model.kind == "relative"
    assert found.noise_model.share == pytest.approx(0.2, abs=0.03)
    assert any("relative" in line for line in found.conclusion())
    assert right(found, x, truth) < 0.1
    _, low, high = found.predict(x, interval=0.9)
    covered = (low < y) & (y < high)
    small = truth < np.median(truth)
    assert 0.84 < covered[small].mean() < 0.97  # a band of one width would hold nearly all small values
    assert 0.84 < covered[~small].mean() < 0.97


@pytest.mark.parametrize("size", [0.1, pytest.param(0.25, marks=pytest.mark.slow)])
def test_relative_errors_over_decades_do_not_favor_small_values(size: float) -> None:
    rng = np.random.default_rng(2)
    x = np.exp(rng.uniform(0, 8, (200, 2)))
    y = law(x) * np.maximum(1 + size * rng.standard_normal(200), 0.05)
    found = quickly(x, y)
    assert found.relative
    assert found.noise_model.share == pytest.approx(size, rel=0.3)
    assert np.mean(found.best.predict(x) / law(x)) == pytest.approx(1, abs=0.06)


def test_direct_formulas_over_decades_are_weighed_by_fitted_values() -> None:
    rng = np.random.default_rng(4)
    x = np.exp(rng.uniform(0, 8, (200, 2)))
    y = law(x) * (1 + 0.15 * rng.standard_normal(200))
    found = discover_directly(x, y, noise=0.15)
    assert np.mean(found.best.predict(x) / law(x)) == pytest.approx(1, abs=0.035)  # by 1 / |y| 5 % too low


@pytest.mark.slow
def test_counts_are_told() -> None:
    x = inputs(300, low=0.0, high=3.0)
    rate = np.exp(1.0 + 0.9 * x[:, 0] - 0.3 * x[:, 1])
    found = quickly(x, 1.0 * np.random.default_rng(3).poisson(rate))
    assert found.noise_model.kind == "counts"
    assert found.noise_model.level**2 == pytest.approx(1, abs=0.3)
    assert right(found, x, rate) < 0.2


@pytest.mark.parametrize("bad", [-999.0, 1e30, 9999.0])
@pytest.mark.parametrize("where", ["target", "input"])
@pytest.mark.parametrize("count", [1, 5])
def test_bad_cells_do_not_hide_an_exact_law(bad: float, where: str, count: int) -> None:
    x = inputs()
    y = law(x)
    rows = [17, 60, 61, 120, 199][:count]
    if where == "target":
        y[rows] = bad
    else:
        x[rows, 0] = bad
    found = quickly(x, y)
    assert found.outcome is Outcome.EXACT
    assert set(found.best.expression.free_symbols) == {X1, X2}
    assert found.noise_model.outliers == tuple(rows)
    assert str(rows[0]) in found.noise_model.text()
    assert any("set aside" in stage for stage in found.stages)
    assert any("set aside" in line for line in found.conclusion())


@pytest.mark.slow
def test_outliers_of_a_noisy_table_are_named_and_do_not_bend_the_law() -> None:
    rng = np.random.default_rng(5)
    x = inputs(seed=5)
    y = law(x) + 0.1 * rng.standard_normal(200)
    wrong = np.sort(rng.choice(200, 12, replace=False))
    y[wrong] += rng.choice([-1, 1], 12) * rng.uniform(15, 60, 12)
    found = quickly(x, y)
    assert found.noise_model.outliers == tuple(wrong)
    assert right(found, x, law(x)) < 0.08  # with the outliers, 0.5


def test_rows_in_which_a_model_errs_together_are_not_set_aside() -> None:
    x = np.linspace(0, 1, 100)[:, None]
    residual = 0.01 * np.random.default_rng(0).standard_normal(100)
    residual[95:] += 1.0
    assert len(far_rows(x, residual, np.ones(100))) == 0
    residual[40] = 1.0
    assert list(far_rows(x, residual, np.ones(100))) == [40]


def test_wide_ranges_sparse_columns_and_few_rows_have_no_bad_cells() -> None:
    rng = np.random.default_rng(0)
    assert not isolated_cells(10.0 ** rng.uniform(0, 12, (300, 2))).any()
    assert not isolated_cells(rng.standard_t(2, (300, 2))).any()
    sparse = np.zeros((100, 1))
    sparse[:3] = 50.0
    assert not isolated_cells(sparse).any()
    assert not isolated_cells(np.append(np.arange(10.0), -999.0)[:, None]).any()


def test_standard_errors_weigh_rows_and_give_chi_squared() -> None:
    rng = np.random.default_rng(6)
    x, sigma = inputs(120, seed=6), rng.uniform(0.02, 1.0, 120)
    y = law(x) + sigma * rng.standard_normal(120)
    found = quickly(x, y, sigma=sigma)
    assert found.outcome is Outcome.NOISE
    assert found.chi2 == pytest.approx(1, abs=0.35)
    assert found.noise_model.kind == "given"
    assert right(found, x, law(x)) < 0.005
    assert any("Chi-squared" in line for line in found.conclusion())
    by_size = found.uncertainty().constants[0].error if found.constants() else 0.0
    assert by_size < 0.02  # equal weights leave about 0.03


@pytest.mark.slow
def test_standard_errors_that_are_too_small_claim_nothing() -> None:
    rng = np.random.default_rng(7)
    x = inputs(60, seed=7)
    y = 2 * x[:, 0] + x[:, 1] + 0.5 * rng.standard_normal(60)
    found = quickly(x, y, sigma=np.full(60, 0.05))
    assert found.outcome is not Outcome.NOISE
    assert found.chi2 is not None
    assert found.chi2 > 10


@pytest.mark.slow
def test_sigma_and_weights_as_columns_of_the_table() -> None:
    rng = np.random.default_rng(8)
    x = inputs(100, seed=8)
    table = pd.DataFrame(x, columns=["a", "b"]).assign(err=rng.uniform(0.02, 0.5, 100))
    y = law(x) + table.err * rng.standard_normal(100)
    by_name = quickly(table, y, sigma="err")
    assert by_name.names == ("a", "b")
    by_array = quickly(table[["a", "b"]], y, sigma=table.err)
    assert [str(c) for c in by_name] == [str(c) for c in by_array]
    weighted = quickly(table.assign(w=1 / table.err**2)[["a", "b", "w"]], y, weights="w")
    assert weighted.chi2 is None
    assert weighted.best.predict(x) == pytest.approx(by_name.best.predict(x), rel=0.02)


def test_rows_without_weight_do_not_count() -> None:
    x = inputs(60, seed=9)
    y, weights = law(x), np.ones(60)
    y[:20], weights[:20] = 7.0, 0.0
    found = quickly(x, y, weights=weights)
    assert found.outcome is Outcome.EXACT
    assert len(found.y) == 40


@pytest.mark.slow
def test_huber_tells_the_rows_that_count_less() -> None:
    rng = np.random.default_rng(10)
    x = inputs(200, seed=10)
    truth = 2 * x[:, 0] + x[:, 1]
    y = truth + 0.3 * rng.standard_t(1.8, 200)
    huber = quickly(x, y, loss="huber")
    assert huber.noise_model.loss == "huber"
    assert huber.noise_model.lessened
    assert "Huber" in huber.noise_model.text()
    assert right(huber, x, truth) < 0.05


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_a_spectrum_over_300_decades() -> None:
    frequency = np.linspace(1, 300, 60)[:, None]
    y = np.exp(-2.3 * frequency[:, 0])
    noisy = y * (1 + 0.05 * np.random.default_rng(0).standard_normal(60))
    assert quickly(frequency, y).outcome is Outcome.EXACT
    assert ew.discover(frequency, noisy, effort=100, time_limit=300).relative


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sigma": np.zeros(20)}, "positive"),
        ({"sigma": np.ones(19)}, "one number for each"),
        ({"sigma": "err"}, "no DataFrame"),
        ({"weights": -np.ones(20)}, "negative"),
        ({"weights": np.zeros(20)}, "five rows"),
        ({"loss": "cauchy"}, "'squared' or 'huber'"),
    ],
)
def test_wrong_noise_is_refused(options: dict[str, object], says: str) -> None:
    x = inputs(20)
    with pytest.raises(ew.InputError, match=says):
        quickly(x, law(x), **options)


def test_an_unknown_column_of_standard_errors_is_refused() -> None:
    table = pd.DataFrame(inputs(20), columns=["a", "b"])
    with pytest.raises(ew.InputError, match="Unknown column"):
        quickly(table, law(table.to_numpy()), sigma="err")


def test_noise_in_words() -> None:
    assert NoiseModel().text() == "none seen"
    assert NoiseModel("mixed", 0.2, 0.05).text() == "additive and relative, 0.2 and 5 %"
    assert NoiseModel("counts", 1.02).text() == "counts, variance 1 times the mean"
    many = NoiseModel("additive", 1.0, outliers=tuple(range(12)), rows=300).text()
    assert many == "additive, 1, with outliers: 12 rows of 300 set aside (numbers 0, 1, 2, 3, 4, 5, 6, 7, ...)"
