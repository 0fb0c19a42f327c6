"""What the symbolic estimators share: a search by `edgewise.discover`, its inputs, and values of what it found."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
from sklearn.utils.validation import check_is_fitted

from edgewise._checks import is_int, is_number
from edgewise._effort import EffortWord
from edgewise._errors import InputError, unknown
from edgewise._renamed import renamed
from edgewise._typing import Array, Formula
from edgewise.discovery import Outcome, checked_loss, discover, discover_directly
from edgewise.discovery.knowledge import Knowledge, Known
from edgewise.discovery.tables import Loss
from edgewise.estimators._families import HuberError, SquaredError
from edgewise.estimators._features import Features
from edgewise.estimators._judging import (
    CrossValidation,
    Fit,
    Formulas,
    Judged,
    Select,
    TargetRows,
    choose,
    front_table,
    outputs_of,
    random_folds,
    text_of,
)
from edgewise.estimators._table import SupervisedEstimator, Training, seed_of
from edgewise.estimators._tuning import TUNING
from edgewise.formulas.expressions import FitData, FreeFormula
from edgewise.interpret.export import latex
from edgewise.tables.io import LARGEST

if TYPE_CHECKING:
    import pandas as pd

Effort = Literal["direct"] | EffortWord | int
Noise = Literal["auto", "exact"] | float

_BY_COLUMN = ("units", "monotone")
_LISTED = ("require", "forbid")


@dataclass(frozen=True)
class FormulaSearch:
    """How formulas are searched for and chosen, checked. `known` are keywords of `edgewise.discover`."""

    select: Select = "best"
    max_complexity: int | None = None
    effort: Effort = "normal"
    noise: Noise = "auto"
    time_limit: float = 30.0
    loss: Loss = "squared"
    rounding: bool = True
    n_jobs: int | None = None
    known: Known = field(default_factory=Known)

    def __post_init__(self) -> None:
        words = [word for each in get_args(Effort) for word in get_args(each)]
        if self.select not in get_args(Select):
            raise unknown("value of 'select'", self.select, get_args(Select))
        if self.effort not in words and not is_int(self.effort, 0):
            raise unknown("value of 'effort'", self.effort, words)
        if self.max_complexity is not None and not is_int(self.max_complexity, 1):
            raise InputError(f"'max_complexity' must be None or an int from 1. Got {self.max_complexity!r}.")
        if not is_number(self.time_limit, 0, 1e300) or not self.time_limit:
            raise InputError(f"'time_limit' must be a positive number of seconds. Got {self.time_limit!r}.")
        checked_loss(self.loss)
        if not isinstance(self.rounding, bool):
            raise InputError(f"'rounding' must be True or False. Got {self.rounding!r}.")
        if self.direct and self.known.get("template") is not None:
            raise InputError("'template' needs a search. Take effort='normal'.")

    @classmethod
    def of(cls, estimator: Any) -> FormulaSearch:
        """Return the search that the parameters of an estimator ask for.

        Errors: InputError for those that do not exist.
        """
        names = [name for name in cls.__dataclass_fields__ if hasattr(estimator, name)]
        every = {name: getattr(estimator, name, None) for name in Known.__annotations__ if name != "max_complexity"}
        known = {name: value for name, value in every.items() if value is not None}
        given = {name: getattr(estimator, name) for name in names}
        given |= {name: renamed(name, given[name]) for name in ("effort", "loss") if name in given}
        return cls(**given, known=cast("Known", known))

    @property
    def direct(self) -> bool:
        """Whether only formulas are looked for that need no model."""
        return self.effort == "direct"

    def knowledge(self, names: tuple[str, ...]) -> Knowledge:
        """Return what is known of formulas of these inputs; nothing where there are none."""
        return Knowledge.of(self.known, names, "y") if names else Knowledge()

    def for_features(self, features: Features, columns: list[str]) -> FormulaSearch:
        """Return the search with the inputs of formulas in place of the columns of the table.

        A column stands for all of its inputs; those that do not vary have none. Levels and gaps have no unit.
        """
        inputs = {c: [f for f in features.features if columns[f.column] == c] for c in columns}
        known: dict[str, Any] = dict(self.known)
        for key in _LISTED:
            given = known.get(key, ())
            words = [given] if isinstance(given, str) else given
            if key in known and isinstance(words, Iterable):
                known[key] = [name for word in words for name in _names(inputs, word)]
        for key in _BY_COLUMN:
            if isinstance(known.get(key), Mapping):
                pairs = known[key].items()
                known[key] = {name: value for word, value in pairs for name in _names(inputs, word, "value")}
        if isinstance(known.get("units"), Mapping):
            unmeasured = {f.name: "" for f in features.features if f.kind != "value"}
            known["units"] = {**unmeasured, **known["units"]}
        if known and self.max_complexity is not None:
            known["max_complexity"] = self.max_complexity
        return replace(self, known=cast("Known", known))

    def forms(self, rows: TargetRows, seed: int, levels: Sequence[float] = ()) -> list[tuple[Formula, bool]]:
        """Return the formulas of discovery, simplest first, and which it recommends; none for a flat target.

        What needs no model is also searched for at these levels of noise. A direct search assumes half of the error
        that it reached, for as long as that halves it again.
        """
        fewest = 5  # rows that `discover` takes
        mean = np.average(rows.y, weights=rows.weights)
        flat = np.average((rows.y - mean) ** 2, weights=rows.weights) <= 1e-28 * mean**2  # to rounding
        if len(rows.y) < fewest or not rows.names or flat:
            return []
        table, weights = (rows.x, rows.y, rows.names), rows.weights if np.ptp(rows.weights) > 0 else None
        directly = partial(discover_directly, *table, weights=weights, **self.known)
        if self.direct:
            fronts = [directly(noise=self.noise)]
        else:
            fronts = [
                discover(
                    *table, noise=self.noise, weights=weights, loss=self.loss, rounding=self.rounding,
                    effort=cast("EffortWord | int", self.effort), seed=seed, time_limit=self.time_limit,
                    n_jobs=self.n_jobs, **self.known,
                )
            ]  # fmt: skip
        exact = fronts[0].outcome is Outcome.EXACT
        if not exact and self.noise != "exact":
            fronts += [directly(noise=level) for level in levels]
        if self.direct and self.noise == "auto" and not exact:
            for _ in range(TUNING.halvings):
                reached = min(each.error for front in fronts for each in front)
                fronts.append(directly(noise=0.5 * min(reached, 1.0)))
                if min(each.error for each in fronts[-1]) > 0.5 * reached:
                    break
        recommended = {front.best.expression for front in fronts}
        every = sorted((each for front in fronts for each in front), key=lambda each: each.complexity)
        return [(form, form in recommended) for form in dict.fromkeys(each.expression for each in every)]


def _names(inputs: Mapping[str, list[Any]], word: Any, kind: str | None = None) -> list[Any]:
    """Return the inputs that a column has, of one kind; the word itself where it is no column."""
    if word not in inputs:
        return [word]
    return [each.name for each in inputs[word] if kind in (None, each.kind)]


class SymbolicEstimator(SupervisedEstimator):
    """Base of estimators by formulas of the columns of a table.

    Fitted attributes: `symbols_`, what each variable of a formula means; those of `TableEstimator`.
    """

    random_state: Any

    def _learned(self, X: Any, y: Any, sample_weight: Any) -> tuple[FormulaSearch, Training]:
        """Return the search that is asked for, and the rows to fit; learn the inputs of formulas."""
        search = FormulaSearch.of(self)
        training = self._training(X, y, sample_weight)
        self._features = Features.learn(self.encoder_, training.x)
        self.symbols_ = self._features.meanings
        return search.for_features(self._features, self.encoder_.names), training

    def _outputs(self, formulas: Sequence[Formula], x: Array) -> Array:
        """Return the values (n, k) of formulas at rows of the encoded table, not finite where one is undefined."""
        return outputs_of(formulas, self._features.names, self._features.of(x))


class SymbolicPredictor(SymbolicEstimator):
    """Base of estimators whose predictions are formulas.

    Fitted attributes: `expression_` (sympy) and `formula_` (text, six digits), or lists of them.
    """

    def _adopt(self, formulas: Sequence[Formula]) -> None:
        """Take the formulas to predict by."""
        self._expressions = list(formulas)
        self.expression_ = self._shaped(self._expressions)
        self.formula_ = self._shaped([text_of(each) for each in formulas])

    def latex(self) -> str | list[str]:
        """Return the formula in LaTeX, with numbers of six digits; a list for several targets, or for many classes."""
        check_is_fitted(self)
        return self._shaped([latex(each, digits=6) for each in self._expressions])

    @abstractmethod
    def _shaped(self, values: list[Any]) -> Any:
        """Return what there is of each formula, alone or as a list."""


def formulas_for_number(rows: TargetRows, search: FormulaSearch, seed: int) -> list[Judged]:
    """Return the front of the formulas found for the rows, with the constant and the plane, simplest first.

    The errors on held-out rows are those of a cross-validation in which the constants are fitted again.
    """
    knowledge = search.knowledge(rows.names)
    forms = search.forms(rows, seed)
    fits = [(_least_squares(form, knowledge), recommended) for form, recommended in forms]
    assert isinstance(rows.family, SquaredError)
    if forms:
        rows = rows.family.reweighted(rows, next(fit for fit, recommended in fits if recommended))
    sample = rows.part(rows.sample(TUNING.validated_rows, seed))
    validation = CrossValidation(rows, sample, random_folds(len(sample.y), seed))
    front = validation.front(fits, search.max_complexity, lambda formulas: _admits(knowledge, formulas[0], rows))
    return sorted(front, key=lambda each: (each.complexity, each.loss))


def _admits(knowledge: Knowledge, expression: Formula, rows: TargetRows) -> bool:
    """Return whether a formula is as it has to be, on these rows."""
    if knowledge.empty:
        return True
    places = [rows.names.index(name) for name in knowledge.names]
    return knowledge.admits(expression, rows.x[:, places], float(np.ptp(rows.y)))


def _least_squares(form: Formula, knowledge: Knowledge) -> Fit:
    """Return what fits the constants of a form, and leaves them where the result would not be as it has to be."""
    free = FreeFormula.of(form)

    def fit(rows: TargetRows) -> Formulas:
        data = FitData.of(rows.names, rows.x, rows.y, np.sqrt(rows.weights))
        fitted = free.fit(data, TUNING.fit_steps)
        good = math.isfinite(fitted.error) and knowledge.admits(fitted.expression)
        return (fitted.expression,) if good else (form,)

    return fit


def search_numbers(
    features: Features, training: Training, search: FormulaSearch, random_state: Any
) -> list[tuple[list[Judged], Judged]]:
    """Return for each target the formulas found, and the one chosen."""
    inputs, family = features.of(training.x), HuberError() if search.loss == "huber" else SquaredError()
    if np.abs(inputs).max(initial=0.0) > LARGEST:
        raise InputError(
            f"X has values beyond {LARGEST:g}, whose squares overflow. Rescale them, for example their units."
        )
    shared = replace(search, time_limit=search.time_limit / training.y.shape[1])
    searched, seed = [], seed_of(random_state)
    for target in training.y.T:
        rows = TargetRows.of(features.names, inputs, target, training.weights, family)
        front = formulas_for_number(rows, shared, seed)
        searched.append((front, choose(front, search.select)))
    return searched


def front_of_numbers(searched: list[tuple[list[Judged], Judged]]) -> pd.DataFrame:
    """Return the formulas as a table, with their errors over the standard deviation of the target."""
    return front_table(searched, ("error", "held_out_error"), math.sqrt)


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
