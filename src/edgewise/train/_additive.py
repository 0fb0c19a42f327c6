"""The penalized sum of curves as a candidate of every fit: what noisy and short tables support."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise.nn import KAN, clone
from edgewise.nn.bases import named
from edgewise.tables.additive import (
    AdditiveModel,
    Classes,
    Design,
    Gaussian,
    Levels,
    Request,
    additive,
    embedded,
    network,
    side_by_side,
)
from edgewise.train._context import Context, Partition, Trained
from edgewise.train._data import Table
from edgewise.train._loss import CrossEntropy, Loss, Squared, constant_error, error_of
from edgewise.train._result import Outcome
from edgewise.train._tuning import TUNING

_PLAIN = Request(products=0, maps=False, hidden=False, values=False, select="best")


class AdditiveTrainer:
    """Fits y = sum_i f_i(x_i), every f_i smoothed by restricted maximum likelihood, as a network of the shape given.

    On exact and smooth targets a trained network is far better; on noisy or short tables it seldom is. `chosen`
    compares both on held-out rows.
    """

    def __init__(self, context: Context[Any], model: KAN, levels: Sequence[int | None] | None = None) -> None:
        """`levels` has, for each input, how many levels it is the code of; None for numbers."""
        self.context, self.shape = context, model
        self.levels = [None] * model.n_in if levels is None else levels
        self.loss: Loss = context.loss
        self.part: KAN | None = None

    @staticmethod
    def serves(context: Context[Any], model: KAN, named_solver: bool) -> bool:
        """Return True where the sum of curves is a fit that was asked for: nothing but the network was given."""
        loss = type(context.loss) in (Squared, CrossEntropy)
        free = named_solver and context.automatic and not context.trained and context.sparsity == 0
        plain = loss and isinstance(context.options.smoothing, str) and isinstance(context.split.full.rows, Table)
        return free and plain and all(_is_plain(model, depth) for depth in range(len(model.layers)))

    def run(self) -> bool:
        """Fit the training rows; return whether there is such a network."""
        self.part = part = self._fitted(self.context.split.train)
        if part is None:
            return False
        error = error_of(part, self.context.split.validation, self.loss)
        self.context.monitor.seen("smooth curves", error, lambda: part)
        return True

    def chosen(self, trained: Trained) -> Trained:
        """Return the smoothed network, unless the trained one is clearly better."""
        assert self.part is not None
        split, part = self.context.split, self.part
        smooth = error_of(part, split.full.rows, self.loss)
        limit = min(TUNING.overtrained * smooth, constant_error(split.full.subsample, self.loss, self.shape.n_out))
        sound = error_of(trained.model, split.full.rows, self.loss) <= limit
        if sound and self._is_better(trained.selected, part):
            return trained
        final = self._final()
        ended = self.context.monitor.ended()
        if ended is None:
            errors = error_of(final, split.full.rows, self.loss), error_of(part, split.validation, self.loss)
            self.context.record(final, *errors)
        return Trained(final, part, ended or Outcome.SMOOTHED, self.loss)

    def _is_better(self, network: KAN, smoothed: KAN) -> bool:
        """Return True where a network's loss on held-out rows is clearly smaller: by two standard errors, or half."""
        split = self.context.split
        rows = split.validation
        error, smooth = error_of(network, rows, self.loss), error_of(smoothed, rows, self.loss)
        if not split.validates or len(rows) < TUNING.few:
            count = sum(p.numel() for p in network.parameters())
            return error < TUNING.clearly * smooth and 4 * count < len(rows) * self.shape.n_out
        if not error < smooth or (error < TUNING.clearly * smooth and not self.loss.classes):
            return error < smooth
        gain = self._row_losses(smoothed) - self._row_losses(network)
        wanted = 1.0 if error < TUNING.half * smooth else TUNING.lead
        return bool(gain.mean() > wanted * gain.std() / len(gain) ** 0.5)

    def _row_losses(self, model: KAN) -> Tensor:
        """Return the loss of each held-out row, for classes with one row more, whose class is the second choice.

        Without it a few rows that are all right would favor the network that is most certain.
        """
        rows = self.context.split.validation
        with torch.no_grad():
            outputs = model(rows.x)
            losses = self.loss.value(outputs, rows.y)
            if not self.loss.classes:
                return losses
            logits = torch.cat([torch.zeros_like(outputs), outputs], 1) if outputs.shape[1] == 1 else outputs
            second = logits.log_softmax(1).topk(2).values[:, 1]
            return torch.cat([losses, -second.mean().reshape(1)])

    def _final(self) -> KAN:
        """Return the smoothed network of all rows, or of the training rows if time is up."""
        assert self.part is not None
        split = self.context.split
        found = self._fitted(split.full) if split.leaves_out and not self.context.monitor.ended() else None
        return found or self.part

    def _fitted(self, part: Partition) -> KAN | None:
        rows = part.rows
        assert isinstance(rows, Table)
        x, y, w = (values.cpu().numpy() for values in (rows.x, rows.y, rows.weights))
        try:
            model = self._classes(x, y, w) if self.loss.classes else self._numbers(x, y, w)
        except _Ended:
            return None
        model = _with_all_levels(model, self.levels)
        made = network(model, [part.column for part in model.design.inputs], self.shape.n_in)
        device = self.shape.device
        return embedded(made.to(device), clone(self.shape), rows.x)

    def _check(self, stage: str) -> None:
        if self.context.monitor.show(stage) is not None:
            raise _Ended

    def _numbers(self, x: Any, y: Any, w: Any) -> AdditiveModel:
        levels = [count is not None for count in self.levels]
        models = []
        for column in y.T:
            fit = additive(x, np.ascontiguousarray(column), levels, Gaussian(), _PLAIN, weights=w, check=self._check)
            models.append(fit.model.scaled(fit.target.scale, fit.target.center))
        return side_by_side(models)

    def _classes(self, x: Any, y: Any, w: Any) -> AdditiveModel:
        n_out = self.shape.n_out
        family = Classes(max(n_out, 2))
        fit = additive(
            x, y[:, 0], [count is not None for count in self.levels], family, _PLAIN, weights=w, check=self._check
        )
        if n_out != 2:
            return fit.model
        return side_by_side([fit.model.scaled(-0.5, 0.0), fit.model.scaled(0.5, 0.0)])


def _with_all_levels(model: AdditiveModel, levels: Sequence[int | None]) -> AdditiveModel:
    """Return the model in which the number of a level is its code; levels that were not fitted have no effect."""
    inputs, betas = [], []
    for part, beta in zip(model.design.inputs, model.beta, strict=True):
        count = levels[part.column]
        if isinstance(part, Levels) and count is not None:
            effects = np.zeros((count, beta.shape[1]))
            effects[part.values.astype(int)] = beta
            part, beta = replace(part, values=np.arange(float(count))), effects
        inputs.append(part)
        betas.append(beta)
    return replace(model, design=Design(tuple(inputs)), beta=tuple(betas), covariance=None)


class _Ended(Exception):
    """Leaves a fit that has to end."""


def _is_plain(model: KAN, depth: int) -> bool:
    """Return True for a layer of free cubic splines without rules."""
    layer = model.layers[depth]
    return layer.basis == named("bspline", 3) and not layer.symbols and not layer.rules and bool(layer.mask.all())
