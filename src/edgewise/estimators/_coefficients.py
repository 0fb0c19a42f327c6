"""The coefficients of linear terms, with standard errors and tests; variances of random intercepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import erfc

from edgewise._extras import needed
from edgewise.tables.additive import AdditiveFit, Curve, Gap, Levels, linear_inputs, standard_errors
from edgewise.tables.encoding import Category, Encoder

if TYPE_CHECKING:
    import pandas as pd


def coefficient_table(fit: AdditiveFit, encoder: Encoder, labels: list[Any]) -> pd.DataFrame:
    """Return the coefficients of the linear terms of a fit, a row for each column, level and output (labels).

    There is no exp(coef) of a target that is a sum itself.

    The standard error is that of the posterior; of a fit without other terms, that of maximum likelihood. z = coef /
    se(coef), and p is the chance of a z as far from zero if the coefficient is zero.
    """
    pd = needed("pandas")

    names, rows, model = [], [], fit.model.scaled(fit.target.scale, fit.target.center)
    for number in linear_inputs(fit):
        part = fit.design.inputs[number]
        assert not isinstance(part, Gap)
        unit = part.deviation * part.axis.scale if isinstance(part, Curve) else 1.0
        errors = [fit.target.scale * each for each in standard_errors(fit, number)]
        for k, label in enumerate(labels):
            for name, coefficient, error in zip(
                _names(part, encoder), model.beta[number][:, k], errors[k], strict=True
            ):
                names.append(name if len(labels) == 1 else f"{name}, {label}")
                rows.append((coefficient / unit, error / unit))
    coefficients, errors = np.array(rows).reshape(-1, 2).T
    z = np.divide(coefficients, errors, out=np.full(len(rows), np.nan), where=errors > 0)
    found = {
        "coef": coefficients,
        "exp(coef)": np.exp(np.minimum(coefficients, 700.0)),
        "se(coef)": errors,
        "z": z,
        "p": erfc(np.abs(z) / np.sqrt(2.0)),
    }
    if fit.family.is_location:
        del found["exp(coef)"]
    return pd.DataFrame(found, index=pd.Index(names, name="covariate"))


def component_table(fit: AdditiveFit, names: list[str]) -> pd.DataFrame:
    """Return the variance and standard deviation of random intercepts, and of the residual, in the units of the sum."""
    pd = needed("pandas")

    found = {names[column]: variance for column, variance in fit.components.items()}
    if fit.family.scale is None and fit.family.is_location and found:
        found["residual"] = fit.noise
    variance = fit.target.scale**2 * np.array([*found.values()])
    index = pd.Index([*found], name="component")
    return pd.DataFrame({"variance": variance, "deviation": np.sqrt(variance)}, index=index)


def _names(part: Curve | Levels, encoder: Encoder) -> list[str]:
    """Return what the coefficients of a column are called: its name, or with each level."""
    column = encoder.columns[part.column]
    if isinstance(part, Curve):
        return [column.name]
    assert isinstance(column, Category)
    labels = [column.labels[int(value)] for value in part.values[part.references :]]
    return [f"{column.name}[{'missing' if label is None else label}]" for label in labels]
