"""Rows that come in batches: from a Parquet file or a loader, with the result of rows in memory."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import edgewise as ew
from edgewise.nn import symmetrize
from edgewise.train import CrossEntropy, Objective, Outcome, Parquet, Shape, Table
from edgewise.train._context import split
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


@pytest.mark.parametrize("loss", ["huber", "cauchy"])
def test_outliers_of_a_stream(loss: str) -> None:
    y = torch.where(torch.arange(500) % 10 == 0, 5.0, Y)
    result = ew.fit(ew.KAN([2, 1]), loader(X, y, shuffle=True), loss=loss, grids=[5])
    assert float((result.model(X)[:, 0] - Y).detach().abs().mean()) < 0.05


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("solver", ["lm", "cg"])
@pytest.mark.parametrize("widths", [[2, 2, 1], [2, 2, 2]], ids=str)
def test_a_network_on_cuda_is_trained_there(widths: list[int], solver: str) -> None:
    """Rows come from wherever they are, in memory or in batches."""
    y = torch.stack([Y, X[:, 0]], 1)[:, : widths[-1]]
    model = ew.KAN(widths).to("cuda")
    for x, targets in ((X, y), (loader(X, y), None)):
        result = ew.fit(model, x, targets, solver=solver, grids=[3], options=ew.Options(restarts=1))
        assert result.model.device.type == "cuda"
        assert result.train_error < 0.3


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
    stream = Stream.of(loader, Shape(2, 1)).within(lambda y: y / 2)
    sides = [stream, *stream.split(100, 50)]
    rows = [torch.cat([part.x for part in side.batches(50)]) for side in sides]
    assert [len(side) for side in sides] == [len(found) for found in rows]
    assert len(rows[0]) == 500 == len(rows[1]) + len(rows[2]) + len(rows[3])
    assert 50 < len(rows[2]) < 150
    assert 25 < len(rows[3]) < 75
    held = {tuple(row) for row in rows[2].tolist()}
    assert len({tuple(row) for side in rows[1:] for row in side.tolist()}) == 500
    assert held == {tuple(row) for row in torch.cat([part.x for part in sides[2].batches(7)]).tolist()}
    assert all(len(part) <= 7 for part in sides[0].batches(7))
    weights = torch.cat([part.weights for part in sides[0].batches(50)])
    assert float(weights.mean()) == pytest.approx(1)
    assert stream.statistics.std == pytest.approx(float(Y.std(correction=0)))


def test_normal_equations_of_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a matrix and without, and without keeping anything between two passes."""
    monkeypatch.setattr("edgewise.train._objective._KEPT", 0)
    monkeypatch.setattr("edgewise.train._objective._ENTRIES", 64 * 48)
    loader = DataLoader(TensorDataset(X, Y.unsqueeze(1)), batch_size=7)
    stream = Stream.of(loader, Shape(2, 1))
    table = Table(X, Y.unsqueeze(1), torch.ones(500, dtype=torch.float64))
    model = ew.KAN([2, 2, 1])
    streamed, whole = (Objective(ew.nn.clone(model), rows) for rows in (stream, table))
    found, expected = streamed.normal_equations(streamed.start), whole.normal_equations(whole.start)
    assert found.cost == pytest.approx(expected.cost)
    torch.testing.assert_close(found.gradient, expected.gradient)
    torch.testing.assert_close(found.hessian.tril(), expected.hessian.tril())
    free, direction = (
        streamed.operator(streamed.start),
        torch.linspace(-1, 1, streamed.layout.size, dtype=torch.float64),
    )
    streamed.cost(2 * streamed.start)  # the solver goes elsewhere between two products
    torch.testing.assert_close(free.diagonal, expected.hessian.diagonal())
    torch.testing.assert_close(free.matvec(direction), symmetrize(expected.hessian) @ direction)


# what is held out, and the sample


def test_an_outlier_does_not_hold_everything_out() -> None:
    x = X[:, :1].clone()
    x[7] = 1e9
    stream = Stream.of(DataLoader(TensorDataset(x, Y), batch_size=50), Shape(1, 1))
    rest, held, test = stream.split(100, 50)
    assert 50 < len(held) < 150
    assert len(rest) == 500 - len(held) - len(test)


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_inputs_of_few_values_leave_every_row_to_training(levels: int) -> None:
    """Whole values would be held out, or none: the fit is what it is in memory without held-out rows."""
    x = (points(500, 1) * levels / 2).round()
    result = ew.fit(ew.KAN([1, 1]), DataLoader(TensorDataset(x, Y), batch_size=50), grids=[5])
    whole = ew.fit(ew.KAN([1, 1]), x, Y, grids=[5], options=ew.Options(validation=0))
    assert result.train_error == pytest.approx(whole.train_error, rel=1e-3)
    assert np.isnan(result.validation_error)
    assert any(note.startswith("No row is held out") for note in result.notes)


def test_classes_hold_as_many_rows_out_as_in_memory() -> None:
    x = points(1000, 2)
    y = (x[:, 0] * x[:, 1] > 0).long()
    rows = Stream.of(DataLoader(TensorDataset(x, y)), Shape(2, 2, True))
    found = split(rows, CrossEntropy(), ew.Options(), ew.KAN([2, 2]))
    assert len(found.validation) == pytest.approx(200, abs=40)


def test_targets_far_from_zero_keep_their_digits() -> None:
    stream = Stream.of(DataLoader(TensorDataset(X, Y + 1e9), batch_size=50), Shape(2, 1))
    assert stream.statistics.std == pytest.approx(float(Y.std(correction=0)), rel=1e-6)


def test_a_sample_is_bounded_and_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a sorted source with an input of two values: rows at the ends of a range are not all kept."""
    monkeypatch.setattr("edgewise.train._stream._KEPT", 200)
    x = torch.stack([torch.linspace(-1, 1, 5000), torch.arange(5000) % 2], dim=1).double()
    sample = Stream.of(DataLoader(TensorDataset(x, x[:, 0]), batch_size=64), Shape(2, 1)).subsample()
    assert len(sample) <= 210
    for end in (sample.x.amin(0), sample.x.amax(0)):
        assert end.abs().tolist() in ([1.0, 0.0], [1.0, 1.0])
    assert sample.x[:50, 0].mean().abs() < 0.3


# what is refused


def test_a_missing_number_is_named_by_its_row(tmp_path: Path) -> None:
    y = Y.clone()
    y[321] = float("nan")
    with pytest.raises(ew.InputError, match="y has nan in row 321"):
        ew.fit(ew.KAN([2, 1]), Parquet(written(tmp_path, y=y), target="y", batch=50))
    with pytest.raises(ew.InputError, match="y has nan in row 321"):
        ew.fit(ew.KAN([2, 1]), DataLoader(TensorDataset(X, y), batch_size=50))
    whole = written(tmp_path, a=pd.array([1, 2, 3, None, 4] * 100, dtype="Int64"))
    with pytest.raises(ew.InputError, match="x has nan in row 3, column 0"):
        ew.fit(ew.KAN([2, 1]), Parquet(whole, target="y"))


BAD_FILES: list[tuple[str, dict[str, Any], str]] = [
    ("missing", {"path": "none.parquet"}, "There is no file"),
    ("a number", {"path": 3}, "'path' must be the name of a file"),
    ("unknown target", {"target": "z"}, r"Unknown column of rows\.parquet 'z'\. Known: "),
    ("unknown input", {"inputs": ["aa"]}, r"Unknown column of rows\.parquet 'aa'\. Known: a"),
    ("unknown weights", {"weights": "wt"}, r"Unknown column of rows\.parquet 'wt'\. Known: "),
    ("text", {}, "Column 'text' of .* Name the inputs to leave it out"),
    ("text as target", {"target": "text", "inputs": ["a"]}, "Column 'text' of .* Store it as numbers, classes as 0, 1"),
    ("target as input", {"inputs": ["a", "y"]}, "Column 'y' is asked for twice"),
    ("weights as input", {"inputs": ["a", "b"], "weights": "b"}, "Column 'b' is asked for twice"),
    ("no target", {"target": None}, "'target' must name a column or list some. Got None"),
    ("no inputs", {"inputs": []}, r"'inputs' must name a column or list some. Got \[\]"),
    ("weights listed", {"weights": ["b"]}, "'weights' must name a column"),
    ("batch", {"batch": 0}, "'batch' must be an int >= 1. Got 0"),
    ("batch in words", {"batch": "all"}, "'batch' must be an int >= 1. Got 'all'"),
]


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in BAD_FILES], ids=[case[0] for case in BAD_FILES])
def test_bad_files_are_refused(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ew.InputError, match=words) as caught:
        Parquet(**{"path": written(tmp_path, text=["t"] * 500), "target": "y", **change})
    assert "\n" not in str(caught.value)


def test_a_file_without_rows_or_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"a": [], "y": []}).to_parquet(path)
    with pytest.raises(ew.InputError, match="has no rows"):
        Parquet(path, target="y")
    pd.DataFrame({"y": [1.0, 2.0]}).to_parquet(path)
    with pytest.raises(ew.InputError, match="at least one input column beside the target"):
        Parquet(path, target="y")
    pq.write_table(pa.table([pa.array([1.0])] * 3, names=["a", "a", "y"]), path)
    with pytest.raises(ew.InputError, match="two columns named 'a': rename one"):
        Parquet(path, target="y")
    path.write_text("a,y\n1,2\n")
    with pytest.raises(ew.InputError, match="is not a Parquet file"):
        Parquet(path, target="y")


def test_a_file_that_goes_bad_later_is_told_in_one_line(tmp_path: Path) -> None:
    path = written(tmp_path)
    file = Parquet(path, target="y")
    data = path.read_bytes()
    path.write_bytes(data[:4] + b"x" * 2000 + data[2004:])
    with pytest.raises(ew.InputError, match="or a damaged one") as caught:
        ew.fit(ew.KAN([2, 1]), file)
    assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(ew.InputError, match="There is no file"):
        ew.fit(ew.KAN([2, 1]), file)


def test_the_index_of_a_table_is_no_input(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"a": X[:, 0], "y": Y}).iloc[::2].to_parquet(path)
    assert Parquet(path, target="y").inputs == ("a",)
    assert Parquet(path, target="y", inputs="a").inputs == ("a",)


def loader(*columns: Tensor, **arguments: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*columns), **{"batch_size": 50, **arguments})


class Once(IterableDataset[Any]):
    """Batches that are there the first time, and fewer or none from then on."""

    def __init__(self, later: int) -> None:
        self.left = [500, later]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return iter(list(zip(X[:count].split(50), Y[:count].split(50), strict=True)) if count else [])


BAD_LOADERS: list[tuple[str, Callable[[], Any], str]] = [
    ("only x", lambda: loader(X), r"Batches must be \(x, y\) or \(x, y, weights\)\. Got list of 1"),
    ("four columns", lambda: loader(X, Y, Y, Y), "Got list of 4"),
    ("dictionaries", lambda: DataLoader([{"x": X[0], "y": Y[0]}] * 9, batch_size=3), "Got dict"),
    ("tensors", lambda: DataLoader(X, batch_size=3), "Got Tensor"),  # type: ignore[arg-type]
    ("text", lambda: DataLoader([("a", "b")] * 9, batch_size=3), "x must be numbers .* it holds text"),  # type: ignore[arg-type]
    ("pictures", lambda: loader(X.reshape(500, 1, 2), Y), r"x must have shape \(rows, columns\) .* Got \(50, 1, 2\)"),
    ("two targets", lambda: loader(X, X), "This KAN gives 1 outputs. y has 2 columns"),
    ("no rows", lambda: loader(X[:0], Y[:0]), "at least 3 rows of positive weight. Got 0"),
    ("weights zero", lambda: loader(X, Y, 0 * Y), "at least 3 rows of positive weight. Got 0"),
    ("weights negative", lambda: loader(X, Y, Y - 5), "weights must be non-negative"),
    ("gone through once", lambda: DataLoader(Once(0), batch_size=None), "Got 500 rows at first and 0 now"),
    ("fewer later", lambda: DataLoader(Once(450), batch_size=None), "Got 500 rows at first and 450 now"),
]


@pytest.mark.parametrize(("make", "words"), [case[1:] for case in BAD_LOADERS], ids=[case[0] for case in BAD_LOADERS])
def test_bad_loaders_are_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ew.InputError, match=words) as caught:
        ew.fit(ew.KAN([2, 1]), make(), grids=[3])
    assert "\n" not in str(caught.value)


def test_loaders_of_every_kind(tmp_path: Path) -> None:
    """Batches of one row, of other types, of unknown number: what rows in memory give."""
    options = ew.Options(validation=0)
    y, x = Y.float(), X.float()
    expected = ew.fit(ew.KAN([2, 1]), x, y, grids=[8], options=options).model(X)
    many = Once(500)
    for rows in (loader(x, y, batch_size=1), loader(x, y[:, None], batch_size=499), DataLoader(many, batch_size=None)):
        found = ew.fit(ew.KAN([2, 1]), rows, grids=[8], options=options).model(X)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    model = ew.KAN([2, 1], dtype=torch.float32)
    assert ew.fit(model, loader((9 * x).int(), y > 0), grids=[3], loss="cross_entropy").model.dtype == torch.float32


def test_what_a_stream_does_not_serve_is_refused_before_it_is_read(tmp_path: Path) -> None:
    class Never(IterableDataset[Any]):
        def __iter__(self) -> Iterator[Any]:
            raise AssertionError

    rows = DataLoader(Never(), batch_size=None)
    for change, words in (
        ({"solver": "adam"}, "First-order solvers take rows in memory"),
        ({"solver": ew.optim.LBFGS()}, "First-order solvers take rows in memory"),
        ({"solver": "newton"}, "Unknown solver"),
        ({"grids": "fine"}, "'grids'"),
        ({"weights": Y}, "leave y and weights out"),
        ({"y": Y}, "leave y and weights out"),
    ):
        with pytest.raises(ew.InputError, match=words):
            ew.fit(ew.KAN([2, 1]), rows, **change)
    with pytest.raises(ew.InputError, match=r"name its target: train\.Parquet"):
        ew.fit(ew.KAN([2, 1]), str(written(tmp_path)))
    with pytest.raises(ew.InputError, match="takes 3 input columns"):
        ew.fit(ew.KAN([3, 1]), Parquet(written(tmp_path), target="y"))
    with pytest.raises(ew.InputError, match=r"y is missing\. Only .* brings its own\. Got TensorDataset"):
        ew.fit(ew.KAN([2, 1]), TensorDataset(X, Y))


# ends


class Slow(IterableDataset[Any]):
    """Acts in the middle of a pass, once training runs."""

    def __init__(self, act: Callable[[], None], batch: int) -> None:
        self.act, self.batch, self.seen = act, batch, 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for x, y in zip(X.split(50), Y.split(50), strict=True):
            self.seen += 1
            if self.seen == self.batch:
                self.act()
            yield x, y


@pytest.mark.parametrize("solver", ["lm", "cg"])
@pytest.mark.parametrize("batch", [43, 135])
def test_ctrl_c_in_the_middle_of_a_stream_gives_the_best_so_far(
    solver: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pass is left at once: after it come those that measure the error."""
    monkeypatch.setattr("edgewise.train._objective._ENTRIES", 64 * 20)
    monkeypatch.setattr("edgewise.train._objective._KEPT", 0)
    rows = Slow(lambda: os.kill(os.getpid(), signal.SIGINT), batch)
    result = ew.fit(ew.KAN([2, 1]), DataLoader(rows, batch_size=None), solver=solver, grids=[3])
    assert result.outcome is Outcome.INTERRUPTED
    assert rows.seen - batch < 10 + 2 * 10
    assert np.isfinite(result.train_error)
    assert (result.train_error < 0.5) == (batch > 100)
    assert bool(torch.isfinite(result.model(X)).all())


def test_the_time_limit_ends_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewise.train._objective._ENTRIES", 64 * 20)
    rows = Slow(lambda: time.sleep(0.6), 45)
    options = ew.Options(time_limit=0.5)
    result = ew.fit(ew.KAN([2, 1]), DataLoader(rows, batch_size=None), grids=[3], options=options)
    assert result.outcome is Outcome.TIME_LIMIT
    assert rows.seen < 45 + 30


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
    monkeypatch.setattr(objective, "_SUBSAMPLE", 200)  # on which penalties look at a network
    x = points(20_000, 2)
    ew.fit(ew.KAN([2, 2, 1]), x, x[:, 0] * x[:, 1], grids=[3], options=ew.Options(restarts=1, time_limit=1))
    assert max(seen) * 36 <= 10_000
