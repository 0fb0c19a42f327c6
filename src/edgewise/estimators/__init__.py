"""Estimators with the interface of scikit-learn: `pip install 'edgewise[tables]'`."""

import importlib
from typing import TYPE_CHECKING, Any

from edgewise._extras import extras as _extras

with _extras():
    from edgewise.estimators._classifier import KANClassifier as KANClassifier
    from edgewise.estimators._compare import Comparison as Comparison
    from edgewise.estimators._compare import compare as compare
    from edgewise.estimators._curves_display import CurvesDisplay as CurvesDisplay
    from edgewise.estimators._edit import Edit as Edit
    from edgewise.estimators._regressor import KANRegressor as KANRegressor
    from edgewise.estimators._survival import KANSurvival as KANSurvival
    from edgewise.estimators._table import NumericTargets as NumericTargets
    from edgewise.estimators._table import SupervisedEstimator as SupervisedEstimator
    from edgewise.estimators._table import TableClassifier as TableClassifier
    from edgewise.estimators._table import TableEstimator as TableEstimator
    from edgewise.estimators._table import TableRegressor as TableRegressor
    from edgewise.estimators._table import Training as Training
    from edgewise.estimators._transformer import KANTransformer as KANTransformer

_WITH_DISCOVERY = {
    "SymbolicClassifier": "_symbolic_classifier",
    "SymbolicRegressor": "_symbolic_regressor",
    "SymbolicTransformer": "_symbolic_transformer",
}
if TYPE_CHECKING:
    from edgewise.estimators._symbolic_classifier import SymbolicClassifier as SymbolicClassifier
    from edgewise.estimators._symbolic_regressor import SymbolicRegressor as SymbolicRegressor
    from edgewise.estimators._symbolic_transformer import SymbolicTransformer as SymbolicTransformer
else:

    def __getattr__(name: str) -> Any:
        """Load what searches for formulas on first use: the other estimators do without discovery."""
        if name not in _WITH_DISCOVERY:
            raise AttributeError(f"module 'edgewise.estimators' has no attribute {name!r}")
        return getattr(importlib.import_module(f"edgewise.estimators.{_WITH_DISCOVERY[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WITH_DISCOVERY} - {"Any", "TYPE_CHECKING", "importlib"})
