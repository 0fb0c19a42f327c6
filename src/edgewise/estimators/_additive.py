"""What regressor and classifier share: the fits of targets as networks and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import nan
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from sklearn.utils.validation import check_is_fitted

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._progress import reporting
from edgewise._typing import Array
from edgewise.estimators._coefficients import coefficient_table, component_table
from edgewise.estimators._fitting import Task, all_rows, fitted, kept_shape
from edgewise.estimators._onnx import write_classifier, write_regressor
from edgewise.estimators._pages import Pages
from edgewise.estimators._reading import candidate_table, edge_table, stacked
from edgewise.estimators._table import Training, dense, seed_of
from edgewise.interpret.export import OnnxGraph
from edgewise.nn import KAN
from edgewise.tables.additive import (
    Family,
    Request,
    Select,
    input_name,
    network,
)

if TYPE_CHECKING:
    import pandas as pd


def _listed(given: Any) -> list[Any]:
    """Return the columns of an argument: none, one or several."""
    if given is None:
        return []
    return [given] if isinstance(given, str) or is_int(given) else list(given)


Products = Literal["auto"] | int
_DERIVED = ("networks_", "edges_", "candidates_", "coefficients_")


class AdditiveEstimator(Pages):
    """An estimator whose fit is a sum of curves, products, a hidden node and steps.

    Attributes
    ----------
    fits_
        The fits, one for each target.
    networks_
        The same as networks of `network_inputs(X)`, without the steps.
    network_
        The network of a single target.
    network_names_
        Names of its inputs.
    edges_
        A table of all curves, products and steps.
    candidates_
        A table of the shapes that were compared.
    coefficients_
        A table of the coefficients of linear terms.
    variance_components_
        A table of the variances of random intercepts.
    means_
        Means over the rows.
    deviations_
        Standard deviations over the rows.
    """

    select: Select
    products: Products
    steps: bool
    monotonic_cst: Any
    interaction_cst: Any
    random_state: Any
    warm_start: bool
    verbose: bool

    def _checked(self, X: Any, *, reset: bool, least: int) -> Any:
        """Return X as a DataFrame or an array, sparse data as an array; see `TableEstimator`."""
        return super()._checked(dense(X), reset=reset, least=least)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: sparse data is welcome too."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _fit_each(
        self, rows: Training, targets: list[Array], families: list[Family], *, intervals: bool = False
    ) -> None:
        """Fit each target by its family, or all by one; with what intervals need if asked."""
        encoder = self.encoder_
        shape = (encoder.names, [labels is not None for labels in encoder.levels], len(targets))
        requests = self._requests(rows.x.shape[1], len(targets), again=vars(self).get("_shape") == shape)
        families = families * (len(targets) // len(families))
        tasks = [
            Task(encoder, rows.x, y, rows.weights, family, request, intervals, everything)
            for y, family, request, everything in zip(
                targets, families, requests, all_rows(rows.shared, families), strict=True
            )
        ]
        with reporting(True if self.verbose else "auto") as report:

            def show(stage: str) -> None:
                report(f"fitting {stage}", nan, None)

            found = fitted(tasks, getattr(self, "n_jobs", None), show)
        self.fits_ = [each.fit for each in found]
        self.means_ = [each.means for each in found]
        self.deviations_ = [each.deviations for each in found]
        self.intervals_ = [each.intervals for each in found if each.intervals is not None]
        self._shape = shape
        self._without_edits()
        self._forget_derived()

    def _forget_derived(self) -> None:
        for name in _DERIVED:
            vars(self).pop(name, None)

    def _requests(self, columns: int, targets: int, *, again: bool) -> list[Request]:
        """Return what is asked of each target's fit: with `warm_start` the shape of the fit before, of such a table."""
        request = self._request(columns)
        if self.warm_start and again:
            return [kept_shape(request, fit) for fit in self.fits_]
        return [request] * targets

    @cached_property
    def networks_(self) -> list[KAN]:
        """The network of each target, in the units of the sum: of the target, its map, or log-odds; without steps."""
        check_is_fitted(self, "fits_")
        return [network(fit.model.scaled(fit.target.scale, fit.target.center)) for fit in self.fits_]

    @cached_property
    def edges_(self) -> pd.DataFrame:
        """All curves, products and steps."""
        check_is_fitted(self, "fits_")
        fits = zip(self.fits_, self.deviations_, strict=True)
        return stacked([edge_table(fit, deviation, self.encoder_.names) for fit, deviation in fits])

    @cached_property
    def candidates_(self) -> pd.DataFrame:
        """The shapes that were compared."""
        check_is_fitted(self, "fits_")
        return stacked([candidate_table(fit) for fit in self.fits_])

    @property
    def variance_components_(self) -> pd.DataFrame:
        """The variance of the random intercepts of each column of `groups`, and of the residual where there is one."""
        check_is_fitted(self, "fits_")
        return stacked([component_table(fit, self.encoder_.names) for fit in self.fits_])

    @cached_property
    def coefficients_(self) -> pd.DataFrame:
        """The coefficients of the columns of `linear`, in the units of the sum: with standard errors, z and p."""
        check_is_fitted(self, "fits_")
        sums = zip(self.fits_, self._sums(), strict=True)
        return stacked([coefficient_table(fit, self.encoder_, labels) for fit, labels in sums])

    def __getstate__(self) -> dict[str, Any]:
        """Return what is saved: without networks and tables, which the fits hold."""
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name not in _DERIVED}

    @property
    def network_(self) -> KAN:
        """The network of the one target, without the steps."""
        if len(self.networks_) > 1:
            raise AttributeError(f"There are {len(self.networks_)} targets: see networks_.")
        return self.networks_[0]

    @property
    def network_names_(self) -> list[str]:
        """The names of the inputs of `network_`."""
        return self.input_names()

    def input_names(self, target: int = 0) -> list[str]:
        """Return the names of the inputs of a target's network.

        Parameters
        ----------
        target
            Which of several targets, by position.
        """
        return [input_name(part, self.encoder_.names) for part in self.fits_[target].design.inputs]

    def network_inputs(self, X: Any, target: int = 0) -> Array:
        """Return what the network of a target is given for the rows of a table, (n, inputs): finite numbers.

        Columns with gaps become two inputs, of which the second is one at a gap; categories become numbers of levels.

        Parameters
        ----------
        X : (n, p)
            The table.
        target
            Which of several targets, by position.

        Raises
        ------
        ValueError, NotFittedError, TypeError
            As `predict` does.
        """
        return self.fits_[target].design.values(self._encode(X))

    def onnx(self, graph: OnnxGraph, inputs: Sequence[str] | None = None) -> None:
        """Write the estimator, with the encoding of its columns, into a graph: see `edgewise.export.to_onnx`.

        Outputs are `y` (rows, targets), which are risks of `KANSurvival`, or `label` (rows,) and `probabilities` (rows,
        classes).

        Parameters
        ----------
        graph
            The graph.
        inputs
            Names of the inputs; None for the columns of the DataFrame that was fitted, or `x` of an array of numbers.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InputError
            For names, levels and classes that ONNX does not hold.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import KANClassifier
        >>> from edgewise.export import to_onnx
        >>> x = np.random.default_rng(0).normal(size=(100, 2))
        >>> model = to_onnx(KANClassifier().fit(x, np.where(x[:, 0] > 1, "above", "below")))
        >>> [output.name for output in model.graph.output]
        ['label', 'probabilities']
        """
        check_is_fitted(self, "fits_")
        classes = getattr(self, "classes_", None)
        standardized = [network(fit.model) for fit in self.fits_]
        if classes is None:
            ascending = bool(getattr(self, "_has_quantiles", False))
            write_regressor(graph, self.encoder_, self.fits_, standardized, inputs, ascending=ascending)
        else:
            write_classifier(graph, self.encoder_, self.fits_[0], standardized[0], classes, inputs)

    def _etas(self, X: Any) -> list[Array]:
        """Return the sum of curves (n, K) of each target."""
        x = self._encode(X)
        return [fit.model.eta(x) for fit in self.fits_]

    def _request(self, columns: int) -> Request:
        if self.select not in get_args(Select):
            raise unknown("value of 'select'", self.select, get_args(Select))
        if self.products != "auto" and not is_int(self.products, 0):
            raise InputError(f"'products' must be 'auto' or a number of pairs >= 0. Got {self.products!r}.")
        return Request(
            products=self.products,
            steps=self.steps and self.select == "average" and self.products == "auto",
            select=self.select,
            seed=self._seed(),
            allowed=self._allowed(columns),
            monotone=self._monotone(columns),
            linear=frozenset(self._columns("linear", getattr(self, "linear", None))),
            groups=frozenset(self._columns("groups", getattr(self, "groups", None))),
        )

    def _categories(self) -> Any:
        own, groups = self.categorical_features, _listed(getattr(self, "groups", None))
        if not groups or (isinstance(own, str) and own == "auto"):
            return groups or own
        chosen = np.asarray(own)
        return [*(np.flatnonzero(chosen) if chosen.dtype == bool else chosen.ravel()).tolist(), *groups]

    def _columns(self, argument: str, given: Any) -> list[int]:
        """Return the numbers of the columns that an argument names: one or several, or "all" of them."""
        names = self.encoder_.names
        if given is None:
            return []
        if isinstance(given, str) and given == "all" and argument == "linear":
            others = [*_listed(getattr(self, "strata", None)), *_listed(getattr(self, "groups", None))]
            left_out = self._columns("columns that are not linear", others)
            return [column for column in range(len(names)) if column not in left_out]
        found = []
        for column in _listed(given):
            if is_int(column, 0, len(names) - 1):
                found.append(int(column))
            elif isinstance(column, str) and column in names:
                found.append(names.index(column))
            else:
                raise unknown(f"column in {argument!r}", column, names)
        return sorted({*found})

    def _seed(self) -> int:
        return seed_of(self.random_state)

    def _monotone(self, columns: int) -> dict[int, int]:
        """Return the direction of each column that has one."""
        given, names = self.monotonic_cst, self.encoder_.names
        if given is None:
            return {}
        if isinstance(given, Mapping):
            wrong = [name for name in given if name not in names]
            if wrong:
                raise unknown("column in 'monotonic_cst'", str(wrong[0]), names)
            found = {names.index(name): value for name, value in given.items()}
        else:
            values = np.asarray(given)
            if values.shape != (columns,):
                raise ValueError(f"monotonic_cst has shape {values.shape} but the input data X has {columns} features.")
            found = dict(enumerate(values.tolist()))
        for column, direction in found.items():
            if direction not in (-1, 0, 1):
                raise ValueError(f"monotonic_cst must be an array-like of -1, 0 or 1. Got {direction!r}.")
            if direction and self.encoder_.levels[column] is not None:
                raise ValueError(f"Categorical features cannot have monotonic constraints: {names[column]!r}.")
        return {column: int(direction) for column, direction in found.items() if direction}

    def _allowed(self, columns: int) -> Callable[[tuple[int, int]], bool]:
        """Return which pairs of columns may interact."""
        given = self.interaction_cst
        if given is None or (isinstance(given, str) and given == "pairwise"):
            return lambda pair: True
        if isinstance(given, str):
            if given != "no_interactions":
                raise unknown("value of 'interaction_cst'", given, ["pairwise", "no_interactions"])
            return lambda pair: False
        groups = [frozenset(group) for group in given]
        wrong = [each for group in groups for each in group if not is_int(each, 0, columns - 1)]
        if wrong:
            raise ValueError(f"'interaction_cst' must list column numbers from 0 to {columns - 1}. Got {wrong}.")
        return lambda pair: any(pair[0] in group and pair[1] in group for group in groups)
