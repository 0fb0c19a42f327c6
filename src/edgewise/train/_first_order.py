"""Gradient descent on a table: grid after grid, by L-BFGS on all rows or by Adam on minibatches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from edgewise.nn import KAN, KANLayer, Layout, adapt_grid, clone, has_shapes, with_locked
from edgewise.optim import LBFGS, Adam, Ending, Step
from edgewise.train._error import error_of
from edgewise.train._loss import Loss, Squared
from edgewise.train._monitor import Monitor
from edgewise.train._penalty import penalty
from edgewise.train._quadratic import Quadratic
from edgewise.train._result import Outcome
from edgewise.train._schedule import grid_of
from edgewise.train._table import Table

_ENTRIES = 16_000_000  # features of the rows that L-BFGS sees at once
_TUNING = 16_384  # rows that a robust loss reads its width from
_ENOUGH = 10  # held-out rows; fewer are too few to choose an epoch by
_OUTCOMES = {
    Ending.DONE: Outcome.STEPS_DONE,
    Ending.FLAT: Outcome.EARLY_STOP,
    Ending.DIVERGED: Outcome.DIVERGED,
    Ending.ENDED: Outcome.STOPPED,
}


class FirstOrder:
    """Trains a network with one solver; errors are in units of `scale`, which the history is not."""

    def __init__(
        self, rows: Table, held: Table | None, solver: LBFGS | Adam, monitor: Monitor, scale: float = 1.0,
        *, loss: Loss | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.rows, self.solver, self.monitor, self.scale = rows, solver, monitor, scale
        self.held = held if held is not None and len(held) >= _ENOUGH else None
        self.loss, self.seed = loss or Squared(), seed

    def run(self, model: KAN, grids: Sequence[int | None], sparsity: float, own: torch.dtype) -> tuple[KAN, Outcome]:
        """Each grid once, and with sparsity twice more, its weights read from the network trained before.

        Adam works in the network's own dtype unless it says otherwise.
        """
        dtype = self.solver.dtype(own) if isinstance(self.solver, Adam) else torch.float64
        turns = 3 if sparsity > 0 else 1
        outcome = Outcome.STEPS_DONE
        for number, grid in enumerate(grids):
            model = adapt_grid(model, self.rows.x, grid) if grid else model
            for turn in range(turns):
                formed = turn > 0 or has_shapes(model)
                form = penalty(model, self.rows, sparsity if turn else 0.0, 0.0) if formed else Quadratic()
                run = (number * turns + turn, len(grids) * turns)
                model, outcome = self._descend(model, form, dtype, run)
                if outcome.early or self.monitor.ended():
                    return model, self.monitor.ended() or outcome
        return model, outcome

    def _descend(self, model: KAN, form: Quadratic, dtype: torch.dtype, run: tuple[int, int]) -> tuple[KAN, Outcome]:
        work, loss = clone(model, dtype), self._tuned(model)
        rows = Descent(work, self.rows, self.held, loss, form, self.seed)
        grid, size = grid_of(model), Layout(model).size
        place = f"grid {grid}"

        def watch(step: Step) -> bool:
            if step.errors is not None:
                self.monitor.record(grid, size, loss.error(step.errors[0]) * self.scale, step.errors[1] * self.scale)
                return self.monitor.ended() is not None
            return self.monitor.step(place, step, (run[0] + step.done) / run[1]) is not None

        ending = self.solver.minimise(rows, watch)
        return with_locked(clone(work, torch.float64), model), _OUTCOMES[ending]

    def _tuned(self, model: KAN) -> Loss:
        few = next(self.rows.batches(_TUNING))
        with torch.no_grad():
            return self.loss.tuned(model(few.x), few.y)


class Descent:
    """What a gradient solver minimises: mean_n w_n loss(f(x_n), y_n) + penalty, on minibatches of a table.

    Each row counts by its weight wherever it falls. The rows are drawn where they lie, and cast once.
    """

    def __init__(
        self, model: KAN, rows: Table, held: Table | None, loss: Loss, form: Quadratic, seed: int
    ) -> None:  # fmt: skip
        self.model, self.rows = model, _cast(rows, model.dtype)
        self.held = None if held is None else _cast(held, model.dtype)
        self._loss, self._form = loss, Quadratic([block.to(model.dtype) for block in form.blocks])
        self.parameters, self.constants = _trained(model)
        self._piece = max(64, _ENTRIES // max(1, _features(model)))
        self._shuffle = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.rows)

    def count(self, size: int) -> int:
        return -(-len(self.rows) // size)

    def batches(self, size: int | None) -> Iterator[Table]:
        if size is None:
            yield from self.rows.batches(self._piece)
            return
        if size >= len(self.rows):
            yield self.rows
            return
        order = torch.randperm(len(self.rows), generator=self._shuffle).to(self.rows.x.device)
        for index in order.split(size):
            yield Table(*(part.index_select(0, index) for part in (self.rows.x, self.rows.y, self.rows.weights)))

    def loss(self, batch: Table) -> Tensor:
        outputs = self.model(batch.x).to(self.model.dtype)  # from half precision, where that is on
        return torch.dot(self._loss.value(outputs, batch.y), batch.weights)

    def penalty(self) -> Tensor | None:
        return self._form.value(self.model) if self._form.blocks else None

    def held_out(self) -> float:
        return math.nan if self.held is None else error_of(self.model, self.held, self._loss)


def _features(model: KAN) -> int:
    """Numbers that a pass keeps for each row, at least."""
    return sum(layer.n_in * (layer.coefficients.shape[-1] + 1) for layer in model.layers)  # type: ignore[operator,misc,union-attr]


def _cast(table: Table, dtype: torch.dtype) -> Table:
    return Table(table.x.to(dtype), table.y.to(dtype), table.weights.to(dtype))


def _trained(model: KAN) -> tuple[list[Tensor], list[Tensor]]:
    """The parameters that the outputs depend on: coefficients, and those that weight decay leaves alone.

    The latter are the constants of symbolic edges, and tensors that are locked in part: decay knows no mask. What is
    frozen or locked in them is held by a gradient of zero.
    """
    with torch.enable_grad():
        total = model(torch.zeros(1, model.n_in, dtype=model.dtype, device=model.device)).sum()
        wanted = [p for p in model.parameters() if p.requires_grad]
        slopes = torch.autograd.grad(total, wanted, allow_unused=True)
    used = [p for p, slope in zip(wanted, slopes, strict=True) if slope is not None]
    constants: list[Tensor] = []
    for layer in model.layers:
        assert isinstance(layer, KANLayer)
        masks = [(layer.affine, layer.free_constants())]
        if bool(layer.locked_mask().any()):
            free = layer.free_splines()
            masks += [(layer.coefficients, free.unsqueeze(-1)), (layer.base_weight, free)]
        for tensor, mask in masks:
            if any(p is tensor for p in used):
                constants.append(tensor)
                tensor.register_hook(lambda slope, mask=mask: slope * mask)
    return [p for p in used if not any(p is c for c in constants)], constants
