"""ONNX: formulas and networks as graphs, and the file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import sympy
import torch

from edgewise._errors import InputError
from edgewise._replacing import writing
from edgewise._typing import Formula
from edgewise.formulas import functions
from edgewise.formulas.expressions import Step, Steps
from edgewise.interpret.export import _onnx_functions as own
from edgewise.interpret.export._module import with_log1p
from edgewise.interpret.export._onnx_functions import erf, erfc, sigmoid, write_local_pieces, write_pieces
from edgewise.interpret.export._onnx_graph import OnnxGraph, OnnxValue, Precision
from edgewise.interpret.export._printer import guarded, in_core
from edgewise.interpret.export._source import Exportable, Names, Source, Target, read
from edgewise.interpret.export._steps import pieces_of
from edgewise.nn import KAN, KANLayer, Nodes

if TYPE_CHECKING:
    from onnx import ModelProto


def _operator(name: str) -> Callable[..., OnnxValue]:
    return lambda *values: reduce(lambda a, b: a.graph.node(name, a, b), values[1:], values[0])


def _unary(name: str) -> Callable[[OnnxValue], OnnxValue]:
    return lambda x: x.graph.node(name, x)


#: name of a step -> what it does with the values of others
_FUNCTIONS: Mapping[str, Callable[..., OnnxValue]] = {
    "Add": _operator("Add"), "Mul": _operator("Mul"), "Max": _operator("Max"), "Min": _operator("Min"),
    "Pow": _operator("Pow"), "exp": _unary("Exp"), "log": _unary("Log"), "sin": _unary("Sin"), "tanh": _unary("Tanh"),
    "Abs": _unary("Abs"), "sign": _unary("Sign"), "floor": _unary("Floor"), "ceiling": _unary("Ceil"),
    "sqrt": _unary("Sqrt"),
    "cos": own.cos, "tan": own.tan, "sinh": own.sinh, "cosh": own.cosh, "log1p": own.log1p, "sinc": own.sinc,
    "asin": own.asin, "acos": own.acos, "atan": own.atan, "atan2": own.atan2, "asinh": own.asinh, "acosh": own.acosh,
    "atanh": own.atanh, "erf": erf, "erfc": erfc, "softplus": own.softplus, "sigmoid": own.sigmoid,
    "StrictGreaterThan": _operator("Greater"), "GreaterThan": _operator("GreaterOrEqual"),
    "StrictLessThan": _operator("Less"), "LessThan": _operator("LessOrEqual"), "Equality": _operator("Equal"),
    "Unequality": lambda a, b: a.graph.node("Not", a.equal(b)),
    "where": lambda condition, then, other: condition.graph.where(condition, then, other),
}  # fmt: skip

_SMALLEST = float(np.finfo(np.float32).tiny)


def onnx_function(name: str, *values: OnnxValue) -> OnnxValue:
    """Return a function of values (rows, columns), elementwise, in either precision.

    Parameters
    ----------
    name
        A name of sympy (``exp``, ``log``, ``asinh``, ``erf``, ``Max``, ...), ``log1p``, ``softplus`` or ``sigmoid``.
    *values
        The arguments of the function.

    Raises
    ------
    InputError
        For a function that cannot be written.

    Examples
    --------
    >>> from edgewise.export import onnx_function
    >>> from edgewise.export import OnnxGraph
    >>> graph = OnnxGraph("float64")
    >>> graph.output("y", onnx_function("softplus", graph.input("x")), width=1)
    """
    if name not in _FUNCTIONS:
        raise InputError(f"The formula uses {name}, which cannot be written in ONNX.")
    return _FUNCTIONS[name](*values)


def onnx_formulas(formulas: Sequence[Formula], names: Sequence[str], x: OnnxValue) -> OnnxValue:
    """Return the values (rows, formulas) of formulas over the columns of x.

    Parameters
    ----------
    formulas
        The formulas, sympy expressions of the names.
    names
        Names of the columns of x.
    x : (rows, names)
        The inputs.

    Raises
    ------
    InputError
        For functions and numbers that cannot be written.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.export import onnx_formulas
    >>> from edgewise.export import OnnxGraph
    >>> graph = OnnxGraph()
    >>> m, v = sympy.symbols("m v")
    >>> graph.output("energy", onnx_formulas([m * v**2 / 2], ["m", "v"], graph.input("x", width=2)), width=1)
    """
    graph = x.graph
    guards = [guarded(in_core(formula)) for formula in formulas]
    values = written(graph, guards, names, [graph.columns(x, [i]) for i in range(len(names))])
    shape = graph.node("Concat", graph.node("Shape", x, start=0, end=1), np.array([1]), axis=0)
    return graph.concat(
        [
            value if formula.free_symbols else graph.node("Expand", value, shape)
            for formula, value in zip(formulas, values, strict=True)
        ]
    )


def written(
    graph: OnnxGraph, formulas: Sequence[Formula], names: Sequence[str], inputs: Sequence[OnnxValue]
) -> list[OnnxValue]:  # fmt: skip
    """Return the values of formulas over named inputs of one shape (rows, columns); constants are scalars."""
    compiled = Steps([with_log1p(in_core(f)) for f in formulas], names)
    values = list(inputs)
    for step, formula in zip(compiled.steps[len(names) :], compiled.formulas[len(names) :], strict=True):
        _check(step, formula, graph)
        arguments = [values[place] for place in step.places]
        if step.kind == "number":
            values.append(graph.constant(step.number))
        elif step.kind == "power":
            values.append(_power(arguments[0], step.number))
        elif step.kind == "log1p" and compiled.steps[step.places[0]].kind == "exp":
            (exponent,) = compiled.steps[step.places[0]].places
            values.append(own.softplus(values[exponent]))
        else:
            values.append(onnx_function(step.kind, *arguments))
    return [values[place] for place in compiled.outputs]


def _check(step: Step, formula: Formula, graph: OnnxGraph) -> None:
    if isinstance(formula, sympy.Piecewise) and (step.kind != "where" or formula.args[-1].args[1] is not sympy.true):
        raise InputError(f"The formula {formula} says nothing for some arguments: end its last piece with True.")
    if step.kind == "number" and graph.dtype == np.float32 and 0 < abs(step.number) < _SMALLEST:
        raise InputError(f"The formula holds {step.number:.6g}, too small for float32. Use dtype='float64'.")


def _power(base: OnnxValue, exponent: float) -> OnnxValue:
    if exponent == 2:
        return base * base
    if exponent == -1:
        return 1 / base
    if exponent < 0:
        return 1 / _power(base, -exponent)
    return base.graph.node("Sqrt", base) if exponent == 0.5 else base.graph.node("Pow", base, exponent)


#: base functions by name
_BASES: dict[str, Callable[[OnnxValue], OnnxValue]] = {
    "silu": lambda x: x * sigmoid(x),
    "identity": lambda x: x,
    "gelu": lambda x: x * (0.5 * erfc(x * -math.sqrt(0.5))),
    "relu": _unary("Relu"),
    "tanh": _unary("Tanh"),
    "sin": _unary("Sin"),
}
#: functions of the library whose formulas would overflow, or mean complex numbers
_WRITTEN = {"softplus": "softplus", "logistic": "sigmoid", "abs": "Abs"}


def onnx_network(model: KAN, x: OnnxValue) -> OnnxValue:
    """Return the outputs (rows, n_out) of a network.

    Every spline edge is a table of polynomials, continued along its tangents; every symbolic edge is its function.

    Parameters
    ----------
    model
        The network.
    x : (rows, n_in)
        The inputs.

    Raises
    ------
    InputError
        For a function of an edge that cannot be written in ONNX.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.export import onnx_network
    >>> graph = ew.export.OnnxGraph("float64")
    >>> graph.output("y", onnx_network(ew.KAN([2, 3, 1]), graph.input("x", width=2)), width=1)
    """
    for layer, nodes in zip(model.layers, model.nodes[1:], strict=True):
        x = _nodes(nodes, _layer(layer, x))
    return x


def _layer(layer: KANLayer, x: OnnxValue) -> OnnxValue:
    """Return the subnodes (rows, n_out)."""
    parts = []
    used = layer.spline_mask().any(0).nonzero()[:, 0].tolist()
    if used:
        parts.append(_splines(layer, used, x if len(used) == layer.n_in else x.graph.columns(x, used)))
    if layer.active_symbols():
        parts.append(_symbols(layer, x))
    if not parts:
        return x.graph.full(x, np.zeros(layer.n_out))
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _splines(layer: KANLayer, used: Sequence[int], x: OnnxValue) -> OnnxValue:
    """Return the sums of the spline edges from the inputs used, x (rows, used).

    Each input has a table of its edges. In a wide layer of functions that live on few cells it has one of the
    functions, which are fewer, and a product of matrices combines them.
    """
    graph, mask = x.graph, layer.spline_mask().double().cpu()
    weights = (layer.coefficients.detach().double().cpu() * mask.unsqueeze(-1))[:, used]
    n_out, _, count = weights.shape
    wide = layer.basis.degree is not None and n_out > count
    sums = [torch.eye(count)] * len(used) if wide else weights.unbind(1)
    pieces = [pieces_of(layer, i, each) for i, each in zip(used, sums, strict=True)]
    lo, hi = (np.array([p.knots[end] for p in pieces]) for end in (0, -1))
    slopes = np.stack([p.slopes for p in pieces], axis=1)  # (2, used, sums)
    below, above = x < lo, x > hi
    inside = graph.where(below, lo, graph.where(above, hi, x))
    if wide:
        slopes = np.einsum("eik,jik->eij", slopes, weights.numpy())
        flat = graph.node("Reshape", write_local_pieces(inside, pieces), np.array([0, len(used) * count]))
        total = flat @ weights.flatten(1).T.numpy()
    else:
        total = graph.sum(write_pieces(inside, pieces), 1)
    nothing = x - x  # NaN at infinity
    straight = [graph.where(below, x - lo, nothing), graph.where(above, x - hi, nothing)]
    factors = [*slopes]
    if layer.base is not None:
        straight.append(_BASES[layer.base](x))
        factors.append((layer.base_weight.detach().double().cpu() * mask)[:, used].T.numpy())
    return total + graph.concat(straight) @ np.concatenate(factors)


def _symbols(layer: KANLayer, x: OnnxValue) -> OnnxValue:
    """Return the sums of the symbolic edges.

    Values of edges are added where they belong, and not multiplied by zero elsewhere: one that is infinite spoils its
    own subnode alone.
    """
    graph, affine = x.graph, layer.affine.detach().double().cpu()
    parts, places = [], [[] for _ in range(layer.n_out)]
    x = x + (x - x)  # what is infinite is undefined from here on
    count = 0
    for name, edges in layer.active_symbols().items():
        rows, columns = (list(numbers) for numbers in zip(*edges, strict=True))
        a, b, c, d = affine[rows, columns].T.numpy()
        parts.append(_function(name, graph.columns(x, columns) * a + b) * c + d)
        for j in rows:
            places[j].append(count)
            count += 1
    widest = max(map(len, places))
    zeros = graph.full(x, np.zeros(1))
    padded = np.array([[*found, *[count] * (widest - len(found))] for found in places])
    return graph.sum(graph.node("Gather", graph.concat([*parts, zeros]), padded, axis=1), 2)


def _function(name: str, z: OnnxValue) -> OnnxValue:
    """Return a function of the library, elementwise."""
    if name in _WRITTEN:
        return onnx_function(_WRITTEN[name], z)
    symbol = sympy.Symbol("z")
    try:
        (value,) = written(z.graph, [functions.get(name).sympy(symbol)], [symbol.name], [z])
    except InputError as error:
        raise InputError(f"The function {name!r} of an edge cannot be exported. {error}") from None
    return value


def _nodes(nodes: Nodes, subnodes: OnnxValue) -> OnnxValue:
    """Return the nodes (rows, n_nodes): the sums, then the products, factor by factor."""
    if not nodes.arities:
        return subnodes
    graph, groups = subnodes.graph, nodes.groups()
    most = max(nodes.arities)
    one = nodes.n_subnodes
    if min(nodes.arities) < most:
        subnodes = graph.concat([subnodes, graph.full(subnodes, np.ones(1))])
    sums, products = groups[: nodes.n_sum], groups[nodes.n_sum :]
    factors = [graph.columns(subnodes, [g[k] if k < len(g) else one for g in products]) for k in range(most)]
    value = factors[0]
    for factor in factors[1:]:
        value = value * factor
    return graph.concat([graph.columns(subnodes, [g[0] for g in sums]), value]) if sums else value


@runtime_checkable
class OnnxSource(Protocol):
    """What writes itself into a graph, as an estimator with its preprocessing does.

    `onnx_network`, `onnx_formulas` and `onnx_function` write the parts that edgewise knows.

    Examples
    --------
    >>> from collections.abc import Sequence
    >>> from edgewise.export import OnnxGraph, to_onnx
    >>> class Halved:
    ...     def onnx(self, graph: OnnxGraph, inputs: Sequence[str] | None) -> None:
    ...         x = graph.input("x", width=2)
    ...         graph.output("half", x / 2, width=2)
    >>> [node.op_type for node in to_onnx(Halved()).graph.node]
    ['Div', 'Identity']
    """

    def onnx(self, graph: OnnxGraph, inputs: Sequence[str] | None) -> None:
        """Declare inputs by `OnnxGraph.input` and outputs by `OnnxGraph.output`, and add nodes in between.

        Parameters
        ----------
        graph
            The graph to write to.
        inputs
            The names that the user gave, None if none.
        """


def to_onnx(
    source: Exportable | OnnxSource,
    path: str | os.PathLike[str] | None = None,
    *,
    names: Names = None,
    target: Target = None,
    dtype: Precision = "float32",
) -> ModelProto:
    """Return a network or formulas as an ONNX model, and write it to a file if a path is given.

    The model holds standard operators alone (domain ai.onnx, opset 17; 19 where a source reads texts), so that ONNX
    runtimes load it without edgewise. Its input ``x`` is (rows, n_in), its output ``y`` (rows, n_out), for any number
    of rows. The names of the columns are in its metadata, as JSON.

    A network is written as it is, edge by edge: splines as tables of polynomials over the same cells, continued along
    their tangents. In float64 values agree with the network to 1e-12 of the outputs' size, in float32 to about 1e-6:
    less closely next to poles and through many layers, and where the network itself loses digits, as by large
    coefficients that cancel.

    Parameters
    ----------
    source
        A network, a saved model, a candidate of a discovery, a sympy expression, or a list of the last two; or what has
        the method of `OnnxSource`, which gets `names` as they are given and names its own outputs.
    path
        The file; None writes none.
    names
        Names of the inputs: those that the source knows by default; else x1, x2, ... or the symbols in alphabetical
        order.
    target
        Name of the output, or a list of names; by default those of a saved model, else y, or y1, y2, ...
    dtype
        What the numbers of input and output are, in which the model also computes: "float32" or "float64".

    Returns
    -------
    onnx.ModelProto
        The model.

    Raises
    ------
    InputError
        Where onnx is not installed, for names that do not fit, for functions that ONNX does not have, for numbers that
        float32 cannot hold, and for a place that cannot be written.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.export import to_onnx
    >>> model = to_onnx(ew.KAN([2, 3, 1]), names=["mass", "speed"], dtype="float64")
    >>> {entry.key: entry.value for entry in model.metadata_props}
    {'inputs': '["mass", "speed"]', 'outputs': '["y"]'}
    """
    graph = OnnxGraph(dtype)
    if isinstance(source, OnnxSource):
        source.onnx(graph, names)
        model = graph.model()
    else:
        found = read(source, names, target, as_formula=False)
        _write(found, graph)
        model = graph.model({"inputs": json.dumps(found.names), "outputs": json.dumps(found.targets)})
    if path is not None:
        with writing(path) as file:
            file.write(model.SerializeToString(deterministic=True))
    return model


def _write(source: Source, graph: OnnxGraph) -> None:
    """Add a network, or else the formulas, from x to y."""
    x = graph.input("x", width=len(source.names))
    if source.model is not None:
        y = onnx_network(source.model, x)
    else:
        y = onnx_formulas(source.expressions or (), source.names, x)
    graph.output("y", y, width=len(source.targets))
