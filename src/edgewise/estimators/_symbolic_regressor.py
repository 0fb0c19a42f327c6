"""Formulas as a regressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from edgewise._typing import Array
from edgewise.estimators._judging import Select
from edgewise.estimators._symbolic import Effort, SymbolicPredictor, defined, front_of_numbers, search_numbers
from edgewise.estimators._table import TableRegressor


@dataclass(eq=False, repr=False, kw_only=True)
class SymbolicRegressor(TableRegressor, SymbolicPredictor):
    """A regressor that predicts by a formula, found by `edgewise.discover`.

    The formula is an expression of the columns. A number is a variable; a gap is the median, and a variable tells
    where the gaps are. A date is the days since the first one. A category has a variable for each of its 8 most
    frequent levels but the most frequent one, as `island_Dream`, which is 1 at this level. `symbols_` says what each
    variable means.

    A prediction is always finite: where the formula is undefined, it is the mean of the training targets, and a
    warning says for how many rows.

    `functions`, `require`, `forbid`, `units`, `guesses`, `template`, `constants`, `monotone` and `limits` are what you
    know. Columns go by their names in X (x1, x2, ... in an array) or as in `symbols_`; in texts only as in `symbols_`.
    The formula is as they say, except that a constant is taken where nothing else predicts better. The target is called
    "y".

    Held-out rows are those to which constants were not fitted in a cross-validation, but in sight of which the forms
    were found.

    Parameters
    ----------
    select
        "best" is the formula that `discover` recommends, but a constant or a line where these predict held-out rows
        better; "accurate" the one that predicts held-out rows best; "simplest" the simplest one within a standard error
        of that.
    max_complexity
        The complexity that the formula may have, as `discover` counts; None for any.
    effort
        That of `discover`, or "direct": only formulas that need no model, found in a few seconds at most, the same on
        any machine.
    noise
        "auto", "exact", or the noise over the standard deviation of the target.
    loss
        "squared" or "huber", with which rows far from most count less.
    rounding
        Whether a full search rounds noisy constants to simple numbers where that is no coincidence.
    functions
        Names of functions that may occur; None for any.
    require
        Columns that have to occur.
    forbid
        Columns that must not occur.
    units
        Units of columns and of the target, as in `discover`.
    guesses
        Formulas to try.
    template
        A formula with unknown parts "?".
    constants
        What constants are, as in `discover`.
    monotone
        Where the formula rises or falls, as in `discover`.
    limits
        Limits of the formula, as in `discover`.
    time_limit
        Seconds of a full search; several targets share them.
    n_jobs
        Workers of a full search, -1 for one on each core; they change no result.
    random_state
        Seed of the search and of the held-out rows; None is 0.
    categorical_features
        Columns that are categories besides text: names, positions or a mask.

    Attributes
    ----------
    expression_
        The formula (sympy), a list for several targets.
    formula_
        The same as text of six digits.
    front_
        A DataFrame of all formulas, with their errors over the standard deviation of the target.
    symbols_
        What each variable means. Further attributes are those of `TableEstimator`.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.estimators import SymbolicRegressor
    >>> x = np.random.default_rng(0).uniform(1, 2, (80, 2))
    >>> model = SymbolicRegressor().fit(x, x[:, 0] * np.exp(x[:, 1]))
    >>> model.formula_, model.predict([[2.0, 0.0]]), round(model.score(x, x[:, 0] * np.exp(x[:, 1])), 6)
    ('x1*exp(x2)', array([2.]), 1.0)
    """

    select: Select = "best"
    max_complexity: int | None = None
    effort: Effort = "normal"
    noise: Literal["auto", "exact"] | float = "auto"
    loss: Literal["squared", "huber"] = "squared"
    rounding: bool = True
    functions: Any = None
    require: Any = None
    forbid: Any = None
    units: Any = None
    guesses: Any = None
    template: str | None = None
    constants: Any = None
    monotone: Any = None
    limits: Any = None
    time_limit: float = 30.0
    n_jobs: int | None = None
    random_state: Any = None
    categorical_features: Any = "auto"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SymbolicRegressor:
        """Find formulas for a target, or several, and return the estimator.

        Parameters
        ----------
        X : (n, p)
            The table.
        y : (n, targets)
            The targets; (n,) for one.
        sample_weight : (n,)
            Counts in the search, the constants and the choice of the formula, as `weights` of `discover`. A row of
            weight 2 is a row given twice. None for equal ones.

        Raises
        ------
        InputError
            For parameters that do not exist, and infinities. Other errors are those of scikit-learn for X, y and
            weights that do not fit.
        """
        search, training = self._learned(X, y, sample_weight)
        searched = search_numbers(self._features, training, search, self.random_state)
        self._means = np.average(training.y, axis=0, weights=training.weights)
        self.front_ = front_of_numbers(searched)
        self._adopt([best.formulas[0] for _, best in searched])
        return self

    def predict(self, X: Any) -> Array:
        """Return the values of the formula, (n,) or (n, targets) as y was.

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        x = self._encode(X)
        values = self._outputs(self._expressions, x)
        return self._as_target(defined(values, self._means, "the mean of the training targets"))

    def _shaped(self, values: list[Any]) -> Any:
        return values[0] if self._flat else values
