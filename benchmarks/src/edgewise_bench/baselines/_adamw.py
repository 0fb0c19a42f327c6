"""Minibatch training by AdamW, the same for every model in a comparison."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from edgewise.nn import RationalLayer

_WARMUP = 0.1  # of the steps
_DECAY = 0.01
_WARM_UP = 2  # untimed steps

Loss = Callable[[torch.nn.Module], Tensor]
"""The loss of a model on the next minibatch."""


def adamw_steps(model: torch.nn.Module, loss: Loss, count: int, rate: float) -> Iterator[int]:
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


def minibatches(x: Tensor, y: Tensor, size: int, seed: int = 0) -> Loss:
    """Return the cross-entropy of a model on new rows for each call, the same sequence of them for a seed."""
    generator = torch.Generator().manual_seed(seed)

    def loss(model: torch.nn.Module) -> Tensor:
        rows = torch.randint(len(x), (size,), generator=generator)
        return cross_entropy(model(x[rows]), y[rows])

    return loss


def adamw_milliseconds(models: Mapping[str, torch.nn.Module], loss: Loss, count: int) -> dict[str, float]:
    """Return the median milliseconds of a step of each model, measured in turns so that other load affects all alike.

    CPU time is measured, which `interleaved` and torch's own timer do not: several cases run at once.
    """
    optimizers = {name: torch.optim.AdamW(_groups(model), lr=0.0) for name, model in models.items()}
    spent: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(_WARM_UP + count):
        for name, model in models.items():
            began = time.process_time()
            _step(model, loss, optimizers[name])
            spent[name].append(1e3 * (time.process_time() - began))
    return {name: median(own[_WARM_UP:]) for name, own in spent.items()}


def used_parameters(model: torch.nn.Module, loss: Loss) -> int:
    """Count the numbers that the loss depends on; constants of symbolic edges that are absent do not count."""
    free = [p for p in model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss(model), free, allow_unused=True)
    return sum(p.numel() for p, gradient in zip(free, gradients, strict=True) if gradient is not None)


def _schedule(done: float) -> float:
    if done < _WARMUP:
        return done / _WARMUP
    return (1 + math.cos(math.pi * (done - _WARMUP) / (1 - _WARMUP))) / 2


def _step(model: torch.nn.Module, loss: Loss, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()


def _groups(model: torch.nn.Module) -> list[dict[str, object]]:
    curves = {id(c) for m in model.modules() if isinstance(m, RationalLayer) for c in (m.numerator, m.denominator)}
    decaying: dict[bool, list[Tensor]] = {True: [], False: []}
    for p in model.parameters():
        decaying[p.dim() > 1 and id(p) not in curves].append(p)
    return [{"params": decaying[True], "weight_decay": _DECAY}, {"params": decaying[False]}]
