"""What the benchmark asks of a library: a fresh estimator, and the settings worth trying."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from edgewise._typing import Array
from edgewise_bench.benchmarks.libraries import ThirdParty

_ROWS = 60


class Estimator(ThirdParty):
    """A library that learns from tables, with the preparation of columns that its own pages recommend.

    space: settings to choose from when estimators are tuned, by name: a list, or a distribution with `rvs`. An
    estimator without any is its own choice in both modes.
    """

    install: ClassVar[str] = '"edgewise-bench[tables]"'

    @abstractmethod
    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        """Return an untrained estimator, with `fit(x, y)`, `predict(x)` and, for classes, `predict_proba(x)`.

        kind: "regression" or "classification". x: the inputs, of which only names and types are used. chosen: settings
        from `space`.
        """

    def space(self, kind: str) -> Mapping[str, Sequence[Any] | Any]:
        return {}

    def interval(self, model: Any, x: pd.DataFrame, level: float) -> tuple[Array, Array] | None:
        """Return the lower and upper ends of prediction intervals of a trained regression, if the library has them."""
        return None

    def warm_up(self, kind: str) -> None:
        """Train on a few rows, so that imports and compilation are done before the clock starts."""
        rng = np.random.default_rng(0)
        x = pd.DataFrame(rng.standard_normal((_ROWS, 2)), columns=["a", "b"])
        y = x["a"].to_numpy() + x["b"].to_numpy() ** 2
        model = self.make(kind, x, 0)
        model.fit(x, np.where(y > np.median(y), "1", "0").astype(object) if kind == "classification" else y)
        model.predict(x)
