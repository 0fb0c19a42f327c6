"""Estimators with the interface of scikit-learn: `pip install 'edgewise[tables]'`."""

from edgewise._extras import extras as _extras

with _extras():
    from edgewise.estimators._classifier import KANClassifier as KANClassifier
    from edgewise.estimators._curves_display import CurvesDisplay as CurvesDisplay
    from edgewise.estimators._regressor import KANRegressor as KANRegressor
    from edgewise.estimators._symbolic_classifier import SymbolicClassifier as SymbolicClassifier
    from edgewise.estimators._symbolic_regressor import SymbolicRegressor as SymbolicRegressor
    from edgewise.estimators._symbolic_transformer import SymbolicTransformer as SymbolicTransformer
    from edgewise.estimators._table import NumericTargets as NumericTargets
    from edgewise.estimators._table import SupervisedEstimator as SupervisedEstimator
    from edgewise.estimators._table import TableClassifier as TableClassifier
    from edgewise.estimators._table import TableEstimator as TableEstimator
    from edgewise.estimators._table import TableRegressor as TableRegressor
    from edgewise.estimators._table import Training as Training
    from edgewise.estimators._transformer import KANTransformer as KANTransformer
