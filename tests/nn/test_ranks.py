"""Fits whose rows are shared by the ranks of a process group."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from ranks import Found, on_ranks
from torch import Tensor, distributed
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import edgewise as ew
from edgewise.cli import main
from edgewise.optim import CG, LM
from edgewise.train import FitResult, Outcome, Parquet

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="torch was built without distributed")

PLAIN = ew.Options(restarts=1, validation=0, test=0)


def table(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = 2 * torch.rand(rows, 3, dtype=torch.float64, generator=generator) - 1
    noise = 0.05 * torch.randn(rows, dtype=torch.float64, generator=generator)
    return x, torch.sin(2 * x[:, 0] * x[:, 1]) + x[:, 2] ** 2 + noise


def parameters(result: FitResult) -> Tensor:
    """Return the parameters and knots of a network."""
    return torch.cat([value.flatten() for value in result.model.state_dict().values() if value.is_floating_point()])


def measured(result: FitResult) -> Tensor:
    """Return values of a network, and its errors. Constants may move between its curves: the values stay the same."""
    errors = [result.train_error, result.validation_error, result.test_error]
    with torch.no_grad():
        values = result.model(table(50, seed=2)[0])
    return torch.cat([values.flatten(), torch.tensor(errors, dtype=torch.float64).nan_to_num(-1.0)])


def fits(part: slice, options: ew.Options, folder: Path) -> Found:
    """Return fits of a part of each table, "lm" after 20 steps; without a process group, of rows in batches."""
    (x, y), (many, values) = table(1000), table(45_000)
    labels = (y > 0.3).long()

    def fit(model: ew.KAN, x: Tensor, y: Tensor, **given: object) -> FitResult:
        part_of = slice(round(part.start * len(x)), round(part.stop * len(x)))
        rows = (x[part_of], y[part_of])
        if options.process_group is None:
            rows = (DataLoader(TensorDataset(x, y), batch_size=500),)  # type: ignore[assignment]
        return ew.fit(model, *rows, **given)  # type: ignore[arg-type]

    plain = {"options": ew.Options(**{**vars(PLAIN), "process_group": options.process_group})}
    files = Parquet(folder, target="y", weights="w", batch=300)
    return {
        "lm": parameters(fit(ew.KAN([3, 4, 1], seed=0), x, y, grids=[5], solver=LM(steps=4), **plain)),
        "cg": parameters(fit(ew.KAN([3, 1], seed=0), x, y, grids=[5], solver=CG(steps=4), **plain)),
        "huber": measured(fit(ew.KAN([3, 1], seed=0), x, y, loss="huber", grids=[4], options=options)),
        "classes": measured(fit(ew.KAN([3, 1], seed=0), x, labels, loss="cross_entropy", grids=[3], options=options)),
        "many": measured(fit(ew.KAN([3, 1], seed=0), many, values, grids=[4], solver=LM(steps=2), options=options)),
        "parquet": measured(ew.fit(ew.KAN([3, 1], seed=0), files, grids=[4], options=options)),
    }


def refused(rank: int) -> Found:
    """Return the messages of fits that no rank may take, and of one that rank 1 ends, as bytes."""
    group = distributed.group.WORLD
    x, y = table(100)
    wrong = x.clone()
    wrong[3, 1] = torch.nan
    found = {}
    for name, model, rows, more in (
        ("values", ew.KAN([3, 1], seed=0), wrong if rank else x, {}),
        ("seeds", ew.KAN([3, 1], seed=rank), x, {}),
        ("adam", ew.KAN([3, 1], seed=0), x, {"solver": "adam"}),
    ):
        with pytest.raises(ew.InputError) as error:
            ew.fit(model, rows, y, options=ew.Options(process_group=group), **more)
        found[name] = torch.tensor(list(str(error.value).encode()))
    stop = ew.Options(process_group=group, callbacks=lambda row: rank == 1)
    result = ew.fit(ew.KAN([3, 1], seed=0), x, y, options=stop)
    empty = ew.Options(restarts=1, validation=0, test=0, process_group=group)
    found["one"] = measured(ew.fit(ew.KAN([3, 1], seed=0), *none_of(x, y, rank), grids=[3], options=empty))
    return {**found, "stopped": torch.tensor(result.outcome is Outcome.STOPPED), "stop": parameters(result)}


def none_of(x: Tensor, y: Tensor, rank: int) -> tuple[DataLoader[tuple[Tensor, ...]]]:
    """Return all rows for rank 0, and none for the others."""
    rows = len(x) if rank == 0 else 0
    return (DataLoader(TensorDataset(x[:rows], y[:rows]), batch_size=64),)


def both(folder: Path) -> Found:
    rank = distributed.get_rank()
    part = slice(0.0, 0.37) if rank == 0 else slice(0.37, 1.0)
    return {**fits(part, ew.Options(process_group=distributed.group.WORLD), folder), **refused(rank)}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Found, list[Found]]:
    """Return the fits of one process and of each of two ranks."""
    folder = tmp_path_factory.mktemp("parquet")
    x, y = table(900, seed=1)
    columns = pd.DataFrame(x.numpy(), columns=["a", "b", "c"]).assign(y=y.numpy(), w=1.0 + x[:, 0].numpy() ** 2)
    columns[:500].to_parquet(folder / "a.parquet", row_group_size=200)
    columns[500:].to_parquet(folder / "b.parquet", row_group_size=200)
    return fits(slice(0, 1), ew.Options(), folder), on_ranks(both, 2, tmp_path_factory.mktemp("ranks"), folder)


@pytest.mark.parametrize("name", ["lm", "cg", "huber", "classes", "many", "parquet"])
def test_ranks_fit_what_one_process_does(name: str, found: tuple[Found, list[Found]]) -> None:
    one, (first, second) = found
    assert torch.equal(first[name], second[name])
    assert (first[name] - one[name]).abs().max() < 1e-10 * one[name].abs().max()


def test_ranks_refuse_together(found: tuple[Found, list[Found]]) -> None:
    first, second = (
        {name: bytes(value.tolist()).decode() for name, value in part.items() if value.dtype is torch.int64}
        for part in found[1]
    )
    assert first["values"] == "Rank 1 of 2 refused its rows: see its message." and "nan in row 3" in second["values"]
    assert "the same network and settings" in first["seeds"] == second["seeds"]
    assert "process groups use solver" in first["adam"] == second["adam"]


def test_one_rank_that_stops_ends_all(found: tuple[Found, list[Found]]) -> None:
    first, second = found[1]
    assert first["stopped"] and second["stopped"] and torch.equal(first["stop"], second["stop"])


def test_a_rank_may_have_no_rows(found: tuple[Found, list[Found]]) -> None:
    x, y = table(100)
    one = measured(ew.fit(ew.KAN([3, 1], seed=0), *none_of(x, y, 0), grids=[3], options=PLAIN))
    assert (found[1][1]["one"] - one).abs().max() < 1e-10 * one.abs().max()


@pytest.mark.slow
def test_torchrun_shares_the_rows_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, y = table(300)
    columns = pd.DataFrame(x.numpy(), columns=["a", "b", "c"]).assign(y=y.numpy())
    for part in range(3):
        columns[part * 100 : part * 100 + 100].to_parquet(tmp_path / f"{part}.parquet")
    fit = ["fit", str(tmp_path), "--target", "y", "--widths", "3,1", "--grid", "5", "--out"]
    assert main([*fit, str(tmp_path / "one.safetensors")]) == 0
    assert "on 300 rows." in capsys.readouterr().out
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "edgewise"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [*torchrun, *fit, str(tmp_path / "two.safetensors")], env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("2 ranks share the rows.") == ran.stdout.count("on 300 rows.") == 1
    one, two = (ew.load(tmp_path / f"{name}.safetensors") for name in ("one", "two"))
    with torch.no_grad():
        assert torch.allclose(one(x), two(x), rtol=0, atol=1e-10)


def test_what_is_no_process_group_is_refused() -> None:
    with pytest.raises(ew.InputError, match="'process_group' must be a group of"):
        ew.Options(process_group=True)


class Passes(IterableDataset[tuple[Tensor, Tensor]]):
    """Rows in batches; the process is killed in the middle of one pass."""

    def __init__(self, fatal: int | None = None) -> None:
        self.fatal, self.count = fatal, 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.count += 1
        x, y = table(400)
        yield x[:200], y[:200]
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        yield x[200:], y[200:]


def checkpointed(path: Path | None, fatal: int | None = None) -> tuple[FitResult, int]:
    rows = Passes(fatal)
    model, loader = ew.KAN([3, 2, 1], seed=0), DataLoader(rows, batch_size=None)
    options = ew.Options(restarts=2, checkpoint=path)
    return ew.fit(model, loader, grids=[3], solver=LM(steps=8), options=options), rows.count


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_fit_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "fit.checkpoint"
    whole, passes = checkpointed(None)
    fatal = passes * 2 // 3
    code = f"from pathlib import Path; from test_ranks import checkpointed; checkpointed(Path({str(path)!r}), {fatal})"
    paths = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    ended = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths})
    assert ended.returncode == -signal.SIGKILL
    resumed, rest = checkpointed(path)
    assert torch.equal(parameters(resumed), parameters(whole))
    assert resumed.history[-1].steps == whole.history[-1].steps
    assert rest < passes - fatal + 15  # passes that prepare the fit, and those of the step that was lost
    again, last = checkpointed(path)
    assert last < rest and torch.equal(parameters(again), parameters(whole))


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fit.checkpoint"
    options = ew.Options(restarts=1, checkpoint=path)
    x, y = table(100)
    ew.fit(ew.KAN([3, 2, 1], seed=0), x, y, grids=[3], options=options)
    with pytest.raises(ew.InputError, match="checkpoint of another fit"):
        ew.fit(ew.KAN([3, 2, 1], seed=1), x, y, grids=[3], options=options)
    with pytest.raises(ew.InputError, match="use solver 'lm' or 'cg'"):
        ew.fit(ew.KAN([3, 2, 1], seed=0), x, y, grids=[3], solver="adam", options=options)
    path.write_bytes(b"something else")
    with pytest.raises(ew.InputError, match="is no checkpoint of a fit"):
        ew.fit(ew.KAN([3, 2, 1], seed=0), x, y, grids=[3], options=options)
