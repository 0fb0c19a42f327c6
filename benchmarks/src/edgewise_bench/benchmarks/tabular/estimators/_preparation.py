"""Columns prepared for estimators that take numbers only: gaps filled, categories as indicators, numbers scaled."""

from typing import Any


def prepared(estimator: Any, scaled: bool) -> Any:
    """Return a pipeline that prepares raw columns for an estimator of numbers.

    Numbers: the median for a gap, and an indicator of gaps; standardized where `scaled`. Categories: the most frequent
    one for a gap, then one indicator each; a category that was not trained on has none.
    """
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    filled = SimpleImputer(strategy="median", add_indicator=True)
    numbers = make_pipeline(filled, StandardScaler()) if scaled else filled
    indicators = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    categories = make_pipeline(SimpleImputer(strategy="most_frequent"), indicators)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, estimator)


def scaled_target(regressor: Any) -> Any:
    """Return a regressor that learns the standardized target."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler

    return TransformedTargetRegressor(regressor, transformer=StandardScaler())
