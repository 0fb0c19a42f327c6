"""The perceptron that stands beside edgewise: trained by Adam and by L-BFGS, the better one counts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.measure import lbfgs, perceptron

_STEPS = 20
_RATE = 1e-2


class Trained(NamedTuple):
    """A trained perceptron, the loss (or what judged it) at the end, how it was trained, and the seconds of that."""

    module: torch.nn.Module
    loss: float
    solver: str
    seconds: float


def started(sizes: Sequence[int], seed: int, activation: str = "tanh") -> torch.nn.Sequential:
    """A perceptron in float64 with the first weights of a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return perceptron(sizes, activation=activation)


def size(module: torch.nn.Module) -> int:
    """How many numbers are trained."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def trained(
    make: Callable[[], torch.nn.Module],
    loss: Callable[[torch.nn.Module], Tensor],
    seconds: float,
    judge: Callable[[torch.nn.Module], float] | None = None,
) -> Trained:
    """The better of Adam and L-BFGS, each given those seconds, by the loss or by `judge` where it is given.

    Seconds are of computing on one core. Adam's rate falls from 1e-2 to 1e-4; L-BFGS has strong Wolfe line search and a
    history of 50.
    """
    runs = []
    for name, solver in (("L-BFGS", _lbfgs), ("Adam", _adam)):
        module, began = make(), time.process_time()
        solver(module, loss, seconds)
        with torch.no_grad():
            found = float(judge(module)) if judge else float(_detached(loss, module))
        runs.append(Trained(module, found if math.isfinite(found) else math.inf, name, time.process_time() - began))
    return min(runs, key=lambda run: run.loss)


def _detached(loss: Callable[[torch.nn.Module], Tensor], module: torch.nn.Module) -> Tensor:
    with torch.enable_grad():  # a loss may take derivatives to the inputs
        return loss(module).detach()


def _adam(module: torch.nn.Module, loss: Callable[[torch.nn.Module], Tensor], seconds: float) -> None:
    optimizer, began = torch.optim.Adam(module.parameters(), lr=_RATE), time.process_time()
    while (spent := (time.process_time() - began) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = _RATE * 0.01**spent
        for _ in range(_STEPS):
            optimizer.zero_grad()
            loss(module).backward()
            optimizer.step()


def _lbfgs(module: torch.nn.Module, loss: Callable[[torch.nn.Module], Tensor], seconds: float) -> None:
    steps = lbfgs(module, lambda: loss(module), _STEPS)
    began, last = time.process_time(), math.inf
    while time.process_time() - began < seconds:
        now = steps()
        if not math.isfinite(now) or now == last:  # it stands still
            break
        last = now
