"""Estimators with the interface of scikit-learn: `pip install 'edgewise[estimators]'`."""

try:
    from edgewise.estimators._classifier import KANClassifier as KANClassifier
    from edgewise.estimators._regressor import KANRegressor as KANRegressor
    from edgewise.estimators._table import NumericTargets as NumericTargets
    from edgewise.estimators._table import SupervisedEstimator as SupervisedEstimator
    from edgewise.estimators._table import TableClassifier as TableClassifier
    from edgewise.estimators._table import TableEstimator as TableEstimator
    from edgewise.estimators._table import TableRegressor as TableRegressor
    from edgewise.estimators._table import Training as Training
except ImportError as error:
    if (error.name or "").partition(".")[0] != "sklearn":
        raise
    raise ImportError(
        "edgewise.estimators needs scikit-learn 1.6 or newer: pip install 'edgewise[estimators]'"
    ) from error

from edgewise.estimators._symbolic_classifier import SymbolicClassifier as SymbolicClassifier
from edgewise.estimators._symbolic_regressor import SymbolicRegressor as SymbolicRegressor
from edgewise.estimators._symbolic_transformer import SymbolicTransformer as SymbolicTransformer
