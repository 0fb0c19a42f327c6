"""A network for inference: constants folded into one tensor, one call."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from edgewise._errors import InputError
from edgewise.kernels import BSplineFamily, Chain, ChainCall, Link, chain_call, contract, is_eager, is_traced
from edgewise.nn._layer import KANLayer
from edgewise.nn._module import Features, autocast_output
from edgewise.nn._network import KAN
from edgewise.nn._nodes import Nodes
from edgewise.nn.bases import base_function


class FrozenKAN(Features, torch.nn.Module):
    """A network of splines that only computes: no parameters, no gradients, one kernel for up to 8 rows.

    Masked edges are zeros, each spline is one polynomial per cell, and all constants lie in the buffer `constants`,
    which the state dict holds. `frozen` makes one.

    Shapes: x (..., n_in) -> (..., n_out).

    Parameters
    ----------
    chain
        The shapes of the layers.
    constants : (size,)
        All constants of the network, as `chain` lays them out.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> model = ew.KAN([2, 5, 1], seed=0)
    >>> x = torch.rand(3, 2, dtype=torch.float64)
    >>> torch.allclose(ew.nn.frozen(model)(x), model(x))
    True
    """

    constants: Tensor

    def __init__(self, chain: Chain, constants: Tensor) -> None:
        super().__init__()
        self.chain, self.n_in = chain, chain.links[0].n_in
        self.nodes = [Nodes(link.n_sum, link.arities) for link in chain.links]
        self.n_out = self.nodes[-1].n_nodes
        self.register_buffer("constants", constants)
        self._forget()

    def _forget(self) -> None:
        self._call: ChainCall | None = None
        self._parts: tuple[Tensor | None, list[list[Tensor]]] = (None, [])

    @property
    def dtype(self) -> torch.dtype:
        return self.constants.dtype

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (..., n_out).

        Parameters
        ----------
        x : (..., n_in)
            The inputs.
        """
        constants = self._buffers["constants"]
        assert constants is not None
        if type(x) is Tensor and x.dtype is constants.dtype and x.dim() == 2 and is_eager():
            rows, width = x.shape
            plain = x.is_cpu and constants.is_cpu and forward_ad._current_level < 0
            if plain and 0 < rows <= 8 and width == self.n_in and not torch.is_autocast_enabled("cpu"):
                call = self._call
                if call is None or call.first != constants.data_ptr():
                    call = self._call = chain_call(self.chain, constants)
                if call is not None:
                    return call(x if x.is_contiguous() else x.contiguous())
        return self._by_layers(x)

    @autocast_output
    @torch.no_grad()
    def _by_layers(self, x: Tensor) -> Tensor:
        x, family = x.to(self.dtype), BSplineFamily(self.chain.degree)
        for link, nodes, parts in zip(self.chain.links, self.nodes, self._views(), strict=True):
            *_, c, weights, knots = parts
            more = None if link.base is None else (base_function(link.base)[0](x), weights)
            x = nodes.combine(contract(x, c, knots, family, more=more))
        return x

    def _views(self) -> list[list[Tensor]]:
        """The constants of each layer, the same tensors for as long as they last: tables are made once for knots."""
        if is_traced():
            return self.chain.parts(self.constants)
        if self._parts[0] is not self.constants:
            self._parts = (self.constants, self.chain.parts(self.constants))
        return self._parts[1]

    def __getstate__(self) -> dict[str, Any]:
        """Leave addresses out of copies and files."""
        return {**self.__dict__, "_call": None, "_parts": (None, [])}

    def extra_repr(self) -> str:
        """Return the widths and the data type, which `repr` shows."""
        return f"widths={[self.n_in, *(nodes.width for nodes in self.nodes)]}, dtype={self.dtype}"


def frozen(model: KAN | KANLayer, dtype: torch.dtype | None = None) -> FrozenKAN:
    """Return a network of splines as a module for inference, which calls one kernel for up to 8 rows.

    A call for one row of a small network then costs less than one of a linear layer of torch; larger batches run layer
    by layer. The result has no gradients.

    Parameters
    ----------
    model
        The network, or one layer.
    dtype
        torch.float32 or torch.float64; the model's own by default.

    Raises
    ------
    InputError
        For symbolic edges (export those as a formula: `edgewise.export.text`), and for other bases than B-splines.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> ew.nn.frozen(ew.nn.KANLayer(3, 2), torch.float32)(torch.zeros(1, 3)).shape
    torch.Size([1, 2])
    """
    layers = [model] if isinstance(model, KANLayer) else list(model.layers) if isinstance(model, KAN) else None
    if layers is None:
        raise InputError(
            f"'frozen' takes a KAN or a KANLayer. Got {type(model).__name__}: ew.nn.stack(layers) makes one."
        )
    dtype = layers[0].dtype if dtype is None else dtype
    if dtype not in (torch.float32, torch.float64):
        raise InputError(f"The 'dtype' parameter of frozen must be torch.float32 or torch.float64. Got {dtype!r}.")
    if any(layer.active_symbols() for layer in layers):
        raise InputError("A network with symbolic edges cannot be frozen. Export it: ew.export.text(model, 'c').")
    if not all(isinstance(layer.basis, BSplineFamily) for layer in layers):
        raise InputError(f"Only B-splines can be frozen. Got basis {layers[0].basis.name!r}.")
    if layers[0].base not in (None, "silu", "identity"):
        raise InputError(f"A network can be frozen with base 'silu', 'identity' or None. Got {layers[0].base!r}.")
    nodes = model.nodes[1:] if isinstance(model, KAN) else [Nodes(model.n_out)]
    links, constants = [], []
    for layer, node in zip(layers, nodes, strict=True):
        mask, degree = layer.spline_mask(), layer.degree
        assert degree is not None
        link, parts = Link.of(
            layer.coefficients * mask.unsqueeze(-1), layer.base_weight * mask, layer.knots, degree, dtype,
            cast(Any, layer.base),
            (node.n_sum, node.arities),
        )  # fmt: skip
        links.append(link)
        constants += parts
    chain = Chain(tuple(links), layers[0].degree or 0)
    return FrozenKAN(chain, chain.joined(constants))
