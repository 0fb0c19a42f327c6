"""Odd but legal tables for the fuzzing tests, and what a call may do with them."""

from __future__ import annotations

import datetime as dt
import random
import traceback
import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import torch
from hypothesis import strategies as st

import edgewise as ew

SEEDS = st.integers(0, 2**60)


NAMES = [
    "a",
    "b",
    "x1",
    "y",
    "",
    " ",
    "a b",
    "é",
    "=1+1",
    "x\ny",
    "pi",
    "lambda",
    "n" * 300,
    0,
    7,
    1.5,
    None,
    ("u", 1),
    True,
]


def numbers(draw: random.Random, n: int) -> Any:
    rng = np.random.default_rng(draw.randrange(2**32))
    scale = 10.0 ** draw.choice([0, 0, 0, 0, 1, 6, -6, 100, -100, 140, 160, 300, -300, -320])
    values = draw.choice(
        [
            rng.normal(size=n),
            rng.integers(-3, 4, n) * 1.0,
            np.arange(n) * 1.0,
            np.ones(n),
            np.exp(rng.normal(size=n) * 5),
        ]
    )
    with np.errstate(all="ignore"):
        return values * scale + draw.choice([0.0, 0.0, 1.0, 1e9, -1e-9])


def with_gaps(draw: random.Random, values: Any) -> Any:
    values = np.array(values, dtype=np.float64)
    for _ in range(draw.randrange(1, 3)):
        values[draw.randrange(len(values))] = draw.choice([np.nan, np.nan, np.nan, np.inf, -np.inf, -0.0, 5e-324])
    return values


def others(draw: random.Random, n: int) -> Any:
    pools: list[list[Any]] = [
        ["u", "v"], ["", "u", None], ["1", "2"], ["a\nb", "é", "=x"], [True, False], [True, None], [1, 2.5, None],
        [10**400, 1], [Decimal("1.5"), Decimal("NaN")], [1, "a"], [dt.date(2020, 1, 1), dt.date(1, 1, 1), None],
        [dt.datetime(2020, 1, 1), pd.NaT], [dt.timedelta(days=1), None], [1 + 2j], [b"a", b"b"], [[1], [2]], [None],
        [np.float32(1), np.int8(3)], [pd.Timestamp("2020-01-01", tz="UTC"), None], [object()], [np.nan, "nan"],
    ]  # fmt: skip
    pool = draw.choice(pools)
    return [draw.choice(pool) for _ in range(n)]


def typed(draw: random.Random, n: int) -> Any:
    whole = np.arange(n) % 3
    return draw.choice(
        [
            lambda: pd.array(whole, dtype="Int64"), lambda: pd.array(whole > 0, dtype="boolean"),
            lambda: pd.Categorical(whole), lambda: pd.Categorical(["p"] * n, categories=["q", "p"], ordered=True),
            lambda: pd.period_range("2020-01", periods=n, freq="M"), lambda: pd.interval_range(0, n, n),
            lambda: pd.arrays.SparseArray(whole * 1.0), lambda: pd.array(["s"] * n, dtype="string"),
            lambda: whole.astype(np.float16), lambda: whole.astype(np.uint64), lambda: whole.astype("m8[s]"),
        ]
    )()  # fmt: skip


def column(draw: random.Random, n: int) -> Any:
    kind = draw.random()
    if kind < 0.6 or n == 0:
        return numbers(draw, n)
    return with_gaps(draw, numbers(draw, n)) if kind < 0.75 else others(draw, n) if kind < 0.9 else typed(draw, n)


def frame(draw: random.Random, n: int, p: int) -> Any:
    names = draw.sample(NAMES, p) if draw.random() < 0.9 else draw.choices(NAMES[:4], k=p)
    plain = draw.random() < 0.5
    if not p:
        return pd.DataFrame(index=range(n))
    columns = [numbers(draw, n) if plain else column(draw, n) for _ in range(p)]
    made = pd.concat([pd.Series(list(c) if isinstance(c, list) else c, dtype=None) for c in columns], axis=1)
    made.columns = pd.Index(names, tupleize_cols=False)
    if draw.random() < 0.3:
        made.index = pd.Index(draw.choice([range(5, 5 + n), ["r"] * n, np.random.default_rng(n).permutation(n)]))
    return made


def table(draw: random.Random, n: int, p: int) -> Any:
    """A table of n rows and p columns in one of many forms."""
    kind = draw.random()
    if kind < 0.5:
        made = frame(draw, n, p)
        if draw.random() < 0.15:
            try:
                return pl.from_pandas(made.set_axis(list("abcdefgh"[:p]), axis=1))
            except Exception:  # noqa: BLE001 (polars does not have all that pandas has)
                return made
        return made
    array = np.column_stack([numbers(draw, n) for _ in range(p)]) if p else np.empty((n, 0))
    masked = np.ma.array(array, mask=np.random.default_rng(n).random(array.shape) < 0.1)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        makers: list[Callable[[], Any]] = [
            lambda: array, lambda: array, lambda: array[::-1, ::-1], lambda: np.asfortranarray(array),
            lambda: array.astype(np.float32), lambda: array.astype(np.int64), lambda: array.astype(object),
            lambda: array.tolist(), lambda: masked, lambda: torch.tensor(array), lambda: array.astype(str),
            lambda: torch.tensor(array, requires_grad=True), lambda: torch.tensor(array).to(torch.bfloat16),
            lambda: torch.tensor(array, device="meta"), lambda: torch.tensor(array).to_sparse(),
            lambda: [[None, *row] for row in array.tolist()], lambda: array.ravel(), lambda: array[None], lambda: None,
            lambda: [[1.0], [1.0, 2.0]], lambda: array + 0j, lambda: "text", lambda: 10**400, lambda: {"a": 1.0},
            lambda: iter([1.0]), lambda: array.astype("M8[s]"), lambda: np.zeros(n, dtype=[("a", float)]),
        ]  # fmt: skip
        return draw.choice(makers[:12] * 3 + makers)()


def checked(call: Callable[[], Any], sklearn: bool = False) -> Any:
    """Return what a call returns, None where it is refused as it may be; anything else fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except ew.InputError as error:
            assert "\n" not in str(error)
            assert 0 < len(str(error)) <= 1000
        except (ValueError, TypeError) as error:
            frames = traceback.extract_tb(error.__traceback__)
            own = sklearn and ("/estimators/" in frames[-1].filename or any("/sklearn/" in f.filename for f in frames))
            if not own:
                raise
    return None
