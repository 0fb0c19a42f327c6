"""An ONNX graph in the making: named values, constants and nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from edgewise._errors import InputError, unknown
from edgewise._extras import needed
from edgewise._version import __version__

if TYPE_CHECKING:
    from onnx import ModelProto

Precision = Literal["float32", "float64"]
"""What the numbers of a file are."""
Kind = Literal["number", "integer", "text"]
"""What an input or output holds: numbers of the graph's precision, whole numbers (int64) or texts."""

OPSET = 17
_OPSET_OF_TEXTS = 19  # the first that compares texts
_IR_VERSION = 8  # that of opset 17; runtimes read newer operators with it too


def require_onnx() -> ModuleType:
    """Return the package onnx; MissingPackage says how to install it."""
    return needed("onnx")


@dataclass(frozen=True, eq=False)
class OnnxValue:
    """A tensor of a graph by its name. Its arithmetic and its order add nodes; numbers and arrays become constants.

    Comparisons give truth values, for `OnnxGraph.where`; `==` does not: see `equal`.

    Parameters
    ----------
    graph
        The graph.
    name
        The name of the tensor in the graph.
    """

    graph: OnnxGraph
    name: str
    __array_ufunc__ = None  # NumPy leaves `array * value` to the value

    def __add__(self, other: Any) -> OnnxValue:
        return self.graph.node("Add", self, other)

    def __radd__(self, other: Any) -> OnnxValue:
        return self.graph.node("Add", other, self)

    def __sub__(self, other: Any) -> OnnxValue:
        return self.graph.node("Sub", self, other)

    def __rsub__(self, other: Any) -> OnnxValue:
        return self.graph.node("Sub", other, self)

    def __mul__(self, other: Any) -> OnnxValue:
        return self.graph.node("Mul", self, other)

    def __rmul__(self, other: Any) -> OnnxValue:
        return self.graph.node("Mul", other, self)

    def __truediv__(self, other: Any) -> OnnxValue:
        return self.graph.node("Div", self, other)

    def __rtruediv__(self, other: Any) -> OnnxValue:
        return self.graph.node("Div", other, self)

    def __matmul__(self, other: Any) -> OnnxValue:
        return self.graph.node("MatMul", self, other)

    def __neg__(self) -> OnnxValue:
        return self.graph.node("Neg", self)

    def __abs__(self) -> OnnxValue:
        return self.graph.node("Abs", self)

    def __lt__(self, other: Any) -> OnnxValue:
        return self.graph.node("Less", self, other)

    def __le__(self, other: Any) -> OnnxValue:
        return self.graph.node("LessOrEqual", self, other)

    def __gt__(self, other: Any) -> OnnxValue:
        return self.graph.node("Greater", self, other)

    def __ge__(self, other: Any) -> OnnxValue:
        return self.graph.node("GreaterOrEqual", self, other)

    def equal(self, other: Any) -> OnnxValue:
        """Return where both are the same; of texts too.

        Parameters
        ----------
        other
            A value, or a number, an array or a text.
        """
        return self.graph.node("Equal", self, other)


class OnnxGraph:
    """A graph of standard operators (domain ai.onnx, opset 17; 19 with inputs of texts) over rows.

    Every method that returns an `OnnxValue` adds a node. The first dimension of inputs and outputs is the number of
    rows, which a file leaves open.

    Parameters
    ----------
    dtype
        What the numbers of the graph are: "float32" or "float64".

    Raises
    ------
    InputError
        Where onnx is not installed, for a precision that is none, and for numbers that it cannot hold.

    Examples
    --------
    >>> graph = OnnxGraph("float64")
    >>> x = graph.input("x", width=3)
    >>> graph.output("y", graph.columns(x, [0]) * 2 + 1, width=1)
    >>> [node.op_type for node in graph.model().graph.node]
    ['Gather', 'Mul', 'Add', 'Identity']
    """

    def __init__(self, dtype: Precision = "float32") -> None:
        if dtype not in get_args(Precision):
            raise unknown("'dtype'", dtype, get_args(Precision))
        self._onnx = require_onnx()
        self.dtype = np.dtype(dtype)
        self._opset = OPSET
        self._nodes: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], tuple[OnnxValue, Any]] = {}

    def input(self, name: str, width: int = 1, kind: Kind = "number") -> OnnxValue:
        """Declare an input of shape (rows, width), and return its value.

        Parameters
        ----------
        name
            The name of the input.
        width
            The number of columns.
        kind
            What it holds: "number" in the graph's precision, "integer" (int64) or "text".

        Raises
        ------
        InputError
            For a name that another input or an output has.
        """
        self._inputs.append(self._declared(name, [width], kind))
        if kind == "text":
            self._opset = _OPSET_OF_TEXTS
        return OnnxValue(self, name)

    def output(self, name: str, value: OnnxValue, width: int | None = None, kind: Kind = "number") -> None:
        """Name a value as an output.

        Parameters
        ----------
        name
            The name of the output.
        value
            The value, of shape (rows, width), or (rows,) without a width.
        width
            The number of columns; None for a value (rows,).
        kind
            What it holds: "number" in the graph's precision, "integer" (int64) or "text".

        Raises
        ------
        InputError
            For a name that an input or another output has.
        """
        self._outputs.append(self._declared(name, [] if width is None else [width], kind))
        self._nodes.append(self._onnx.helper.make_node("Identity", [value.name], [name]))

    def constant(self, value: Any) -> OnnxValue:
        """Return a constant; equal ones are one.

        Parameters
        ----------
        value
            A number, an array or texts: decimals become the graph's precision, whole numbers int64.

        Raises
        ------
        InputError
            For a number that the precision cannot hold.
        """
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = self._rounded(array)
        elif array.dtype.kind in "iu" and array.dtype != np.int32:
            array = array.astype(np.int64)
        elif array.dtype.kind in "UO":
            array = array.astype(object)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        key = (array.dtype.name, array.shape, content)
        if key not in self._constants:
            name = f"/c{len(self._constants)}"
            self._constants[key] = OnnxValue(self, name), self._onnx.numpy_helper.from_array(array, name)
        return self._constants[key][0]

    def node(self, operator: str, *inputs: Any, **attributes: Any) -> OnnxValue:
        """Add a node of one output, and return its value.

        Parameters
        ----------
        operator
            The name of the operator, as in ai.onnx.
        *inputs
            Values, or what `constant` takes; numbers are those of the precision.
        **attributes
            Attributes of the operator.
        """
        name = f"/v{len(self._nodes)}"
        names = [self._value(i).name for i in inputs]
        self._nodes.append(self._onnx.helper.make_node(operator, names, [name], **attributes))
        return OnnxValue(self, name)

    def where(self, condition: OnnxValue, then: Any, other: Any) -> OnnxValue:
        """Return one value where a condition holds, and another elsewhere.

        Parameters
        ----------
        condition
            Truth values, as a comparison gives them.
        then
            The value where the condition holds.
        other
            The value elsewhere.
        """
        return self.node("Where", condition, then, other)

    def columns(self, x: OnnxValue, places: Sequence[int]) -> OnnxValue:
        """Return some columns: (rows, len(places)).

        Parameters
        ----------
        x : (rows, width)
            The value.
        places
            The numbers of the columns, from 0.
        """
        return self.node("Gather", x, np.array(places, dtype=np.int64), axis=1)

    def concat(self, values: Sequence[OnnxValue]) -> OnnxValue:
        """Return the columns of several values, next to each other.

        Parameters
        ----------
        values : (rows, width)
            The values, one or more.
        """
        return values[0] if len(values) == 1 else self.node("Concat", *values, axis=1)

    def sum(self, x: OnnxValue, axis: int) -> OnnxValue:
        """Return the sum over an axis, which goes away.

        Parameters
        ----------
        x
            The value.
        axis
            The number of the axis.
        """
        return self.node("ReduceSum", x, np.array([axis]), keepdims=0)

    def cast(self, x: OnnxValue, dtype: Any = None) -> OnnxValue:
        """Return the values as numbers of a type.

        Parameters
        ----------
        x
            The value.
        dtype
            The type, as NumPy names it; the graph's precision by default.
        """
        to = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype if dtype is None else dtype))
        return self.node("Cast", x, to=to)

    def full(self, x: OnnxValue, value: Any) -> OnnxValue:
        """Return an array (...), once for each row of x: (rows, ...).

        Parameters
        ----------
        x
            A value with as many rows.
        value : (...)
            The array.
        """
        array = np.asarray(value)
        rows = self.node("Shape", x, start=0, end=1)
        return self.node("Expand", array, self.node("Concat", rows, np.ones(array.ndim, dtype=np.int64), axis=0))

    def model(self, metadata: Mapping[str, str] | None = None) -> ModelProto:
        """Return the graph as a checked model.

        Parameters
        ----------
        metadata
            Texts by name that the file holds as well.
        """
        helper = self._onnx.helper
        nodes, used = [], {output.name for output in self._outputs}
        for node in reversed(self._nodes):  # those that lead to an output
            if used.intersection(node.output):
                nodes.insert(0, node)
                used.update(node.input)
        initializers = [tensor for value, tensor in self._constants.values() if value.name in used]
        graph = helper.make_graph(nodes, "edgewise", self._inputs, self._outputs, initializers)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", self._opset)],
            ir_version=_IR_VERSION,
            producer_name="edgewise",
            producer_version=__version__,
        )
        helper.set_model_props(model, dict(metadata or {}))
        self._onnx.checker.check_model(model, full_check=True)
        return model

    def _value(self, value: Any) -> OnnxValue:
        if isinstance(value, OnnxValue):
            return value
        plain = isinstance(value, int) and not isinstance(value, bool)
        return self.constant(float(value) if plain else value)

    def _rounded(self, array: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            rounded = array.astype(self.dtype)
        lost = np.isfinite(array) & ~np.isfinite(rounded)
        if lost.any():
            largest = float(array[lost].flat[0])
            raise InputError(f"{largest:.6g} is too large for {self.dtype.name}. Use dtype='float64'.")
        return rounded

    def _declared(self, name: str, widths: list[int], kind: Kind) -> Any:
        if kind not in get_args(Kind):
            raise unknown("kind of values", kind, get_args(Kind))
        if not isinstance(name, str) or not name or name.startswith("/"):
            raise InputError(f"Inputs and outputs are named by texts that do not begin with '/'. Got {name!r}.")
        if name in {known.name for known in [*self._inputs, *self._outputs]}:
            raise InputError(f"Two inputs or outputs are named {name!r}. Rename one.")
        types = {"number": self.dtype, "integer": np.dtype(np.int64), "text": np.dtype(object)}
        to = self._onnx.helper.np_dtype_to_tensor_dtype(types[kind])
        return self._onnx.helper.make_tensor_value_info(name, to, ["rows", *widths])
