"""Data frames are read by name, rows whose indexes disagree are reported, and masks are honored."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import edgewise as ew
from edgewise.estimators import KANClassifier, KANRegressor

TABLE = pd.DataFrame(np.random.default_rng(0).uniform(1, 2, (60, 3)), columns=list("abc"))
TARGET = TABLE.a**2 / TABLE.b + TABLE.c
ORDER = ["b", "c", "a"]
FIT = ew.fit(ew.KAN([3, 1]), TABLE, TARGET, grids=[3])
EXPECTED = FIT.predict(TABLE.to_numpy())


@pytest.mark.parametrize(
    "make",
    [
        lambda t: t[ORDER],
        lambda t: t[ORDER].assign(z=7.0)[["z", *ORDER]],
        lambda t: pl.from_pandas(t[ORDER].assign(z="text")),
    ],
)
def test_columns_in_another_order_and_further_ones_change_nothing(make: Any) -> None:
    np.testing.assert_array_equal(FIT.predict(make(TABLE)), EXPECTED)
    assert FIT.score(make(TABLE), TARGET) > 0.98


def test_names_that_are_numbers_are_names_too() -> None:
    table = TABLE.set_axis([2, 1, 0], axis=1)
    fit = ew.fit(ew.KAN([3, 1]), table, TARGET, grids=[3])
    np.testing.assert_array_equal(fit.predict(table[[0, 1, 2]]), fit.predict(table))


@pytest.mark.parametrize(
    "call",
    [
        FIT.predict,
        lambda x: FIT.score(x, TARGET),
        lambda x: ew.prune(FIT.model, x, TARGET),
        lambda x: ew.update(FIT.model, x, TARGET),
        lambda x: ew.fit(FIT.model, x, TARGET),
        lambda x: ew.interpret.edge_table(FIT.model, x),
    ],
)
def test_a_missing_name_is_refused(call: Any) -> None:
    with pytest.raises(ew.InputError, match=r"lacks the columns 'a'\. It has 'q', 'b', 'c'"):
        call(TABLE.rename(columns={"a": "q"}))


def test_a_name_that_occurs_twice_is_refused() -> None:
    with pytest.raises(ew.InputError, match="'a' occurs 2 times"):
        FIT.predict(pd.concat([TABLE, TABLE[["a"]]], axis=1))


def test_pruning_and_updating_read_by_name() -> None:
    shuffled = ew.prune(FIT.model, TABLE[ORDER], TARGET)
    assert shuffled.report() == ew.prune(FIT.model, TABLE, TARGET).report()
    assert shuffled.report().endswith("reads a, b, c")
    updated = ew.update(FIT.model, TABLE[ORDER], TARGET)
    assert updated.score(TABLE, TARGET) > 0.98
    assert ew.interpret.edge_table(FIT.model, TABLE[ORDER]).equals(ew.interpret.edge_table(FIT.model, TABLE))


def test_a_network_without_one_input_knows_the_others() -> None:
    y = 2 * TABLE.a
    narrow = ew.prune(ew.fit(ew.KAN([3, 1]), TABLE, y, grids=[3]).model, TABLE, y).narrow().model
    assert narrow.input_names == ("a",)
    again = ew.fit(narrow, TABLE[["c", "a"]], y, grids=[3])
    assert again.score(TABLE, y) > 0.999


def test_names_are_saved_with_the_network(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    ew.save(FIT.model, path)
    assert ew.load(path).input_names == ("a", "b", "c")
    other = ew.interpret.edge_table(ew.load(path), TABLE[ORDER])
    assert other.equals(ew.interpret.edge_table(FIT.model, TABLE))
    stream = io.BytesIO()
    torch.save(FIT.model, stream)
    stream.seek(0)
    assert torch.load(stream, weights_only=False).input_names == ("a", "b", "c")


def test_a_table_of_numbers_keeps_the_order_of_text_columns() -> None:
    mixed = TABLE.assign(k=np.where(TABLE.a > 1.5, "u", "v"))
    fit = ew.fit(ew.KAN([4, 1]), mixed, TARGET, grids=[3])
    np.testing.assert_array_equal(fit.predict(mixed[["k", *ORDER]]), fit.predict(mixed))
    with pytest.raises(ew.InputError, match="trained on the inputs 'a', 'b', 'c', 'k'"):
        ew.fit(fit.model, mixed[["k", *ORDER]], TARGET)


def test_reversed_columns_are_read_whatever_their_strides() -> None:
    fit = ew.fit(ew.KAN([3, 1]), TABLE[["c", "b", "a"]], TARGET, grids=[3])
    assert fit.score(TABLE, TARGET) > 0.98
    assert ew.fit(ew.KAN([3, 1]), TABLE.to_numpy()[::-1, ::-1], TARGET.to_numpy()[::-1], grids=[3]).train_error < 0.2


# indexes

SHUFFLED = TARGET.sample(frac=1, random_state=0)
WORDS = "The index of {} is that of x in another order"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: ew.fit(ew.KAN([3, 1]), TABLE, SHUFFLED, grids=[3]), "y"),
        (lambda: ew.fit(ew.KAN([3, 1]), TABLE, TARGET, weights=SHUFFLED, grids=[3]), "weights"),
        (lambda: ew.update(FIT.model, TABLE, SHUFFLED), "y"),
        (lambda: KANRegressor(products=0).fit(TABLE, SHUFFLED), "y"),
        (lambda: KANRegressor(products=0).fit(TABLE, TARGET, sample_weight=SHUFFLED), "sample_weight"),
        (lambda: KANClassifier(products=0).fit(TABLE, SHUFFLED > 2), "y"),
    ],
)
def test_an_index_in_another_order_is_reported(call: Any, name: str) -> None:
    with pytest.warns(UserWarning, match=WORDS.format(name)):
        call()


@pytest.mark.parametrize("y", [TARGET, TARGET.reset_index(drop=True), TARGET.set_axis(range(100, 160)), TARGET.array])
def test_other_indexes_are_nobodys_mistake(y: Any) -> None:
    ew.fit(ew.KAN([3, 1]), TABLE, y, grids=[3])  # warnings are errors here


# masks

MASK = np.arange(60) == 3
MASKED = np.ma.array(np.where(MASK, 1e6, TARGET), mask=MASK)


@pytest.mark.parametrize(
    "call",
    [
        lambda: KANRegressor(products=0).fit(TABLE, MASKED),
        lambda: KANRegressor(products=0).partial_fit(TABLE, MASKED),
        lambda: KANRegressor(products=0).fit(TABLE, TARGET, sample_weight=MASKED),
        lambda: KANRegressor(products=0).fit(TABLE, TARGET).score(TABLE, MASKED),
        lambda: KANRegressor(products=0).fit(TABLE, TARGET).importance(TABLE, MASKED),
        lambda: KANClassifier(products=0).fit(TABLE, np.ma.array(TARGET > 2, mask=MASK)),
        lambda: ew.fit(ew.KAN([3, 1]), TABLE, MASKED),
    ],
)
def test_what_is_masked_is_missing(call: Any) -> None:
    with pytest.raises(ValueError, match=r"nan|NaN"):
        call()


# tensors and lists

GRADIENT = torch.tensor(TARGET.to_numpy(), requires_grad=True)


def test_tensors_with_gradients_are_numbers() -> None:
    x, y = TABLE.to_numpy(), TARGET.to_numpy()
    expected = KANRegressor(products=0).fit(x, y).predict(x)
    np.testing.assert_array_equal(KANRegressor(products=0).fit(x, GRADIENT).predict(x), expected)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: KANRegressor().fit(torch.zeros(60, 3, device="meta"), TARGET), "meta tensor"),
        (lambda: FIT.predict(torch.zeros(60, 3, device="meta")), "meta tensor"),
        (lambda: KANRegressor().fit([[1.0, 2.0], [3.0]], [1.0, 2.0]), "rows of equal length"),
        (lambda: FIT.predict([[1.0, 2.0], [3.0]]), "inhomogeneous"),
        (lambda: FIT.predict([[10**400, 1, 1]]), "too large"),
        (lambda: FIT.predict({"a": 1.0}), "dict"),
        (lambda: FIT.predict(iter([1.0])), "iterator"),
    ],
)
def test_what_holds_no_numbers_is_refused_in_one_line(call: Any, words: str) -> None:
    with pytest.raises(ew.InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
