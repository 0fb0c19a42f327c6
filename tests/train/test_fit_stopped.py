"""Fits that are ended early: what they return is no worse than what they were given, nor than a constant."""

import itertools

import pytest
import torch

import edgewise as ew
from edgewise.train import FitResult, FitStep, Outcome, Row

GENERATOR = torch.Generator().manual_seed(3)
X = torch.randn(150, 4, dtype=torch.float64, generator=GENERATOR).exp()
Y = (X[:, 0] * X[:, 1]).log() + 0.3 * torch.randn(150, dtype=torch.float64, generator=GENERATOR)
SPREAD = float(Y.std(correction=0))
QUIET = ew.Options(progress=False, test=0)
STARTED = ew.KAN([4, 2, 1], grid=5, seed=0)


def rms(model: ew.KAN) -> float:
    with torch.no_grad():
        return float((model(X)[:, 0] - Y).square().mean().sqrt())


def stopped(model: ew.KAN, after: int, **settings: object) -> FitResult:
    with ew.calling(lambda step: step.step == after, FitStep):
        return ew.fit(model, X, Y, **{"options": QUIET, **settings})  # type: ignore[arg-type]


@pytest.mark.parametrize(("sparsity", "after"), list(itertools.product([0.0, 0.01], [1, 2, 5, 60, 200])))
def test_a_stopped_fit_is_no_worse_than_its_start_nor_than_a_constant(sparsity: float, after: int) -> None:
    found = stopped(STARTED, after, sparsity=sparsity, grids="auto" if sparsity else [5])
    assert found.outcome in (Outcome.STOPPED, Outcome.CONVERGED)
    assert rms(found.model) <= min(rms(STARTED), SPREAD) * (1 + 1e-12)


@pytest.fixture(scope="module")
def trained() -> ew.KAN:
    return ew.fit(STARTED, X, Y, grids=[5], options=QUIET).model


@pytest.mark.parametrize(("grid", "after"), list(itertools.product([3, 20, 50], [1, 3])))
def test_new_grids_on_a_trained_network_make_it_no_worse(trained: ew.KAN, grid: int, after: int) -> None:
    found = stopped(trained, after, grids=[grid])
    assert found.outcome is Outcome.STOPPED
    assert rms(found.model) <= rms(trained) * (1 + 1e-12)


def test_several_grids_make_it_no_worse(trained: ew.KAN) -> None:
    for after in (5, 20, 45):
        assert rms(stopped(trained, after, grids=[3, 30]).model) <= rms(trained) * (1 + 1e-12)


def ends_at_the_first_row(row: Row) -> bool:
    return True


@pytest.mark.parametrize(
    "options",
    [
        ew.Options(progress=False, test=0, callbacks=ends_at_the_first_row),
        ew.Options(progress=False, test=0, time_limit=1e-6),
        ew.Options(progress=False, test=0, time_limit=0.05),
    ],
    ids=["callback", "no time", "little time"],
)
@pytest.mark.parametrize("solver", ["lm", "adam"])
def test_however_a_fit_ends(trained: ew.KAN, options: ew.Options, solver: str) -> None:
    for start in (STARTED, trained):
        found = ew.fit(start, X, Y, grids=[20], solver=solver, options=options)  # type: ignore[arg-type]
        assert found.outcome.early
        assert rms(found.model) <= min(rms(start), SPREAD) * (1 + 1e-12)


def test_outputs_that_are_locked_stay_as_they_are() -> None:
    far = ew.nn.scale_outputs(ew.KAN([4, 1, 1], grid=3, seed=0), torch.tensor([1e3]))
    locked = ew.nn.lock(far, [(1, 0, 0)])
    found = stopped(locked, 1, grids=[3])
    assert found.outcome is Outcome.STOPPED and bool(found.model(X).isfinite().all())


@pytest.mark.parametrize("after", [2, 30, 90])
def test_the_same_number_of_steps_is_the_same_network(after: int) -> None:
    start = ew.Session(STARTED, X, Y)
    with ew.calling(lambda step: step.step == after, FitStep):
        ended = start.fit("auto", 0.01)
    again = start.fit("auto", 0.01, steps=after)
    assert again.state.call == ended.state.call and torch.equal(again.model(X), ended.model(X))
    assert again.error <= min(start.error, SPREAD) * (1 + 1e-12)


def heavy_tails(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows in which a thousand do not show the range of the others, and a target that is hardly theirs."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4000, 4, dtype=torch.float64, generator=generator)
    return x * (2 * torch.randn(4000, 4, dtype=torch.float64, generator=generator)).exp(), torch.rand(
        4000, dtype=torch.float64, generator=generator
    )


def test_a_sparse_fit_that_is_not_stopped_ends_no_worse_than_a_constant() -> None:
    x, y = heavy_tails(0)
    found = ew.fit(ew.KAN([4, 3, 1], grid=8), x, y, sparsity=0.01, options=QUIET)
    assert not found.outcome.early
    with torch.no_grad():
        error = float((found.model(x)[:, 0] - y).square().mean().sqrt())
    assert error <= float(y.std(correction=0)) * (1 + 1e-12)
