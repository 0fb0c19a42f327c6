"""Rows that come in batches: from a Parquet file or a loader, with the result of rows in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import edgewise as ew
from edgewise.train import Objective, Parquet, Table
from edgewise.train._data import Shape
from edgewise.train._stream import Stream


def points(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1


X = points(500, 2)
Y = torch.sin(2 * X[:, 0]) + X[:, 1] ** 2


def written(folder: Path, **columns: Any) -> Path:
    path = folder / "rows.parquet"
    table = {"a": X[:, 0], "b": X[:, 1], "y": Y, **columns}
    pd.DataFrame({name: np.asarray(values) for name, values in table.items()}).to_parquet(path)
    return path


def test_a_file_gives_what_memory_gives(tmp_path: Path) -> None:
    """Without held-out rows, which are others, the same sums in another order."""
    options = ew.Options(validation=0, restarts=1)
    file = Parquet(written(tmp_path), target="y", batch=64)
    streamed = ew.fit(ew.KAN([2, 1]), file, grids=[3, 5], options=options)
    whole = ew.fit(ew.KAN([2, 1]), X, Y, grids=[3, 5], options=options)
    assert streamed.train_error == pytest.approx(whole.train_error, rel=1e-6)
    torch.testing.assert_close(streamed.model(X), whole.model(X), rtol=1e-6, atol=1e-6)


def test_columns_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, w=np.ones(500), label=np.where(Y > 0.3, 1, 0), text=["t"] * 500)
    options = ew.Options(restarts=1)
    file = Parquet(path, target="y", inputs=["a", "b"], weights="w")
    assert ew.fit(ew.KAN([2, 1]), file, grids=[3], options=options).train_error < 0.05
    both = Parquet(path, target=["y", "label"], inputs=["b", "a"])
    assert ew.fit(ew.KAN([2, 2]), both, grids=[3], options=options).model(X).shape == (500, 2)
    classes = Parquet(path, target="label", inputs=["a", "b"])
    assert ew.fit(ew.KAN([2, 1]), classes, loss="cross_entropy", grids=[3]).train_accuracy > 0.95


def test_a_loader_may_shuffle() -> None:
    loader = DataLoader(TensorDataset(X, Y), batch_size=32, shuffle=True)
    result = ew.fit(ew.KAN([2, 1]), loader, options=ew.Options(restarts=1))
    assert result.validation_error < 1e-5
    with torch.no_grad():
        error = float((result.model(X)[:, 0] - Y).square().mean().sqrt())
    assert result.train_error == pytest.approx(error, rel=1e-6)


def test_sides_of_a_stream_share_the_rows_out() -> None:
    loader = DataLoader(TensorDataset(X, Y.unsqueeze(1), 1 + X[:, 0].abs()), batch_size=32, shuffle=True)
    stream = Stream.of(loader, Shape(2, 1))
    sides = [stream.scaled(2.0, side, 0.2) for side in ("all", "rest", "held")]
    rows = [torch.cat([part.x for part in side.batches(50)]) for side in sides]
    assert [len(side) for side in sides] == [len(found) for found in rows]
    assert len(rows[0]) == 500 == len(rows[1]) + len(rows[2])
    assert 50 < len(rows[2]) < 150
    held = {tuple(row) for row in rows[2].tolist()}
    assert not held & {tuple(row) for row in rows[1].tolist()}
    assert held == {tuple(row) for row in torch.cat([part.x for part in sides[2].batches(7)]).tolist()}
    assert all(len(part) <= 7 for part in sides[0].batches(7))
    weights = torch.cat([part.weights for part in sides[0].batches(50)])
    assert float(weights.mean()) == pytest.approx(1)
    assert stream.spread == pytest.approx(float(Y.std(correction=0)))


def test_normal_equations_of_a_stream() -> None:
    loader = DataLoader(TensorDataset(X, Y.unsqueeze(1)), batch_size=7)
    stream = Stream.of(loader, Shape(2, 1)).scaled(1.0, "all", 0.0)
    table = Table(X, Y.unsqueeze(1), torch.ones(500, dtype=torch.float64))
    model = ew.KAN([2, 2, 1])
    streamed, whole = (Objective(ew.nn.clone(model), rows) for rows in (stream, table))
    found, expected = streamed.normal(streamed.start), whole.normal(whole.start)
    assert found.cost == pytest.approx(expected.cost)
    torch.testing.assert_close(found.gradient, expected.gradient)
    torch.testing.assert_close(found.hessian.tril(), expected.hessian.tril())


def test_a_missing_number_is_named_by_its_row(tmp_path: Path) -> None:
    y = Y.clone()
    y[321] = float("nan")
    with pytest.raises(ew.InputError, match="y has nan in row 321"):
        ew.fit(ew.KAN([2, 1]), Parquet(written(tmp_path, y=y), target="y", batch=50))


def test_bad_files_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, text=["t"] * 500)
    with pytest.raises(ew.InputError, match="There is no file"):
        Parquet(tmp_path / "none.parquet", target="y")
    with pytest.raises(ew.InputError, match=r"Unknown column of rows\.parquet 'z'\. Known: "):
        Parquet(path, target="z")
    with pytest.raises(ew.InputError, match="Column 'text' of"):
        Parquet(path, target="y")
    with pytest.raises(ew.InputError, match="takes 3 input columns"):
        ew.fit(ew.KAN([3, 1]), Parquet(path, target="y", inputs=["a", "b"]))
    with pytest.raises(ew.InputError, match="leave y and weights out"):
        ew.fit(ew.KAN([2, 1]), Parquet(path, target="y", inputs=["a", "b"]), Y)
    with pytest.raises(ew.InputError, match=r"name its target: train\.Parquet"):
        ew.fit(ew.KAN([2, 1]), str(path))
    with pytest.raises(ew.InputError, match="L-BFGS and Adam take rows in memory"):
        ew.fit(ew.KAN([2, 1]), Parquet(path, target="y", inputs=["a", "b"]), solver="adam")
    pd.DataFrame({"a": [], "y": []}).to_parquet(path)
    with pytest.raises(ew.InputError, match="has no rows"):
        Parquet(path, target="y")
    path.write_text("a,y\n1,2\n")
    with pytest.raises(ew.InputError, match="is no Parquet file"):
        Parquet(path, target="y")


def test_batches_of_another_kind_are_refused() -> None:
    with pytest.raises(ew.InputError, match="Batches must be"):
        ew.fit(ew.KAN([2, 1]), DataLoader(TensorDataset(X), batch_size=32))


def test_memory_is_one_chunk_and_a_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """The features of all rows are never made at once."""
    import edgewise.train._objective as objective

    seen: list[int] = []
    original = ew.nn.Pass

    def watched(model: ew.KAN, x: Tensor) -> ew.nn.Pass:
        seen.append(len(x))
        return original(model, x)

    monkeypatch.setattr(objective, "Pass", watched)
    monkeypatch.setattr(objective, "_ENTRIES", 10_000)
    x = points(20_000, 2)
    ew.fit(ew.KAN([2, 2, 1]), x, x[:, 0] * x[:, 1], grids=[3], options=ew.Options(restarts=1, time_limit=1))
    assert max(seen) * 36 <= 10_000
