"""First-order and quasi-Newton training for problems too large for second order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

Loss = Callable[[Tensor | None], Tensor]  # row numbers (None: all) -> mean loss


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS with a strong-Wolfe line search, on all rows at once.

    >>> LBFGS(steps=200).history
    20

    Source: Nocedal and Wright, Numerical Optimization, algorithm 7.5.
    """

    steps: int = 300
    history: int = 20

    def minimise(self, loss: Loss, parameters: Iterable[torch.nn.Parameter], n_rows: int, seed: int) -> None:
        solver = torch.optim.LBFGS(
            list(parameters), max_iter=self.steps, history_size=self.history, tolerance_grad=1e-14,
            tolerance_change=1e-16, line_search_fn="strong_wolfe",
        )  # fmt: skip

        def closure() -> Tensor:
            solver.zero_grad()
            value = loss(None)
            value.backward()
            return value

        solver.step(closure)


@dataclass(frozen=True)
class Adam:
    """Adam on shuffled minibatches, the learning rate falling to zero along a half cosine.

    >>> Adam(epochs=50).batch
    256

    Source: Kingma and Ba, Adam (2015).
    """

    epochs: int = 200
    batch: int = 256
    rate: float = 3e-3

    def minimise(self, loss: Loss, parameters: Iterable[torch.nn.Parameter], n_rows: int, seed: int) -> None:
        solver = torch.optim.Adam(list(parameters), lr=self.rate)
        steps = self.epochs * -(-n_rows // self.batch)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(solver, steps)
        generator = torch.Generator().manual_seed(seed)
        for _ in range(self.epochs):
            for rows in torch.randperm(n_rows, generator=generator).split(self.batch):
                solver.zero_grad()
                with torch.enable_grad():
                    loss(rows).backward()
                solver.step()
                schedule.step()
