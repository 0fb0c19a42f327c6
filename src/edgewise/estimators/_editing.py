"""Fitted models that a person changes: edits, what each costs, and how to undo them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from edgewise._errors import InputError, unknown
from edgewise._extras import needed
from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions, Means
from edgewise.estimators._edit import Edit, Edits, as_edits
from edgewise.estimators._edited_sum import EditedSum
from edgewise.estimators._intervals import Intervals
from edgewise.estimators._reading import Reading, deviations
from edgewise.estimators._streaming import Streaming
from edgewise.tables.additive import Accelerated, AdditiveFit, Cox, NegativeBinomial, Ordered

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Cost:
    """The mean loss of some rows before and after an edit, and the standard error of the difference; NaN if unknown."""

    before: float = np.nan
    after: float = np.nan
    error: float = np.nan

    @classmethod
    def of(cls, before: Array, after: Array, weights: Array) -> Cost:
        """Return the cost of losses (n,) of rows with weights (n,)."""
        share, rise = weights / weights.sum(), after - before
        error = float(np.sqrt((share**2 * (rise - share @ rise) ** 2).sum()))
        return cls(float(share @ before), float(share @ after), error)

    @classmethod
    def mean(cls, costs: Sequence[Cost]) -> Cost:
        """Return the mean over targets, which have as many rows each."""
        before, after, error = (
            np.array([getattr(c, name) for c in costs]) for name in ("before", "after", "error")
        )  # fmt: skip
        return cls(float(before.mean()), float(after.mean()), float(np.sqrt((error**2).sum()) / len(costs)))


@dataclass(frozen=True)
class EditedRows:
    """Encoded rows x (n, p), the target of each fit, weights (n,), and whether the model was fitted to them."""

    x: Array
    targets: list[Array]
    weights: Array
    fitted: bool = False

    def holds(self, fit: AdditiveFit, y: Array) -> bool:
        """Return whether the out-of-fold predictions of a fit are those of these rows."""
        if not len(fit.rows) or fit.rows.max() >= len(y):
            return False
        score = _score(fit, self.target(fit, y)[fit.rows], self.weights[fit.rows])
        return bool(np.isclose(score, fit.scores["selected"], rtol=1e-6, atol=1e-12))

    @staticmethod
    def target(fit: AdditiveFit, y: Array) -> Array:
        """Return a target (n,) as losses of the fit take it."""
        return fit.target.forward(y) if fit.family.is_location else y


class Editing(Reading, Streaming):
    """An estimator whose fits can be edited."""

    intervals_: list[Intervals]
    deviations_: list[Array]
    _edits: tuple[tuple[Edit, Cost, Cost], ...] = ()
    _before: Any = None

    def edited(self, edits: Edits, X: Any = None, y: Any = None, sample_weight: Any = None) -> Self:
        """Return an estimator in which parts of the fit are changed by hand; this one stays as it is.

        The new estimator predicts, explains, draws and exports like any other. `edits_` lists the edits with what each
        costs: the loss out of fold before and after, as the change of a part changes out-of-fold predictions by the
        same amount. `undone` takes the last one back; `fit` forgets them all. Baseline and means stay those of the fit,
        so that contributions are what an edit says. Curves stay smooth: their B-spline coefficients are changed.

        Parameters
        ----------
        edits
            An `Edit`, several, or the path of a JSON file that a page of `to_html` wrote.
        X : (n, p)
            Rows on which the cost is measured too. An estimator that was loaded has lost the rows of `fit`, which
            weigh the edits: give these.
        y : (n, targets)
            Their targets, (n,) for one, or labels.
        sample_weight : (n,)
            Their weights; None for equal ones.

        Raises
        ------
        InputError
            For edits that do not fit the model, and where there are no rows.
        ValueError, NotFittedError, TypeError
            As `predict` does.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import Edit, KANRegressor
        >>> x = np.random.default_rng(0).uniform(-2, 2, size=(300, 2))
        >>> model = KANRegressor().fit(x, x[:, 0] ** 2 + x[:, 1])
        >>> flat = model.edited(Edit(part="x1", change="flat", high=0, reason="no effect below zero is known"))
        >>> bool(np.ptp(flat.explain(np.column_stack([np.linspace(-2, 0, 9), np.zeros(9)]))["x1"]) < 1e-9)
        True
        """
        self._check_losses()
        wanted = as_edits(edits)
        given = None if X is None or y is None else self._given_rows(X, y, sample_weight)
        rows = self._fitted_rows() or given
        if rows is None:
            raise InputError("This estimator has lost the rows of fit, which weigh the edits. Give X and y.")
        found: Any = self
        for edit in wanted:
            found = found._after(edit, rows, given)
        return found

    def undone(self) -> Self:
        """Return the estimator without its last edit.

        Raises
        ------
        InputError
            If there is no edit.
        """
        check_is_fitted(self, "fits_")
        if not self.applied_edits():
            raise InputError("There is no edit to undo.")
        return self._before

    @property
    def edits_(self) -> pd.DataFrame:
        """The edits in their order: reason, and the loss before and after, out of fold and on the rows that were
        given, with standard errors of the differences."""
        pd = needed("pandas")

        rows = [
            {"edit": str(edit), "reason": edit.reason}
            | {f"held_out_{name}": getattr(held, name) for name in ("before", "after", "error")}
            | {f"given_{name}": getattr(given, name) for name in ("before", "after", "error")}
            for edit, held, given in self._edits
        ]
        names = [f"{kind}_{name}" for kind in ("held_out", "given") for name in ("before", "after", "error")]
        return pd.DataFrame(rows, columns=["edit", "reason", *names])

    def _check_losses(self, *, times: bool = False) -> None:
        """Raise InputError for several quantiles, and for times without `times`, NotFittedError before `fit`."""
        check_is_fitted(self, "fits_")
        if not isinstance(getattr(self, "quantile", None), float | int | None):
            raise InputError(
                "Pages, edits, comparisons and groups are for one quantile. This fit has a list of them: fit one, or "
                "use explain, importance and plot_curves."
            )
        if not times and self._fits_times():
            raise InputError(
                "Edits, comparisons and groups need a loss of each row, which times that may be censored have not. Use "
                "to_html, explain, importance and plot_curves."
            )

    def _fits_times(self) -> bool:
        """Return whether the targets are times that may be censored."""
        return isinstance(self.fits_[0].family, Cox | Accelerated)

    def applied_edits(self) -> list[Edit]:
        """Return the edits in their order."""
        return [edit for edit, _, _ in self._edits]

    def _without_edits(self) -> None:
        """Forget the edits of a fit that is replaced."""
        self._edits, self._before = (), None

    def _fitted_rows(self) -> EditedRows | None:
        """Return the rows of the fit, None where they were not kept."""
        known = vars(self).get("memory_", vars(self).get("_rows_of_fit"))
        if known is None:
            return None
        y = known.y if known.y.ndim == 1 else known.y.T
        targets = [y.astype(float)] if y.ndim == 1 else list(y)
        return EditedRows(known.x, targets, self._weighted(known.weights, known.y), fitted=True)

    def _given_rows(self, X: Any, y: Any, sample_weight: Any) -> EditedRows:
        x = self._encode(X)
        targets = self._known_targets(x, y)
        weights = self._row_weights(x, targets[0], sample_weight)
        kept = weights > 0
        own = [each[kept] for each in targets]
        codes = own[0].astype(int) if hasattr(self, "classes_") else own[0]
        return EditedRows(x[kept], own, self._weighted(weights[kept], codes))

    def _after(self, edit: Edit, rows: EditedRows, given: EditedRows | None) -> Any:
        """Return the estimator after one more edit."""
        sums = [(t, k) for t, labels in enumerate(self._sums()) for k in range(len(labels))]
        if edit.target is not None and edit.target >= len(sums):
            raise InputError(f"'target' must be a number from 0 to {len(sums) - 1}. Got {edit.target}.")
        chosen = sums if edit.target is None else [sums[edit.target]]
        new: Any = object.__new__(type(self))  # with the rows of the fit, which copies and saved estimators are without
        new.__dict__.update(self.__dict__)
        for name in ("fits_", "means_", "deviations_", "intervals_"):
            setattr(new, name, [*getattr(self, name)])
        held, on_given = [], []
        for t in self._with_part(edit, sorted({t for t, _ in chosen})):
            before = EditedSum(self.fits_[t], self.means_[t], self.encoder_, rows.x, rows.weights)
            after = before.after(edit, [k for own, k in chosen if own == t])
            known = rows.holds(self.fits_[t], rows.targets[t])
            fit = _with_held_out(self.fits_[t], after.fit, rows, rows.targets[t]) if known else after.fit
            new.fits_[t], new.means_[t], new.deviations_[t] = fit, after.means, deviations(fit, rows.x)
            if self.intervals_:
                own = self.intervals_[t]
                new.intervals_[t] = own.after(fit, rows.targets[t]) if known else replace(own, fit=fit)
            pair = [Contributions(each, self.encoder_.names, Means((), {})) for each in (self.fits_[t], fit)]
            held.append(_held_cost(pair, rows, rows.targets[t]) if known else Cost())
            on_given.append(_cost(pair, given, given.targets[t]) if given else Cost())
        new._forget_derived()
        new._edits = (*self._edits, (edit, Cost.mean(held), Cost.mean(on_given)))
        new._before = self
        return new

    def _with_part(self, edit: Edit, targets: list[int]) -> list[int]:
        """Return the targets whose sums have the part of an edit: pairs may differ. Errors: InputError if none has."""
        names = {t: Contributions(self.fits_[t], self.encoder_.names, self.means_[t]).names() for t in targets}
        found = [t for t in targets if edit.part in names[t]]
        if not found:
            raise unknown("part", edit.part, list(dict.fromkeys(name for own in names.values() for name in own)))
        return found

    def _forget_derived(self) -> None:
        """Forget what was made of the fits before."""


def _with_held_out(before: AdditiveFit, after: AdditiveFit, rows: EditedRows, y: Array) -> AdditiveFit:
    """Return the fit with the out-of-fold predictions of its model: they change as the model does."""
    x, target = rows.x[after.rows], rows.target(after, y)[after.rows]
    eta = before.held_out + after.model.eta(x) - before.model.eta(x)
    residual = target - eta[:, 0] if after.family.is_location else before.residual
    found = replace(after, held_out=eta, residual=residual)
    score = _score(found, target, rows.weights[after.rows])
    scores = {**before.scores, "unedited": before.scores.get("unedited", before.scores["selected"]), "selected": score}
    return replace(found, scores=scores)


def _score(fit: AdditiveFit, y: Array, weights: Array) -> float:
    """Return the mean loss of the out-of-fold predictions, by thresholds or a dispersion of their own as in the fit."""
    family = fit.family
    if isinstance(family, NegativeBinomial | Ordered):
        family = family.freed()
    return float(weights @ family.loss(fit.held_out, y) / weights.sum())


def _held_cost(pair: list[Contributions], rows: EditedRows, y: Array) -> Cost:
    losses = []
    for parts in pair:
        target = parts.fit.target
        losses.append(parts.losses(target.center + target.scale * parts.fit.held_out, y[parts.fit.rows]))
    return Cost.of(losses[0], losses[1], rows.weights[pair[0].fit.rows])


def _cost(pair: list[Contributions], rows: EditedRows, y: Array) -> Cost:
    losses = [parts.losses(parts.model.eta(rows.x), y) for parts in pair]
    return Cost.of(losses[0], losses[1], rows.weights)
