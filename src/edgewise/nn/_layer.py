"""A layer of edges, what a person has decided about each of them, and its short way for a few rows."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise.formulas import functions
from edgewise.kernels import contract, is_eager, is_full, is_traced, quick_contract
from edgewise.nn._grids import GridTools, cells_of
from edgewise.nn._init import Scheme, check_scheme, check_size, initial_values
from edgewise.nn._module import Features, autocast_output, check_pickled, packed, unpacked
from edgewise.nn.bases import BaseName, Basis, BasisName, base_function, joined_rows, named


@dataclass(frozen=True)
class Rule:
    """Properties of an edge that training and reading the network must keep.

    Parameters
    ----------
    locked
        Whether its function stays as it is.
    monotone
        1 where it must rise, -1 where it must fall, 0 where it may do either.
    smooth
        The weight of its roughness in the objective.
    functions
        The names of the functions that it may be read as; empty allows all of the library.

    Examples
    --------
    >>> from edgewise.nn import Rule
    >>> Rule(locked=True).row()
    {'locked': True}
    """

    locked: bool = False
    monotone: int = 0
    smooth: float = 0.0
    functions: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """Return what differs from an edge without a rule, as plain data."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items() if v}

    @classmethod
    def of(cls, row: dict[str, Any]) -> Rule:
        """Return the rule of a row.

        Parameters
        ----------
        row
            The fields of a rule, as `row` returns them.

        Raises
        ------
        ValueError
            For a row that says what no rule says.

        Examples
        --------
        >>> from edgewise.nn import Rule
        >>> Rule.of({"monotone": -1}).monotone
        -1
        """
        if not isinstance(row, dict) or set(row) - {field.name for field in fields(cls)}:
            raise ValueError("unknown fields")
        names = row.get("functions", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("functions")
        rule = cls(**{**row, "functions": tuple(names)})
        if not (isinstance(rule.locked, bool) and is_int(rule.monotone, -1, 1) and is_number(rule.smooth, 0, 1e300)):
            raise ValueError("values")
        return rule


def few_rows(layer: Any, x: Tensor) -> Tensor | None:
    """Return what a KANLayer without symbolic edges gives, where nothing is differentiated; None for its usual path.

    Anything unusual is left to that path: other dtypes, modes of torch, parametrized weights, and bad input.
    """
    c = layer._parameters.get("coefficients")  # None where parametrized
    if type(x) is not Tensor or c is None or x.dtype is not c.dtype or x.dim() != 2 or is_traced():
        return None
    if x.shape[0] > 8 or x.is_neg() or torch.is_autocast_enabled("cpu"):
        return None
    knots, mask, more = layer._buffers["knots"], layer._buffers["mask"], None
    if layer.base is not None:
        weight = layer._parameters.get("base_weight")
        if weight is None:
            return None
        more = base_function(layer.base)[0](x), weight
    if knots is None or mask is None:
        return None
    return quick_contract(x, c, knots, layer.basis, mask, more)


Edge = tuple[int, int, int]
"""An edge (layer, j, i): from node i to subnode j."""
_DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


class KANLayer(Features, GridTools, torch.nn.Module):
    """A layer whose every edge carries a learnable function of one variable.

    y_j = sum_i m_ji phi_ji(x_i),  phi(x) = sum_k c_k B_k(x) + w b(x)   for a spline edge,
                                   phi(x) = c f(a x + b) + d            for a symbolic edge.

    Beyond the ends of the range the functions of the basis continue along their tangents, so nothing dies and nothing
    explodes there. What is said of spline edges holds for every basis.

    Shapes: x (..., n_in) -> (..., n_out). Coefficients (n_out, n_in, K), base weights and mask (n_out, n_in), affine
    constants (n_out, n_in, 4), knots (n_in, ...): those of B-splines, the two ends of the range for the others. Where
    inputs have different numbers of cells, `coefficients` and `knots` are as long as the finest input needs, the knots
    of others end in +inf, and what lies beyond their coefficients changes nothing.

    Any input dtype is converted to the layer's; under autocast a layer computes in its own dtype all the same, and
    gives the dtype that `torch.nn.Linear` would.

    Only what trains is a parameter: base weights without a base function, and affine constants while every edge is a
    spline, are buffers, so that counts of parameters are true and DistributedDataParallel waits for none of them.

    Parameters
    ----------
    n_in
        The number of inputs.
    n_out
        The number of outputs.
    basis
        The functions B_k: a name of `edgewise.bases.BASES`, or a `edgewise.bases.Basis` of your own.
    grid
        How fine the functions are: for B-splines the number of cells; each basis has its own meaning. A list gives each
        input its own number of cells, of B-splines.
    degree
        The degree of B-splines, from 1 to 9; the other bases have none.
    base
        The base function b: "silu", "gelu", "relu", "tanh", "sin", "identity" or None.
    domain
        The range of the inputs (lo, hi) that the functions of the basis span.
    init
        The name of the initialization scheme: see `edgewise.nn.initial_values`.
    device
        The device of the parameters; torch's default device by default.
    dtype
        The dtype of the parameters; that of `torch.get_default_dtype()` by default.
    generator
        The generator of the random numbers; torch's global one by default.

    Raises
    ------
    InputError
        For sizes, basis, grid, degree, base, domain, init or dtype out of range.

    References
    ----------
    Liu et al., KAN: Kolmogorov-Arnold Networks (2024), section 2.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import KANLayer
    >>> layer = KANLayer(3, 2, generator=torch.Generator().manual_seed(0))
    >>> layer(torch.zeros(5, 7, 3)).shape
    torch.Size([5, 7, 2])
    """

    basis: Basis
    base: BaseName | None
    init: Scheme
    knots: Tensor
    mask: Tensor
    affine_free: Tensor
    affine: Tensor
    base_weight: Tensor

    def __init__(  # noqa: PLR0913 (what a layer is made of)
        self,
        n_in: int,
        n_out: int,
        *,
        basis: BasisName | Basis = "bspline",
        grid: int | Sequence[int] = 5,
        degree: int = 3,
        base: BaseName | None = "silu",
        domain: tuple[float, float] = (-1.0, 1.0),
        init: Scheme = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        dtype = torch.get_default_dtype() if dtype is None else dtype
        if not isinstance(dtype, torch.dtype) or dtype not in _DTYPES:
            raise InputError(f"The 'dtype' parameter of KAN must be torch.float32 or torch.float64. Got {dtype!r}.")
        _check(n_in, n_out, base)
        check_domain(domain, dtype)
        check_scheme(init)
        n_in, n_out = int(n_in), int(n_out)
        self.n_in, self.n_out, self.basis, self.base, self.init = n_in, n_out, named(basis, degree), base, init
        if is_int(grid, 1):  # before it is listed for each input
            check_size(n_in, n_out, self.basis.count(int(grid)), dtype)
        cells = cells_of(grid, n_in, self.basis)
        count = self.basis.count(max(cells))
        check_size(n_in, n_out, count, dtype)
        lo, hi = (torch.full((n_in,), float(end), dtype=dtype) for end in domain)
        self.register_buffer("knots", joined_rows(cells, lambda own: self.basis.uniform_knots(lo, hi, own)))
        self.coefficients = torch.nn.Parameter(torch.zeros(n_out, n_in, count, dtype=dtype))
        self.hold("base_weight", torch.zeros(n_out, n_in, dtype=dtype), trained=base is not None)
        self.hold("affine", torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=dtype).repeat(n_out, n_in, 1), trained=False)
        self.register_buffer("mask", torch.ones(n_out, n_in, dtype=torch.bool))
        self.register_buffer("affine_free", torch.ones(n_out, n_in, 4, dtype=torch.bool))
        self._symbols: dict[tuple[int, int], str] = {}
        self.rules: dict[tuple[int, int], Rule] = {}
        self.reset_parameters(generator)
        if device is not None:
            self.to(device)

    def __setstate__(self, state: dict[str, Any]) -> None:
        check_pickled(self, "_symbols" in state and "rules" in state)
        super().__setstate__(state)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the functions of all edges but locked ones again, in place: see `edgewise.nn.initial_values`.

        Parameters
        ----------
        generator
            The generator of the random numbers; torch's global one by default.
        """
        curves, weights = initial_values(self, generator)
        locked = self.locked_mask()
        with torch.no_grad():
            self.coefficients.copy_(torch.where(locked.unsqueeze(-1), self.coefficients, curves.to(self.dtype)))
            self.base_weight.copy_(torch.where(locked, self.base_weight, weights.to(self.dtype)))

    def hold(self, name: str, value: Tensor, *, trained: bool) -> None:
        """Keep a tensor under a name, as a parameter or as a buffer; the state dict holds either.

        Parameters
        ----------
        name
            The name of the attribute.
        value
            The tensor; it is detached.
        trained
            Whether it is a parameter; a buffer otherwise.
        """
        if name in self._parameters or name in self._buffers:
            delattr(self, name)
        if trained:
            self.register_parameter(name, torch.nn.Parameter(value.detach()))
        else:
            self.register_buffer(name, value.detach())

    @property
    def symbols(self) -> Mapping[tuple[int, int], str]:
        """The function names of symbolic edges (j, i). Setting them makes their constants trained ones."""
        return self._symbols

    @symbols.setter
    def symbols(self, names: Mapping[tuple[int, int], str]) -> None:
        self._symbols = dict(names)
        if bool(names) != ("affine" in self._parameters):
            self.hold("affine", self.affine, trained=bool(names))

    def name_edge(self, edge: tuple[int, int], name: str | None) -> None:
        """Make an edge symbolic, or a spline again.

        Parameters
        ----------
        edge
            The edge (j, i), from input i to subnode j.
        name
            The name of the function; None makes the edge a spline again.
        """
        others = {other: own for other, own in self._symbols.items() if other != edge}
        self.symbols = others if name is None else {**self._symbols, edge: name}

    @property
    def grid(self) -> int:
        """How fine the functions are, in the measure of their basis: cells (of the finest input), degree, harmonics."""
        return self.basis.grid(self.coefficients.shape[-1])

    @property
    def grids(self) -> list[int]:
        """How fine the functions of each input are.

        >>> KANLayer(2, 3, grid=[32, 4]).grids
        [32, 4]
        """
        return [self.basis.grid(count) for count in self.basis.counts(self.knots, self.coefficients.shape[-1])]

    @property
    def degree(self) -> int | None:
        """Degree of the pieces between knots, None for a basis without knots."""
        return self.basis.degree

    @property
    def dtype(self) -> torch.dtype:
        return self.coefficients.dtype

    def spline_mask(self) -> Tensor:
        """Return which edges are active splines, (n_out, n_in)."""
        if not self.symbols:
            return self.mask.clone()
        at = torch.tensor(list(self.symbols), device=self.mask.device).unbind(1)
        return self.mask.index_put(at, torch.zeros_like(self.mask[at]))  # not in place: linearize drops what is

    def locked_mask(self) -> Tensor:
        """Return which edges are locked, (n_out, n_in)."""
        locked = torch.zeros_like(self.mask)
        for edge, rule in self.rules.items():
            locked[edge] = rule.locked
        return locked

    def free_splines(self) -> Tensor:
        """Return whose coefficients training may change, (n_out, n_in): active splines that are not locked."""
        return self.spline_mask() & ~self.locked_mask()

    def free_constants(self) -> Tensor:
        """Return which of a, b, c, d training may change, (n_out, n_in, 4): of active symbolic edges, not locked."""
        symbolic = self.mask & ~self.spline_mask() & ~self.locked_mask()
        return self.affine_free & symbolic.unsqueeze(-1)

    def active_symbols(self) -> dict[str, list[tuple[int, int]]]:
        """Return the active symbolic edges (j, i) of each function name."""
        groups: dict[str, list[tuple[int, int]]] = {}
        on = self.mask.tolist() if self.symbols else []
        for (j, i), name in self.symbols.items():
            if on[j][i]:
                groups.setdefault(name, []).append((j, i))
        return groups

    def evaluate_basis(self, x: Tensor, order: int = 0) -> Tensor:
        """Return the functions that a spline edge combines, or their derivatives: (..., n_in, K [+ 1 with a base]).

        Parameters
        ----------
        x : (..., n_in)
            The inputs.
        order
            0 for values, 1 for first derivatives.
        """
        values = self.basis.evaluate(x, self.knots, self.coefficients.shape[-1], order)
        if self.base is None:
            return values
        return torch.cat([values, base_function(self.base)[order](x).unsqueeze(-1)], dim=-1)

    def weights(self) -> Tensor:
        """Return what each spline edge multiplies `basis` by, zero where masked or symbolic: (n_out, n_in, K [+ 1])."""
        packed = self.coefficients
        if self.base is not None:
            packed = torch.cat([packed, self.base_weight.unsqueeze(-1)], dim=-1)
        return self._active(packed)

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
        if not torch.is_grad_enabled() and not self._symbols:
            out = few_rows(self, x)
            if out is not None:
                return out
        return self._forward(x)

    @autocast_output
    def _forward(self, x: Tensor) -> Tensor:
        c, knots = self.coefficients, self.knots
        if x.dtype is torch.float64 and c.dtype is not torch.float64 and is_eager():
            _warn_of_rounding(c.dtype)
        x, plain = x.to(c.dtype), self._plain()
        mask = None if plain else self.spline_mask() if self.symbols else self.mask
        more = None
        if self.base is not None:
            more = base_function(self.base)[0](x), self.base_weight if mask is None else self.base_weight * mask
        out = contract(x, c, knots, self.basis, mask=mask, more=more)
        for j, _, values in self._symbolic(x):
            if is_traced():  # ONNX knows no index_add over rows of another number
                out = out + values @ one_hot(j, self.n_out).to(values.dtype)
            else:
                out = out.index_add(-1, j, values)
        return out

    def _active(self, c: Tensor) -> Tensor:
        return c * self.spline_mask().unsqueeze(-1)

    def _plain(self) -> bool:
        """Whether every edge is an active spline, so that nothing has to be masked."""
        if self.symbols or not is_eager() or self.mask.is_meta:
            return False
        return is_full(self.mask)

    def edges(self, x: Tensor) -> Tensor:
        """Return every edge's own output: (..., n_out, n_in), zero where masked.

        Parameters
        ----------
        x : (..., n_in)
            The inputs.
        """
        x = x.to(self.dtype)
        out = torch.einsum("...if,jif->...ji", self.evaluate_basis(x), self.weights())
        for j, i, values in self._symbolic(x):
            out[..., j, i] = values
        return out

    def _symbolic(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """For each function name, the edges' j and i and what they give, (..., edges), zero where masked.

        The mask is read as a number and not as a fact, so that the layer compiles, exports and maps over masks; a
        masked edge is evaluated at 1/2 instead of its argument, so that a pole there spoils no gradient.
        """
        groups: dict[str, list[tuple[int, int]]] = {}
        for edge, name in self.symbols.items():
            groups.setdefault(name, []).append(edge)
        for name, edges in groups.items():
            j, i = torch.tensor(edges, device=x.device).unbind(1)
            on = self.mask[j, i]
            a, b, c, d = self.affine[j, i].unbind(-1)
            z = torch.where(on, a * x[..., i] + b, 0.5)
            yield j, i, torch.where(on, c * functions.get(name).torch(z) + d, 0.0)

    def get_extra_state(self) -> Tensor:
        """Return basis, symbols and rules as a tensor of bytes, which the state dict holds."""
        return packed(
            {
                "basis": self.basis.name,
                "symbols": [[j, i, name] for (j, i), name in self.symbols.items()],
                "rules": [[j, i, rule.row()] for (j, i), rule in self.rules.items()],
            }
        )

    def set_extra_state(self, state: Tensor | Mapping[str, Any]) -> None:
        """Set symbols and rules from a state dict.

        Parameters
        ----------
        state
            What `get_extra_state` returned.

        Raises
        ------
        InputError
            For the state of a layer with another basis.
        """
        state = unpacked(state)
        found = state.get("basis", self.basis.name)
        if found != self.basis.name:
            raise InputError(f"The saved layer has basis {found!r}, this one {self.basis.name!r}.")
        self.symbols = {(j, i): name for j, i, name in state["symbols"]}
        self.rules = {(j, i): Rule.of(row) for j, i, row in state.get("rules", [])}

    def extra_repr(self) -> str:
        """Return sizes, basis, grid and base, which `repr` shows."""
        grids = self.grids
        grid = self.grid if min(grids) == self.grid else grids
        shown = {"basis": self.basis.name, "grid": grid, "degree": self.degree, "base": self.base}
        if self.basis.name != "bspline":
            del shown["degree"]
        return f"{self.n_in} -> {self.n_out}, " + ", ".join(f"{name}={value!r}" for name, value in shown.items())


@cache
def _warn_of_rounding(dtype: torch.dtype) -> None:
    """Say once what torch's own layers refuse."""
    logging.getLogger("edgewise.nn").warning(
        "A KANLayer of %s rounds inputs of torch.float64: give it x.float(), or make it layer.double().", dtype
    )


def spline_edges(layers: Iterable[KANLayer]) -> list[Edge]:
    """Return the active spline edges (layer, j, i)."""
    return [(depth, j, i) for depth, layer in enumerate(layers) for j, i in layer.spline_mask().nonzero().tolist()]


def _check(n_in: int, n_out: int, base: BaseName | None) -> None:
    for name, value in (("n_in", n_in), ("n_out", n_out)):
        if not is_int(value, 1):
            raise InputError(f"The '{name}' parameter of KAN must be an int >= 1. Got {value!r} instead.")
    if base is not None:
        base_function(base)


def check_domain(domain: tuple[float, float], dtype: torch.dtype) -> None:
    """Raise InputError for what is no range of numbers of a dtype."""
    pair = isinstance(domain, tuple | list) and len(domain) == 2
    if not (pair and all(map(is_number, domain))):
        raise InputError(f"The 'domain' parameter of KAN must be two finite numbers (lo, hi), lo < hi. Got {domain!r}.")
    lo, hi = domain
    limits = torch.finfo(dtype)
    most, least = limits.max / 4, max(4 * limits.eps * min(max(abs(lo), abs(hi)), 1e308), min(1e10 * limits.tiny, 0.01))
    if not (-most < lo < hi < most and hi - lo > least):
        raise InputError(
            "The 'domain' parameter of KAN must be two finite numbers (lo, hi), lo clearly below hi at the precision "
            f"of {dtype}. Got {domain!r}."
        )
