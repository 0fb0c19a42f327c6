"""Many callers at once: Python threads, forked workers, and torch's thread count, which stays as it was found."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import edgewise as ew
from edgewise.bases import BASES
from edgewise.kernels.runtime import _threads
from edgewise.nn import KANLayer, RationalLayer

THREADS, TURNS = 8, 4


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


#: small ones run on the caller's thread; the wide ones are work for several
MODELS: dict[str, Callable[[], Any]] = {
    "network": lambda: ew.KAN([2, (3, 2), 1], base="silu"),
    "uneven knots": lambda: ew.nn.adapt_grid(ew.KAN([2, 5, 1]), rows(2, 300) ** 3, quantiles=0.5),
    "wide layer in single precision": lambda: KANLayer(64, 96, generator=seeded()),
    "rational layer": lambda: RationalLayer(64, 4, dtype=torch.float64, generator=seeded()),
    **{f"{basis} network": lambda basis=basis: ew.KAN([2, 3, 1], basis=basis, seed=0) for basis in BASES},
    **{f"wide {basis}": lambda basis=basis: _wide(basis) for basis in BASES},
}


def _wide(basis: str) -> KANLayer:
    """By the route that has most to do in kernels of its own."""
    sizes = (64, 96) if basis in ("bspline", "linear") else (128, 4)
    return KANLayer(*sizes, basis=basis, grid=20, dtype=torch.float64, generator=seeded())


def rows(columns: int, count: int, seed: int = 0) -> Tensor:
    return 2 * torch.rand(count, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def outcome(model: Any, x: Tensor) -> list[Tensor]:
    """Values, gradients, and the gradient of a gradient's norm by the inputs."""
    x = x.detach().clone().to(model.dtype).requires_grad_()
    y = model(x)
    parameters = [p for name, p in model.named_parameters() if "affine" not in name]
    by_x, *rest = torch.autograd.grad(y.square().sum(), [x, *parameters], create_graph=True, allow_unused=True)
    (again,) = torch.autograd.grad(by_x.square().sum(), [x])
    return [value.detach() for value in (y, by_x, *rest, again) if value is not None]


def run_all(*jobs: Callable[[], None]) -> None:
    """Run jobs at the same moment, each on a thread of its own; raise what one raises."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(jobs))

    def guarded(job: Callable[[], None]) -> None:
        try:
            start.wait()
            job()
        except BaseException as error:  # noqa: BLE001 (raised again below)
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.fixture(params=[1, 2])
def torch_threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", MODELS)
def test_threads_that_call_one_model_get_what_one_caller_gets(
    name: str, torch_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool: dict[int, Any] = {}
    monkeypatch.setattr(_threads, "_POOL", pool)
    model = MODELS[name]()
    inputs = [rows(model.n_in, 200 + 50 * k, seed=k) for k in range(THREADS)]
    expected = [outcome(model, x) for x in inputs]

    def job(k: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(TURNS):
                for found, alone in zip(outcome(model, inputs[k]), expected[k], strict=True):
                    torch.testing.assert_close(found, alone, rtol=1e-5 if alone.dtype is torch.float32 else 1e-12,
                                               atol=1e-4 if alone.dtype is torch.float32 else 1e-12)  # fmt: skip

        return run

    run_all(*(job(k) for k in range(THREADS)))
    assert torch.get_num_threads() == torch_threads
    assert bool(pool) == (name.startswith("wide") and torch_threads > 1)


def test_threads_may_call_while_others_make_change_and_drop_networks() -> None:
    """What is remembered of one network's knots and masks never reaches another."""
    model, x = ew.KAN([2, 3, 1]), rows(2, 100)
    expected = model(x).detach()

    def call() -> None:
        for _ in range(30):
            torch.testing.assert_close(model(x).detach(), expected)

    def churn() -> None:
        for seed in range(15):
            other = ew.KAN([2, 3, 1], seed=seed)
            before = other(x).detach()
            moved = ew.nn.adapt_grid(other, 3 * x, grid=7)
            masked = ew.nn.remove_edges(other, [(0, 0, 0), (1, 0, 1)])
            assert moved(x).shape == before.shape
            assert not torch.equal(masked(x), before)
            assert torch.equal(other(x), before)

    run_all(call, call, churn, churn)


def test_networks_train_on_threads_as_they_do_alone() -> None:
    def trained(seed: int) -> Tensor:
        x = rows(2, 120, seed)
        options = ew.Options(restarts=1, seed=seed)
        return ew.fit(ew.KAN([2, 2, 1], seed=seed), x, x[:, 0] * x[:, 1], grids=[3], options=options).model(x).detach()

    alone = [trained(seed) for seed in range(3)]
    together: dict[int, Tensor] = {}
    run_all(*(lambda seed=seed: together.update({seed: trained(seed)}) for seed in range(3)))
    for seed, expected in enumerate(alone):
        torch.testing.assert_close(together[seed], expected)


def test_the_thread_count_is_left_as_it_was_found(torch_threads: int) -> None:
    x = rows(2, 60)
    for basis in BASES:
        outcome(_wide(basis), rows(_wide(basis).n_in, 300))
    assert torch.get_num_threads() == torch_threads
    ew.fit(ew.KAN([2, 1, 1]), x, x[:, 0] + x[:, 1], grids=[3], options=ew.Options(restarts=1))
    assert torch.get_num_threads() == torch_threads
    with pytest.raises(ew.InputError):
        ew.fit(ew.KAN([2, 1, 1]), x, x[:3, 0])
    assert torch.get_num_threads() == torch_threads


class _Called(Dataset):
    """A data set whose rows a model computes."""

    def __init__(self, model: Any, x: Tensor) -> None:
        self.model, self.x = model, x

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, k: int) -> Tensor:
        with torch.no_grad():
            return self.model(self.x[k])[0]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning",
    "ignore:This DataLoader will create 2 worker processes:UserWarning",  # where there is one core
)
def test_forked_workers_of_a_data_loader_call_a_model(name: str, torch_threads: int) -> None:
    """Also after the parent has used threads of its own, which a fork does not have."""
    model = MODELS[name]()
    outcome(model, rows(model.n_in, 300))
    x = rows(model.n_in, 4 * 75).to(model.dtype).reshape(4, 75, model.n_in)
    loader = DataLoader(_Called(model, x), batch_size=1, num_workers=2, multiprocessing_context="fork", timeout=60)
    found = torch.cat(list(loader))
    with torch.no_grad():
        torch.testing.assert_close(found, torch.stack([model(part)[0] for part in x]))
    outcome(model, rows(model.n_in, 300))  # and the parent goes on


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own(torch_threads: int) -> None:
    """A data loader gives its workers one thread; other children go on with as many as their parent had."""

    def shared_out() -> int:
        done: list[int] = []
        _threads.in_parts(lambda start, stop: done.extend(range(start, stop)), 100, 10**9)
        return len(set(done))

    assert shared_out() == 100
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # instead of waiting for threads that are not there
        os._exit(shared_out())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 100
