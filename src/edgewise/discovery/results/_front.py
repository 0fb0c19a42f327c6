"""The formulas of a table, and what the rows say about each: constants, bands, weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._typing import Array, Data, Formula
from edgewise.discovery.judging import Answer, Candidate, Evidence, Outcome, Rival, columns_of, criterion
from edgewise.discovery.likelihoods import Likelihood, Maximum, maximum
from edgewise.discovery.models import Ceiling
from edgewise.discovery.residuals import Findings, Repeated, inspect, within_labels
from edgewise.discovery.results._band import Prediction, mixture_mean, mixture_quantile
from edgewise.discovery.tables import ADDITIVE, JUDGED, Columns, NoiseModel, drawn_rows
from edgewise.formulas.expressions import Constant, Covariance, FitData, FreeFormula, Uncertainty, evaluate, write

if TYPE_CHECKING:
    import pandas as pd


class Rule(NamedTuple):
    """How evidence becomes weights: its power, and the weight of forms that were not found, more without a lead."""

    power: float
    absent: float
    doubt: float
    clear: float

    def shares(self, evidence: Evidence) -> Array:
        """Return the weights of a front's formulas."""
        leads = np.sort([*evidence.leads, *evidence.others])
        raw = np.exp(-self.power * (leads - leads[0]) / 2)
        own = np.exp(-self.power * (np.array(evidence.leads) - leads[0]) / 2)
        lead = leads[1] - leads[0] if len(leads) > 1 else 0.0
        return (1 - self.absent - self.doubt * math.exp(-lead / self.clear)) * own / raw.sum()


RULE = Rule(power=0.25, absent=0.11, doubt=0.49, clear=150.0)


def weights_of(evidence: Evidence, outcome: Outcome) -> Array:
    """Return the weight of each formula of a front; what they lack to 1 is that of all other forms.

        weight = (1 - absent) exp(-lead / 8) / sum of exp(-lead / 8) over all forms assessed
        absent = 0.11 + 0.49 exp(-lead of the first over the second / 150); 0 where the best formula is exact

    lead: the difference of its criterion to that of the best formula (`Contest.lead`). exp(-lead / 2) would be the
    evidence of models fixed beforehand. Forms that were chosen by the same rows are mostly not the truth: therefore
    its fourth root, as if there were a quarter of the rows.

    >>> weights_of(Evidence((0.0, 8.0), (12.0,)), Outcome.NOISE).round(2)
    array([0.27, 0.1 ])
    >>> weights_of(Evidence((0.0, 800.0), (1200.0,)), Outcome.NOISE).round(2)
    array([0.89, 0.  ])

    Source: Schwarz, Estimating the dimension of a model (1978); evidence to a power: Grünwald and van Ommen,
    Inconsistency of Bayesian inference for misspecified linear models, and a proposal for repairing it (2017). The
    numbers were chosen on made tables: docs/discovery.md.
    """
    alone = RULE._replace(absent=0.0, doubt=0.0)
    return (alone if outcome is Outcome.EXACT else RULE).shares(evidence)


def evidence_of(candidates: Sequence[Candidate], best: Candidate, rows: int, noise: float) -> Evidence:
    """Return the evidence of a front alone, by the errors and sizes of its formulas as they stand."""
    costs = [criterion(c.error, c.complexity + c.fitted, rows, noise) for c in candidates]
    own = criterion(best.error, best.complexity + best.fitted, rows, noise)
    return Evidence(tuple(cost - own for cost in costs))


def stability_of(
    candidates: Sequence[Candidate], data: FitData, noise: float, resamples: int = 50, seed: int = 0
) -> Array:
    """Return the fraction of resampled tables on which each candidate has the lowest criterion, constants refitted.

    A resampled table draws as many rows, with replacement (the bootstrap).

    Errors: InputError unless resamples is at least 1 and the seed a whole number.
    """
    steps = 30
    if not is_int(resamples, 1):
        raise InputError(f"'resamples' must be an int of at least 1. Got {resamples!r}.")
    if not is_int(seed, 0, 2**62 - 1):
        raise InputError(f"'seed' must be an int from 0 to 2^62. Got {seed!r}.")
    rng = np.random.default_rng(seed)
    free = [FreeFormula.of(candidate.expression) for candidate in candidates]
    sizes = [candidate.complexity + candidate.fitted for candidate in candidates]
    wins = np.zeros(len(candidates))
    for _ in range(resamples):
        keep = rng.integers(data.n, size=data.n)
        again = FitData.of(data.names, np.column_stack(data.columns)[keep], data.y[keep], data.weight[keep])
        errors = [formula.fit(again, steps).error for formula in free]
        costs = [
            criterion(error, size, data.n, noise) if np.isfinite(error) else np.inf
            for error, size in zip(errors, sizes, strict=True)
        ]
        wins[int(np.argmin(costs))] += 1
    return wins / resamples


Which = Candidate | int | None


@dataclass(frozen=True)
class StageLog:
    """What one stage of a search took, and what it gave.

    share: of the evaluations of the search, by the list of stages; evaluations: of evolution, with what models are
    worth in these; before, after: the least error of a formula on the rows, in units of the standard deviation of the
    target, nan where there was none. A stage that takes other weights changes what errors mean.

    >>> print(StageLog("evolution", 0.8, 24_000, 0.31, 0.12))
    evolution: 24000 evaluations, least error 0.31, then 0.12
    """

    stage: str
    share: float
    evaluations: int
    before: float
    after: float

    def __str__(self) -> str:
        return f"{self.stage}: {self.evaluations} evaluations, least error {self.before:.2g}, then {self.after:.2g}"


@dataclass(frozen=True, repr=False)
class Front(Sequence[Candidate]):
    """Formulas for a table from simple to accurate, and the numbers on them; `Discovery` shows it."""

    candidates: list[Candidate]
    best: Candidate
    outcome: Outcome
    noise: float
    relative: bool
    names: tuple[str, ...]
    target: str
    x: Array = field(repr=False)
    y: Array = field(repr=False)
    stages: list[str] = field(repr=False, default_factory=list)
    settings: dict[str, object] = field(repr=False, default_factory=dict)
    ceiling: Ceiling | None = field(repr=False, default=None)
    weight: Array | None = field(repr=False, default=None)
    noise_model: NoiseModel = ADDITIVE
    columns: Columns | None = field(repr=False, default=None)
    rivals: tuple[Rival, ...] = ()
    evidence: Evidence | None = field(repr=False, default=None)
    answers: tuple[Answer, ...] = ()
    log: tuple[StageLog, ...] = field(repr=False, default=())
    searched: str = field(repr=False, default="")
    logarithmic: bool = False
    repeated: Mapping[str, Repeated] = field(repr=False, default_factory=dict)
    likelihood: Likelihood | None = field(repr=False, default=None)

    def __len__(self) -> int:
        return len(self.candidates)

    def __getitem__(self, index: int) -> Candidate:
        return self.candidates[index]

    @property
    def notes(self) -> list[str]:
        """What became of the columns and rows of the table, in whole sentences."""
        return [] if self.columns is None else [*self.columns.notes]

    @property
    def groups(self) -> pd.DataFrame | None:
        """The constants of the best formula that differ by group, a line for each group; None if none does."""
        return None if self.best.by_group is None else self.best.by_group.table()

    def of(self, columns: Columns) -> Self:
        """Return the same formulas for tables as they come.

        Parameters
        ----------
        columns
            Makes the inputs of such a table.
        """
        mine = [replace(candidate, columns=columns) for candidate in self.candidates]
        best = mine[next(k for k, candidate in enumerate(self.candidates) if candidate is self.best)]
        ceiling = self.ceiling and replace(self.ceiling, columns=columns)
        stages = [*columns.notes, *self.stages]
        return replace(self, candidates=mine, best=best, ceiling=ceiling, columns=columns, stages=stages)

    @property
    def equations(self) -> pd.DataFrame:
        """The front as a table: complexity, error, error and R2 on held-out rows, weight, formula, best, name.

        `name` is that of the law of a textbook that a formula is, empty for others.

        `edgewise.expressions.parse` reads the formulas, which have all digits, given the names.
        """
        pd = needed("pandas")

        rows = [
            (
                c.complexity,
                c.error,
                c.held_out,
                c.r2,
                w,
                write(c.expression),
                c is self.best,
                c.named.name if c.named else "",
            )
            for c, w in zip(self.candidates, self.weights, strict=True)
        ]
        return pd.DataFrame(
            rows, columns=["complexity", "error", "held_out", "r2", "weight", "formula", "best", "name"]
        )

    @cached_property
    def weights(self) -> Array:
        """The weight of evidence (len(found),) of each formula of the front: how likely its form is the right one.

        They are in proportion to exp(-criterion / 8), over all forms that were assessed, with

            criterion = m log(error^2) + log(n) / 2 (complexity + fitted numbers)

        where errors below a noise that was given count as the noise (Schwarz, 1978, to the power 1/4). m is n, the
        number of rows, or what they are worth if neighboring residuals are correlated. What the weights lack to 1 is
        that of other forms: those that were assessed, and those that were not found. `best` may have a small weight: it
        is chosen by its error on held-out rows and by the flexible model.
        """
        rows = min(len(self.y), JUDGED)
        evidence = self.evidence or evidence_of(self.candidates, self.best, rows, self.noise)
        return weights_of(evidence, self.outcome)

    @cached_property
    def findings(self) -> Findings:
        """What tests of the best formula's residuals found: order of rows, inputs, groups, size, outliers."""
        x, y, weight = self._judged()
        values = evaluate(self.best.expression, self.names, x)
        if self.likelihood is not None:
            left = self.likelihood.residual(values, self.likeliest().theta)
            return inspect(x, left, names=self.names, fitted=values)
        residual = (y - values) * (1.0 if weight is None else weight)
        by = self.best.by_group
        apart = () if by is None else by.indicators
        places = [k for k, name in enumerate(self.names) if name not in apart]
        groups = None if by is None else by.codes(x, self.names)
        named = [self.names[k] for k in places]
        found = inspect(x[:, places], residual, names=named, fitted=values, groups=groups)
        labels = {name: column.only(self._kept) for name, column in self.repeated.items()}
        return replace(found, repeated=within_labels(residual, labels)) if found.tested else found

    @property
    def chi2(self) -> float | None:
        """The sum of squares of residuals over their standard errors, per degree of freedom; None if none were given.

        About 1 if the best formula is right and `sigma` too.
        """
        if not self.noise_model.known or self.weight is None:
            return None
        z = self.weight * (self.y - self.best.predict(self.x))
        return float(np.sum(z**2) / max(len(z) - self.best.fitted, 1))

    @property
    def rows_are(self) -> Literal["classical", "autocorrelated", "heteroscedastic"]:
        """What standard errors take rows for, by `findings`: independent, correlated with neighbors, or unequal."""
        correlated = 5000  # rows up to which error bars allow for rows that are correlated or unequal
        if self.noise_model.known or len(self.y) > correlated or self.outcome is Outcome.EXACT:
            return "classical"
        if self.findings.order is not None:
            return "autocorrelated"
        return "heteroscedastic" if self.findings.varies else "classical"

    def uncertainty(self, candidate: Which = None) -> Uncertainty:
        """Return how well the rows determine the constants of a formula, by the noise model's weights.

        The constants stay as they are: standard errors are those at these values. Where `sigma` was given they are by
        it, times the square root of chi-squared per degree of freedom where that is above 1. Where the best formula's
        residuals are correlated from row to row, or vary in size, they are for such rows (`rows_are`). Of a formula
        whose constants differ by group they are those of the mean constants.

        Parameters
        ----------
        candidate
            A candidate of the front or its number; None for the best.
        """
        chosen = self._candidate(candidate)
        if chosen.by_group is not None:
            model = chosen.by_group.fit.model
            return chosen.by_group.fit.uncertainty(FitData.of(model.names, model.x, model.y, model.weight))
        expression = chosen.expression
        if self.likelihood is not None:
            return self._by_likelihood(expression)
        x, y, weight = self._judged(expression)
        found = Uncertainty.of(expression, self.names, x, y, weight, kind=self.rows_are)
        if not self.noise_model.known:
            return found
        given = Uncertainty.of(expression, self.names, x, y, weight, sigma=True)
        return max(found, given, key=lambda each: each.unit)

    def likeliest(self, candidate: Which = None) -> Maximum:
        """Return a formula at the maximum of the likelihood of the rows.

        Parameters
        ----------
        candidate
            A candidate of the front or its number; None for the best.
        """
        assert self.likelihood is not None
        free = FreeFormula.of(self._candidate(candidate).expression)
        columns = [np.ascontiguousarray(column) for column in self.x.T]
        found = maximum(self.likelihood, free, self.names, columns, {})
        assert found is not None
        return found

    def _by_likelihood(self, expression: Formula) -> Uncertainty:
        """Return the uncertainty of a formula's constants as they stand, by the likelihood."""
        best = self.likeliest(next(c for c in self if c.expression == expression))
        k = len(best.free.values)
        freedom = np.full(k, np.inf if best.likelihood.normal else float(max(len(self.y) - k, 1)))
        data = FitData.of(self.names, self.x, self.y, self.weight)
        return Uncertainty(FreeFormula.of(expression), data, best.unit, given=Covariance(best.covariance, freedom))

    def constants(self, candidate: Which = None) -> tuple[Constant, ...]:
        """Return the fitted constants of a formula with their standard errors, in the order of `interval`.

        Parameters
        ----------
        candidate
            A candidate of the front or its number; None for the best.
        """
        return self.uncertainty(candidate).constants

    def interval(self, number: int, coverage: float = 0.95, candidate: Which = None) -> tuple[float, float]:
        """Return the profile interval of a fitted constant: where refits of the others leave little more error.

        Parameters
        ----------
        number
            Number of the constant, as in `constants`.
        coverage
            Probability of the interval.
        candidate
            A candidate of the front or its number; None for the best.
        """
        uncertainty = self.uncertainty(candidate)
        if self.likelihood is None:
            return uncertainty.profile(number, coverage)
        best = self.likeliest(candidate)
        return best.profile(number, 0.5 * (uncertainty.quantile(coverage, number) * best.unit) ** 2)

    def predict(self, x: Data, interval: float | None = None, *, candidate: Which = None, forms: bool = False) -> Any:
        """Return values (n,) of a formula at rows of a table, or values and the two ends of a band.

        The band joins the doubt about the constants and the noise as `noise_model` has it at the value (Student's t).

        Parameters
        ----------
        x : (n, n_in)
            The inputs.
        interval
            The part of new measurements that the band is to hold: 0.9 gives (values, low, high), and the band holds
            nine of ten, if the form is right and rows are independent. None for values only.
        candidate
            A candidate of the front or its number; None for the best.
        forms
            Whether to join the doubt about the form: values are the mean of all formulas of the front by `weights`, the
            ends quantiles of the mixture of their predictions.

        Raises
        ------
        InputError
            For an interval that is not between 0 and 1, columns that do not fit, and a candidate that is not of the
            front.
        """
        if interval is not None and not (is_number(interval, 0) and 0 < interval < 1):
            raise InputError(f"'interval' must be a number between 0 and 1, like 0.9, or None. Got {interval!r}.")
        if forms and candidate is not None:
            raise InputError("'forms' joins all formulas of the front: leave out 'candidate'.")
        rows = columns_of(x, self.names, self.columns)
        chosen = self.candidates if forms else [self._candidate(candidate)]
        weights = self.weights / self.weights.sum() if forms else np.ones(1)
        noise, ratio = self._noise, self.logarithmic
        predictions = [
            replace(Prediction.of(self.uncertainty(each), rows, noise), ratio=ratio) if each.by_group is None
            else Prediction.of_groups(each.by_group, rows, self.names, noise) for each in chosen
        ]  # fmt: skip
        values = mixture_mean(predictions, weights)
        if interval is None:
            return values
        ends = [mixture_quantile(predictions, weights, end) for end in ((1 - interval) / 2, (1 + interval) / 2)]
        within = (-math.inf, math.inf) if self.likelihood is None else self.likelihood.within
        return (values, *(np.clip(end, *within) for end in ends))

    def stability(self, resamples: int = 50, seed: int = 0) -> Array:
        """Return how often each formula of the front has the lowest criterion if rows are resampled: fractions.

        The rows are drawn with replacement and the constants fitted again; the forms stay those of the front.

        Parameters
        ----------
        resamples
            How many times.
        seed
            Seed of the draws.

        Raises
        ------
        InputError
            Unless resamples is at least 1 and the seed a whole number.
        """
        data = Uncertainty.of(self.best.expression, self.names, *self._judged()).data
        return stability_of(self.candidates, data, self.noise, resamples, seed)

    def _judged(self, form: Formula | None = None) -> tuple[Array, Array, Array | None]:
        """The rows that constants are fitted to, and the weights of their residuals.

        In logarithms, residuals of a formula (the best one by default) are those of the logarithm: f log(y / f).
        """
        keep = self._kept
        if self.logarithmic and self.weight is not None:
            every = (evaluate(each, self.names, self.x[keep]) for each in (self.best.expression, form) if each)
            best, *own = every
            values = own[0] if own else best
            with np.errstate(all="ignore"):
                return self.x[keep], values * (1 + np.log(self.y[keep] / values)), self.weight[keep] * best / values
        if self.weight is not None:
            return self.x[keep], self.y[keep], self.weight[keep]
        return self.x[keep], self.y[keep], 1 / np.abs(self.y[keep]) if self.relative else None

    @cached_property
    def _kept(self) -> Array:
        """The numbers of the rows that constants are fitted to."""
        bars = 200_000  # rows that error bars come from, where constants were fitted to more
        seed = self.settings.get("seed", 0)
        fitted = self.settings.get("rows fitted", JUDGED)
        count = min(fitted, bars) if isinstance(fitted, int) else JUDGED
        return drawn_rows(len(self.y), count, seed if isinstance(seed, int) else 0)

    @property
    def _noise(self) -> NoiseModel:
        """The noise up to a factor, also of exact tables."""
        model = self.noise_model
        if not model.level and not model.share:
            return NoiseModel("relative", share=1.0) if self.relative else NoiseModel(level=1.0)
        return model

    def _candidate(self, which: Which) -> Candidate:
        if which is None:
            return self.best
        if isinstance(which, Candidate) and which.names == self.names:
            return which
        if not is_int(which, -len(self), len(self) - 1):
            raise InputError(f"A candidate is one of the front or its number, 0 to {len(self) - 1}. Got {which!r}.")
        return self.candidates[which]  # type: ignore[index]
