"""Formulas for the log-odds of classes, as a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgewise._typing import Array
from edgewise.estimators._families import full, labelled, log_probabilities, probabilities
from edgewise.estimators._judging import Select, alone, choose, front_table, settled
from edgewise.estimators._logit_forms import formulas_for_classes
from edgewise.estimators._symbolic import Effort, SymbolicPredictor, warn_undefined
from edgewise.estimators._table import TableClassifier, seed_of


@dataclass(eq=False, repr=False, kw_only=True)
class SymbolicClassifier(TableClassifier, SymbolicPredictor):
    """A classifier whose log-odds are formulas, found by `edgewise.discover`.

    For two classes the formula f is the log-odds of the second one, p = 1 / (1 + exp(-f)). For more classes there is
    one formula for each, and p = softmax(f). Forms are searched for in the log-odds of smooth models of the table.
    Then an intercept, a factor of every term and all fitted constants are set by maximum likelihood, and terms that
    the Bayesian information criterion does not want are dropped. Forms are compared with the prior and with logistic
    regression by the log loss on held-out rows, to which their constants were not fitted, but in sight of which the
    forms were found. Whole sample weights count rows; others are divided by their mean.

    X with categories, dates and gaps becomes variables as in `SymbolicRegressor`. Probabilities are always finite:
    where a formula is undefined, they are the shares of the classes in training, and a warning says for how many rows.

    Parameters
    ----------
    select
        "best" takes the formulas with the lowest information criterion, but the prior or logistic regression where
        these predict held-out rows better; "accurate" the lowest log loss on held-out rows; "simplest" the simplest
        formulas within a standard error of that.
    max_complexity
        The complexity that each formula may have; None for any.
    class_weight
        None, "balanced", or a dict of labels and weights.
    effort
        That of `discover`, or "direct": only formulas that need no model. A full search also reads the curves of an
        additive model as functions of one input.
    time_limit
        Seconds of a full search; the classes share them.
    random_state
        Seed of the search and of the held-out rows; None is 0.
    categorical_features
        Columns that are categories besides text: names, positions or a mask.

    Attributes
    ----------
    classes_
        The labels in ascending order.
    expression_
        The formula (sympy), for more than two classes a list in the order of `classes_`.
    formula_
        The same as text of six digits.
    front_
        A DataFrame of all formulas.
    symbols_
        What each variable means. Further attributes are those of `TableEstimator`.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.estimators import SymbolicClassifier
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 2))
    >>> label = np.where(rng.logistic(size=400) < 3 * x[:, 0] * x[:, 1], "same", "apart")
    >>> model = SymbolicClassifier(effort="direct").fit(x, label)
    >>> model.classes_.tolist(), "x1*x2" in model.formula_, model.predict([[2.0, 2.0]]).item()
    (['apart', 'same'], True, 'same')
    """

    select: Select = "best"
    max_complexity: int | None = None
    class_weight: Any = None
    effort: Effort = "normal"
    time_limit: float = 30.0
    random_state: Any = None
    categorical_features: Any = "auto"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SymbolicClassifier:
        """Find formulas for labels, and return the estimator.

        Parameters
        ----------
        X : (n, p)
            The table.
        y : (n,)
            The labels.
        sample_weight : (n,)
            Weights of the rows, not negative; None for equal ones.

        Raises
        ------
        InputError
            For parameters that do not exist, and infinities. Other errors are those of scikit-learn for X, y and
            weights that do not fit.
        """
        search, training = self._learned(X, y, sample_weight)
        seed, inputs = seed_of(self.random_state), self._features.of(training.x)
        rows = labelled(self._features.names, inputs, training.y, training.weights)
        front = formulas_for_classes(rows, search, seed)
        best = choose(front, search.select)
        self._prior = rows.prior
        self.front_ = front_table([(front, best)], ("log_loss", "held_out_log_loss"))
        self._adopt(best.formulas)
        return self

    def decision_function(self, X: Any) -> Array:
        """Return the log-odds of the second of two classes, (n,), or the logits of the classes, (n, classes).

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        logits = self._logits(X)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes, (n, classes), all above 0 and below 1.

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        return probabilities(self._logits(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of the probabilities, (n, classes).

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        return log_probabilities(self._logits(X))

    def predict(self, X: Any) -> Array:
        """Return the most probable label of every row, (n,).

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        codes = full(self._logits(X)).argmax(axis=1)
        return self.classes_[codes]

    def _logits(self, X: Any) -> Array:
        x = self._encode(X)
        logits = self._outputs(self._expressions, x)
        warn_undefined(logits, "the shares of the classes in training")
        return settled(logits, self._prior)

    def _shaped(self, values: list[Any]) -> Any:
        return alone(values)
