"""Adam and L-BFGS: minibatches, rates, precision, early ends, and what they leave of the best network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LinearLR
from torch.optim.optimizer import register_optimizer_step_pre_hook

import edgewise as ew
import edgewise.train._first_order as module
from edgewise.optim import LBFGS, Adam, Step, StopReason
from edgewise.train import Outcome, Quadratic, Row, Squared, Table
from edgewise.train._first_order import MinibatchProblem

GENERATOR = torch.Generator().manual_seed(0)
X = 2 * torch.rand(240, 2, generator=GENERATOR, dtype=torch.float64) - 1
Y = torch.exp(torch.sin(torch.pi * X[:, :1]) + X[:, 1:] ** 2)
NOISE = torch.randn(240, 1, generator=GENERATOR, dtype=torch.float64)
SOLVERS = [Adam(epochs=12, batch=40), LBFGS(steps=60)]


class Line:
    """Fit theta to rows: loss (theta . x - y)^2; `held` gives the held-out errors of the checks, in turn."""

    def __init__(self, rows: int = 10, held: Iterator[float] | None = None, dtype: torch.dtype = torch.float64) -> None:
        generator = torch.Generator().manual_seed(1)
        self.x = torch.randn(rows, 3, generator=generator, dtype=dtype)
        self.y = self.x @ torch.tensor([1.0, -2.0, 3.0], dtype=dtype)
        self.theta = torch.nn.Parameter(torch.zeros(3, dtype=dtype))
        self.scale = torch.nn.Parameter(torch.ones((), dtype=dtype))
        self.held, self.sizes = held, [0]
        self.slopes: list[Tensor] = []
        self.shuffle = torch.Generator().manual_seed(2)

    @property
    def parameters(self) -> list[Tensor]:
        return [self.theta]

    @property
    def constants(self) -> list[Tensor]:
        return [self.scale]

    def __len__(self) -> int:
        return len(self.x)

    def count(self, size: int) -> int:
        return -(-len(self.x) // size)

    def batches(self, size: int | None) -> Iterator[Tensor]:
        yield from torch.randperm(len(self.x), generator=self.shuffle).split(size or len(self.x))

    def loss(self, batch: Tensor) -> Tensor:
        self.sizes.append(len(batch))
        return (self.scale * (self.x[batch] @ self.theta) - self.y[batch]).square().sum()

    def penalty(self) -> None:
        return None

    def validation_error(self) -> float:
        return math.nan if self.held is None else next(self.held)


def descended(solver: Adam | LBFGS, problem: Line) -> list[Tensor]:
    """The parameters after each step."""
    seen = []
    solver.minimize(problem, lambda step: seen.append(problem.theta.detach().clone()) and None)
    return seen


def options(**arguments: Any) -> ew.Options:
    return ew.Options(restarts=1, **arguments)


# steps


@pytest.mark.parametrize(("batch", "accumulate"), [(2, 2), (1, 4), (4, 3), (3, 100)])
def test_accumulated_steps_are_those_of_the_large_batch(batch: int, accumulate: int) -> None:
    """Also in the last step of an epoch, which sees fewer rows: ten rows are no multiple of four or twelve."""
    parts = descended(Adam(epochs=5, batch=batch, accumulate=accumulate, rate=0.1, clip=0.5), Line())
    whole = descended(Adam(epochs=5, batch=batch * accumulate, rate=0.1, clip=0.5), Line())
    assert len(parts) == len(whole)
    torch.testing.assert_close(parts, whole, rtol=1e-7, atol=1e-9)


def test_rows_count_alike_in_whichever_batch_they_fall() -> None:
    """With a rate of zero an epoch's steps add up to the gradient of all rows."""
    for size in (3, 4, 10, 100):
        problem, slopes = Line(), []
        problem.theta.register_hook(slopes.append)
        Adam(epochs=1, batch=size, rate=1e-300).minimize(problem)
        loss = problem.loss(torch.arange(10)) / 10
        (whole,) = torch.autograd.grad(loss, problem.theta)
        torch.testing.assert_close(sum(slopes[:-1]) * min(size, 10) / 10, whole)


def test_every_row_is_seen_once_an_epoch_in_another_order() -> None:
    table = Table(torch.arange(10.0)[:, None], torch.zeros(10, 1), torch.arange(10.0))
    rows = MinibatchProblem(ew.KAN([1, 1], dtype=torch.float64), table, None, Squared(), Quadratic(), seed=3)
    first, second = ([batch.x[:, 0].tolist() for batch in rows.batches(4)] for _ in range(2))
    assert [len(part) for part in first] == [4, 4, 2]
    for parts in (first, second):
        assert sorted(row for part in parts for row in part) == list(range(10))
    assert first != second
    for batch in rows.batches(4):
        assert torch.equal(batch.x[:, 0], batch.weights)
    for batches in (rows.batches(None), rows.batches(10)):
        (whole,) = batches
        assert torch.equal(whole.x, table.x.double())


def test_weights_are_repeated_rows() -> None:
    counts = torch.arange(240) % 3 + 1
    model = ew.KAN([2, 2, 1])
    once = ew.fit(model, X, Y, weights=counts, solver=Adam(epochs=5, batch=1000), options=options(validation=0))
    many = ew.fit(
        model, X.repeat_interleave(counts, 0), Y.repeat_interleave(counts), solver=Adam(epochs=5, batch=1000),
        options=options(validation=0),
    )  # fmt: skip
    torch.testing.assert_close(once.model(X), many.model(X), rtol=0.05, atol=0.05)


def test_decay_pulls_at_parameters_and_not_at_constants() -> None:
    problem = Line()
    problem.x.zero_()
    with torch.no_grad():
        problem.theta.fill_(1.0)
    Adam(epochs=10, batch=10, rate=0.01, weight_decay=1.0, schedule="constant").minimize(problem)
    torch.testing.assert_close(problem.theta.detach(), torch.full((3,), 0.99**10, dtype=torch.float64))
    assert problem.scale.item() == 1.0


def test_frozen_constants_and_removed_edges_stay(mixed_network) -> None:
    model = mixed_network([2, 3, 1], symbolic=0.5)
    for solver in (Adam(epochs=3, weight_decay=0.1), LBFGS(steps=10)):
        fitted = ew.fit(model, X, Y, grids=None, solver=solver, options=options(validation=0)).model
        moved = False
        for depth, (before, after) in enumerate(zip(model.layers, fitted.layers, strict=True)):
            assert torch.equal(before.mask, after.mask)
            same = before.affine == after.affine
            # the last layer's c and d are in the target's units
            frozen = ~before.affine_free & (torch.tensor([True, True, depth == 0, depth == 0]))
            assert bool(same[frozen].all())
            moved |= not bool(same[before.affine_free].all())
        assert moved


@pytest.mark.parametrize("solver", [Adam(epochs=60, batch=32, rate=0.02), LBFGS(steps=100)], ids=["adam", "lbfgs"])
@pytest.mark.parametrize("offset", [30.0, 1e6])
def test_targets_far_from_zero_are_learned(solver: Adam | LBFGS, offset: float) -> None:
    result = ew.fit(ew.KAN([2, 4, 1]), X, Y + offset, solver=solver)
    assert result.train_error < 0.5 * float(Y.std())


def rates(schedule: Any, held: Iterator[float] | None = None, **settings: Any) -> list[float]:
    """The rate of each step over that of the settings: by default four epochs of five steps."""
    found: list[float] = []
    note = register_optimizer_step_pre_hook(lambda optimizer, *_: found.append(optimizer.param_groups[0]["lr"] / 0.01))
    try:
        Adam(**{"epochs": 4, "batch": 2, **settings}, rate=0.01, schedule=schedule).minimize(Line(held=held))
    finally:
        note.remove()
    return found


def test_the_rate_follows_the_schedule() -> None:
    assert rates("constant") == [1.0] * 20
    cosine = [(1 + math.cos(math.pi * k / 20)) / 2 for k in range(20)]
    assert rates("cosine") == pytest.approx(cosine)
    assert rates("cosine", accumulate=5) == pytest.approx(cosine[::5])
    cycle = rates("one_cycle")
    assert (cycle[0], max(cycle), cycle.index(max(cycle))) == pytest.approx((0.04, 1.0, 5))
    assert cycle[-1] < 0.05


def test_a_schedule_of_ones_own() -> None:
    def line(optimizer: torch.optim.Optimizer, steps: int) -> LinearLR:
        return LinearLR(optimizer, start_factor=1.0, end_factor=0.5, total_iters=steps)

    assert rates(line)[10] == pytest.approx(0.75)
    with pytest.raises(ew.InputError, match=r"must return a torch\.optim\.lr_scheduler object\. Got 1\."):
        rates(lambda optimizer, steps: 1)


def test_a_plateau_halves_the_rate() -> None:
    found = rates("plateau", held=iter([1.0] * 25), epochs=25, batch=10)
    assert found == pytest.approx([1.0] * 11 + [0.5] * 10 + [0.25] * 4)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle", "plateau"])
def test_every_schedule_trains(schedule: str) -> None:
    result = ew.fit(ew.KAN([2, 3, 1]), X, Y, solver=Adam(epochs=40, batch=32, rate=0.02, schedule=schedule))
    assert result.train_error < 0.5 * float(Y.std())


# ends


def test_the_best_parameters_on_held_out_rows_are_restored() -> None:
    problem = Line(held=iter([3.0, 1.0, 2.0, 4.0]))
    seen: list[Tensor] = []

    def callback(step: Step) -> bool:
        if step.errors is not None:
            seen.append(problem.theta.detach().clone())
        return False

    reason = Adam(epochs=4, batch=5, rate=0.1).minimize(problem, callback)
    assert reason is StopReason.STEPS_DONE
    assert torch.equal(problem.theta, seen[1])
    assert problem.theta.grad is None


def test_patience_ends_the_run() -> None:
    held = iter([3.0, 1.0, *[2.0] * 48])
    assert Adam(epochs=50, patience=3).minimize(Line(held=held)) is StopReason.EARLY_STOP
    assert len(list(held)) == 45
    result = ew.fit(ew.KAN([2, 3, 1]), X, NOISE, solver=LBFGS(steps=2000, patience=30))
    assert result.history[-1].steps < 1000


def test_without_held_out_rows_the_last_stands() -> None:
    problem = Line()
    steps = descended(Adam(epochs=6, batch=5, rate=0.1, schedule="constant"), problem)
    assert torch.equal(problem.theta, steps[-1])


def test_a_diverging_run_ends_with_a_number() -> None:
    problem = Line(dtype=torch.float32)
    reason = Adam(epochs=50, rate=1e25, schedule="constant").minimize(problem)
    assert reason is StopReason.DIVERGED
    assert bool(torch.isfinite(problem.theta).all())
    result = ew.fit(ew.KAN([2, 2, 1], dtype=torch.float32), X, Y, solver=Adam(rate=1e25, schedule="constant"))
    assert result.outcome is Outcome.DIVERGED
    assert math.isfinite(result.train_error)


def test_an_early_stop_gives_the_best_epoch() -> None:
    noisy = Y + 0.3 * NOISE
    solver = Adam(epochs=400, batch=20, rate=0.05, schedule="constant", patience=20)
    result = ew.fit(ew.KAN([2, 5, 1], grid=20), X, noisy, solver=solver, options=options(validation=0.3))
    assert result.outcome is Outcome.EARLY_STOP
    errors = [row.validation for row in result.history]
    assert result.validation_error == pytest.approx(min(errors), rel=1e-6)
    assert errors[-1] > min(errors)
    assert len(errors) - 1 - errors.index(min(errors)) == 10  # epochs are checked in pairs


@pytest.mark.parametrize("solver", SOLVERS, ids=["adam", "lbfgs"])
def test_the_same_seed_gives_the_same_network(solver: Adam | LBFGS) -> None:
    first, second, other = (
        ew.fit(ew.KAN([2, 2, 1]), X, Y, solver=solver, options=options(seed=seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first.model(X), second.model(X))
    assert [row[:5] for row in first.history] == [row[:5] for row in second.history]
    assert not torch.equal(first.model(X), other.model(X))


# precision


def test_half_precision_is_of_the_products_only() -> None:
    kinds: set[torch.dtype] = set()

    class Wide(Line):
        def loss(self, batch: Tensor) -> Tensor:
            outputs = self.x[batch] @ self.theta[:, None]
            kinds.add(outputs.dtype)
            return (outputs.float()[:, 0] * self.scale - self.y[batch]).square().sum()

    for precision in ("bfloat16", "float16"):
        kinds.clear()
        problem = Wide(rows=100, dtype=torch.float32)
        before = problem.loss(torch.arange(100)).item()
        kinds.clear()
        assert Adam(epochs=60, batch=20, rate=0.05, precision=precision).minimize(problem) is StopReason.STEPS_DONE
        assert kinds == {getattr(torch, precision)}
        assert problem.theta.dtype == torch.float32
        assert problem.loss(torch.arange(100)).item() < 0.01 * before


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_reaches_the_layers_of_a_network(precision: str) -> None:
    kinds: set[torch.dtype] = set()

    class Watched(ew.KAN):
        def forward(self, x: Tensor) -> Tensor:
            out = super().forward(x)
            if torch.is_grad_enabled() and len(x) > 1:
                kinds.add(out.dtype)
            return out

    result = ew.fit(Watched([2, 3, 1]), X, Y, solver=Adam(epochs=2, batch=32, precision=precision))
    assert kinds == {getattr(torch, precision)}
    assert {p.dtype for p in result.model.parameters()} == {torch.float64}


@pytest.mark.parametrize("precision", [None, "float64", "float32", "bfloat16"])
@pytest.mark.parametrize("own", [torch.float32, torch.float64])
def test_every_precision_trains_and_keeps_the_networks_own(precision: str | None, own: torch.dtype) -> None:
    result = ew.fit(
        ew.KAN([2, 4, 1], dtype=own), X, Y, solver=Adam(epochs=40, batch=32, rate=0.02, precision=precision)
    )
    assert result.model.dtype == own
    assert result.train_error < 0.5 * float(Y.std())


@pytest.mark.parametrize(("precision", "expected"), [(None, None), ("float64", "float64"), ("bfloat16", "float32")])
def test_the_type_of_the_parameters(precision: str | None, expected: str | None) -> None:
    for own in (torch.float32, torch.float64):
        assert Adam(precision=precision).dtype(own) == (getattr(torch, expected) if expected else own)


# pieces


def test_lbfgs_sees_all_rows_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ew.fit(ew.KAN([2, 2, 1]), X, Y, solver=LBFGS(steps=10))
    monkeypatch.setattr(module, "_ENTRIES", 64 * 4 * 9)
    pieces = ew.fit(ew.KAN([2, 2, 1]), X, Y, solver=LBFGS(steps=10))
    torch.testing.assert_close(pieces.model(X), whole.model(X), rtol=1e-6, atol=1e-6)


# the record


def test_the_record_has_a_row_for_each_epoch() -> None:
    result = ew.fit(ew.KAN([2, 2, 1]), X, Y, solver=Adam(epochs=9, batch=36), options=options(validation=0.1))
    assert len(result.history) == 9
    assert [row.round for row in result.history] == list(range(9))
    assert [row.steps for row in result.history] == [6 * k for k in range(1, 10)]
    frame = result.frame()
    assert frame["seconds"].is_monotonic_increasing
    assert frame["validation"].iloc[-1] < frame["validation"].iloc[0]
    assert result.outcome in (Outcome.STEPS_DONE, Outcome.POOR)


def test_the_record_is_bounded() -> None:
    result = ew.fit(ew.KAN([1, 1]), X[:30, :1], X[:30, :1] ** 2, solver=Adam(epochs=601), options=options())
    assert 100 < len(result.history) <= 200


def test_lbfgs_has_rows_too() -> None:
    result = ew.fit(ew.KAN([2, 2, 1]), X, Y, solver=LBFGS(steps=35), options=options())
    assert len(result.history) == 4
    errors = [row.train for row in result.history]
    assert errors == sorted(errors, reverse=True)


# settings

BAD: list[tuple[type, str, list[Any]]] = [
    (Adam, "epochs", [0, 1.5, True, None, "many"]),
    (Adam, "batch", [0, 0.5, None]),
    (Adam, "rate", [0, -1.0, math.nan, math.inf, "high", None]),
    (Adam, "schedule", ["cosin", 3, None]),
    (Adam, "weight_decay", [-1e-3, math.nan, None]),
    (Adam, "clip", [0, -1.0, "norm"]),
    (Adam, "accumulate", [0, 2.0]),
    (Adam, "precision", ["half", 16, torch.float32]),
    (Adam, "patience", [0, 2.5, True]),
    (LBFGS, "steps", [0, None]),
    (LBFGS, "history", [0, 1.5]),
    (LBFGS, "patience", [0]),
]


@pytest.mark.parametrize(("kind", "name", "values"), BAD, ids=[f"{kind.__name__}-{name}" for kind, name, _ in BAD])
def test_bad_settings_are_refused_in_one_line(kind: type, name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ew.InputError, match=name) as caught:
            kind(**{name: value})
        assert "\n" not in str(caught.value)


def test_a_misspelt_schedule_is_answered_with_the_nearest() -> None:
    with pytest.raises(ew.InputError, match=r"Unknown schedule 'cosin'\. Known: cosine"):
        Adam(schedule="cosin")
    with pytest.raises(ew.InputError, match=r"Unknown schedule <class 'int'>"):
        Adam(schedule=int)
    assert Row._fields[-1] == "steps"


def test_the_time_limit_ends_a_run_in_the_middle_of_an_epoch() -> None:
    result = ew.fit(ew.KAN([2, 2, 1]), X, Y, solver=Adam(epochs=10**6, batch=5), options=options(time_limit=0.5))
    assert result.outcome is Outcome.TIME_LIMIT
    assert 1 <= len(result.history) < 100
    assert bool(torch.isfinite(result.model(X)).all())
