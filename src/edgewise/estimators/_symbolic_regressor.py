"""Formulas as a regressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from edgewise._typing import Array
from edgewise.estimators._symbolic import SymbolicPredictor, defined, front_of_numbers, search_numbers
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

    Parameters
    ----------
    select : "best" is the formula that `discover` recommends, but a constant or a line where these predict held-out
        rows better; "accurate" the one that predicts held-out rows best; "simplest" the simplest one within a
        standard error of that.
    max_complexity : the complexity that the formula may have, as `discover` counts; None for any.
    effort : that of `discover`, or "direct": only formulas that need no model, found in a few seconds at most, the
        same on any machine.
    noise : "auto", "exact", or the noise over the standard deviation of the target.
    loss : "squared" or "huber", with which rows far from most count less.
    rounding : whether a full search rounds noisy constants to simple numbers where that is no coincidence.
    functions, require, forbid, units, guesses, template, constants, monotone, limits : what you know, as in `discover`.
        Columns go by their names in X (x1, x2, ... in an array) or as in `symbols_`; in texts only as in `symbols_`.
        The formula is as they say, except that a constant is taken where nothing else predicts better. The target is
        called "y".
    time_limit : seconds of a full search; several targets share them.
    n_jobs : workers of a full search, -1 for one on each core; they change no result.
    random_state : seed of the search and of the held-out rows; None is 0.
    categorical_features : columns that are categories besides text: names, positions or a mask.

    Fitted attributes: `expression_` (sympy) and `formula_` (text, six digits), lists of them for several targets;
    `front_`, a DataFrame of all formulas, with their errors over the standard deviation of the target; `symbols_`;
    those of `TableEstimator`. Held-out rows are those to which constants were not fitted in a cross-validation, but in
    sight of which the forms were found.

    `sample_weight` counts in the search, the constants and the choice of the formula, as `weights` of `discover`. A row
    of weight 2 is a row given twice.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).uniform(1, 2, (80, 2))
    >>> model = SymbolicRegressor().fit(x, x[:, 0] * np.exp(x[:, 1]))
    >>> model.formula_, model.predict([[2.0, 0.0]]), round(model.score(x, x[:, 0] * np.exp(x[:, 1])), 6)
    ('x1*exp(x2)', array([2.]), 1.0)
    """

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
    n_jobs: int | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SymbolicRegressor:
        """Find formulas for y (n,) or (n, k).

        Errors: those of scikit-learn for X, y and weights that do not fit; InputError for parameters that do not exist,
        and infinities.
        """
        search, training = self._learned(X, y, sample_weight)
        searched = search_numbers(self._features, training, search, self.random_state)
        self._means = np.average(training.y, axis=0, weights=training.weights)
        self.front_ = front_of_numbers(searched)
        self._adopt([best.formulas[0] for _, best in searched])
        return self

    def predict(self, X: Any) -> Array:
        """Return the values of the formula, (n,) or (n, k) as y was."""
        x = self._encode(X)
        values = self._outputs(self._expressions, x)
        return self._as_target(defined(values, self._means, "the mean of the training targets"))

    def _shaped(self, values: list[Any]) -> Any:
        return values[0] if self._flat else values
