"""Callbacks at each step of training: what they see, that they change nothing, and that they can end a fit."""

import math

import pytest
import torch

import edgewise as ew
from edgewise.train import FitStep

X = 2 * torch.rand(120, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1
Y = torch.exp(torch.sin(torch.pi * X[:, 0]) + X[:, 1] ** 2)
QUIET = ew.Options(progress=False, seed=0)


def fitted(**settings: object) -> ew.train.FitResult:
    return ew.fit(ew.KAN([2, 1, 1], grid=3, seed=0), X, Y, options=QUIET, **settings)  # type: ignore[arg-type]


def test_a_callback_changes_no_number() -> None:
    seen: list[FitStep] = []
    with ew.calling(lambda step: seen.append(step), FitStep):
        watched = fitted()
    plain = fitted()
    assert torch.equal(watched.model(X), plain.model(X)) and watched.outcome is plain.outcome
    assert [step.step for step in seen] == sorted({step.step for step in seen}), "one call for each step, in order"


def test_the_network_of_a_step_is_the_one_that_is_trained() -> None:
    errors: list[float] = []

    def look(step: FitStep) -> None:
        with torch.no_grad():
            errors.append(float((step.network()(X)[:, 0] - Y).square().mean().sqrt()))

    with ew.calling(look, FitStep):
        result = fitted()
    assert errors[-1] < 1e-2 * errors[0]
    assert min(errors) == pytest.approx(result.train_error, rel=0.5)


@pytest.mark.parametrize("last", [1, 7])
def test_true_ends_the_fit_with_the_network_so_far(last: int) -> None:
    with ew.calling(lambda step: step.step == last, FitStep):
        result = fitted(grids="auto")
    assert result.outcome is ew.train.Outcome.STOPPED
    assert math.isfinite(result.train_error)


def test_callbacks_inside_each_other_are_all_called_and_end_with_their_block() -> None:
    outer: list[int] = []
    inner: list[int] = []
    with ew.calling(lambda step: outer.append(step.step), FitStep):
        with ew.calling(lambda step: inner.append(step.step), FitStep):
            fitted(grids=[3])
        first = len(outer)
        fitted(grids=[3])
    fitted(grids=[3])
    assert len(inner) == first and len(outer) == 2 * first


def test_an_error_in_a_callback_is_not_swallowed() -> None:
    def broken(step: FitStep) -> None:
        raise RuntimeError(f"at step {step.step}")

    with ew.calling(broken, FitStep), pytest.raises(RuntimeError, match="at step 0"):
        fitted()


def test_a_session_records_how_many_steps_a_stopped_fit_took() -> None:
    start = ew.Session(ew.KAN([2, 1, 1], grid=3, seed=0), X, Y)
    with ew.calling(lambda step: step.step == 9, FitStep):
        stopped = start.fit("auto")
    assert stopped.state.arguments["steps"] == 9
    again = start.fit("auto", steps=9)
    assert again.state.call == stopped.state.call
    assert torch.equal(again.model(X), stopped.model(X)) and again.error == stopped.error
    whole = start.fit("auto")
    assert whole.state.arguments["steps"] is None and whole.error < stopped.error


def test_a_fit_that_needs_fewer_steps_than_allowed_is_the_whole_fit() -> None:
    start = ew.Session(ew.KAN([2, 1], grid=3, seed=0), X, X[:, 0])
    assert torch.equal(start.fit(steps=10_000).model(X), start.fit().model(X))


@pytest.mark.parametrize("steps", [0, -1, 2.5, "3", True])
def test_steps_are_a_whole_number_from_one_on(steps: object) -> None:
    start = ew.Session(ew.KAN([2, 1], grid=3, seed=0), X, Y)
    with pytest.raises(ew.InputError, match="'steps' must be an int >= 1"):
        start.fit(steps=steps)  # type: ignore[arg-type]


def test_the_former_names_work_and_warn() -> None:
    seen: list[FitStep] = []
    with pytest.warns(DeprecationWarning, match=r"is now edgewise\.calling\(f, edgewise\.train\.FitStep\)") as warned:
        block = ew.train.step_callback(seen.append)
    assert warned[0].filename == __file__
    with block:
        fitted()
    with pytest.warns(DeprecationWarning, match="RefitPass"):
        block = ew.train.refit_check(lambda: 1 / 0)
    with block, pytest.raises(ZeroDivisionError):
        ew.train.refit(ew.KAN([2, 1]), ew.train.as_table(X, Y[:, None], None, 2, 1), 1)
    with pytest.warns(DeprecationWarning, match="SearchStep"):
        ew.discovery.search_callback(print)
    assert seen


def test_options_show_progress_by_a_function() -> None:
    told: list[tuple[str, float, str | None]] = []
    options = ew.Options(progress=lambda *said: told.append(said), seed=0)
    ew.fit(ew.KAN([2, 1, 1], grid=3, seed=0), X, Y, options=options)
    assert any(stage.startswith("grid") for stage, _, _ in told)
    assert any(detail is not None and "error" in detail for _, _, detail in told)
