"""ONNX: the file, of a network, formulas or whatever writes itself."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from edgewise._replacing import writing
from edgewise.interpret.export._onnx_formula import onnx_formulas
from edgewise.interpret.export._onnx_graph import OnnxGraph, Precision
from edgewise.interpret.export._onnx_network import onnx_network
from edgewise.interpret.export._source import Exportable, Names, Source, Target, read

if TYPE_CHECKING:
    from onnx import ModelProto


@runtime_checkable
class OnnxSource(Protocol):
    """What writes itself into a graph, as an estimator with its preprocessing does.

    `onnx` declares inputs by `OnnxGraph.input` and outputs by `OnnxGraph.output`, and adds nodes in between; `inputs`
    are the names that the user gave, None if none. `onnx_network`, `onnx_formulas` and `onnx_function` write the parts
    that edgewise knows.

    >>> from edgewise.export import OnnxGraph, to_onnx
    >>> class Halved:
    ...     def onnx(self, graph: OnnxGraph, inputs: Sequence[str] | None) -> None:
    ...         x = graph.input("x", width=2)
    ...         graph.output("half", x / 2, width=2)
    >>> [node.op_type for node in to_onnx(Halved()).graph.node]
    ['Div', 'Identity']
    """

    def onnx(self, graph: OnnxGraph, inputs: Sequence[str] | None) -> None: ...


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
    of rows, both in `dtype`, in which it also computes. The names of the columns are in its metadata, as JSON.

    A network is written as it is, edge by edge: splines as tables of polynomials over the same cells, continued along
    their tangents. In float64 values agree with the network to 1e-12 of the outputs' size, in float32 to about 1e-6:
    less closely next to poles and through many layers, and where the network itself loses digits, as by large
    coefficients that cancel.

    `source`, `names` and `target` as in `edgewise.export.numpy`; a source may also be what has the method of
    `OnnxSource`, which gets `names` as they are given and names its own outputs.

    Errors: InputError where onnx is not installed, for names that do not fit, for functions that ONNX does not have,
    for numbers that float32 cannot hold, and for a place that cannot be written.

    >>> import edgewise as ew
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
