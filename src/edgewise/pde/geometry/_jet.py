"""A function at points together with its derivatives, and arithmetic on such."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._jets import Order, below, composition, gradient_of, hessian_of, jets_of, product
from edgewise.nn import derivatives

HIGHEST = 4  # order of a derivative

_FUNCTIONS = (
    torch.sin, torch.cos, torch.tan, torch.exp, torch.log, torch.sqrt, torch.square, torch.tanh, torch.sinh, torch.cosh,
    torch.atan, torch.sigmoid, torch.erf, torch.abs,
)  # fmt: skip


@dataclass(frozen=True)
class Jet:
    """A function at n points of d coordinates: its value and some of its derivatives up to fourth order, each (n,).

    `u.value`, and by coordinates whose names are single letters `u.x`, `u.xx`, `u.xxt`; `u.d("theta", "theta")` by any.
    Sums, products, quotients, powers and torch's sin, cos, tan, exp, log, sqrt, square, tanh, sinh, cosh, atan,
    sigmoid, erf and abs of jets are jets; numbers and tensors count as constants.

    Parameters
    ----------
    parts
        The derivatives, each (n,), by the numbers of their coordinates, ascending: (0, 0, 1) is u_xxy, () the value.
        With one, all below it are there.
    names
        The names of the d coordinates.
    asked
        Sets in which the derivatives that are read are noted; none by default.

    Examples
    --------
    >>> x = Jet.coordinates(torch.tensor([[2.0]]), ("x",))["x"]
    >>> y = torch.sin(x) * x**2
    >>> y.x.item() == (torch.cos(torch.tensor(2.0)) * 4 + torch.sin(torch.tensor(2.0)) * 4).item()
    True
    """

    parts: Mapping[Order, Tensor]
    names: tuple[str, ...]
    asked: tuple[set[Order], ...] = field(default=(), repr=False, compare=False)  # where to note what is read

    @classmethod
    def coordinates(cls, points: Tensor, names: Sequence[str], orders: Iterable[Order] | None = None) -> dict[str, Jet]:
        """Return each coordinate as a function of all of them, by name.

        Parameters
        ----------
        points : (n, d)
            Points, one a row.
        names
            The names of the d coordinates.
        orders
            The derivatives that each has, and with them all below; by default all up to the second order.
        """
        d = points.shape[1]
        none, one = points.new_zeros(()).expand(len(points)), points.new_ones(()).expand(len(points))
        known = orders_up_to(2, d) if orders is None else below(orders)
        found = {}
        for k, name in enumerate(names):
            parts = {order: one if order == (k,) else none for order in known}
            found[name] = cls({**parts, (): points[:, k]}, tuple(names))
        return found

    @classmethod
    def of(cls, value: Tensor, gradient: Tensor, hessian: Tensor, names: Sequence[str]) -> Jet:
        """Return a jet of second order from values, gradients and Hessians.

        Parameters
        ----------
        value : (n,)
            The values.
        gradient : (n, d)
            The first derivatives.
        hessian : (n, d, d)
            The second derivatives.
        names
            The names of the d coordinates.
        """
        return cls(jets_of(value, gradient, hessian), tuple(names))

    @property
    def value(self) -> Tensor:
        """The function, (n,)."""
        return self.d()

    @property
    def gradient(self) -> Tensor:
        """The first derivatives, (n, d)."""
        return gradient_of(self.parts, len(self.names))

    @property
    def hessian(self) -> Tensor:
        """The second derivatives, (n, d, d)."""
        return hessian_of(self.parts, len(self.names))

    @property
    def real(self) -> Jet:
        """The real part of a complex function."""
        return self._like({order: part.real for order, part in self.parts.items()})

    @property
    def imag(self) -> Jet:
        """The imaginary part; zero for a real function."""
        parts = self.parts.items()
        return self._like({order: p.imag if p.is_complex() else torch.zeros_like(p) for order, p in parts})

    def conj(self) -> Jet:
        """Return the complex conjugate."""
        return self._like({order: part.conj() for order, part in self.parts.items()})

    def d(self, *names: str) -> Tensor:
        """Return the derivative by named coordinates, (n,).

        Parameters
        ----------
        *names
            The coordinates to differentiate by, in any order, each as often as wanted. None are given for the value.

        Raises
        ------
        InputError
            For an unknown coordinate, more than four of them, and a derivative that was not computed here.
        """
        for name in names:
            if name not in self.names:
                raise InputError(
                    f"There is no coordinate {name!r} to differentiate by. There are: {', '.join(self.names)}."
                )
        order = tuple(sorted(self.names.index(name) for name in names))
        if len(order) > HIGHEST:
            raise InputError(
                f"Derivatives up to order {HIGHEST} are known. Got order {len(order)}: {names}. "
                "Write an equation of higher order as a system, with a derivative as a separate unknown."
            )
        for noted in self.asked:
            noted.add(order)
        if order not in self.parts:
            most = max(map(len, self.parts))
            raise InputError(
                f"The derivative by {', '.join(names)} was not computed here, where derivatives go up to order {most}. "
                f"Ask for more, as in found.at(points, order={len(order)})."
            )
        return self.parts[order]

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_"):
            raise AttributeError(name)
        if not set(name) <= set("".join(self.names)):
            raise AttributeError(f"A Jet of the coordinates {', '.join(self.names)} has no {name!r}.")
        return self.d(*name)

    def __add__(self, other: Jet | Tensor | float) -> Jet:
        if not isinstance(other, Jet):
            return self._like({**self.parts, (): self.parts[()] + other})
        both = {order: part + other.parts[order] for order, part in self.parts.items() if order in other.parts}
        return self._like(both, other)

    def __mul__(self, other: Jet | Tensor | float) -> Jet:
        if not isinstance(other, Jet):
            return self._like({order: part * other for order, part in self.parts.items()})
        return self._like(product(self.parts, other.parts), other)

    def __pow__(self, power: float) -> Jet:
        if power == 2:
            return self * self
        value = self.parts[()]
        outer = [_falling(power, k) * value ** (power - k) if _falling(power, k) else torch.zeros_like(value)
                 for k in range(self._most() + 1)]  # fmt: skip
        return self._like(composition(outer, self.parts))

    def __neg__(self) -> Jet:
        return self * -1.0

    def __sub__(self, other: Jet | Tensor | float) -> Jet:
        return self + (-other)

    def __rsub__(self, other: Tensor | float) -> Jet:
        return -self + other

    def __truediv__(self, other: Jet | Tensor | float) -> Jet:
        return self * (other**-1.0 if isinstance(other, Jet) else 1.0 / other)

    def __rtruediv__(self, other: Tensor | float) -> Jet:
        return self**-1.0 * other

    __radd__ = __add__
    __rmul__ = __mul__

    @classmethod
    def __torch_function__(cls, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in _FUNCTIONS and len(args) == 1 and not kwargs:
            jet: Jet = args[0]
            if function is torch.abs and jet.parts[()].is_complex():
                raise InputError("abs of a complex function has no derivatives. Use abs(u.value), or u * u.conj().")
            outer = derivatives(function, jet.parts[()], jet._most(), attached=True)
            return jet._like(composition(outer, jet.parts))
        arithmetic = {torch.Tensor.add: "__add__", torch.Tensor.mul: "__mul__", torch.Tensor.sub: "__rsub__",
                      torch.Tensor.div: "__rtruediv__", torch.Tensor.__rsub__: "__sub__"}  # fmt: skip
        if function in arithmetic and len(args) == 2 and isinstance(args[1], cls):
            return getattr(args[1], arithmetic[function])(args[0])
        known = ", ".join(f.__name__ for f in _FUNCTIONS)
        name = getattr(function, "__name__", str(function))
        raise InputError(f"torch's {name} of a function with its derivatives is not known. Known: {known}.")

    def _like(self, parts: Mapping[Order, Tensor], other: Jet | None = None) -> Jet:
        return Jet(parts, self.names, self.asked + (() if other is None else other.asked))

    def _most(self) -> int:
        return max(map(len, self.parts))


def orders_up_to(most: int, d: int) -> list[Order]:
    """All derivatives by d coordinates up to an order, the lowest first."""
    return [order for k in range(most + 1) for order in combinations_with_replacement(range(d), k)]


def values_of(unknowns: Jet | tuple[Jet, ...]) -> Tensor:
    """The values of one or several functions, (n, functions)."""
    return torch.stack([jet.value for jet in ((unknowns,) if isinstance(unknowns, Jet) else unknowns)], 1)


def _falling(power: float, k: int) -> float:
    """power (power - 1) ... of k factors."""
    return math.prod(power - j for j in range(k))
