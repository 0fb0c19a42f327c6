"""Estimators in ONNX: the columns of a table, networks of them, and means or classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.additive import AdditiveFit, Classes, Gaussian
from edgewise.encoding import Encoder
from edgewise.estimators._onnx_columns import OnnxColumns
from edgewise.export import OnnxGraph, OnnxValue, onnx_function, onnx_network
from edgewise.nn import KAN, shift_outputs


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
    eta = onnx_network(made, columns.values(fit.design))
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
    try:
        whole = np.array([int(label) for label in classes], dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or any(isinstance(label, bytes) for label in classes) or (whole != classes).any():
        raise InputError(f"Classes must be texts or whole numbers. Got {classes[0]!r}.")
    return whole


def _mean(fit: AdditiveFit, made: KAN, columns: OnnxColumns) -> OnnxValue:
    """Return what `AdditiveFit.predict` does, (rows, 1)."""
    x = columns.values(fit.design)
    if isinstance(fit.family, Gaussian):
        return _backward(fit, onnx_network(made, x))
    assert not isinstance(fit.family, Classes)
    start = fit.model.intercept  # apart, so that the exponent is small and keeps its digits
    eta = onnx_network(shift_outputs(made, torch.as_tensor(-start)), x)
    return _bounded(x.graph.node("Exp", eta) * np.exp(start), fit)


def _bounded(mean: OnnxValue, fit: AdditiveFit) -> OnnxValue:
    """Return the mean of a family, within the bounds that it has for any eta."""
    low, high = fit.family.mean(np.array([[-np.inf], [np.inf]]))[:, -1]
    return mean.graph.node("Min", mean.graph.node("Max", mean, np.array(low)), np.array(high))


def _backward(fit: AdditiveFit, eta: OnnxValue) -> OnnxValue:
    """Return what `Target.mean` does of eta (rows, 1)."""
    graph, target = eta.graph, fit.target
    if target.name == "identity":
        return eta * target.scale + target.center
    moved = (eta + target.errors(fit.residual)) * target.scale
    if target.name == "log":
        values = graph.node("Min", graph.node("Exp", moved) * np.exp(target.center), target.largest)
    else:
        inside = graph.node("Max", graph.node("Min", moved + target.center, 2 * np.sqrt(target.largest)), 0.0)
        half = inside / 2
        values = half * half
    count = len(target.errors(fit.residual))
    return values @ np.full((count, 1), 1 / count)
