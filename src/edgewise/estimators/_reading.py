"""What a fit of a table says: contributions, importance, pictures."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from edgewise._extras import needed
from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions, Means
from edgewise.estimators._curves_display import CurvesDisplay
from edgewise.estimators._importance import importance_table
from edgewise.estimators._shape import stacked
from edgewise.estimators._strongest import strongest_edges
from edgewise.estimators._table import TableEstimator
from edgewise.tables.additive import AdditiveFit

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Reading(TableEstimator):
    """An estimator of tables with methods that read its fits."""

    fits_: list[AdditiveFit]
    means_: list[Means]

    def explain(self, X: Any, *, split_products: bool = False) -> pd.DataFrame:
        """Return what each column, product and hidden node adds to the sum, a row for each row of X.

        sum = baseline + contributions,  E contribution = 0 over the rows of `fit`

        The units are those of the sum: of the target, its logarithm or square root where that was chosen, the
        logarithm of the mean for counts and amounts, log-odds for classes. With several targets or classes the columns
        have two levels, of which the first is the number of the target or the label of the class.

        Without products and hidden node these are the Shapley values of the sum over the rows of `fit`. With
        `split_products` each product is split between its columns by the rule of Shapley; a hidden node stays whole.

        Errors: those of `predict`.

        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=(100, 2))
        >>> model = KANRegressor(products=0).fit(x, x[:, 0] ** 2 + x[:, 1])
        >>> table = model.explain(x)
        >>> list(table), bool(np.allclose(table.sum(axis=1), model.predict(x)))
        (['baseline', 'x1', 'x2'], True)

        Source: Lundberg and Lee, A unified approach to interpreting model predictions (2017).
        """
        pd = needed("pandas")

        check_is_fitted(self, "fits_")
        x, tables = self._encode(X), {}
        for parts, labels in zip(self._parts(), self._sums(), strict=True):
            values, names = parts.of(x, split_products), parts.names(split_products)
            for k, label in enumerate(labels):
                matrix = np.column_stack([np.full(len(x), parts.baseline[k]), values[:, :, k]])
                index = X.index if isinstance(X, pd.DataFrame) else None
                tables[label] = pd.DataFrame(matrix, index=index, columns=pd.Index(["baseline", *names]))
        return next(iter(tables.values())) if len(tables) == 1 else pd.concat(tables, axis=1)

    def importance(self, X: Any, y: Any = None) -> pd.DataFrame:
        """Return how much each column, product and hidden node matters on the rows of X, the most important first.

        `share` of the sum of the variances of all parts, `mean` of the sizes of the contributions, each with a
        standard error. With y also `loss`, by how much the mean loss of the rows rises if the part is replaced by its
        mean: that of the fit, in the units of the sum. Classes are taken together; with several targets the rows have
        two levels.

        The errors hold for other rows like those of X and, but for `loss`, for the noise that the curves were fitted
        to, by their posterior covariance. Products, the hidden node and the choice of the shape count as known.

        Errors: those of `predict` and of scikit-learn for y; ValueError for labels that were not fitted.

        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=(100, 2))
        >>> KANRegressor(products=0).fit(x, 2 * x[:, 0] + x[:, 1]).importance(x)["share"].round(1).to_dict()
        {'x1': 0.8, 'x2': 0.2}
        """
        check_is_fitted(self, "fits_")
        x = self._encode(X)
        targets = [None] * len(self.fits_) if y is None else self._known_targets(x, y)
        return stacked([importance_table(parts, x, own) for parts, own in zip(self._parts(), targets, strict=True)])

    def plot_curves(self, X: Any, **options: Any) -> CurvesDisplay:
        """Draw the curves and products that matter most on the rows of X: see `CurvesDisplay.from_estimator`."""
        return CurvesDisplay.from_estimator(self, X, **options)

    def plot_network(self, X: Any, *, target: int = 0, most: int = 24, **options: Any) -> Axes:
        """Draw the network of a target with its strongest edges, and return the axes.

        At most `most` edges of the first layer are drawn, those with the largest scores; what is left without edges
        is left out. `options` are those of `edgewise.plot.network`, which says how to read the picture.

        Errors: those of `predict`, and InputError for a target that is not there or `most` below 1.
        """
        check_is_fitted(self, "fits_")
        return strongest_edges(self, X, target, most, options)

    def _parts(self) -> list[Contributions]:
        """Return the parts of each target's sum."""
        names = self.encoder_.names
        return [Contributions(fit, names, means) for fit, means in zip(self.fits_, self.means_, strict=True)]

    def _sums(self) -> list[list[Any]]:
        """Return the label of each sum of each target: its number, or the class."""
        return [[k] for k in range(len(self.fits_))]

    @abstractmethod
    def _known_targets(self, x: Array, y: Any) -> list[Array]:
        """Return y as each fit takes it."""
