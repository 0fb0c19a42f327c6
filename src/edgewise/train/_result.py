"""What training returns: the network, its history, and what to try next."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgewise._ending import Ending
from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._later import LOADERS
from edgewise._typing import Data
from edgewise.nn import KAN
from edgewise.tables.encoding import Inputs
from edgewise.train._data import as_inputs, as_matrix
from edgewise.train._loss import first_choice

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Row(NamedTuple):
    """One finished round: a grid, or an epoch of a first-order solver, with the number of steps taken so far.

    Errors are root mean squares in the target's units.

    Parameters
    ----------
    round
        Number of the round, from 0.
    grid
        Cells of the finest layer.
    parameters
        Number of the network's parameters.
    train
        Error over the training rows; of an epoch the mean over its minibatches, each before its step.
    validation
        Error over the validation rows; NaN without them.
    seconds
        Time since the fit began, in seconds.
    steps
        Steps of the solver since the fit began.
    """

    round: int
    grid: int
    parameters: int
    train: float
    validation: float
    seconds: float
    steps: int = 0


class Outcome(Ending):
    """How training ended; `message` says what happened and what to try."""

    EXACT = "The error is at rounding level: the network can represent the target exactly."
    CONVERGED = (
        "The error no longer falls with more steps or a finer grid. If too large, try more nodes or another seed."
    )
    OVERFIT = (
        "A finer grid fitted the training rows better and the held-out rows worse, so the grid before it was kept. "
        "More rows or less noise would allow a finer one."
    )
    ROWS_EXHAUSTED = (
        "The error still fell at the finest grid that these rows support. More rows would lower it further."
    )
    GRIDS_DONE = "All requested grids were trained and the error still fell at the last. Finer grids may lower it."
    STEPS_DONE = (
        "All steps of the solver were taken. If the error still fell at the end, more steps may lower it further; "
        "networks of up to a few thousand parameters train further with solver 'lm'."
    )
    EARLY_STOP = "The held-out error no longer fell, so training ended early with the best network. More rows may help."
    DIVERGED = "The loss became infinite or NaN; the best network before is returned. Try a lower rate, or clip=1.0."
    STOPPED = "Training was stopped before its end; the best network so far is returned."
    INTERRUPTED = "Training was interrupted; the best network so far is returned."
    TIME_LIMIT = "The time limit ended training early; the best network so far is returned. Allow more time to go on."
    SMOOTHED = (
        "The rows are noisy, or few: every curve is as smooth as they ask for, by restricted maximum likelihood. "
        "More rows lower the error; interactions need product or hidden nodes."
    )
    POOR = "The network explains less than half of the target's variance. Try more nodes or check the columns."

    @property
    def early(self) -> bool:
        """True if training was cut short, so that its error says little about the network."""
        return self in (Outcome.DIVERGED, Outcome.STOPPED, Outcome.INTERRUPTED, Outcome.TIME_LIMIT)


@dataclass(frozen=True)
class FitResult:
    """A trained network and its record.

    Errors are root mean squares in the target's units; with `loss` "cross_entropy" they are mean cross-entropies in
    nats; with a robust loss they are roots of its mean, to which outliers add little. Compare networks by
    `validation_error`: once something was selected by `test_error`, that is biased too. `r2` compares the error on
    held-out rows with the baseline.

    The errors on validation and test rows are of the network before it was also trained on them, so the returned
    network is a little better than `test_error` says.

    Parameters
    ----------
    model
        The trained network. If it was trained on a data frame, columns of later ones are found by name, and others are
        ignored.
    history
        Rows (round, grid, parameters, train, validation, seconds, steps); `frame()` returns them as a pandas table.
    outcome
        How training ended, and what to try.
    train_error
        Error over all rows, with the network that is returned.
    validation_error
        Error over the rows that selected the start and the grid (or the epoch): optimistic, slightly if many rows chose
        among few candidates, strongly if few rows chose among many. NaN if no rows were held out.
    notes
        What was chosen by itself, and what to know about the fit.
    loss
        Name of the loss.
    train_accuracy
        Fraction of all rows whose class is the network's first choice; NaN unless the targets are classes.
    validation_accuracy
        The same over the rows of `validation_error`.
    test_error
        Error over rows that neither trained nor selected the network: the one to report. NaN if no rows were held out.
    test_accuracy
        The same as `train_accuracy` over the rows of `test_error`.
    baseline
        Error of the best constant.
    inputs
        Makes numbers of a table with text, dates or gaps, if there was one: `predict` and `score` take such tables
        then.
    """

    model: KAN
    history: list[Row]
    outcome: Outcome
    train_error: float
    validation_error: float
    notes: list[str] = field(default_factory=list)
    loss: str = "squared"
    train_accuracy: float = math.nan
    validation_accuracy: float = math.nan
    test_error: float = math.nan
    test_accuracy: float = math.nan
    baseline: float = math.nan
    inputs: Inputs | None = None

    def predict(self, x: Data) -> NDArray[np.float64]:
        """Return the network's prediction, as an array.

        Numbers: (n,) for one output, else (n, n_out). Classes: the probability of each, (n, classes).

        Parameters
        ----------
        x : (n, n_in)
            The inputs: an array, a tensor or a DataFrame.

        Raises
        ------
        InputError
            For inputs of another width, or not finite, and a data frame that lacks a column.

        Examples
        --------
        >>> import edgewise as ew, numpy as np
        >>> x = np.linspace(-1, 1, 50)
        >>> ew.fit(ew.KAN([1, 1]), x, x**2).predict([0.5]).round(6)
        array([0.25])
        """
        outputs = self._outputs(x)
        if self.loss != "cross_entropy":
            return (outputs[:, 0] if outputs.shape[1] == 1 else outputs).numpy()
        logits = torch.cat([torch.zeros_like(outputs), outputs], 1) if outputs.shape[1] == 1 else outputs
        return logits.softmax(1).numpy()

    def score(self, x: Data, y: Data) -> float:
        """Return R^2 over rows, the mean over the outputs, or the accuracy for classes.

        Parameters
        ----------
        x : (n, n_in)
            The inputs: an array, a tensor or a DataFrame.
        y : (n, n_out)
            The targets; (n,) for one output, class numbers for classes.

        Raises
        ------
        InputError
            For shapes that do not match, and values that are not finite.

        Examples
        --------
        >>> import edgewise as ew, numpy as np
        >>> x = np.linspace(-1, 1, 50)
        >>> round(ew.fit(ew.KAN([1, 1]), x, x**2).score(x, x**2), 6)
        1.0
        """
        outputs, targets = self._outputs(x), as_matrix(y, "y")
        if len(outputs) != len(targets):
            raise InputError(f"x and y must have equally many rows. Got {len(outputs)} and {len(targets)}.")
        if self.loss == "cross_entropy":
            return float((first_choice(outputs) == targets[:, 0]).double().mean())
        if targets.shape != outputs.shape:
            raise InputError(f"This KAN gives {outputs.shape[1]} outputs. y has {targets.shape[1]} columns.")
        error = (outputs - targets).square().mean(0)
        return float((1 - error / targets.var(0, correction=0)).mean())

    @property
    def r2(self) -> float:
        """R^2 on held-out rows: test rows, else those that selected the network; NaN for classes or without them."""
        error = self.validation_error if math.isnan(self.test_error) else self.test_error
        return 1 - (error / self.baseline) ** 2 if self.loss == "squared" and self.baseline > 0 else math.nan

    def _outputs(self, x: Data) -> Tensor:
        rows = as_inputs(x if self.inputs is None else self.inputs.of(x), self.model)
        with torch.no_grad():
            return self.model(rows).double().cpu()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how the error fell, as `edgewise.plot.history` does, and return the axes.

        Parameters
        ----------
        ax
            The axes to draw into; None makes a figure.
        """
        return LOADERS["plot"]().history(self, ax)

    def frame(self) -> pd.DataFrame:
        """Return the history as a pandas table, with a column for each field of `Row`."""
        pd = needed("pandas")

        return pd.DataFrame(self.history, columns=Row._fields)

    def __repr__(self) -> str:
        lines = [f"FitResult {self.outcome.name}: {self.outcome.message}"]
        for what in ("error", "accuracy"):
            values = {rows: getattr(self, f"{rows}_{what}") for rows in ("train", "validation", "test")}
            shown = [f"{rows} {value:.3g}" for rows, value in values.items() if not math.isnan(value)]
            lines += [f"  {what}: {', '.join(shown)}"] if shown else []
        lines += [] if math.isnan(self.r2) else [f"  R2 on held-out rows: {self.r2:.3g}"]
        return "\n".join([*lines, *([f"  grid: {self.history[-1].grid}"] if self.history else [])])
