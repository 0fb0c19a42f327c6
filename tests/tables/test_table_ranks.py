"""Estimators whose rows several processes share."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from ranks import Found, on_ranks
from torch import distributed

from edgewise.estimators import KANClassifier, KANRegressor

FRESH = 50


def table(rows: int = 500) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers with gaps and text, whose last level only the last rows have; and a number that depends on both."""
    generator = np.random.default_rng(0)
    x = pd.DataFrame({"a": generator.normal(size=rows), "b": generator.uniform(size=rows)})
    x["c"] = np.where(np.arange(rows) < rows - 40, generator.choice(["u", "v"], rows), "w")
    y = np.sin(2 * x["a"]) + (x["b"] > 0.5) + 0.5 * (x["c"] == "w") + 0.1 * generator.normal(size=rows)
    x.loc[::9, "b"] = np.nan
    return x, y.to_numpy()


def own_rows(rows: int) -> np.ndarray:
    """The rows of this rank: unequal parts."""
    cuts = np.linspace(0, 1, distributed.get_world_size() + 1) ** 1.5
    ends = (cuts * rows).astype(int)
    return np.arange(ends[distributed.get_rank()], ends[distributed.get_rank() + 1])


def fitted(kind: str, most: int) -> Found:
    x, y = table()
    if most < len(x):
        fewer = SimpleNamespace(most_rows=most, shape_rows=200)
        pytest.MonkeyPatch().setattr("edgewise.tables.additive._large.TUNING", fewer)
    mine, group = own_rows(len(x)), distributed.group.WORLD
    if kind == "wrong":
        if distributed.get_rank() == 1:
            x = x.astype({"b": str})
        try:
            KANRegressor().fit(x.iloc[mine], y[mine], process_group=group)
        except ValueError as error:
            return {"said": torch.tensor(["Rank 1" in str(error) or distributed.get_rank() == 1])}
        return {"said": torch.tensor([False])}
    model: Any = KANRegressor() if kind == "number" else KANClassifier()
    target = y if kind == "number" else np.digitize(y, [0.0, 1.0])
    model.fit(x.iloc[mine], target[mine], process_group=group)
    fresh = x.iloc[:FRESH]
    found = model.predict(fresh) if kind == "number" else model.predict_proba(fresh)
    return {"predictions": torch.from_numpy(found)}


@pytest.mark.parametrize("kind", ["number", pytest.param("classes", marks=pytest.mark.slow)])
def test_ranks_fit_the_rows_of_all_as_one_process_does(kind: str, tmp_path: Path) -> None:
    x, y = table()
    target = y if kind == "number" else np.digitize(y, [0.0, 1.0])
    model: Any = KANRegressor() if kind == "number" else KANClassifier()
    alone = model.fit(x, target)
    expected = alone.predict(x.iloc[:FRESH]) if kind == "number" else alone.predict_proba(x.iloc[:FRESH])
    for found in on_ranks(fitted, 2, tmp_path, kind, 200_000):
        assert np.abs(found["predictions"].numpy() - expected).max() < 1e-10


def test_many_rows_are_summed_over_ranks(tmp_path: Path) -> None:
    folders = [tmp_path / str(count) for count in (1, 2, 4)]
    for folder in folders:
        folder.mkdir()
    one, two, four = (
        on_ranks(fitted, count, folder, "number", 300) for count, folder in zip((1, 2, 4), folders, strict=True)
    )
    for found in (*two, *four):
        assert (found["predictions"] - one[0]["predictions"]).abs().max() < 1e-10


def test_what_is_wrong_in_one_rank_is_said_in_all(tmp_path: Path) -> None:
    assert all(found["said"].all() for found in on_ranks(fitted, 2, tmp_path, "wrong", 200_000))
