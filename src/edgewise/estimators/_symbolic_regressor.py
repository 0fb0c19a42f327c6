"""Formulas as a regressor."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._typing import Array
from edgewise.estimators._candidates import SAME, Rows, Scored, candidates, values_of
from edgewise.estimators._choose import choose
from edgewise.estimators._features import Features
from edgewise.estimators._settings import Effort, Settings
from edgewise.estimators._table import TableRegressor, Training
from edgewise.interpret.export import latex
from edgewise.tables.io import LARGEST

if TYPE_CHECKING:
    import pandas as pd


class SymbolicRegressor(TableRegressor):
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
    >>> x = np.random.default_rng(0).uniform(1, 2, (80, 2))
    >>> model = SymbolicRegressor().fit(x, x[:, 0] * np.exp(x[:, 1]))
    >>> model.formula_, model.predict([[2.0, 0.0]]), round(model.score(x, x[:, 0] * np.exp(x[:, 1])), 6)
    ('x1*exp(x2)', array([2.]), 1.0)
    """

    def __init__(  # noqa: PLR0913 (what a search may be asked)
        self,
        *,
        select: Literal["best", "accurate", "simplest"] = "best",
        max_complexity: int | None = None,
        effort: Effort = "normal",
        noise: Literal["auto", "exact"] | float = "auto",
        loss: Literal["squared", "huber"] = "squared",
        rounding: bool = True,
        functions: Any = None,
        require: Any = None,
        forbid: Any = None,
        units: Any = None,
        guesses: Any = None,
        template: str | None = None,
        constants: Any = None,
        monotone: Any = None,
        limits: Any = None,
        time_limit: float = 30.0,
        n_jobs: int | None = None,
        random_state: Any = None,
        categorical_features: Any = "auto",
    ) -> None:
        self.select = select
        self.max_complexity = max_complexity
        self.effort = effort
        self.noise = noise
        self.loss = loss
        self.rounding = rounding
        self.functions = functions
        self.require = require
        self.forbid = forbid
        self.units = units
        self.guesses = guesses
        self.template = template
        self.constants = constants
        self.monotone = monotone
        self.limits = limits
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.categorical_features = categorical_features

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
        settings = Settings.of(self)
        training = self._training(X, y, sample_weight)
        self._features = Features.learn(self.encoder_, training.x)
        settings = settings.for_features(self._features, self.encoder_.names)
        searched = search(self._features, training, settings, self.random_state)
        self._expressions = [best.expression for _, best in searched]
        self._means = np.average(training.y, axis=0, weights=training.weights)
        self.symbols_ = self._features.meanings
        self.front_ = table_of(searched)
        self.expression_ = self._shaped(self._expressions)
        self.formula_ = self._shaped([best.text for _, best in searched])
        return self

    def predict(self, X: Any) -> Array:
        """Return the values of the formula, (n,) or (n, targets) as y was.

        Parameters
        ----------
        X : (n, p)
            The table.
        """
        x = self._encode(X)
        inputs = self._features.of(x)
        values = np.column_stack([values_of(each, self._features.names, inputs) for each in self._expressions])
        return self._as_target(defined(values, self._means, "the mean of the training targets"))

    def latex(self) -> str | list[str]:
        """Return the formula in LaTeX, with numbers of six digits; a list for several targets."""
        check_is_fitted(self)
        return self._shaped([latex(each, digits=6) for each in self._expressions])

    def _shaped(self, values: list[Any]) -> Any:
        return values[0] if self._flat else values


def search(features: Features, training: Training, settings: Settings, seed: Any) -> list[tuple[list[Scored], Scored]]:
    """Return for each target the formulas found, and the one chosen."""
    number = seed_of(seed)
    inputs = features.of(training.x)
    if np.abs(inputs).max(initial=0.0) > LARGEST:
        raise InputError(
            f"X has values beyond {LARGEST:g}, whose squares overflow. Rescale them, for example their units."
        )
    each = replace(settings, time_limit=settings.time_limit / training.y.shape[1])
    found = []
    for target in training.y.T:
        rows = Rows.of(features.names, inputs, target, training.weights)
        front = candidates(rows, each, number)
        found.append((front, choose(front, settings.select, SAME * rows.variance)))
    return found


def seed_of(random_state: Any) -> int:
    """Return the seed for scikit-learn's `random_state`; 0 for None, so that the same rows give the same formula."""
    return 0 if random_state is None else int(check_random_state(random_state).randint(2**31 - 1))


def table_of(searched: list[tuple[list[Scored], Scored]]) -> pd.DataFrame:
    """Return the formulas as a table; with several targets, the first column is the number of the target."""
    pd = needed("pandas")

    rows = [
        (k, each.complexity, each.error, each.held_out, each.text, each is best)
        for k, (front, best) in enumerate(searched)
        for each in front
    ]
    table = pd.DataFrame(rows, columns=["target", "complexity", "error", "held_out_error", "formula", "selected"])
    return table if len(searched) > 1 else table.drop(columns="target")


def defined(values: Array, instead: Array, what: str) -> Array:
    """Return values (n, k) with `instead` (k,) where they are not finite, and warn of these rows."""
    warn_undefined(values, what)
    return np.where(np.isfinite(values), values, instead)


def warn_undefined(values: Array, what: str) -> None:
    """Warn of the rows in which a value is not finite, and say what is given there."""
    undefined = ~np.isfinite(values).all(axis=1)
    if undefined.any():
        count = int(undefined.sum())
        warnings.warn(f"A formula is undefined in {count} of {len(values)} rows, which are given {what}.", stacklevel=4)
