"""The libraries that learn from tables of numbers: those that search for formulas, and others to compare with."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import sympy

from edgewise._typing import Array
from edgewise_bench.benchmarks.searchers import SEARCHERS, OperonForTables, Predict, Searcher
from edgewise_bench.benchmarks.searchers import Table as SearchTable
from edgewise_bench.benchmarks.tabular import ESTIMATORS, Estimator

CHOSEN = ""
"""The name of what a library chose itself."""


class Trees(Estimator):
    """Gradient boosting of scikit-learn, which unlike its boosting on histograms also works on tens of rows."""

    name = "trees"
    module = "sklearn"
    settings = "GradientBoostingRegressor of scikit-learn with its default arguments"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from sklearn.ensemble import GradientBoostingRegressor

        return GradientBoostingRegressor(random_state=seed, **chosen)


Regressor = Searcher | Estimator
REGRESSORS: dict[str, Regressor] = {
    library.name: library
    for library in (
        SEARCHERS["edgewise"], ESTIMATORS["constant"], ESTIMATORS["linear"], Trees(), ESTIMATORS["ebm"],
        OperonForTables(), SEARCHERS["gplearn"],
    )
}  # fmt: skip


class Learned(NamedTuple):
    """What a library learned from a table.

    choices: its values at other rows, of what it chose and of what else it offers, by name. complexity and formula: of
    what it chose. first: seconds until it had the first formula. front: the values of each formula that it offers.
    """

    choices: Mapping[str, Predict]
    formula: str = ""
    complexity: int | None = None
    first: float | None = None
    front: Sequence[Predict] = ()
    outcome: str = ""


def learned(library: Regressor, table: SearchTable) -> Learned:
    """Return what a library learns from a table; only those that search for formulas keep to its seconds."""
    if isinstance(library, Searcher):
        found = library.find(table)
        choices = {CHOSEN: found.predict, **found.others}
        text = sympy.sstr(found.formula)
        return Learned(choices, text, found.complexity, found.first, found.front, found.outcome)
    model: Any = library.make("regression", _framed(table.x, table), table.seed)
    model.fit(_framed(table.x, table), table.y)
    return Learned({CHOSEN: lambda x: np.asarray(model.predict(_framed(x, table)), dtype=np.float64)})


def warm_up(library: Regressor) -> None:
    """Train on a few rows, so that imports and compilation are done before the clock starts."""
    if isinstance(library, Searcher):
        library.warm_up()
    else:
        library.warm_up("regression")


def _framed(x: Array, table: SearchTable) -> pd.DataFrame:
    return pd.DataFrame(x, columns=list(table.names))
