"""Choosing columns from a table: order, copies, gaps, notes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise import InputError
from edgewise.io import Table

NAN = float("nan")


def table_of(**columns: object) -> Table:
    arrays = {name: np.asarray(values, dtype=float) for name, values in columns.items()}
    return Table(arrays, n_rows=len(next(iter(arrays.values()))))


A = np.arange(6.0)
Y = A**2 + 1


def test_select_takes_all_other_columns_in_order_and_copies() -> None:
    table = table_of(b=A[::-1], y=Y, a=A)
    chosen = table.select("y")
    assert chosen.names == ["b", "a"]
    assert chosen.target == "y"
    assert chosen.notes == []
    np.testing.assert_array_equal(chosen.x, np.stack([A[::-1], A], axis=1))
    chosen.x[:] = chosen.y[:] = -1
    np.testing.assert_array_equal(table.columns["y"], Y)
    np.testing.assert_array_equal(table.columns["a"], A)


def test_select_keeps_the_order_of_the_inputs_asked_for() -> None:
    chosen = table_of(b=A[::-1], y=Y, a=A).select("y", ["a", "b"])
    assert chosen.names == ["a", "b"]
    np.testing.assert_array_equal(chosen.x[:, 0], A)


NOTES = {
    "gap": (
        {"a": [NAN, 1, 2, 3, 4, 5], "y": Y},
        ["a"],
        5,
        "1 row of 6 left out: values are missing ('a' lacks 1).",
    ),
    "gaps": (
        {"a": [NAN, *A[1:]], "b": A[::-1], "c": [NAN, *A[1:] ** 2], "y": Y},
        ["a", "b", "c"],
        5,
        "1 row of 6 left out: values are missing ('a' lacks 1, 'c' lacks 1).",
    ),
    "empty": ({"a": A, "e": [NAN] * 6, "y": Y}, ["a"], 6, "Input 'e' is left out: it has no values."),
    "constant": ({"a": A, "c": [2] * 6, "y": Y}, ["a"], 6, "Input 'c' is left out: it is 2 in every row."),
    "twin": ({"a": A, "b": A, "y": Y}, ["a"], 6, "Input 'b' is left out: it equals 'a' in every row."),
    "target again": ({"a": Y, "y": Y}, ["a"], 6, "Input 'a' equals the target 'y' in every row."),
    "repeats": (
        {"a": [*A[:5], 0], "y": [*Y[:5], 1]},
        ["a"],
        6,
        "1 row repeated exactly; kept, so such points weigh more.",
    ),
}


@pytest.mark.parametrize("case", NOTES)
def test_select_notes(case: str) -> None:
    columns, names, n_rows, note = NOTES[case]
    chosen = table_of(**columns).select("y")
    assert chosen.notes == [note]
    assert chosen.names == names
    assert chosen.x.shape == (n_rows, len(names))


def test_a_gap_in_a_column_that_is_not_chosen_costs_no_row() -> None:
    chosen = table_of(a=A, b=[NAN] * 3 + [1, 2, 3], y=Y).select("y", ["a"])
    assert len(chosen.y) == 6
    assert chosen.notes == []


INF = [0, 1, np.inf, 3, 4, 5]
SELECT_REFUSED = {
    "unknown target": ({"a": A, "yy": Y}, "y", None, "Unknown target column 'y'. Known: yy, a"),
    "unknown input": ({"a": A, "y": Y}, "y", ["aa"], "Unknown input column 'aa'. Known: a, y"),
    "target among inputs": ({"a": A, "y": Y}, "y", ["a", "y"], "also among the inputs"),
    "input twice": ({"a": A, "y": Y}, "y", ["a", "a"], "named more than once"),
    "no inputs": ({"a": A, "y": Y}, "y", [], "at least one column"),
    "nothing but the target": ({"y": Y}, "y", None, "No input is left"),
    "only constants": ({"a": [1] * 6, "y": Y}, "y", None, "No input is left"),
    "constant target": ({"a": A, "y": [3] * 6}, "y", None, "is constant (3 in every row)"),
    "empty target": ({"a": A, "y": [NAN] * 6}, "y", None, "target column 'y' is empty"),
    "empty input asked for": ({"a": A, "e": [NAN] * 6, "y": Y}, "y", ["a", "e"], "input column 'e' is empty"),
    "one row": ({"a": [1], "y": [2]}, "y", None, "only 1 row: give at least 5"),
    "few complete rows": (
        {"a": [NAN] * 3 + [1, 2, 3], "y": Y},
        "y",
        None,
        "Only 3 of 6 rows are complete ('a' lacks 3)",
    ),
    "infinite input": ({"a": INF, "y": Y}, "y", None, "'a' holds an infinite value in row 3"),
    "infinite target": ({"a": A, "y": INF}, "y", None, "'y' holds an infinite value in row 3"),
    "huge": ({"a": A, "y": A * 1e300}, "y", None, "squares overflow: rescale"),
    "tiny": ({"a": A * 1e-300, "y": Y}, "y", None, "squares of such values vanish: rescale"),
}


@pytest.mark.parametrize("case", SELECT_REFUSED)
def test_select_refuses(case: str) -> None:
    columns, target, inputs, words = SELECT_REFUSED[case]
    with pytest.raises(InputError) as caught:
        table_of(**columns).select(target, inputs)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_column_is_refused_with_its_reason() -> None:
    table = Table({"a": A, "y": Y}, n_rows=6, left_out=[("word", "text")])
    with pytest.raises(InputError, match=r"target column 'word' cannot be used: text. Columns of numbers: a, y"):
        table.select("word")
    with pytest.raises(InputError, match="input column 'word' cannot be used"):
        table.select("y", ["word"])


def test_the_row_of_an_infinity_is_that_of_the_table_even_after_gaps() -> None:
    with pytest.raises(InputError, match="in row 4 below"):
        table_of(a=[NAN, 1, 2, np.inf, 4, 5, 6, 7], y=np.arange(8)).select("y")


def test_of_many_columns_with_gaps_ten_are_named() -> None:
    columns = {f"c{k}": np.append(NAN, np.arange(7.0) ** k) for k in range(1, 14)}
    (note,) = Table({**columns, "y": np.arange(8.0)}, n_rows=8).select("y").notes[:1]
    assert note.endswith("'c10' lacks 1 and 3 more columns).") and "c11" not in note
