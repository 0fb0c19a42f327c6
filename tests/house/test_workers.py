"""Work shared by workers: the same results, bit for bit, also if a worker dies."""

import logging
import os
import signal
import sys
from pathlib import Path

import pytest
import torch
from backends import backend
from torch import Tensor

import edgewise as ew
from edgewise.optim import LM
from edgewise.train import FitResult, Squared

unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


def bits(result: FitResult) -> list[Tensor]:
    return [*result.model.state_dict().values(), torch.tensor([result.train_error, result.validation_error])]


def same(first: FitResult, second: FitResult) -> bool:
    pairs = zip(bits(first), bits(second), strict=True)
    steps = [[row.steps for row in result.history] for result in (first, second)]
    return all(torch.equal(a, b) for a, b in pairs) and steps[0] == steps[1]


def table() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(150, 2, dtype=torch.float64, generator=generator) - 1
    return x, torch.exp(x[:, 0] * x[:, 1]) + 0.1 * torch.randn(150, dtype=torch.float64, generator=generator)


def trained(n_jobs: int | None, loss: Squared | None = None) -> FitResult:
    options = ew.Options(restarts=4, n_jobs=n_jobs)
    return ew.fit(
        ew.KAN([2, 2, 1], seed=0), *table(), grids=[3], loss=loss or Squared(), solver=LM(steps=5), options=options
    )


def deadly(marker: Path) -> Squared:
    """Return a loss that kills the first worker that computes it."""
    parent = os.getpid()

    class Deadly(Squared):
        def value(self, outputs: Tensor, targets: Tensor) -> Tensor:
            if os.getpid() != parent:
                try:
                    marker.touch(exist_ok=False)
                except FileExistsError:
                    return super().value(outputs, targets)
                os.kill(os.getpid(), signal.SIGKILL)
            return super().value(outputs, targets)

    return Deadly()


@pytest.mark.parametrize("name", ["threading", "loky"])  # Dask and Ray: test_workers_files.py
def test_starts_do_not_depend_on_who_trains_them(name: str) -> None:
    alone = trained(1)
    with backend(name):
        assert same(trained(2), alone)


@unix
@pytest.mark.parametrize("name", ["loky", "dask", "ray"])
def test_a_worker_that_dies_costs_nothing_but_time(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loss = deadly(tmp_path / "dead")
    alone = trained(1, loss)
    with backend(name), caplog.at_level(logging.WARNING, "edgewise.workers"):
        found = trained(2, loss)
    assert (tmp_path / "dead").exists() and same(found, alone)
    paths = [tmp_path / "found.safetensors", tmp_path / "alone.safetensors"]
    for result, path in zip((found, alone), paths, strict=True):
        ew.save(result.model, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    if name == "loky":  # Dask sees to it by itself
        assert "A worker died (TerminatedWorkerError)" in caplog.text


@pytest.mark.parametrize("widths", [[2, 2, 1], [2, 1]])
def test_starts_of_a_classifier(widths: list[int]) -> None:
    x, y = table()
    one, two, none = (
        ew.fit(ew.KAN(widths, seed=0), x, (y > 1).long(), loss="cross_entropy", grids=[3],
               options=ew.Options(restarts=2, n_jobs=n_jobs))
        for n_jobs in (1, 2, None)
    )  # fmt: skip
    assert same(one, two) and none.train_error == pytest.approx(one.train_error, rel=1e-6)


def test_an_error_in_a_worker_is_raised() -> None:
    class Wrong(Squared):
        def gradient(self, outputs: Tensor, targets: Tensor) -> Tensor:
            raise ArithmeticError("of one's own")

    with pytest.raises(ArithmeticError, match="of one's own"):
        trained(2, Wrong())


@pytest.mark.parametrize("wrong", [0, 1.5, "2"])
def test_what_is_no_number_of_workers_is_refused(wrong: object) -> None:
    with pytest.raises(ew.InputError, match="'n_jobs' must be a number of workers"):
        ew.Options(n_jobs=wrong)  # type: ignore[arg-type]
