"""First-order training on a table, grid after grid: on all rows at once, or on minibatches."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from edgewise.nn import KAN, adapt_grid, add_constant, clone, has_shapes, layer_of, with_locked
from edgewise.train._context import Context, Trained
from edgewise.train._data import Table
from edgewise.train._loss import Loss, error_of, tuned
from edgewise.train._objective import Quadratic, penalty
from edgewise.train._options import grid_of
from edgewise.train._result import Outcome
from edgewise.train._tuning import TUNING
from edgewise.train.optim import GradientSolver, Needs, Step

_ENTRIES = 16_000_000  # features of a chunk of rows


class FirstOrderTrainer:
    """Trains a network with a solver that sees gradients only."""

    def __init__(self, context: Context[GradientSolver]) -> None:
        self.context = context
        rows, split = context.split.train.rows, context.split
        assert isinstance(rows, Table)
        self.rows, self.subsample = rows, split.train.subsample
        self.validation = split.validation if split.validates and len(split.validation) >= TUNING.few else None

    def run(self, model: KAN, schedule: Sequence[int | None]) -> Trained:
        """Train each grid once, and with sparsity twice more, weighted by the network trained before."""
        context = self.context
        model = model if context.trained else self._centered(model)
        turns = 3 if context.sparsity > 0 else 1
        outcome, total = Outcome.STEPS_DONE, len(schedule) * turns
        for number in range(total):
            grid, turn = schedule[number // turns], number % turns
            if grid and not turn:
                model = adapt_grid(model, self.rows.x, grid)
            formed = turn > 0 or has_shapes(model)
            form = penalty(model, self.rows, context.sparsity if turn else 0.0, 0.0) if formed else Quadratic()
            model, outcome = self._descend(model, form, number, total)
            if outcome.early or context.monitor.ended():
                outcome = context.monitor.ended() or outcome
                break
        return Trained(model, model, outcome, tuned(context.loss, model, self.subsample))

    def _centered(self, model: KAN) -> KAN:
        """Return the network with its outputs near the best constant; for a line search only if they are far off."""
        if model.nodes[-1].arities or any(layer.symbols for layer in model.layers):
            return model
        new, rows, loss = clone(model), self.subsample, self.context.loss
        with torch.no_grad():
            off = loss.constant(rows.y, rows.weights, new.n_out) - new(rows.x).mean(0)
        if self.context.solver.needs is Needs.BATCHES or float(off.abs().max()) >= TUNING.far:
            add_constant(layer_of(new, len(new.layers) - 1), off)
        return new

    def _descend(self, model: KAN, form: Quadratic, number: int, total: int) -> tuple[KAN, Outcome]:
        """Return the network after one of `total` runs of the solver, and how that ended."""
        context = self.context
        loss = tuned(context.loss, model, next(self.rows.batches(16_384)))  # a robust one on these rows
        work, place = clone(model, context.solver.dtype(context.dtype)), f"grid {grid_of(model)}"
        problem = MinibatchProblem(work, self.rows, self.validation, loss, form, context.options.seed)

        def callback(step: Step) -> bool:
            if step.errors is not None:
                context.record(work, loss.error(step.errors[0]), step.errors[1])
                return context.monitor.ended() is not None
            return context.monitor.step(place, step, (number + step.done) / total) is not None

        reason = context.solver.minimize(problem, callback)
        return with_locked(clone(work, torch.float64), model), Outcome[reason.name]


class MinibatchProblem:
    """What a first-order solver minimizes: mean_n w_n loss(f(x_n), y_n) + penalty, on minibatches of a table.

    A row counts by its weight in whichever minibatch it is. Rows are drawn on the device where they are, and cast once.
    """

    def __init__(
        self, model: KAN, rows: Table, validation: Table | None, loss: Loss, form: Quadratic, seed: int
    ) -> None:
        self.model, self.rows = model, _cast(rows, model.dtype)
        self.validation = None if validation is None else _cast(validation, model.dtype)
        self._loss, self._form = loss, Quadratic([block.to(model.dtype) for block in form.blocks])
        self.parameters, self.constants = _trained(model)
        features = sum(layer.n_in * (layer.coefficients.shape[-1] + 1) for layer in model.layers)  # of a row, at least
        self._chunk = max(64, _ENTRIES // max(1, features))
        self._shuffle = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.rows)

    def count(self, size: int) -> int:
        return -(-len(self.rows) // size)

    def batches(self, size: int | None) -> Iterator[Table]:
        if size is None:
            yield from self.rows.batches(self._chunk)
            return
        if size >= len(self.rows):
            yield self.rows
            return
        order = torch.randperm(len(self.rows), generator=self._shuffle).to(self.rows.x.device)
        for index in order.split(size):
            yield Table(*(part.index_select(0, index) for part in (self.rows.x, self.rows.y, self.rows.weights)))

    def loss(self, batch: Table) -> Tensor:
        outputs = self.model(batch.x).to(self.model.dtype)  # from half precision, if that is on
        return torch.dot(self._loss.value(outputs, batch.y), batch.weights)

    def penalty(self) -> Tensor | None:
        return self._form.value(self.model) if self._form.blocks else None

    def validation_error(self) -> float:
        return math.nan if self.validation is None else error_of(self.model, self.validation, self._loss)


def _cast(table: Table, dtype: torch.dtype) -> Table:
    return Table(table.x.to(dtype), table.y.to(dtype), table.weights.to(dtype))


def _trained(model: KAN) -> tuple[list[Tensor], list[Tensor]]:
    """Return the parameters that the outputs depend on: coefficients, and those without weight decay.

    The latter are the constants of symbolic edges, and tensors that are partly locked, since weight decay knows no
    mask. A hook sets the gradient of what is frozen or locked in them to zero.
    """
    with torch.enable_grad():
        total = model(torch.zeros(1, model.n_in, dtype=model.dtype, device=model.device)).sum()
        wanted = [p for p in model.parameters() if p.requires_grad]
        gradients = torch.autograd.grad(total, wanted, allow_unused=True)
    used = [p for p, gradient in zip(wanted, gradients, strict=True) if gradient is not None]
    constants: list[Tensor] = []
    for layer in model.layers:
        masks = [(layer.affine, layer.free_constants())]
        if bool(layer.locked_mask().any()):
            free = layer.free_splines()
            masks += [(layer.coefficients, free.unsqueeze(-1)), (layer.base_weight, free)]
        for tensor, mask in masks:
            if any(p is tensor for p in used):
                constants.append(tensor)
                tensor.register_hook(lambda gradient, mask=mask: gradient * mask)
    return [p for p in used if not any(p is c for c in constants)], constants
