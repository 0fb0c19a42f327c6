"""The network: layers and nodes in a row, stacks of networks, and whether its formula can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.nn._config import Pretrained
from edgewise.nn._formula import spline_name
from edgewise.nn._grids import grids_of
from edgewise.nn._init import Scheme
from edgewise.nn._layer import Edge, KANLayer, spline_edges
from edgewise.nn._module import check_inputs, packed, unpacked
from edgewise.nn._nodes import Nodes, Width
from edgewise.nn.bases import BaseName, Basis, BasisName

if TYPE_CHECKING:
    import sympy


class KAN(Pretrained, torch.nn.Module):
    """A Kolmogorov-Arnold network: a learnable function of one variable on every edge, sums and products on the nodes.

    h^{l+1} = nodes( sum_i phi^l_{ji}(h^l_i) ),  y = h^L.

    Building and calling one writes nothing, prints nothing, keeps no activations and leaves the global random state
    alone. Inputs beyond the knots are followed along tangents.

    Shapes: x (..., n_in) -> (..., n_out).

    Parameters
    ----------
    widths
        The nodes of each layer, inputs first. An int n is n sum nodes; (n, p) is n sum nodes and p product nodes of two
        factors; (n, [2, 3]) names the factors of each product. `KAN([2, (3, 2), 1])` has two inputs, three sums and two
        products in between, and one output.
    basis
        The functions that edges combine: the name of one of `edgewise.bases.BASES`, or a `edgewise.bases.Basis` of your
        own.
    grid
        How fine the functions are: for B-splines the number of cells; each basis has its own meaning. A list has an
        entry for each layer: a number, or a list with the cells of each input, as in `KAN([2, 5, 1], grid=[[32, 4],
        8])`.
    degree
        The degree of B-splines, from 1 to 9; the other bases have none.
    base
        A fixed function that is added to every spline: "silu", "gelu", "relu", "tanh", "sin", "identity" or None.
        Second-order training needs none (with it, x y loses two to three digits); gradient descent on deep networks
        gains from "silu".
    domain
        The range of the inputs of every layer (lo, hi) that the functions of the basis span.
    init
        The name of the initialization scheme: see `edgewise.nn.initial_values`.
    seed
        Seed of the initial parameters.
    device
        The device of the parameters; torch's default device by default.
    dtype
        The dtype of the parameters. Second-order training reaches 1e-7 and below in float64, where float32 ends.

    Raises
    ------
    InputError
        For widths, basis, grid, degree, base or domain out of range, and for inputs of another width.

    References
    ----------
    Liu et al., KAN (2024), eq. 2.7; product nodes: Liu et al., KAN 2.0 (2024), section 2.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> model = ew.KAN([2, (3, 2), 1], grid=5, seed=0)
    >>> model(torch.zeros(10, 2)).shape
    torch.Size([10, 1])
    """

    layers: list[KANLayer]  # a ModuleList
    input_names: tuple[str, ...] | None = None
    """The names of the columns of the data frame that it was trained on: later frames are read by name."""

    def __init__(  # noqa: PLR0913 (what a network is made of)
        self,
        widths: Sequence[Width],
        *,
        basis: BasisName | Basis = "bspline",
        grid: int | Sequence[int | Sequence[int]] = 5,
        degree: int = 3,
        base: BaseName | None = None,
        domain: tuple[float, float] = (-1.0, 1.0),
        init: Scheme = "auto",
        seed: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        if not isinstance(widths, tuple | list) or len(widths) < 2:
            raise InputError(
                f"The 'widths' parameter of KAN must list at least inputs and outputs, like [2, 5, 1]. Got {widths!r}."
            )
        self.nodes = [Nodes.parse(width) for width in widths]
        if self.nodes[0].arities:
            raise InputError(f"The first width of KAN counts the inputs and must be an int. Got {widths[0]!r}.")
        if not is_int(seed, 1 - 2**62, 2**62 - 1):
            raise InputError(f"The 'seed' parameter of KAN must be an int between -2^62 and 2^62. Got {seed!r}.")
        if dtype is None:
            raise InputError("The 'dtype' parameter of KAN must be torch.float32 or torch.float64. Got None.")
        generator = torch.Generator().manual_seed(int(seed))
        pairs = list(pairwise(self.nodes))
        grids = grids_of(grid, [before.n_nodes for before, _ in pairs])
        self.layers = torch.nn.ModuleList(  # type: ignore[assignment]
            KANLayer(
                before.n_nodes, after.n_subnodes, basis=basis, grid=own, degree=degree, base=base, domain=domain,
                init=init, device=device, dtype=dtype, generator=generator,
            )
            for (before, after), own in zip(pairs, grids, strict=True)
        )  # fmt: skip

    @property
    def n_in(self) -> int:
        return self.nodes[0].n_nodes

    @property
    def n_out(self) -> int:
        return self.nodes[-1].n_nodes

    @property
    def widths(self) -> list[Width]:
        return [nodes.width for nodes in self.nodes]

    @property
    def dtype(self) -> torch.dtype:
        return self.layers[0].dtype

    @property
    def device(self) -> torch.device:
        return self.layers[0].coefficients.device

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (..., n_out).

        Parameters
        ----------
        x : (..., n_in)
            The inputs.

        Raises
        ------
        InputError
            For what is no tensor of real numbers, and for inputs of another width.
        """
        check_inputs(x, self.n_in, "This KAN")
        h = x
        for layer, nodes in zip(self.layers._modules.values(), self.nodes[1:], strict=True):  # type: ignore[attr-defined]
            h = layer(h) if not nodes.arities else nodes.combine(layer(h))
        return h

    def spline_edges(self) -> list[Edge]:
        """Return the active spline edges (layer, j, i).

        Examples
        --------
        >>> import edgewise as ew
        >>> ew.nn.set_function(ew.KAN([2, 1]), (0, 0, 0), "exp").spline_edges()
        [(0, 0, 1)]
        """
        return spline_edges(self.layers)

    def formula(
        self, names: Sequence[str] | None = None, splines: Literal["symbols"] | None = None
    ) -> sympy.Expr | list[sympy.Expr]:  # fmt: skip
        """Return the network as a sympy expression, one for each output.

        The formula is the network: evaluated at the same data both agree to rounding.

        Parameters
        ----------
        names
            Names of the inputs; x1, x2, ... by default.
        splines
            With "symbols" a spline edge (layer, j, i) is an unknown function phi_layer_j_i, which
            `edgewise.symbolic.spline_functions` evaluates. With None every active edge must be symbolic: see
            `edgewise.symbolic.snap`.

        Raises
        ------
        InputError
            For spline edges without `splines="symbols"`, which it names, and for names that do not fit the inputs.

        Examples
        --------
        >>> import edgewise as ew
        >>> model = ew.nn.set_function(ew.KAN([1, 1]), (0, 0, 0), "sin", (2.0, 0.0, 1.0, 0.5))
        >>> model.formula(["t"])
        sin(2*t) + 1/2
        """
        from edgewise.nn._formula import network_formula

        expressions = network_formula(list(self.layers), self.nodes, names, splines)
        return expressions[0] if self.n_out == 1 else expressions

    def extra_repr(self) -> str:
        """Return the widths, which `repr` shows."""
        return f"widths={self.widths}"

    def get_extra_state(self) -> Tensor:
        """Return the widths as a tensor of bytes, which the state dict holds."""
        return packed({"widths": self.widths})

    def set_extra_state(self, state: Tensor | Mapping[str, Any]) -> None:
        """Check the widths of a state dict.

        Parameters
        ----------
        state
            What `get_extra_state` returned.

        Raises
        ------
        InputError
            For the state of a network with other widths.
        """
        state = unpacked(state)
        if [Nodes.parse(w if isinstance(w, int) else tuple(w)) for w in state["widths"]] != self.nodes:
            raise InputError(f"The saved network has widths {state['widths']}, this one {self.widths}.")


@dataclass(frozen=True)
class Trace:
    """What each part of a network gave for a table of inputs.

    Parameters
    ----------
    inputs
        For each layer, the values of the nodes before it, (n, nodes before).
    edges
        For each layer, the output of each edge, (n, subnodes, nodes before).
    subnodes
        For each layer, the sum of the edges into each subnode, (n, subnodes).
    outputs : (n, n_out)
        The outputs.
    """

    inputs: list[Tensor]
    edges: list[Tensor]
    subnodes: list[Tensor]
    outputs: Tensor


def trace(model: KAN, x: Tensor) -> Trace:
    """Run a network once and return every activation.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> t = ew.nn.trace(ew.KAN([2, 3, 1]), torch.rand(10, 2))
    >>> t.edges[0].shape
    torch.Size([10, 3, 2])
    """
    inputs, edges, subnodes = [], [], []
    h = x.to(model.dtype)
    for layer, nodes in zip(model.layers, model.nodes[1:], strict=True):
        inputs.append(h)
        edges.append(layer.edges(h))
        subnodes.append(edges[-1].sum(-1))
        h = nodes.combine(subnodes[-1])
    return Trace(inputs, edges, subnodes, h)


def stack(layers: KANLayer | Iterable[torch.nn.Module]) -> KAN:
    """Return the network of one layer, or of some that follow each other: to fit, prune, draw, score or save.

    The network holds the same layers, so that what changes it in place changes them; `list(model.layers)` gives the
    layers of what functions like `edgewise.prune` return.

    Parameters
    ----------
    layers
        The layers, the first one first; or one layer.

    Raises
    ------
    InputError
        For no layer, what is no KANLayer, and layers whose sizes, dtypes or devices do not fit.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import stack
    >>> first, second = ew.nn.KANLayer(3, 4), ew.nn.KANLayer(4, 1)
    >>> stack([first, second]).widths
    [3, 4, 1]
    >>> stack(first).widths
    [3, 4]
    """
    given = [layers] if isinstance(layers, KANLayer) else list(layers)
    parts = [part for part in given if isinstance(part, KANLayer)]
    for part in given:
        if not isinstance(part, KANLayer):
            raise InputError(f"'layers' must be KANLayers. Got {type(part).__name__}.")
    if not parts:
        raise InputError("'layers' must hold at least one KANLayer. Got none.")
    for before, after in pairwise(parts):
        if before.n_out != after.n_in:
            raise InputError(f"A layer of {before.n_out} outputs cannot come before one of {after.n_in} inputs.")
    places = {(part.dtype, part.coefficients.device) for part in parts}
    if len(places) > 1:
        raise InputError(f"The layers must have one dtype and one device. Got {sorted(map(str, places))}.")
    model = KAN([parts[0].n_in, *(part.n_out for part in parts)], grid=1, device="meta", dtype=parts[0].dtype)
    model.layers = torch.nn.ModuleList(parts)  # type: ignore[assignment]
    return model


def is_readable(model: KAN) -> bool:
    """Return whether every edge is symbolic and the formula has at most about 2000 terms, without making it.

    The terms are as many as the ways that lead from the inputs to the outputs.

    Parameters
    ----------
    model
        The network.

    Examples
    --------
    >>> from edgewise.nn import KAN, is_readable
    >>> model = KAN([1, 1])
    >>> is_readable(model)
    False
    """
    if model.spline_edges():
        return False
    ways = [1] * model.n_in
    for layer, nodes in zip(model.layers, model.nodes[1:], strict=True):
        rows: list[list[bool]] = layer.mask.tolist()
        into = [sum(w for w, on in zip(ways, row, strict=True) if on) for row in rows]
        ways = [sum(into[j] for j in group) for group in nodes.groups()]
    return sum(ways) <= 2000


def spline_functions(model: KAN) -> dict[str, Callable[[Any], Any]]:
    """Return the functions of the spline edges by their names in `KAN.formula(splines="symbols")`.

    They are the network's own, of numbers or numpy arrays: sympy.lambdify takes the mapping among its `modules`.

    Parameters
    ----------
    model
        The network.

    Examples
    --------
    >>> import edgewise as ew, numpy as np, sympy, torch
    >>> from edgewise.nn import spline_functions
    >>> model = ew.nn.set_function(ew.KAN([2, 1]), (0, 0, 0), "exp")
    >>> formula = model.formula(["x", "y"], splines="symbols")
    >>> formula
    phi_0_0_1(y) + exp(x)
    >>> call = sympy.lambdify(["x", "y"], formula, [spline_functions(model), "numpy"])
    >>> rows = np.linspace(-1, 1, 10).reshape(5, 2)
    >>> bool(np.allclose(call(*rows.T), model(torch.from_numpy(rows))[:, 0].detach()))
    True
    """
    return {spline_name(*edge): _curve(model, edge) for edge in model.spline_edges()}


def _curve(model: KAN, edge: Edge) -> Callable[[Any], Any]:
    depth, j, i = edge
    layer = model.layers[depth]

    def curve(u: Any) -> Any:
        values = torch.as_tensor(np.asarray(u), dtype=torch.float64, device=layer.coefficients.device)
        with torch.no_grad():
            inputs = torch.zeros(values.numel(), layer.n_in, dtype=layer.dtype, device=values.device)
            inputs[:, i] = values.reshape(-1).to(layer.dtype)
            out = layer.edges(inputs)[:, j, i]
        found = out.double().cpu().numpy().reshape(values.shape)
        return found if found.shape else float(found)

    return curve
