"""Tables as they come become numbers, and what was learned comes back from JSON."""

from __future__ import annotations

import datetime as dt
import json
import math
import warnings
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from edgewise import InputError
from edgewise.encoding import Category, CellTypeError, Dates, Encoder, Number

NAN = math.nan
UTC = dt.UTC


def one(values: Any) -> list[float]:
    """Return the numbers of a table of one column that is learned and encoded."""
    return Encoder.learn(values).encode(values)[:, 0].tolist()


def column(values: Any, **arguments: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": pd.Series(values, **arguments)})


def arrow(kind: Any) -> pd.ArrowDtype:
    return pd.ArrowDtype(kind)


NOON = dt.datetime(2020, 1, 1, 12)
NUMBERS = [
    (np.array([[1], [2]], np.int8), [1, 2]),
    (np.array([[True], [False]]), [1, 0]),
    (np.array([[0.1], [np.nan]], np.float32), [float(np.float32(0.1)), NAN]),
    (np.array([[Decimal("1.5")], [Fraction(1, 4)], [None], [True], [np.float32(2)]], object), [1.5, 0.25, NAN, 1, 2]),
    (np.ma.array([[1], [2]], mask=[[0], [1]]), [1, NAN]),
    (np.ma.array([[1.5], [2]], mask=[[0], [1]]), [1.5, NAN]),
    ([[1], [None]], [1, NAN]),
    (((1,), (2.5,)), [1, 2.5]),
    (torch.tensor([[1.5], [2]], dtype=torch.bfloat16, requires_grad=True), [1.5, 2]),
    (column([1, None], dtype="Int64"), [1, NAN]),
    (column([True, None], dtype="boolean"), [1, NAN]),
    (column([True, None], dtype=object), [1, NAN]),
    (column([1.5, pd.NA], dtype=object), [1.5, NAN]),
    (column([1.5, None], dtype=arrow(pa.float32())), [1.5, NAN]),
    (column([Decimal("1.5"), None], dtype=arrow(pa.decimal128(5, 2))), [1.5, NAN]),
    (column([0.0, 1.0], dtype=pd.SparseDtype(float)), [0, 1]),
    (column([None, None], dtype=object), [NAN, NAN]),
    (pl.DataFrame({"a": [1, None]}), [1, NAN]),
    (pl.DataFrame({"a": [True, None]}), [1, NAN]),
    (pl.DataFrame({"a": [None, None]}), [NAN, NAN]),
    (pl.DataFrame({"a": [Decimal("1.5"), None]}), [1.5, NAN]),
]
DATES = [
    (np.array([["2020-01-01T12"], ["NaT"]], "M8[h]"), [18262.5, NAN]),
    (np.array([["2020"]], "M8[Y]"), [18262]),
    (np.array([["1970-01-01T00:00:01"]], "M8[as]"), [1 / 86400]),
    (np.array([[36], [-12]], "m8[h]"), [1.5, -0.5]),
    ([[NOON], [None]], [18262.5, NAN]),
    ([[dt.date(1066, 10, 14)], [dt.date(9999, 12, 31)]], [-329893, 2932896]),
    ([[dt.datetime(2020, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=6)))]], [18262.25]),
    ([[np.datetime64("2020-01-01T12", "ns")], [pd.NaT]], [18262.5, NAN]),
    ([[dt.timedelta(hours=6)], [np.timedelta64(12, "h")]], [0.25, 0.5]),
    (column(pd.to_datetime(["2020-01-01 12:00", None])), [18262.5, NAN]),
    (column(pd.to_datetime(["2020-01-01 13:00", None]).tz_localize("Europe/Berlin")), [18262.5, NAN]),
    (column(pd.to_timedelta(["36h", None])), [1.5, NAN]),
    (column(pd.period_range("2020-01", periods=2, freq="M")), [18262, 18293]),
    (column([NOON.replace(tzinfo=UTC), None], dtype=arrow(pa.timestamp("us", "Asia/Tokyo"))), [18262.5, NAN]),
    (column([dt.date(2020, 1, 1), None], dtype=arrow(pa.date32())), [18262, NAN]),
    (column([dt.timedelta(1), None], dtype=arrow(pa.duration("us"))), [1, NAN]),
    (pl.DataFrame({"a": [NOON, None]}), [18262.5, NAN]),
    (pl.DataFrame({"a": [NOON]}).select(pl.col("a").dt.replace_time_zone("Asia/Tokyo")), [18262.125]),
    (pl.DataFrame({"a": [dt.date(2020, 1, 1), None]}), [18262, NAN]),
    (pl.DataFrame({"a": [dt.timedelta(hours=-36), None]}), [-1.5, NAN]),
    (pl.DataFrame({"a": [dt.time(6), None]}), [0.25, NAN]),
]


@pytest.mark.parametrize(("table", "expected"), [*NUMBERS, *DATES])
def test_numbers_stay_and_dates_become_days(table: Any, expected: list[float]) -> None:
    np.testing.assert_array_equal(one(table), expected)
    assert Encoder.learn(table).levels == [None]


TEXTS = [
    [["b"], ["a"], [None]],
    np.array([["b"], ["a"], [np.nan]], object),
    np.ma.array([["b"], ["a"], ["c"]], mask=[[0], [0], [1]]),
    column(["b", "a", None]),
    column(["b", "a", None], dtype=object),
    column(["b", "a", None], dtype="string"),
    column(["b", "a", None], dtype=arrow(pa.string())),
    pl.DataFrame({"a": ["b", "a", None]}),
    pl.DataFrame({"a": ["b", "a", None]}, schema={"a": pl.Categorical}),
]


@pytest.mark.parametrize("table", TEXTS, ids=str)
def test_text_becomes_codes_of_sorted_levels_and_a_gap_the_last(table: Any) -> None:
    encoder = Encoder.learn(table)
    assert encoder.levels == [["a", "b", None]] and one(table) == [1, 0, 2]
    np.testing.assert_array_equal(encoder.encode([["c"], ["a"]])[:, 0], [NAN, 0])


def test_a_gap_that_was_not_learned_is_missing() -> None:
    np.testing.assert_array_equal(Encoder.learn([["b"], ["a"]]).encode([["b"], [None]])[:, 0], [1, NAN])
    np.testing.assert_array_equal(Encoder.learn([["b"]]).encode(np.full((2, 1), NAN))[:, 0], [NAN, NAN])


@pytest.mark.parametrize(
    ("table", "levels"),
    [
        (column(pd.Categorical(["lo", "hi"], ["lo", "mid", "hi"])), ["lo", "hi"]),
        (column(pd.Categorical([3, 1, 3])), [1, 3]),
        (column(pd.Categorical([2.5, None])), [2.5, None]),
        (column(pd.Categorical([True, False], [True, False])), [True, False]),
        (column(pd.cut([0.5, 1.5], [0, 1, 2])), ["(0, 1]", "(1, 2]"]),
        (pl.DataFrame({"a": ["lo", "hi"]}, schema={"a": pl.Enum(["lo", "mid", "hi"])}), ["lo", "hi"]),
        (np.array([[b"b"], [b"\xc3\xa4"]]), ["b", "ä"]),
        ([["1"], ["10"], ["9"]], ["1", "10", "9"]),
    ],
)
def test_categories_keep_their_order_and_levels_that_do_not_occur_are_left_out(table: Any, levels: list[Any]) -> None:
    encoder = Encoder.learn(table)
    assert encoder.levels == [levels] and [type(a) for a in encoder.levels[0] or []] == [type(b) for b in levels]
    codes = encoder.encode(table)[:, 0]
    assert set(codes) == set(range(len(levels)))


def test_columns_are_categories_if_told() -> None:
    table = pd.DataFrame({"a": [2.0, None, 1.0], "b": [5, 6, 5], "c": [True, False, True], "d": ["x", "y", "x"]})
    for categorical in (["a", "b"], [0, np.int64(1)], [True, True, False, False], np.array(["a", "b"])):
        encoder = Encoder.learn(table, categorical)
        assert encoder.levels == [[1, 2, None], [5, 6], None, ["x", "y"]]
    codes = encoder.encode(pd.DataFrame({"a": [1, 3], "b": [6.0, 5.5], "c": [1, 0], "d": ["y", "z"]}))
    np.testing.assert_array_equal(codes, [[0, 1, 1, 1], [NAN, NAN, 0, NAN]])
    assert Encoder.learn(table, ["c"]).levels[2] == [False, True]
    big = [[2**60], [2**60 + 1]]
    assert Encoder.learn(big, [0]).levels == [[2**60, 2**60 + 1]] and Encoder.learn(big, [0]).encode(big)[1] == 1


def test_a_later_table_is_matched_by_name_if_both_have_names() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    encoder = Encoder.learn(table)
    assert encoder.names == ["a", "b"] and encoder.named
    shuffled = pd.DataFrame({"b": ["y"], "more": [0], "a": [5.0]})
    for later in (shuffled, pl.from_pandas(shuffled), [[5.0, "y"]]):
        assert encoder.encode(later).tolist() == [[5, 1]]
    with pytest.raises(InputError, match="lacks the columns 'b'"):
        encoder.encode(table[["a"]])
    with pytest.raises(InputError, match="must have 2 columns"):
        encoder.encode([[1.0]])
    bare = Encoder.learn(table.to_numpy())
    assert bare.names == ["x1", "x2"] and bare.encode(table).tolist() == encoder.encode(table).tolist()
    assert Encoder.learn(pd.DataFrame([[1, 2]])).names == ["0", "1"]
    assert encoder.encode(table[:0]).shape == (0, 2)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (np.ones(3), "Expected 2D array, got 1D"),
        (3, "Expected 2D array, got 0D"),
        (np.ones((2, 2, 2)), "got 3D"),
        ([[1], [1, 2]], "rows of equal length"),
        (np.ones((0, 2)), "at least one row"),
        (np.ones((2, 0)), "at least one row"),
        (np.ones((2, 2)) * 1j, "Complex data not supported"),
        ([[1.0, 2.0], [1.0, -np.inf]], "'x2' has -inf in row 1"),
        (column([1.0, np.inf]), "'a' has inf in row 1"),
        ([["a"], [None], [2]], r"mixes text \('a' in row 0\) and numbers \(2 in row 2\)"),
        ([[dt.date(2020, 1, 1)], [2.5]], "mixes dates .* and numbers"),
        ([[10**400]], "beyond the range"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' occurs 2 times"),
    ],
)
def test_what_is_no_table_of_numbers_dates_and_text_is_refused(table: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Encoder.learn(table)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (sparse.csr_array(np.eye(2)), r"Sparse data was passed.*toarray"),
        (torch.eye(2).to_sparse(), r"Sparse data was passed.*to_dense"),
        (pl.LazyFrame({"a": [1]}), "collect"),
        ([[1, {}]], "must be a string or a number. Column 'x2' holds dict in row 0"),
        ([[1j, 1], ["a", 1]], "holds complex in row 0"),
        (pl.DataFrame({"a": [[1], [2]]}), "'a' holds list in row 0"),
        (np.zeros((2, 1), [("a", float)]), "'x1' has cells of type"),
    ],
)
def test_a_type_that_never_becomes_a_number_is_also_a_type_error(table: Any, words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CellTypeError, match=words) as caught:
            Encoder.learn(table)
    assert isinstance(caught.value, TypeError) and isinstance(caught.value, InputError)


@pytest.mark.parametrize(
    ("first", "later", "words"),
    [
        ([[1.0]], [["a"]], "held numbers when it was learned. It now holds text"),
        ([["a"]], [[1.0]], "levels of text, as 'a'. It now holds numbers, as 1"),
        ([["a"]], [[NOON]], "holds dates, which cannot be levels"),
        ([[NOON]], [[1.0]], "held dates"),
        ([[NOON]], [[dt.timedelta(1)]], "held dates when it was learned. It now holds time spans"),
        (column(pd.Categorical([1, 2])), column(["1"]), "levels of numbers, as 1. It now holds text"),
        ([[1.0]], [[np.inf]], "inf in row 0"),
    ],
)
def test_a_later_table_of_another_kind_is_refused(first: Any, later: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Encoder.learn(first).encode(later)


@pytest.mark.parametrize("first", [[[1.0]], [["a"]], [[NOON]], [[dt.timedelta(1)]]])
def test_a_column_of_gaps_is_a_column_of_any_kind(first: Any) -> None:
    for gaps in ([[None]], [[NAN]], column([None], dtype="string"), np.array([["NaT"]], "M8[s]")):
        assert np.isnan(Encoder.learn(first).encode(gaps)).all()


@pytest.mark.parametrize("categorical", ["a", ["b"], [1], [-1], [0.5], [True, False], 5, None])
def test_categories_that_are_not_there_are_refused(categorical: Any) -> None:
    with pytest.raises(InputError, match="categorical"):
        Encoder.learn(column([1.0]), categorical)


def test_dates_cannot_be_told_to_be_categories() -> None:
    with pytest.raises(InputError, match="Format them as text"):
        Encoder.learn([[NOON]], [0])


LABELS = st.text(max_size=3) | st.none()
CELLS = st.one_of(
    st.lists(LABELS, min_size=6, max_size=6),
    st.lists(st.floats(allow_infinity=False) | st.none(), min_size=6, max_size=6),
    st.lists(st.booleans(), min_size=6, max_size=6),
    st.lists(st.integers(-(2**70), 2**70), min_size=6, max_size=6),
    st.lists(st.datetimes(), min_size=6, max_size=6),
)


@given(st.dictionaries(st.text(max_size=4), CELLS, min_size=1, max_size=4), st.data())
def test_what_is_learned_comes_back_from_json_and_means_the_same(table: dict[str, Any], data: st.DataObject) -> None:
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in table.items()})
    plain = [name for name, cells in table.items() if not any(isinstance(cell, dt.datetime) for cell in cells)]
    categorical = data.draw(st.lists(st.sampled_from(plain), unique=True)) if plain else "auto"
    encoder = Encoder.learn(frame, categorical)
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))
    assert again == encoder and hash(again) == hash(encoder)
    codes = encoder.encode(frame)
    np.testing.assert_array_equal(again.encode(frame), codes)
    for k, labels in enumerate(encoder.levels):
        if labels is not None:  # every cell is the label of its code
            named = [labels[int(code)] for code in codes[:, k]]
            cells = [None if cell is None or cell != cell else cell for cell in table[encoder.names[k]]]
            assert [None if a is None else str(a) if isinstance(a, str) else float(a) for a in named] == [
                None if a is None else str(a) if isinstance(a, str) else float(a) for a in cells
            ]


@given(st.lists(LABELS, min_size=1, max_size=8), st.lists(LABELS, min_size=1, max_size=8))
def test_a_label_has_the_same_code_in_every_table(first: list[Any], later: list[Any]) -> None:
    encoder = Encoder.learn(np.array([[cell] for cell in first], object))
    labels = encoder.levels[0]
    if labels is None:  # only gaps: a column of numbers
        assert first == [None] * len(first)
        return
    codes = encoder.encode(np.array([[cell] for cell in later], object))[:, 0]
    later = [None if cell == "" and "" not in labels else cell for cell in later]
    expected = [labels.index(cell) if cell in labels else NAN for cell in later]
    np.testing.assert_array_equal(codes, expected)


GOOD = {
    "named": True,
    "columns": [
        {"kind": "number", "name": "a"},
        {"kind": "date", "name": "b"},
        {"kind": "duration", "name": "c"},
        {"kind": "category", "name": "d", "levels": ["x", 1, 2.5, False], "gap": True},
    ],
}


def test_plain_values_are_read() -> None:
    encoder = Encoder.from_dict(GOOD)
    assert encoder.columns == (
        Number("a"),
        Dates("b"),
        Dates("c", "duration"),
        Category("d", ("x", 1, 2.5, False), True),
    )
    assert encoder.to_dict() == GOOD


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        (None, "must be a dict with the keys .* Got NoneType"),
        ({"columns": []}, "must be a dict with the keys"),
        (GOOD | {"columns": []}, "not empty"),
        (GOOD | {"named": 1}, "truth value 'named'"),
        (GOOD | {"columns": ["a"]}, "Column 0 of an encoder must be a dict"),
        (GOOD | {"columns": [{"kind": "nunber", "name": "a"}]}, "Unknown kind of column 'nunber'. Known: number"),
        (GOOD | {"columns": [{"kind": "number", "name": 1}]}, "texts 'kind' and 'name'"),
        (GOOD | {"columns": [{"kind": "number", "name": "a", "levels": []}]}, "with the keys"),
        (GOOD | {"columns": [{"kind": "category", "name": "a", "gap": True}]}, "with the keys"),
        (GOOD | {"columns": [{"kind": "category", "name": "a", "levels": [None], "gap": True}]}, "a list 'levels'"),
        (GOOD | {"columns": [{"kind": "category", "name": "a", "levels": [NAN], "gap": True}]}, "a list 'levels'"),
        (GOOD | {"columns": [{"kind": "category", "name": "a", "levels": [1, True], "gap": True}]}, "occurs twice"),
        (GOOD | {"columns": [{"kind": "category", "name": "a", "levels": [], "gap": 0}]}, "truth value 'gap'"),
        (GOOD | {"columns": [{"kind": "number", "name": "a"}] * 2}, "'a' occurs 2 times"),
    ],
)
def test_malformed_plain_values_are_refused(plain: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Encoder.from_dict(plain)
