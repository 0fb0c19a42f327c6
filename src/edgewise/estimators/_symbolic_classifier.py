"""Formulas for the log-odds of classes, as a classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.utils.validation import check_is_fitted

from edgewise._extras import needed
from edgewise._typing import Array, Formula
from edgewise.estimators._candidates import SAME, text_of, values_of
from edgewise.estimators._choose import choose
from edgewise.estimators._features import Features
from edgewise.estimators._likelihood import (
    Labelled,
    freed,
    full,
    log_probabilities,
    logistic,
    logits_of,
    most_likely,
    prior_of,
    probabilities,
    settled,
)
from edgewise.estimators._logit_forms import criterion, folds_of, forms_for, without_idle_terms
from edgewise.estimators._settings import Effort, Settings
from edgewise.estimators._symbolic_regressor import seed_of, warn_undefined
from edgewise.estimators._table import TableClassifier
from edgewise.formulas.expressions import FreeFormula, complexity
from edgewise.interpret.export import latex

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 20_000  # that constants are fitted to
_PRUNED = 3  # forms of the lowest criterion whose idle terms are looked for
_REFITS = 15  # steps of a fit to a fold, which starts from the constants of all rows


@dataclass(frozen=True, eq=False)
class Logits:
    """Formulas for the logits of classes, fitted; `losses` are log losses by row, when fitted to other rows."""

    expressions: tuple[Formula, ...]
    loss: float
    losses: Array
    recommended: bool = False
    plain: bool = False

    @property
    def complexity(self) -> int:
        """How complex the formulas are together, as `edgewise.discover` counts."""
        return sum(map(complexity, self.expressions))

    @property
    def largest(self) -> int:
        """The complexity of the most complex of the formulas."""
        return max(map(complexity, self.expressions))

    @property
    def text(self) -> Any:
        """The formula with numbers of six digits; a list of them for more than two classes."""
        return _shaped([text_of(each) for each in self.expressions])


class SymbolicClassifier(TableClassifier):
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
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 2))
    >>> label = np.where(rng.logistic(size=400) < 3 * x[:, 0] * x[:, 1], "same", "apart")
    >>> model = SymbolicClassifier(effort="direct").fit(x, label)
    >>> model.classes_.tolist(), "x1*x2" in model.formula_, model.predict([[2.0, 2.0]]).item()
    (['apart', 'same'], True, 'same')
    """

    def __init__(
        self,
        *,
        select: Literal["best", "accurate", "simplest"] = "best",
        max_complexity: int | None = None,
        class_weight: Any = None,
        effort: Effort = "normal",
        time_limit: float = 30.0,
        random_state: Any = None,
        categorical_features: Any = "auto",
    ) -> None:
        self.select = select
        self.max_complexity = max_complexity
        self.class_weight = class_weight
        self.effort = effort
        self.time_limit = time_limit
        self.random_state = random_state
        self.categorical_features = categorical_features

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
        settings = Settings.of(self)
        training = self._training(X, y, sample_weight)
        self._features = Features.learn(self.encoder_, training.x)
        seed = seed_of(self.random_state)
        rows = Labelled.of(self._features.names, self._features.of(training.x), training.y, training.weights)
        found = candidates(rows, settings, seed)
        best = choose(found, settings.select, SAME)
        self._expressions, self._prior = best.expressions, rows.prior
        self.symbols_ = self._features.meanings
        self.front_ = _table(found, best)
        self.expression_ = _shaped(best.expressions)
        self.formula_ = best.text
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

    def latex(self) -> str | list[str]:
        """Return the formula in LaTeX, with numbers of six digits; a list for more than two classes."""
        check_is_fitted(self)
        return _shaped([latex(each, digits=6) for each in self._expressions])

    def _logits(self, X: Any) -> Array:
        x = self._encode(X)
        inputs = self._features.of(x)
        logits = np.column_stack([values_of(each, self._features.names, inputs) for each in self._expressions])
        warn_undefined(logits, "the shares of the classes in training")
        return settled(logits, self._prior)


def candidates(rows: Labelled, settings: Settings, seed: int) -> list[Logits]:
    """Return formulas for the logits with the prior and logistic regression, simplest first.

    Recommended are those with the lowest Bayesian information criterion, without their idle terms.
    """
    folds = folds_of(rows, seed)
    forms = forms_for(rows, folds, settings, seed) if rows.names else []
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows.codes))[:_ROWS])
    rows, folds = rows.part(chosen), folds[chosen]
    fitted = [most_likely([freed(part) for part in form], rows) for form in forms]
    if fitted:
        ranked = sorted(fitted, key=lambda each: criterion(each, rows))
        pruned = [without_idle_terms(each, rows) for each in ranked[:_PRUNED]]
        fitted = [min(pruned, key=lambda each: criterion(each, rows)), *fitted]
    most = settings.max_complexity
    found = [_judged(prior_of, rows, folds, plain=True)]
    if rows.names:
        found.append(_judged(logistic, rows, folds, plain=True))
    for k, forms_ in enumerate(fitted):
        again = partial(most_likely, forms_, steps=_REFITS)
        found.append(_judged(again, rows, folds, recommended=k == 0))
    kept = [each for k, each in enumerate(found) if not k or most is None or each.largest <= most]
    unique: dict[str, Logits] = {}
    for each in kept:
        same = unique.get(str(each.text), each)
        recommended, plain = same.recommended or each.recommended, same.plain or each.plain
        unique[str(each.text)] = replace(each, recommended=recommended, plain=plain)
    return sorted(unique.values(), key=lambda each: (each.complexity, float(each.losses.mean())))


def _judged(
    fit: Callable[[Labelled], tuple[FreeFormula, ...]], rows: Labelled, folds: Array, *,
    plain: bool = False, recommended: bool = False,
) -> Logits:  # fmt: skip
    """Return the formulas that a fit gives, with the losses of those that it gives without each fold."""
    forms = fit(rows)
    losses = np.empty(len(rows.codes))
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        inside, held = rows.part(~out), rows.part(out)
        again = fit(inside) if len(inside.codes) else forms
        losses[out] = held.losses(logits_of(again, held, inside.prior))
    loss = float(rows.losses(logits_of(forms, rows, rows.prior)).sum()) / rows.count
    losses *= len(losses) / rows.count
    return Logits(tuple(each.expression for each in forms), loss, losses, recommended, plain)


def _table(found: list[Logits], best: Logits) -> pd.DataFrame:
    pd = needed("pandas")

    rows = [
        (each.complexity, each.loss, float(each.losses.mean()), each.text, each is best)
        for each in found
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["complexity", "log_loss", "held_out_log_loss", "formula", "selected"])


def _shaped(values: Any) -> Any:
    return values[0] if len(values) == 1 else list(values)
