"""What a network is besides its tensors: the one description, of files, configurations and model folders alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.formulas import functions
from edgewise.nn._layer import KANLayer, Rule
from edgewise.nn._nodes import Nodes, Width
from edgewise.nn.bases import BASE_FUNCTIONS, BaseName, Basis, named
from edgewise.nn.bases._bases import is_known

DTYPES = ("float32", "float64")

Shape = tuple[int, ...]
Symbol = tuple[int, int, str]
RuleRow = tuple[int, int, dict[str, Any]]


class Malformed(Exception):
    """What is wrong with a description, in words that complete "The file ..."."""


@dataclass(frozen=True)
class Architecture:
    """What a network is besides its tensors, as plain data.

    Parameters
    ----------
    widths
        The nodes of each layer, inputs first, as `KAN` takes them: ints, or (sums, products) with the products an int
        or a list of arities.
    basis
        The name of the basis of every layer.
    degree
        The degree of the basis; None for one without.
    base
        The name of the base function; None for none.
    dtype
        The name of the number type, "float32" or "float64".
    symbols
        For each layer, the function names (j, i, name) of its symbolic edges.
    rules
        For each layer, what a person decided about edges, (j, i, row) with the rows of `Rule`; None where no edge has a
        rule.
    """

    widths: list[Any]
    basis: str
    degree: int | None
    base: BaseName | None
    dtype: str
    symbols: list[list[Symbol]]
    rules: list[list[RuleRow]] | None

    @staticmethod
    def of(layers: Sequence[KANLayer], nodes: Sequence[Nodes]) -> Architecture:
        """Return the description of a network.

        Parameters
        ----------
        layers
            The layers of the network.
        nodes
            The nodes of the network, inputs first.

        Raises
        ------
        InputError
            For what no description says: a dtype of less than 32 bits, layers that differ in basis or base, and a basis
            that no name is registered for.
        """
        dtype = str(layers[0].dtype).removeprefix("torch.")
        if dtype not in DTYPES:
            raise InputError(f"A network is saved in float32 or float64. This one is {dtype}: convert it first.")
        if len({(layer.basis, layer.base) for layer in layers}) > 1:
            raise InputError("A network is saved with one basis and one base function. The layers of this one differ.")
        basis = layers[0].basis
        if not is_known(basis.name) or named(basis.name, basis.degree or 3) != basis:
            raise InputError(
                f"A network is saved with the name of its basis, and none is known as {basis.name!r}: "
                "register yours with edgewise.bases.register first."
            )
        return Architecture(
            widths=[list(each.width) if isinstance(each.width, tuple) else each.width for each in nodes],
            basis=basis.name,
            degree=basis.degree,
            base=layers[0].base,
            dtype=dtype,
            symbols=[[(j, i, name) for (j, i), name in layer.symbols.items()] for layer in layers],
            rules=[[(j, i, rule.row()) for (j, i), rule in layer.rules.items()] for layer in layers]
            if any(layer.rules for layer in layers)
            else None,
        )

    def describe_edges(self, layers: Sequence[KANLayer]) -> None:
        """Give the edges of new layers their functions and rules.

        Parameters
        ----------
        layers
            The new layers, which are changed in place.
        """
        for number, layer in enumerate(layers):
            layer.symbols = {(j, i): name for j, i, name in self.symbols[number]}
            if self.rules is not None:
                layer.rules = {(j, i): Rule.of(row) for j, i, row in self.rules[number]}

    @property
    def kan_widths(self) -> list[Width]:
        """The widths as `KAN` takes them."""
        return [tuple(width) if isinstance(width, list) else width for width in self.widths]

    @property
    def built_basis(self) -> Basis:
        """The basis of every layer."""
        return named(self.basis) if self.degree is None else named(self.basis, self.degree)

    def shapes(self) -> Iterator[Shape]:
        """Return the (subnodes, inputs) of each layer, by arithmetic alone: nothing is as large as a file claims."""
        for before, after in itertools.pairwise(map(Nodes.parse, self.widths)):
            yield (after.n_subnodes, before.n_nodes)

    def check(self) -> None:
        """Raise `Malformed` for what describes no network."""
        require(isinstance(self.widths, list) and len(self.widths) >= 2, "list of widths")
        require(_is_size(self.widths[0], 1) and all(map(_is_width, self.widths)), "list of widths")
        require(isinstance(self.basis, str), "basis")
        if not is_known(self.basis):
            raise Malformed(_unknown("basis", self.basis, "edgewise.bases.register"))
        require(self.degree is None or _is_size(self.degree, 1), "degree")
        try:
            sound = self.built_basis.degree == self.degree
        except InputError:
            sound = False
        require(sound, "basis or degree")
        require(self.base is None or (isinstance(self.base, str) and self.base in BASE_FUNCTIONS), "base function")
        require(self.dtype in DTYPES, "number type")

    def check_edges(self) -> None:
        """Raise `Malformed` for functions and rules of edges that are not there, or that nobody knows."""
        self._check_rows(self.symbols, "list of functions", _check_function)
        if self.rules is not None:
            self._check_rows(self.rules, "list of rules", _check_rule)

    def _check_rows(self, layers: Any, what: str, check: Callable[[Any], None]) -> None:
        """Require for each layer a list of (j, i, what is checked), each edge at most once."""
        require(isinstance(layers, list) and len(layers) == len(self.widths) - 1, what)
        for rows, shape in zip(layers, self.shapes(), strict=True):
            require(isinstance(rows, list), what)
            edges = set()
            for row in rows:
                require(isinstance(row, list | tuple) and len(row) == 3, what)
                j, i, value = row
                inside = is_int(j, 0, shape[0] - 1) and is_int(i, 0, shape[1] - 1)
                require(inside and (j, i) not in edges, what)
                edges.add((j, i))
                check(value)


def require(sound: bool, what: str) -> None:
    """Raise `Malformed` that names the damaged part."""
    if not sound:
        raise Malformed(f"has a damaged {what}: save the network again")


def _is_size(value: object, least: int) -> bool:
    """Whether this is a whole number from `least` on, of a size that a tensor may have."""
    return is_int(value, least, 2**62 - 1)


def _is_width(width: Any) -> bool:
    try:
        return _is_size(Nodes.parse(width).n_subnodes, 1)
    except InputError:
        return False


def _check_function(name: Any) -> None:
    require(isinstance(name, str), "list of functions")
    try:
        functions.get(name)
    except InputError:
        raise Malformed(_unknown("function", name, "edgewise.functions.register")) from None


def _unknown(what: str, name: str, register: str) -> str:
    return (
        f"uses the {what} {name[:60]!r}, which this edgewise does not know: upgrade edgewise, "
        f"or register the {what} with {register} first"
    )


def _check_rule(row: Any) -> None:
    try:
        rule = Rule.of(row)
    except ValueError:
        raise Malformed("has a damaged list of rules: save the network again") from None
    for name in rule.functions:
        _check_function(name)
