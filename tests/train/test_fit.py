"""Training: what it reaches, says and leaves alone."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from fits import noise, once, points, rms, wave
from torch import Tensor

import edgewise as ew
from edgewise.optim import CG, LBFGS, LM, Adam
from edgewise.train import Outcome, Row

X = points(200, 2)
Y = X[:, 0] * X[:, 1]


# what it reaches


def test_a_composition_is_learned_to_seven_digits() -> None:
    x = points(1000, 2)
    result = ew.fit(ew.KAN([2, 1, 1]), x, wave(x))
    test = points(2000, 2, seed=9)
    assert rms(result.model, test, wave(test)) < 1e-6
    assert result.validation_error < 1e-6
    assert any(note.startswith("Solver lm:") for note in result.notes)


def test_a_product_is_learned_to_rounding() -> None:
    x = points(600, 2)
    result = ew.fit(ew.KAN([2, 2, 1]), x, x[:, 0] * x[:, 1])
    test = points(1000, 2, seed=9)
    assert rms(result.model, test, test[:, 0] * test[:, 1]) < 1e-9


def test_a_product_node_is_a_product_at_once() -> None:
    result = ew.fit(ew.KAN([2, (0, 1)]), X, Y, grids=[3])
    assert rms(result.model, X, Y) < 1e-12


def test_one_layer_is_a_linear_problem() -> None:
    x = points(400, 2)
    y = torch.sin(3 * x[:, 0]) + x[:, 1] ** 3
    assert ew.fit(ew.KAN([2, 1]), x, y).validation_error < 1e-7


@pytest.mark.parametrize("grid", [2, 3, 4, 6, 10])
def test_a_linear_problem_ends_at_its_least_squares(grid: int) -> None:
    """One layer of sums is linear in its coefficients: nothing may hold it back where rows are many."""
    x = points(500, 2)
    y = torch.sin(3 * x[:, 0]) + torch.exp(x[:, 1])
    result = ew.fit(ew.KAN([2, 1]), x, y, grids=[grid], options=ew.Options(validation=0))
    with torch.no_grad():
        features = result.model.layers[0].evaluate_basis(x).flatten(1)
        best = torch.linalg.lstsq(features, y[:, None], driver="gelsd").solution
        least = (features @ best - y[:, None]).square().mean().sqrt()
    assert result.train_error < 1.02 * float(least)


def test_several_outputs_share_the_network() -> None:
    x = points(300, 2)
    y = torch.stack([x[:, 0] * x[:, 1], (x[:, 0] + x[:, 1]) ** 2], dim=1)
    result = ew.fit(ew.KAN([2, 3, 2]), x, y, grids=[3], options=once())
    assert rms(result.model, x, y) < 1e-2
    assert result.model(x).shape == (300, 2)


def test_symbolic_edges_learn_their_constants() -> None:
    x = points(100, 1)
    model = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "sin", (2.5, 0.2, 1.0, 0.0))
    result = ew.fit(model, x, 2 * torch.sin(3 * x[:, 0] + 0.5) - 1)
    torch.testing.assert_close(
        result.model.layers[0].affine[0, 0].detach(), torch.tensor([3.0, 0.5, 2.0, -1.0], dtype=torch.float64)
    )
    assert result.outcome is Outcome.EXACT


@pytest.mark.parametrize("solver", ["lm", "cg", LBFGS(steps=5), Adam(epochs=2)], ids=str)
def test_a_network_without_free_parameters_is_measured(solver: Any) -> None:
    """Every constant frozen, and every edge removed: nothing to train, and nothing that fails."""
    fixed = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "sin", (2.5, 0.2, 1.0, 0.0))
    fixed.layers[0].affine_free.zero_()
    bare = ew.nn.remove_edges(ew.KAN([1, 1]), [(0, 0, 0)])
    for model in (fixed, bare):
        result = ew.fit(model, X[:, :1], Y, solver=solver)
        torch.testing.assert_close(result.model(X[:, :1]), model(X[:, :1]))
        assert result.train_error == pytest.approx(rms(model, X[:, :1], Y))


@pytest.mark.parametrize("solver", ["lm", "cg", LBFGS(steps=20)], ids=str)
def test_a_single_parameter_is_found(solver: Any) -> None:
    model = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "sin", (2.5, 0.2, 1.0, 0.0))
    model.layers[0].affine_free.zero_()
    model.layers[0].affine_free[0, 0, 2] = True
    result = ew.fit(model, X[:, :1], 3 * torch.sin(2.5 * X[:, 0] + 0.2), solver=solver)
    assert result.model.layers[0].affine[0, 0, 2].item() == pytest.approx(3)


def test_removed_edges_stay_removed() -> None:
    model = ew.nn.remove_edges(ew.KAN([2, 2, 1]), [(0, 0, 1), (0, 1, 0)])
    fitted = ew.fit(model, X, X[:, 0] ** 2 + X[:, 1], grids=[3, 5]).model
    assert torch.equal(fitted.layers[0].mask, model.layers[0].mask)
    assert rms(fitted, X, X[:, 0] ** 2 + X[:, 1]) < 1e-6


# weights, noise


def test_rows_without_weight_are_ignored() -> None:
    y, weights = Y.clone(), torch.ones(200, dtype=torch.float64)
    y[::7], weights[::7] = 1e6, 0.0
    result = ew.fit(ew.KAN([2, (0, 1)]), X, y, weights=weights, grids=[3])
    good = weights > 0
    assert rms(result.model, X[good], Y[good]) < 1e-9
    assert result.train_error < 1e-9


def test_few_rows_with_weight_are_enough() -> None:
    """Even where none of the held-out rows counts, nor any row of some minibatch."""
    weights = torch.zeros(200, dtype=torch.float64)
    weights[:40] = 1.0
    for solver in ("lm", Adam(epochs=80, batch=10, rate=0.03)):
        options = once(validation=0.02)
        result = ew.fit(ew.KAN([2, 2, 1]), X, Y, weights=weights, grids=[2], solver=solver, options=options)
        assert rms(result.model, X[:40], Y[:40]) < 0.1
        assert math.isfinite(result.train_error)


def test_integer_weights_are_repeated_rows() -> None:
    x, y = points(40, 1), noise(40)
    counts = torch.arange(40) % 3 + 1
    options = once(validation=0, smoothing=0)
    weighted = ew.fit(ew.KAN([1, 1]), x, y, weights=counts, grids=[3], options=options).model
    repeated = ew.fit(
        ew.KAN([1, 1]), x.repeat_interleave(counts, 0), y.repeat_interleave(counts), grids=[3], options=options
    )
    torch.testing.assert_close(weighted(x), repeated.model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("level", [0.01, 0.1])
def test_noise_ends_the_refinement(level: float) -> None:
    x = points(600, 1)
    clean = torch.sin(3 * x[:, 0])
    result = ew.fit(ew.KAN([1, 1]), x, clean + level * noise(600))
    test = points(1000, 1, seed=9)
    assert rms(result.model, test, torch.sin(3 * test[:, 0])) < 0.4 * level
    assert result.validation_error == pytest.approx(level, rel=0.35)
    assert result.outcome in (Outcome.OVERFIT, Outcome.CONVERGED, Outcome.SMOOTHED)


def test_few_noisy_rows_are_not_run_through() -> None:
    """As many parameters as rows, of which an unpenalised fit would leave an error near zero."""
    x = points(60, 1)
    y = torch.sin(3 * x[:, 0]) + 0.1 * noise(60)
    result = ew.fit(ew.KAN([1, 1]), x, y, grids=[50], options=once())
    test = points(500, 1, seed=9)
    assert rms(result.model, test, torch.sin(3 * test[:, 0])) < 0.1
    assert result.train_error > 0.05


# grids


def test_no_grids_keeps_the_networks_own() -> None:
    result = ew.fit(ew.KAN([2, 2, 1], grid=4), X, Y, grids=None, options=once())
    assert [layer.grid for layer in result.model.layers] == [4, 4]
    assert {row.grid for row in result.history} == {4}


def test_the_listed_grids_are_trained_in_turn() -> None:
    result = ew.fit(
        ew.KAN([1, 1]), points(100, 1), torch.sin(9 * points(100, 1)[:, 0]), grids=[2, 4, 8], options=once()
    )
    assert [row.grid for row in result.history][:3] == [2, 4, 8]
    assert result.model.layers[0].grid == 8
    assert result.outcome is Outcome.GRIDS_DONE


def test_grids_grow_until_the_rows_are_used_up() -> None:
    x = points(100, 1)
    result = ew.fit(ew.KAN([1, 1]), x, torch.sin(9 * x[:, 0]).exp())
    assert result.outcome in (Outcome.ROWS_EXHAUSTED, Outcome.OVERFIT)
    assert result.model.layers[0].coefficients.numel() < 100


@pytest.mark.parametrize(("spread", "gain"), [(0.0, 20.0), (0.01, 0.4)])
def test_only_rows_with_noise_are_smoothed(spread: float, gain: float) -> None:
    """A grid of many more cells helps where there is no noise, and spoils little where there is."""
    x, fresh = points(1000, 2), 0.95 * points(1000, 2, seed=9)
    y, model, errors = wave(x) + spread * noise(1000), ew.KAN([2, 1, 1]), []
    for grid in (20, 100):
        model = ew.fit(model, x, y, grids=[grid], options=ew.Options(validation=0)).model
        errors.append(rms(model, fresh, wave(fresh)))
    assert errors[1] < errors[0] / gain


# other solvers


@pytest.mark.parametrize(
    ("name", "solver"), [("lbfgs", LBFGS(steps=60)), ("adam", Adam(epochs=30, batch=64, rate=0.02))]
)
@pytest.mark.parametrize("sparsity", [0.0, 1e-4])
def test_first_order_solvers_lower_the_error(name: str, solver: LBFGS | Adam, sparsity: float) -> None:
    model = ew.KAN([2, 3, 1], base="silu")
    result = ew.fit(model, X, Y, solver=solver, sparsity=sparsity)
    assert result.train_error < 0.3 * rms(model, X, Y)
    assert result.train_error == pytest.approx(rms(result.model, X, Y))
    assert torch.equal(result.model(X), ew.fit(model, X, Y, solver=solver, sparsity=sparsity).model(X))


@dataclass(frozen=True)
class QuickAdam(Adam):
    epochs: int = 2


def test_solvers_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import edgewise.train._options as module

    ran: list[str] = []
    for name, solver in (("lm", LM), ("cg", CG), ("lbfgs", LBFGS), ("adam", Adam)):
        original = solver.minimize

        def minimize(*args: Any, name: str = name, original: Any = original, **kwargs: Any) -> Any:
            ran.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(solver, "minimize", minimize)
    monkeypatch.setitem(module.SOLVERS, "adam", lambda classes: QuickAdam())
    model = ew.KAN([2, 1])
    for name in ("lm", "cg", "lbfgs", "adam"):
        ran.clear()
        result = ew.fit(model, X, Y, solver=name, grids=[2])
        assert set(ran) == {name}
        assert not any("Solver" in note for note in result.notes)
    for most, rows, name in ((5000, 200, "lm"), (3, 200, "cg"), (3, 20_100, "adam")):
        ran.clear()
        monkeypatch.setattr(module, "MAX_PARAMETERS", most)
        x = points(rows, 2)
        result = ew.fit(model, x, x[:, 0], grids=None)
        assert set(ran) == {name}
        (note,) = [note for note in result.notes if "Solver" in note]
        assert note.startswith(f"Solver {name}: 16 parameters, {rows} rows")


# the same twice


@pytest.mark.parametrize("widths", [[2, (1, 1), 1]])
def test_the_same_arguments_give_the_same_bits(widths: list[Any]) -> None:
    y = wave(X)
    results = []
    for size in (3, 1000):
        torch.randn(size)  # neither the global state nor what is in memory matters
        results.append(
            ew.fit(ew.KAN(widths, seed=3), X.clone(), y.clone(), grids=[3], options=ew.Options(seed=5, restarts=2))
        )
    first, second = results
    assert torch.equal(first.model(X), second.model(X))
    assert [row[:5] for row in first.history] == [row[:5] for row in second.history]
    assert first.outcome is second.outcome


def test_another_seed_holds_out_other_rows() -> None:
    first, second = (ew.fit(ew.KAN([2, 1]), X, Y, grids=[3], options=once(seed=seed)) for seed in (0, 1))
    assert first.validation_error != second.validation_error


# what it says


def test_the_record_of_a_fit() -> None:
    seen: list[Row] = []
    result = ew.fit(ew.KAN([2, 2, 1]), X, wave(X), grids=[2, 4], options=once(callbacks=seen.append))
    assert seen == result.history
    assert [row.round for row in seen] == list(range(len(seen)))
    frame = result.frame()
    assert list(frame.columns) == ["round", "grid", "parameters", "train", "validation", "seconds", "steps"]
    assert len(frame) == len(seen)
    assert frame["seconds"].is_monotonic_increasing
    assert (frame[["train", "validation", "seconds"]] > 0).all(axis=None)
    assert frame["parameters"].tolist()[:2] == [6 * 5, 6 * 7]
    assert result.train_error == pytest.approx(rms(result.model, X, wave(X)))
    assert result.outcome.name in repr(result)


def test_errors_are_in_the_targets_unit() -> None:
    y = 1000 * (Y + 0.1 * noise(200))
    result = ew.fit(ew.KAN([2, 1]), X, y, grids=[3], options=once())
    assert result.train_error == pytest.approx(rms(result.model, X, y))
    assert 50 < result.history[-1].train < 500


def test_each_outcome_says_what_happened_and_what_to_try() -> None:
    for outcome in Outcome:
        assert outcome.message.endswith(".")
        assert "\n" not in outcome.message


def test_a_network_that_learns_nothing_is_called_poor() -> None:
    assert ew.fit(ew.KAN([2, 1]), X, noise(200), options=once()).outcome is Outcome.POOR


def test_the_time_limit_ends_the_run() -> None:
    x = points(300, 2)
    result = ew.fit(ew.KAN([2, 3, 3, 1]), x, torch.sin(9 * x[:, 0] * x[:, 1]), options=ew.Options(time_limit=0.3))
    assert result.outcome is Outcome.TIME_LIMIT
    assert result.history[-1].seconds < 1.0
    assert bool(torch.isfinite(result.model(x)).all())


# what it leaves alone


@pytest.mark.parametrize("solver", ["lm", LBFGS(steps=5), Adam(epochs=2)], ids=str)
def test_the_network_the_arrays_and_the_world_stay_as_they_were(solver, mixed_network, empty_folder, quiet) -> None:
    model = mixed_network([2, (2, 1), 1], base="silu")
    state = copy.deepcopy(model.state_dict())
    x, y, weights = X.numpy().copy(), Y.numpy().copy(), np.linspace(0, 2, 200)
    kept = x.copy(), y.copy(), weights.copy()
    threads = torch.get_num_threads()
    result = ew.fit(model, x, y, weights=weights, grids=[3], solver=solver, sparsity=1e-4, options=once())
    for array, before in zip((x, y, weights), kept, strict=True):
        np.testing.assert_array_equal(array, before)
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name]) if isinstance(value, Tensor) else value == state[name]
    assert all(parameter.grad is None for parameter in [*model.parameters(), *result.model.parameters()])
    assert all(parameter.requires_grad for parameter in result.model.parameters())
    assert torch.get_num_threads() == threads
    with torch.no_grad():
        for tensor in result.model.parameters():
            tensor.zero_()
    assert torch.equal(model.layers[0].coefficients, state["layers.0.coefficients"])


def test_tensors_that_need_gradients_are_taken_as_numbers() -> None:
    x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
    ew.fit(ew.KAN([2, 1]), x, y, grids=[2], options=once())
    assert x.grad is None


def test_fitting_under_no_grad_is_the_same() -> None:
    expected = ew.fit(ew.KAN([2, 1]), X, Y, grids=[3], options=once()).model(X)
    with torch.no_grad():
        assert torch.equal(ew.fit(ew.KAN([2, 1]), X, Y, grids=[3], options=once()).model(X), expected)
        for solver in (LBFGS(steps=5), Adam(epochs=2)):
            assert ew.fit(ew.KAN([2, 1]), X, Y, solver=solver).train_error < 0.7
