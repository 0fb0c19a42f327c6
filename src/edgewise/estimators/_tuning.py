"""The numbers that steer how estimators choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EstimatorTuning:
    """What the searches of symbolic estimators, prediction intervals and batches are steered by.

    Judging of formulas:

    - `folds`: of a cross-validation, at most.
    - `validated_rows`: rows of the cross-validation of formulas for numbers.
    - `likelihood_rows`: rows that formulas for classes are fitted to and judged on.
    - `same_loss`: losses that differ by less are the same; over the variance of a number, and in log loss.

    Constants of formulas:

    - `fit_steps`: steps of a fit to numbers.
    - `huber_rounds`: rounds of Huber's weights and fits.
    - `refit_steps`, `trial_steps`: steps of a fit to classes without a fold, which starts from the constants of all
      rows, and of one of a form on trial.
    - `events`: rows of the rarest class for each input from which a plane has no penalty.

    Forms:

    - `halvings`: how often at most a direct search halves the noise that it assumes.
    - `largest_logit`: log-odds of smooth models, at most.
    - `kernels`: kernels of a smooth model, at most.
    - `smooth_noise`: noise of smooth log-odds, over their standard deviation.
    - `curve_values`: distinct values from which an input has a curve.
    - `visible`: standard deviation of a curve that is read, in log-odds.
    - `curve_time`: share of the time for reading curves.
    - `pruned`: forms of the lowest criterion whose idle terms are looked for.
    - `attempts`: terms that are left out on trial.

    Prediction intervals:

    - `sized_rows`: held-out rows from which the size of residuals may depend on x.
    - `size_gain`: share of the variance of its logarithm that the dependence has to explain.
    - `largest_size`: logarithm of a relative size, at most.

    Threads:

    - `rows_of_a_thread`: rows up to which a fit has one thread.

    Batches:

    - `memory_rows`, `memory_numbers`: rows, and numbers in them, that are remembered at most.
    """

    folds: int = 5
    validated_rows: int = 5000
    likelihood_rows: int = 20_000
    same_loss: float = 1e-12
    fit_steps: int = 30
    huber_rounds: int = 5
    refit_steps: int = 15
    trial_steps: int = 12
    events: int = 10
    halvings: int = 3
    largest_logit: float = 8.0
    kernels: int = 100
    smooth_noise: float = 0.3
    curve_values: int = 8
    visible: float = 0.1
    curve_time: float = 0.5
    pruned: int = 3
    attempts: int = 60
    sized_rows: int = 60
    size_gain: float = 0.01
    largest_size: float = 3.0
    rows_of_a_thread: int = 100_000
    memory_rows: int = 100_000
    memory_numbers: int = 20_000_000


TUNING = EstimatorTuning()
