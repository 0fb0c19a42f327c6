"""Estimators in ONNX: the columns of a table, networks of them, and means or classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.estimators._onnx_columns import OnnxColumns
from edgewise.interpret.export import OnnxGraph, OnnxValue, onnx_function, onnx_network
from edgewise.nn import KAN, clone, shift_outputs
from edgewise.tables.additive import AdditiveFit, Gamma, Gaussian, Poisson, Target
from edgewise.tables.encoding import Encoder


def write_regressor(
    graph: OnnxGraph, encoder: Encoder, fits: Sequence[AdditiveFit], networks: Sequence[KAN],
    names: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Write the mean of each target: the output `y` (rows, targets).

    Errors: InputError for names that do not fit, and for numbers that the graph's precision does not hold.
    """
    columns = OnnxColumns.declared(graph, encoder, names)
    means = [_mean(fit, made, columns) for fit, made in zip(fits, networks, strict=True)]
    graph.output("y", graph.concat(means), width=len(means))


def write_classifier(
    graph: OnnxGraph, encoder: Encoder, fit: AdditiveFit, made: KAN, classes: Array, names: Sequence[str] | None = None
) -> None:  # fmt: skip
    """Write the most probable class, `label` (rows,), and all `probabilities` (rows, classes).

    Errors: InputError for names that do not fit, for numbers that the graph's precision does not hold, and for classes
    that are neither texts nor whole numbers.
    """
    columns = OnnxColumns.declared(graph, encoder, names)
    eta = _eta(fit, made, columns)
    if len(classes) == 2:
        second = _bounded(onnx_function("sigmoid", eta), fit)
        chances = graph.concat([1 - second, second])
    else:
        chances = graph.node("Softmax", eta, axis=1)
    labels = _labels(classes)
    label = graph.node("Gather", labels, graph.node("ArgMax", chances, axis=1, keepdims=0))
    graph.output("label", label, kind="integer" if labels.dtype == np.int64 else "text")
    graph.output("probabilities", chances, width=len(classes))


def _labels(classes: Array) -> Array:
    """Return classes as texts or int64, truth values as 0 and 1."""
    if all(isinstance(label, str) for label in classes):
        return np.array([str(label) for label in classes])
    if classes.dtype.kind in "biuf":
        whole = classes.astype(np.int64)
        if (whole == classes).all():
            return whole
    raise InputError(f"Classes in ONNX are texts or whole numbers (int64). Got {classes[-1]!r}.")


def _mean(fit: AdditiveFit, made: KAN, columns: OnnxColumns) -> OnnxValue:
    """Return what `AdditiveFit.predict` does, (rows, 1)."""
    if isinstance(fit.family, Gaussian):
        return _smeared(fit, _eta(fit, made, columns))
    if fit.family.is_location:
        return _backward(fit.target, _eta(fit, made, columns))
    assert isinstance(fit.family, Poisson | Gamma)
    start = fit.model.intercept  # apart, so that the exponent is small and keeps its digits
    eta = _eta(fit, shift_outputs(made, torch.as_tensor(-start)), columns)
    return _bounded(eta.graph.node("Exp", eta) * np.exp(start), fit)


def _eta(fit: AdditiveFit, made: KAN, columns: OnnxColumns) -> OnnxValue:
    """Return what a network does of the values of a design, (rows, outputs): its knots are moved with the values."""
    moved, centers = clone(made), columns.centers(fit.design)
    if len(centers):
        layer = moved.layers[0]
        layer.knots = layer.knots - torch.as_tensor(centers)[:, None]
    return onnx_network(moved, columns.values(fit.design))


def _bounded(mean: OnnxValue, fit: AdditiveFit) -> OnnxValue:
    """Return the mean of a family, within the bounds that it has for any eta."""
    low, high = fit.family.mean(np.array([[-np.inf], [np.inf]]))[:, -1]
    return mean.graph.node("Min", mean.graph.node("Max", mean, np.array(low)), np.array(high))


def _smeared(fit: AdditiveFit, eta: OnnxValue) -> OnnxValue:
    """Return what `Target.mean` does of eta (rows, 1)."""
    middle = _backward(fit.target, eta)
    if fit.target.name == "identity":
        return middle
    errors = fit.target.errors(fit.residual)
    more = _backward(fit.target, eta + errors) - middle  # so that a sum of many alike loses no digits
    return middle + more @ np.full((len(errors), 1), 1 / len(errors))


def _backward(target: Target, eta: OnnxValue) -> OnnxValue:
    """Return what `Target.backward` does, elementwise."""
    graph = eta.graph
    if target.name == "log":
        return graph.node("Min", graph.node("Exp", eta * target.scale) * np.exp(target.center), target.largest)
    mapped = eta * target.scale + target.center
    if target.name == "identity":
        return mapped
    half = graph.node("Max", graph.node("Min", mapped, 2 * np.sqrt(target.largest)), 0.0) / 2
    return half * half
