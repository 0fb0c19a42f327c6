"""Formulas as new columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import sympy
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from edgewise._errors import unknown
from edgewise._typing import Array, Formula
from edgewise.estimators._judging import Judged, text_of
from edgewise.estimators._symbolic import Effort, SymbolicEstimator, defined, front_of_numbers, search_numbers
from edgewise.estimators._table import NumericTargets


@dataclass(eq=False, repr=False, kw_only=True)
class SymbolicTransformer(TransformerMixin, SymbolicEstimator, NumericTargets):
    """A transformer whose columns are formulas that predict y, found by `edgewise.discover`.

    X with categories, dates and gaps becomes variables as in `SymbolicRegressor`. Where a formula is undefined, its
    column is the mean over the training rows, and a warning says for how many rows.

    Parameters
    ----------
    columns
        "front" gives every formula from simple to accurate, but the constant; "terms" gives the terms of the best
        formula, without their factors: what a linear model after it can weigh. If only a constant was found, the line
        stands in for it.
    max_complexity
        The complexity that a formula may have, as `discover` counts; None for any.
    effort
        That of `discover`, or "direct": only formulas that need no model, found in a few seconds at most, the same on
        any machine.
    noise
        "auto", "exact", or the noise over the standard deviation of the target.
    time_limit
        Seconds of a full search; several targets share them.
    random_state
        Seed of the search and of the held-out rows; None is 0.
    categorical_features
        Columns that are categories besides text: names, positions or a mask.

    Attributes
    ----------
    expressions_
        The formulas (sympy), one for each column.
    front_
        A DataFrame of all formulas.
    symbols_
        What each variable means. Further attributes are those of `TableEstimator`.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.estimators import SymbolicTransformer
    >>> x = np.random.default_rng(0).uniform(1, 2, (80, 2))
    >>> y = 3 * x[:, 0] ** 2 + x[:, 0] / x[:, 1]
    >>> made = SymbolicTransformer(columns="terms", effort="direct").fit(x, y)
    >>> sorted(made.get_feature_names_out()), made.transform([[2.0, 4.0]]).shape
    (['x1**2', 'x1/x2'], (1, 2))
    """

    columns: Literal["front", "terms"] = "front"
    max_complexity: int | None = None
    effort: Effort = "normal"
    noise: Literal["auto", "exact"] | float = "auto"
    time_limit: float = 30.0
    random_state: Any = None
    categorical_features: Any = "auto"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SymbolicTransformer:
        """Find formulas for a target, or several, and return the transformer.

        Parameters
        ----------
        X : (n, p)
            The table.
        y : (n, targets)
            The targets; (n,) for one.
        sample_weight : (n,)
            Weights of the rows, not negative; None for equal ones.

        Raises
        ------
        InputError
            As in `SymbolicRegressor`.
        """
        if self.columns not in ("front", "terms"):
            raise unknown("value of 'columns'", self.columns, ["front", "terms"])
        search, training = self._learned(X, y, sample_weight)
        searched = search_numbers(self._features, training, search, self.random_state)
        choice = _terms if self.columns == "terms" else _varying
        named = {text_of(each): each for front, best in searched for each in choice(front, best)}
        self.expressions_ = list(named.values())
        self._names = list(named)
        self.front_ = front_of_numbers(searched)
        values = self._outputs(self.expressions_, training.x)
        finite = np.isfinite(values)
        total = (np.where(finite, values, 0.0) * training.weights[:, None]).sum(axis=0)
        self._means = total / np.maximum((finite * training.weights[:, None]).sum(axis=0), 1e-300)
        return self

    def transform(self, X: Any) -> Array:
        """Return the values of the formulas, (n, number of formulas).

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        x = self._encode(X)
        values = self._outputs(self.expressions_, x)
        return defined(values, self._means, "the mean over the training rows")

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the formulas as names of the columns.

        Parameters
        ----------
        input_features
            There for scikit-learn; it changes nothing.
        """
        check_is_fitted(self, "encoder_")
        return np.array(self._names, dtype=object)


def _varying(front: list[Judged], best: Judged) -> list[Formula]:
    return [each.formulas[0] for each in front if each.formulas[0].free_symbols]


def _terms(front: list[Judged], best: Judged) -> list[Formula]:
    """Return the terms of the best formula that is no constant, without their factors."""
    varying = [each for each in front if each.formulas[0].free_symbols]
    if not varying:
        return []
    chosen = best if best.formulas[0].free_symbols else min(varying, key=lambda each: each.held_out)
    terms = sympy.Add.make_args(sympy.expand_mul(chosen.formulas[0]))
    return [term.as_independent(*term.free_symbols, as_Add=False)[1] for term in terms if term.free_symbols]
