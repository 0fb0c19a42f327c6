"""Formulas as new columns."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import sympy
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from edgewise._errors import unknown
from edgewise._typing import Array, Formula
from edgewise.estimators._candidates import Scored, text_of, values_of
from edgewise.estimators._features import Features
from edgewise.estimators._settings import Effort, Settings
from edgewise.estimators._symbolic_regressor import defined, search, table_of
from edgewise.estimators._table import NumericTargets


class SymbolicTransformer(TransformerMixin, NumericTargets):
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
    >>> x = np.random.default_rng(0).uniform(1, 2, (80, 2))
    >>> y = 3 * x[:, 0] ** 2 + x[:, 0] / x[:, 1]
    >>> made = SymbolicTransformer(columns="terms", effort="direct").fit(x, y)
    >>> sorted(made.get_feature_names_out()), made.transform([[2.0, 4.0]]).shape
    (['x1**2', 'x1/x2'], (1, 2))
    """

    def __init__(
        self,
        *,
        columns: Literal["front", "terms"] = "front",
        max_complexity: int | None = None,
        effort: Effort = "normal",
        noise: Literal["auto", "exact"] | float = "auto",
        time_limit: float = 30.0,
        random_state: Any = None,
        categorical_features: Any = "auto",
    ) -> None:
        self.columns = columns
        self.max_complexity = max_complexity
        self.effort = effort
        self.noise = noise
        self.time_limit = time_limit
        self.random_state = random_state
        self.categorical_features = categorical_features

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
        settings = Settings.of(self)
        training = self._training(X, y, sample_weight)
        self._features = Features.learn(self.encoder_, training.x)
        searched = search(self._features, training, settings, self.random_state)
        choice = _terms if self.columns == "terms" else _formulas
        found = {text_of(each): each for front, best in searched for each in choice(front, best)}
        self.expressions_ = list(found.values())
        self._names = list(found)
        self.front_ = table_of(searched)
        self.symbols_ = self._features.meanings
        values = self._values(training.x)
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
        values = self._values(self._encode(X))
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

    def _values(self, x: Array) -> Array:
        inputs = self._features.of(x)
        columns = [values_of(each, self._features.names, inputs) for each in self.expressions_]
        return np.column_stack([np.empty((len(x), 0)), *columns])


def _formulas(front: list[Scored], best: Scored) -> list[Formula]:
    return [each.expression for each in front if each.expression.free_symbols]


def _terms(front: list[Scored], best: Scored) -> list[Formula]:
    """Return the terms of the best formula that is no constant, without their factors."""
    varying = [each for each in front if each.expression.free_symbols]
    if not varying:
        return []
    chosen = best if best.expression.free_symbols else min(varying, key=lambda each: each.held_out)
    terms = sympy.Add.make_args(sympy.expand_mul(chosen.expression))
    return [term.as_independent(*term.free_symbols, as_Add=False)[1] for term in terms if term.free_symbols]
