"""The MLP baseline, and the same training for every model in a comparison: Adam, L-BFGS, minibatches by AdamW."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from edgewise._errors import unknown
from edgewise.nn import RationalLayer

ACTIVATIONS = {"relu": torch.nn.ReLU, "silu": torch.nn.SiLU, "tanh": torch.nn.Tanh}

_STEPS = 20  # between two looks at the clock

Loss = Callable[[torch.nn.Module], Tensor]


def mlp(sizes: Sequence[int], dtype: torch.dtype = torch.float64, activation: str = "silu") -> torch.nn.Sequential:
    """Build linear layers with biases and an activation between them.

    >>> parameter_count(mlp([2, 100, 100, 100, 1]))
    20601
    """
    if activation not in ACTIVATIONS:
        raise unknown("activation", activation, ACTIVATIONS)
    layers: list[torch.nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [torch.nn.Linear(before, after, dtype=dtype), ACTIVATIONS[activation]()]
    return torch.nn.Sequential(*layers[:-1])


def seeded_mlp(sizes: Sequence[int], seed: int, activation: str = "tanh") -> torch.nn.Sequential:
    """Build an MLP in float64 with the initial weights of a seed."""
    with seeded(seed):
        return mlp(sizes, activation=activation)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global random numbers within a block."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def parameter_count(module: torch.nn.Module) -> int:
    """Count the trained numbers."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def lbfgs(module: torch.nn.Module, loss: Callable[[], Tensor], steps: int = _STEPS) -> Callable[[], float]:
    """Return a function that takes `steps` L-BFGS steps with strong Wolfe line search and returns the loss.

    The loss is scaled up because torch's L-BFGS discards steps whose curvature y's is below 1e-10, and would stall at
    an error near 1e-3.
    """
    scale = 1e6  # of the loss that L-BFGS minimizes
    optimizer = torch.optim.LBFGS(
        module.parameters(), max_iter=steps, history_size=50, tolerance_grad=0, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = scale * loss()
        value.backward()
        return value.detach()

    return lambda: float(optimizer.step(closure))  # type: ignore[arg-type]


def adam(
    module: torch.nn.Module, loss: Callable[[], Tensor], spent: Callable[[], float], steps: int = _STEPS
) -> Callable[[], None]:
    """Return a function that takes `steps` Adam steps; the rate falls from 1e-2 to 1e-4 with the fraction spent."""
    rate = 1e-2
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)

    def step() -> None:
        optimizer.param_groups[0]["lr"] = rate * 0.01 ** spent()
        for _ in range(steps):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()

    return step


class TrainedMLP(NamedTuple):
    """A trained module, its final loss (or validation error), the solver, and the seconds of training."""

    module: torch.nn.Module
    loss: float
    solver: str
    seconds: float


def train_mlp(
    make: Callable[[], torch.nn.Module],
    loss: Loss,
    seconds: float,
    validate: Callable[[torch.nn.Module], float] | None = None,
) -> TrainedMLP:
    """Train by Adam and by L-BFGS for `seconds` each, and return the better result.

    The better one has the lower loss, or the lower `validate` if that is given. Seconds are CPU time. Adam's rate falls
    from 1e-2 to 1e-4; L-BFGS has strong Wolfe line search and a history of 50.
    """
    runs, started = [], 0.0

    def spent() -> float:
        return (time.process_time() - started) / seconds

    for name in ("L-BFGS", "Adam"):
        module, began, last = make(), time.process_time(), math.inf
        own = partial(loss, module)
        train = lbfgs(module, own) if name == "L-BFGS" else adam(module, own, spent)
        started = time.process_time()  # what torch loads for its first optimizer is no part of the time
        while spent() < 1:
            now = train()
            if now is not None and (not math.isfinite(now) or now == last):  # L-BFGS has stalled
                break
            last = now
        with torch.set_grad_enabled(validate is None):  # a loss may differentiate by the inputs
            found = validate(module) if validate else float(loss(module).detach())
        runs.append(TrainedMLP(module, found if math.isfinite(found) else math.inf, name, time.process_time() - began))
    return min(runs, key=lambda run: run.loss)


BatchLoss = Callable[[torch.nn.Module], Tensor]
"""The loss of a model on the next minibatch."""


def adamw_steps(model: torch.nn.Module, loss: BatchLoss, count: int, rate: float) -> Iterator[int]:
    """Take `count` steps of AdamW, and yield the number of steps after each.

    The rate warms up over a tenth of the steps and falls to zero along a cosine. Weights decay by 0.01; biases,
    normalization and the coefficients of rational functions do not.
    """
    optimizer = torch.optim.AdamW(_groups(model), lr=rate, weight_decay=0.0)
    for number in range(1, count + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate * _schedule(number / (count + 1))
        _step(model, loss, optimizer)
        yield number


def minibatches(x: Tensor, y: Tensor, size: int, seed: int = 0) -> BatchLoss:
    """Return the cross-entropy of a model on new rows for each call, the same sequence of them for a seed."""
    generator = torch.Generator().manual_seed(seed)

    def loss(model: torch.nn.Module) -> Tensor:
        rows = torch.randint(len(x), (size,), generator=generator)
        return cross_entropy(model(x[rows]), y[rows])

    return loss


def adamw_milliseconds(models: Mapping[str, torch.nn.Module], loss: BatchLoss, count: int) -> dict[str, float]:
    """Return the median milliseconds of a step of each model, measured in turns so that other load affects all alike.

    CPU time is measured, which `interleaved` and torch's own timer do not: several cases run at once.
    """
    warm_up = 2  # untimed steps
    optimizers = {name: torch.optim.AdamW(_groups(model), lr=0.0) for name, model in models.items()}
    spent: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(warm_up + count):
        for name, model in models.items():
            began = time.process_time()
            _step(model, loss, optimizers[name])
            spent[name].append(1e3 * (time.process_time() - began))
    return {name: median(own[warm_up:]) for name, own in spent.items()}


def used_parameters(model: torch.nn.Module, loss: BatchLoss) -> int:
    """Count the numbers that the loss depends on; constants of symbolic edges that are absent do not count."""
    free = [p for p in model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss(model), free, allow_unused=True)
    return sum(p.numel() for p, gradient in zip(free, gradients, strict=True) if gradient is not None)


def _schedule(done: float) -> float:
    warmup = 0.1  # of the steps
    if done < warmup:
        return done / warmup
    return (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))) / 2


def _step(model: torch.nn.Module, loss: BatchLoss, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()


def _groups(model: torch.nn.Module) -> list[dict[str, object]]:
    decay = 0.01
    curves = {id(c) for m in model.modules() if isinstance(m, RationalLayer) for c in (m.numerator, m.denominator)}
    decaying: dict[bool, list[Tensor]] = {True: [], False: []}
    for p in model.parameters():
        decaying[p.dim() > 1 and id(p) not in curves].append(p)
    return [{"params": decaying[True], "weight_decay": decay}, {"params": decaying[False]}]
