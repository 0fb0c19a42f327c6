"""The network: layers of edges joined by sum and product nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.nn._cells import grids_of
from edgewise.nn._extra_state import packed, unpacked
from edgewise.nn._init import Scheme
from edgewise.nn._inputs import check_inputs
from edgewise.nn._layer import Edge, KANLayer, spline_edges
from edgewise.nn._nodes import Nodes, Width
from edgewise.nn._pretrained import Pretrained
from edgewise.nn.bases import BaseName, Basis, BasisName

if TYPE_CHECKING:
    import sympy


class KAN(Pretrained, torch.nn.Module):
    """A Kolmogorov-Arnold network: a learnable function of one variable on every edge, sums and products on the nodes.

    h^{l+1} = nodes( sum_i phi^l_{ji}(h^l_i) ),  y = h^L.

    `widths` lists the nodes of each layer, inputs first. An int n is n sum nodes; (n, p) is n sum nodes and p product
    nodes of two factors; (n, [2, 3]) names the factors of each product. `KAN([2, (3, 2), 1])` has two inputs, three
    sums and two products in between, and one output. Building and calling one writes nothing, prints nothing, keeps no
    activations and leaves the global random state alone.

    `basis` names the functions that edges combine, one of `edgewise.bases.BASES`, each with its own meaning of `grid`;
    or it is a `edgewise.bases.Basis` of your own. A list as `grid` has an entry for each layer: a number, or a list
    with the cells of each input, as in `KAN([2, 5, 1], grid=[[32, 4], 8])`.

    `base` adds a fixed function to every spline: "silu", "identity" or None. Second-order training needs none (with it,
    x y loses two to three digits); gradient descent on deep networks gains from "silu". `init` names what draws
    the first values: see `edgewise.nn.initial_values`.

    Shapes: x (..., n_in) -> (..., n_out). Parameters are float64 unless `dtype` says otherwise: second-order training
    reaches 1e-7 and below, where float32 ends. Inputs beyond the knots are followed along tangents.

    Errors: InputError for widths, basis, grid, degree, base or domain out of range, and for inputs of another width.

    >>> import edgewise as ew, torch
    >>> model = ew.KAN([2, (3, 2), 1], grid=5, seed=0)
    >>> model(torch.zeros(10, 2)).shape
    torch.Size([10, 1])

    Source: Liu et al., KAN (2024), eq. 2.7; product nodes: Liu et al., KAN 2.0 (2024), section 2.
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
        check_inputs(x, self.n_in, "This KAN")
        h = x
        for layer, nodes in zip(self.layers._modules.values(), self.nodes[1:], strict=True):  # type: ignore[attr-defined]
            h = layer(h) if not nodes.arities else nodes.combine(layer(h))
        return h

    def spline_edges(self) -> list[Edge]:
        """Return the active spline edges (layer, j, i).

        >>> import edgewise as ew
        >>> ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "exp").spline_edges()
        [(0, 0, 1)]
        """
        return spline_edges(self.layers)

    def formula(
        self, names: Sequence[str] | None = None, splines: Literal["symbols"] | None = None
    ) -> sympy.Expr | list[sympy.Expr]:  # fmt: skip
        """Return the network as a sympy expression, one for each output.

        The formula is the network: evaluated at the same data both agree to rounding. Every active edge must be
        symbolic (see `edgewise.symbolic.snap`); InputError names the ones that are not. With `splines="symbols"` a
        spline edge (layer, j, i) is an unknown function phi_layer_j_i, which
        `edgewise.symbolic.spline_functions` evaluates.

        >>> import edgewise as ew
        >>> model = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "sin", (2.0, 0.0, 1.0, 0.5))
        >>> model.formula(["t"])
        sin(2*t) + 1/2
        """
        from edgewise.nn._formula import network_formula

        expressions = network_formula(list(self.layers), self.nodes, names, splines)
        return expressions[0] if self.n_out == 1 else expressions

    def extra_repr(self) -> str:
        return f"widths={self.widths}"

    def get_extra_state(self) -> Tensor:
        return packed({"widths": self.widths})

    def set_extra_state(self, state: Tensor | Mapping[str, Any]) -> None:
        state = unpacked(state)
        if [Nodes.parse(w if isinstance(w, int) else tuple(w)) for w in state["widths"]] != self.nodes:
            raise InputError(f"The saved network has widths {state['widths']}, this one {self.widths}.")


@dataclass(frozen=True)
class Trace:
    """What each part of a network gave for a table of inputs; lists run over the layers.

    inputs[l] (n, nodes before), edges[l] (n, subnodes, nodes before), subnodes[l] (n, subnodes), outputs (n, n_out).
    """

    inputs: list[Tensor]
    edges: list[Tensor]
    subnodes: list[Tensor]
    outputs: Tensor


def trace(model: KAN, x: Tensor) -> Trace:
    """Run a network once and return every activation.

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
