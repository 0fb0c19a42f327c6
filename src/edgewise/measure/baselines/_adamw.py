"""Training in minibatches by AdamW, the same for every model that stands beside others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median

import torch
from torch import Tensor

from edgewise.nn import RationalLayer
from edgewise.optim import Schedule

_SCHEDULE = Schedule("cosine", warmup=0.1)
_DECAY = 0.01
_UNCOUNTED = 2  # steps: what is made once for a process is no part of a step

Loss = Callable[[torch.nn.Module], Tensor]
"""The loss of a model on the next minibatch."""


def steps(model: torch.nn.Module, loss: Loss, count: int, rate: float) -> Iterator[int]:
    """Take `count` steps of AdamW, and give the number of steps after each.

    The rate rises over a tenth of the steps and falls along half a wave to zero. Weights decay by 0.01; biases,
    normalisation and the coefficients of rational functions do not.
    """
    solver = torch.optim.AdamW(_groups(model), lr=rate, weight_decay=0.0)
    for number in range(1, count + 1):
        for group in solver.param_groups:
            group["lr"] = rate * _SCHEDULE.share(number / (count + 1))
        _step(model, loss, solver)
        yield number


def milliseconds(models: Mapping[str, torch.nn.Module], loss: Loss, count: int) -> dict[str, float]:
    """Of a step of each model, the median of `count` steps in turns: what else the machine does meets all alike."""
    solvers = {name: torch.optim.AdamW(_groups(model), lr=0.0) for name, model in models.items()}
    spent: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(_UNCOUNTED + count):
        for name, model in models.items():
            began = time.process_time()
            _step(model, loss, solvers[name])
            spent[name].append(1e3 * (time.process_time() - began))
    return {name: median(own[_UNCOUNTED:]) for name, own in spent.items()}


def parameters(model: torch.nn.Module, loss: Loss) -> int:
    """How many numbers the loss depends on: constants of symbolic edges, of which there are none, do not count."""
    free = [p for p in model.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss(model), free, allow_unused=True)
    return sum(p.numel() for p, slope in zip(free, found, strict=True) if slope is not None)


def _step(model: torch.nn.Module, loss: Loss, solver: torch.optim.Optimizer) -> None:
    solver.zero_grad()
    loss(model).backward()
    solver.step()


def _groups(model: torch.nn.Module) -> list[dict[str, object]]:
    curves = {id(c) for m in model.modules() if isinstance(m, RationalLayer) for c in (m.numerator, m.denominator)}
    decaying: dict[bool, list[Tensor]] = {True: [], False: []}
    for p in model.parameters():
        decaying[p.dim() > 1 and id(p) not in curves].append(p)
    return [{"params": decaying[True], "weight_decay": _DECAY}, {"params": decaying[False]}]
