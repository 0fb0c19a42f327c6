"""Estimators in ONNX: the same numbers as their predictions in onnxruntime, from the same tables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.exceptions import NotFittedError

import edgewise as ew
from edgewise.estimators import KANClassifier, KANRegressor, KANSurvival
from edgewise.export import to_onnx

TOLERANCES = {"float32": 1e-6, "float64": 1e-12}  # of the size of the predictions of each target
EPOCH, DAY = pd.Timestamp("1970-01-01"), pd.Timedelta(days=1)


def outputs(model: Any, table: Any) -> list[np.ndarray]:
    """The outputs of a model in onnxruntime, for an array or the columns of a DataFrame."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    types = {each.name: each.type for each in session.get_inputs()}
    dtype = np.float64 if "tensor(double)" in types.values() else np.float32
    if isinstance(table, np.ndarray):
        return session.run(None, {"x": table.astype(dtype)})
    cells = {}
    for name, kind in types.items():
        column = table[[name]]
        if kind == "tensor(string)":
            cells[name] = column.to_numpy(object)
        elif column.dtypes.iloc[0].kind == "M":
            cells[name] = ((column - EPOCH) / DAY).to_numpy(dtype)
        else:
            cells[name] = column.astype(dtype if column.dtypes.iloc[0].kind != "b" else bool).to_numpy(dtype)
    return session.run(None, cells)


def as_stored(table: Any, dtype: str) -> Any:
    """The table with the numbers and dates that a precision holds."""
    if dtype == "float64":
        return table
    if isinstance(table, np.ndarray):
        return table.astype(dtype).astype(float)
    stored = table.copy()
    for name, column in table.items():
        if column.dtype.kind == "f":
            stored[name] = column.astype(dtype).astype(float)
        elif column.dtype.kind == "M":
            days = ((column - EPOCH) / DAY).to_numpy(dtype).astype(float)
            stored[name] = EPOCH + pd.to_timedelta(days, unit="D")
    return stored


def assert_agrees(model: Any, table: Any) -> None:
    """Both precisions give what the estimator does for the same cells."""
    for dtype, tolerance in TOLERANCES.items():
        written = to_onnx(model, dtype=dtype)
        onnx.checker.check_model(written, full_check=True)
        assert {node.domain for node in written.graph.node} == {""}
        found, same = outputs(written, table), as_stored(table, dtype)
        values = found[-1]
        if isinstance(model, KANClassifier):
            expected = model.predict_proba(same)
            clear = np.diff(np.sort(expected, 1)[:, -2:], axis=1)[:, 0] > 1e-5
            assert (found[0][clear] == model.predict(same)[clear]).all() and found[0].shape == (len(table),)
        else:
            expected = model.predict(same).reshape(len(table), -1)
        assert values.dtype == dtype and values.shape == expected.shape
        size = 1.0 if isinstance(model, KANClassifier) else np.abs(expected).max(0)
        assert (np.abs(values - expected).max(0) <= tolerance * size).all(), dtype


def beyond(x: np.ndarray) -> np.ndarray:
    """The rows, rows far outside, and rows with gaps that were not seen before."""
    gaps = np.where(np.arange(x.shape[1]) % 2 == 0, np.nan, x[:9])
    return np.vstack([x, 30 * x[:9], -x[:9], gaps, np.full((1, x.shape[1]), np.nan)])


def messy(n: int = 200, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers on several scales, text, dates, truth values and gaps; and a number that depends on all of them."""
    generator = np.random.default_rng(seed)
    size, heavy = generator.lognormal(2, 1.5, n), 3 * generator.standard_t(2, n) + 1000
    city, hours = generator.choice(["Bonn", "Köln", "Ulm"], n), 24 * generator.integers(0, 700, n) + 6
    rooms, old = generator.integers(1, 7, n), generator.random(n) < 0.4
    y = np.log(size) + np.tanh((heavy - 1000) / 5) + (city == "Bonn") + 0.5 * old + np.sin(rooms) + hours / 1e4
    table = pd.DataFrame({"size": size, "heavy": heavy, "city": city, "day": EPOCH + 50 * 365 * DAY, "old": old})
    table["day"] += pd.to_timedelta(hours, unit="h")
    table["rooms"] = pd.array(rooms, dtype="Int64")
    table.loc[::23, "size"] = 0.0
    for name in ("size", "city", "rooms", "day"):
        table.loc[generator.random(n) < 0.1, name] = None
    return table, y + 0.1 * generator.normal(size=n)


def messy_later() -> pd.DataFrame:
    """Rows like those of `messy`, and some with cells that it never has."""
    table = messy(60, 1)[0]
    table.loc[:4, "city"] = "Berlin"
    table.loc[:2, "heavy"] = np.nan
    table.loc[3:5, "size"] = [-1.0, 0.0, 1e9]
    table.loc[6:7, "heavy"] = [-1e7, 1e7]
    return table


def drawn(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-2, 2, (250, 3))


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_diabetes(return_X_y=True)
    return x[:200, 2:8], y[:200]


def with_products() -> KANRegressor:
    x = drawn()
    return KANRegressor().fit(x, x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]))


def with_hidden() -> KANRegressor:
    x = drawn()
    return KANRegressor().fit(x, np.exp(x.sum(1)) + 0.05 * np.random.default_rng(1).normal(size=len(x)))


def with_a_square_root() -> KANRegressor:
    x, noise = drawn(), np.random.default_rng(1).normal(size=250)
    return KANRegressor().fit(x, (x[:, 0] + np.cos(x[:, 1]) + 4 + 0.3 * noise) ** 2)


def several_targets() -> KANRegressor:
    x, y = diabetes()
    return KANRegressor().fit(x, np.column_stack([y, 1e4 + x[:, 0] ** 2 + x[:, 3]]))


def with_single_values() -> KANRegressor:
    generator = np.random.default_rng(0)
    x = np.column_stack([generator.integers(0, 400, 800) / 10, generator.normal(size=800)])
    x[:400, 0] = generator.choice([3.1, 7.2, 11.3], 400)
    return KANRegressor().fit(x, 0.1 * x[:, 0] + 3 * (x[:, 0] == 7.2) + x[:, 1] + 0.1 * generator.normal(size=800))


def with_numbers_as_categories() -> KANRegressor:
    generator = np.random.default_rng(0)
    x = np.column_stack([generator.integers(-3, 4, 200), generator.normal(size=200)])
    x[:20, 0] = np.nan
    return KANRegressor(categorical_features=[0]).fit(x, np.nan_to_num(np.sin(3 * x[:, 0]), nan=2.0) + x[:, 1])


def of_messy(model: Any, y: Callable[[np.ndarray], Any] = lambda y: y) -> Any:
    table, target = messy()
    return model.fit(table, y(target))


#: estimators, rows to predict, and what shows that a fit has what its name says
CASES: dict[str, tuple[Callable[[], Any], Callable[[], Any], Callable[[Any], bool]]] = {
    "numbers": (lambda: KANRegressor().fit(*diabetes()), lambda: beyond(diabetes()[0]), lambda m: not m.encoder_.named),
    "simplest": (
        lambda: KANRegressor(select="simplest").fit(*diabetes()),
        lambda: beyond(diabetes()[0]), lambda m: len(m.networks_[0].layers) == 1,
    ),
    "monotone": (
        lambda: KANRegressor(monotonic_cst=[1, 0, 0, 0, 0, 1]).fit(*diabetes()),
        lambda: beyond(diabetes()[0]), lambda m: True,
    ),
    "several targets": (several_targets, lambda: beyond(diabetes()[0]), lambda m: m.n_outputs_ == 2),
    "poisson": (
        lambda: KANRegressor("poisson").fit(*diabetes()), lambda: beyond(diabetes()[0]),
        lambda m: m.fits_[0].model.intercept > 4,
    ),
    "gamma": (lambda: of_messy(KANRegressor("gamma"), lambda y: np.exp(y / 2)), messy_later, lambda m: True),
    "messy": (lambda: of_messy(KANRegressor()), messy_later, lambda m: axes(m) == {"raw", "log", "asinh"}),
    "logarithm": (
        lambda: of_messy(KANRegressor(), lambda y: 1e5 * np.exp(1.5 * y)), messy_later,
        lambda m: m.fits_[0].target.name == "log",
    ),
    "huber": (lambda: of_messy(KANRegressor("huber")), messy_later, lambda m: m.fits_[0].family.is_location),
    "quantile": (lambda: of_messy(KANRegressor("quantile", quantile=0.8)), messy_later, lambda m: m.quantile == 0.8),
    "negative binomial": (
        lambda: KANRegressor("negative_binomial").fit(*diabetes()), lambda: beyond(diabetes()[0]),
        lambda m: m.dispersion_ > 0,
    ),
    "tweedie": (lambda: of_messy(KANRegressor("tweedie"), np.exp), messy_later, lambda m: m.power == 1.5),
    "quantiles": (
        lambda: of_messy(KANRegressor("quantile", quantile=[0.1, 0.4, 0.5, 0.9])), messy_later,
        lambda m: len(m.fits_) == 4,
    ),
    "linear terms and groups": (
        lambda: KANRegressor(linear=[0, 1], groups=1).fit(np.round(2 * drawn()), drawn()[:, 0]),
        lambda: np.round(2 * drawn(1)), lambda m: m.coefficients_.index.tolist() == ["x1"],
    ),
    "ordered classes": (
        lambda: of_messy(KANClassifier(ordered=True), lambda y: np.digitize(y, [2.5, 3.5])), messy_later,
        lambda m: len(m.thresholds_) == 2,
    ),
    "hazards": (
        lambda: of_messy(KANSurvival(), lambda y: (y > 2, np.exp(y))), messy_later, lambda m: len(m.event_times_) > 9,
    ),
    "accelerated times": (
        lambda: of_messy(KANSurvival("lognormal"), lambda y: (y > 2, np.exp(y))), messy_later, lambda m: m.sigma_ > 0,
    ),
    "no column varies": (
        lambda: KANRegressor("poisson").fit(np.ones((20, 2)), np.arange(20.0)), lambda: beyond(np.ones((9, 2))),
        lambda m: not m.fits_[0].design.inputs,
    ),
    "square root": (with_a_square_root, lambda: beyond(drawn(1)), lambda m: m.fits_[0].target.name == "sqrt"),
    "products": (with_products, lambda: beyond(drawn(1)), lambda m: len(m.fits_[0].model.products) > 0),
    "hidden node": (with_hidden, lambda: beyond(drawn(1)), lambda m: m.fits_[0].model.hidden is not None),
    "numbers as categories": (
        with_numbers_as_categories, lambda: beyond(np.array([[k, 0.5] for k in range(-5, 6)])),
        lambda m: m.encoder_.levels[0] is not None,
    ),
    "iris": (
        lambda: KANClassifier().fit(load_iris().data, load_iris().target_names[load_iris().target]),
        lambda: beyond(load_iris().data), lambda m: len(m.classes_) == 3,
    ),
    "wine": (
        lambda: KANClassifier(products=0).fit(load_wine().data[:, :6], load_wine().target.astype(float)),
        lambda: beyond(load_wine().data[:, :6]), lambda m: m.classes_.dtype == float,
    ),
    "two classes": (
        lambda: of_messy(KANClassifier(), lambda y: np.where(y > 3, "dear", "cheap")), messy_later,
        lambda m: m.classes_.tolist() == ["cheap", "dear"],
    ),
    "truth values": (lambda: of_messy(KANClassifier(products=0), lambda y: y > 3), messy_later, lambda m: True),
}  # fmt: skip


def axes(model: Any) -> set[str]:
    return {part.axis.name for part in model.fits_[0].design.inputs if hasattr(part, "axis")}


@cache
def fitted(case: str) -> Any:
    return CASES[case][0]()


@pytest.mark.parametrize("case", CASES)
def test_the_same_predictions(case: str) -> None:
    _, table, shows = CASES[case]
    model = fitted(case)
    assert shows(model)
    assert_agrees(model, table())


def test_effects_of_single_values_in_both_precisions() -> None:
    """A decimal is the value that was fitted if it is the nearest one of float32."""
    model = with_single_values()
    assert any("single values" in name for name in model.network_names_)
    x = np.array([[value, 0.3] for value in (3.1, 7.2, 7.1999, 11.3, 20.0, np.nan)])
    expected = model.predict(x)
    for dtype, tolerance in TOLERANCES.items():
        found = outputs(to_onnx(model, dtype=dtype), x)[0][:, 0]
        assert np.abs(found - expected).max() <= 2 * tolerance * np.abs(expected).max()


def test_a_column_far_from_zero_keeps_its_digits() -> None:
    """Where rows are known to 1e-10 in doubles, predictions are too; float32 loses nothing but the digits of x."""
    x = 1e6 + np.random.default_rng(0).normal(size=(300, 1)).astype(np.float32).astype(float)
    model = KANRegressor().fit(x, np.sin(x[:, 0] - 1e6))
    rows = as_stored(np.vstack([x, [[np.nan]]]), "float32")
    for dtype, tolerance in {"float32": 1e-6, "float64": 1e-9}.items():
        assert np.abs(outputs(to_onnx(model, dtype=dtype), rows)[0][:, 0] - model.predict(rows)).max() < tolerance


def test_amounts_end_where_predictions_do() -> None:
    x = np.linspace(-1, 1, 200)[:, None]
    model = KANRegressor("gamma").fit(x, np.exp(84 + x[:, 0]))
    rows = as_stored(20 * x, "float32")
    expected = model.predict(rows)
    assert 20 < (expected == expected.max()).sum() < 180
    for dtype, tolerance in {"float32": 1e-5, "float64": 1e-12}.items():
        assert np.abs(outputs(to_onnx(model, dtype=dtype), rows)[0][:, 0] / expected - 1).max() < tolerance


def test_infinities_are_taken_for_the_ends_of_a_curve() -> None:
    x = drawn()[:, :2]
    model = KANRegressor().fit(x, np.sin(x[:, 0]) + x[:, 1])
    for infinite, large in zip((-np.inf, np.inf), (-1e9, 1e9), strict=True):
        found = outputs(to_onnx(model, dtype="float64"), np.array([[infinite, 0.3]]))[0].item()
        assert found == pytest.approx(model.predict([[large, 0.3]])[0], rel=1e-12)


# inputs and outputs


def declared(values: Any) -> dict[str, tuple[int, list[int | str]]]:
    return {
        each.name: (
            each.type.tensor_type.elem_type,
            [size.dim_param or size.dim_value for size in each.type.tensor_type.shape.dim],
        )
        for each in values
    }


def test_a_frame_has_one_input_for_each_column() -> None:
    number, text = onnx.TensorProto.FLOAT, onnx.TensorProto.STRING
    graph = to_onnx(fitted("two classes")).graph
    kinds = {name: text if name == "city" else number for name in messy()[0]}
    assert declared(graph.input) == {name: (kind, ["rows", 1]) for name, kind in kinds.items()}
    assert declared(graph.output) == {"label": (text, ["rows"]), "probabilities": (number, ["rows", 2])}


def test_numbers_without_names_are_one_input() -> None:
    double = onnx.TensorProto.DOUBLE
    graph = to_onnx(fitted("several targets"), dtype="float64").graph
    assert declared(graph.input) == {"x": (double, ["rows", 6])}
    assert declared(graph.output) == {"y": (double, ["rows", 2])}
    assert declared(to_onnx(fitted("wine")).graph.output)["label"] == (onnx.TensorProto.INT64, ["rows"])
    assert outputs(to_onnx(fitted("numbers")), np.zeros((0, 6)))[0].shape == (0, 1)


def test_rows_of_numbers_and_text_have_one_input_for_each_column() -> None:
    rows = [[k % 7 + 0.5, "ab"[k % 2]] for k in range(60)]
    model = KANRegressor().fit(rows, [number**2 + (letter == "a") for number, letter in rows])
    found = outputs(to_onnx(model, dtype="float64"), pd.DataFrame(rows, columns=["x1", "x2"]))[0]
    assert np.allclose(found[:, 0], model.predict(rows), rtol=1e-12, atol=1e-12)


def test_names_may_be_given() -> None:
    table = pd.DataFrame({"y": np.linspace(0, 1, 50), "label": ["a", "b"] * 25})
    model = KANRegressor().fit(table, table["y"] ** 2)
    with pytest.raises(ew.InputError, match="named 'y'"):
        to_onnx(model)
    written = to_onnx(model, names=["height", "group"])
    assert [each.name for each in written.graph.input] == ["height", "group"]
    assert to_onnx(fitted("numbers"), names=["rows"]).graph.input[0].name == "rows"


@pytest.mark.parametrize("empty", [None, np.nan, pd.NA, pd.NaT, ""])
def test_empty_cells_of_text(empty: Any) -> None:
    """What a runtime makes of them is one gap; where a level is called so, it is that level."""
    table = pd.DataFrame({"city": pd.Series(["Bonn", "Ulm", None, "Ulm"] * 20, dtype=object)})
    y = np.tile([1.0, 2.0, 5.0, 2.0], 20)
    cell = pd.DataFrame({"city": pd.Series([empty], dtype=object)})
    gap = outputs(to_onnx(KANRegressor().fit(table, y)), cell)[0].item()
    assert gap == pytest.approx(5, abs=0.2)
    named = table.replace({"city": {"Bonn": str(empty)}})
    level = outputs(to_onnx(KANRegressor().fit(named, y)), pd.DataFrame({"city": [str(empty)]}))[0].item()
    assert level == pytest.approx(1, abs=0.2)


def test_categories_in_an_order_of_their_own() -> None:
    kinds = pd.Categorical([3, 1, 2, None] * 30, categories=[3, 2, 1])
    sizes = pd.Categorical(["low", "high", "low"] * 40, categories=["low", "middle", "high"], ordered=True)
    table = pd.DataFrame({"kind": kinds, "size": sizes, "z": np.linspace(-1, 1, 120)})
    y = np.array([1.0, 4.0, 0.0, 2.0] * 30) + 2 * (table["size"] == "high") + table["z"] ** 2
    assert_agrees(KANRegressor().fit(table, y), table)


def test_the_file_loads_without_edgewise(tmp_path: Path) -> None:
    place = tmp_path / "model.onnx"
    to_onnx(fitted("iris"), place)
    code = (
        "import sys, numpy as np, onnxruntime\n"
        "session = onnxruntime.InferenceSession(sys.argv[1])\n"
        "print(session.run(['label'], {'x': np.array([[5.1, 3.5, 1.4, 0.2]], dtype=np.float32)})[0])\n"
        "assert not {'edgewise', 'sklearn', 'torch'} & {*sys.modules}"
    )
    done = subprocess.run([sys.executable, "-c", code, str(place)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['setosa']"


# errors


def test_an_estimator_that_is_not_fitted() -> None:
    with pytest.raises(NotFittedError):
        to_onnx(KANRegressor())


def close_levels() -> Any:
    x = np.repeat([[1.0], [1.0 + 1e-9], [2.0]], 20, axis=0)
    return to_onnx(KANRegressor(categorical_features=[0]).fit(x, x[:, 0]))


def mixed_levels() -> Any:
    table = pd.DataFrame({"kind": pd.Categorical(["a", 1] * 30, categories=["a", 1])})
    return to_onnx(KANRegressor().fit(table, [1.0, 2.0] * 30))


def dates_as_classes() -> Any:
    x = np.arange(60.0)[:, None]
    return to_onnx(KANClassifier().fit(x, np.where(x[:, 0] > 30, *np.array(["2020-01-01", "2020-01-02"], "M8[D]"))))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "number of names": (lambda: to_onnx(fitted("numbers"), names=["a", "b"]), "'names' must be 1 texts.* inputs x"),
    "one text as names": (lambda: to_onnx(fitted("messy"), names="abcdef"), "'names' must be 6 texts.* size, heavy"),
    "levels of float32": (close_levels, "'x1' has levels that float32 does not tell apart. Use dtype='float64'"),
    "levels of two kinds": (mixed_levels, "'kind' has levels of text and of numbers.*Make them texts"),
    "classes": (dates_as_classes, "Classes in ONNX are texts or whole numbers.*2020-01-02"),
    "large": (lambda: to_onnx(KANRegressor().fit(1e39 * drawn(), drawn()[:, 0])), "too large for float32"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_is_refused(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(ew.InputError, match=message):
        call()


def test_an_empty_text_is_a_gap_as_in_predict() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.uniform(0, 1, 80), "k": rng.choice(["a", "b"], 80)})
    y = table.x + 2.0 * (table.k == "a")
    table.loc[:15, "k"], y[:16] = None, y[:16] + 9
    model = KANRegressor(products=0).fit(table, y)
    empty, gap = pd.DataFrame({"x": [0.5], "k": [""]}), pd.DataFrame({"x": [0.5], "k": [None]})
    session = onnxruntime.InferenceSession(ew.export.to_onnx(model, dtype="float64").SerializeToString())
    given = {"x": np.array([[0.5]]), "k": np.array([[""]], dtype=object)}
    assert model.predict(empty) == model.predict(gap)
    np.testing.assert_allclose(session.run(None, given)[0][:, 0], model.predict(empty), rtol=1e-12)
