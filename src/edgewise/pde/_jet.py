"""A function at points together with its first and second derivatives, and arithmetic on such."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError

#: torch function -> its value, first and second derivative
_CHAIN: dict[Callable[..., Any], Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]] = {
    torch.sin: lambda v: (v.sin(), v.cos(), -v.sin()),
    torch.cos: lambda v: (v.cos(), -v.sin(), -v.cos()),
    torch.exp: lambda v: (v.exp(), v.exp(), v.exp()),
    torch.log: lambda v: (v.log(), 1 / v, -1 / v**2),
    torch.sqrt: lambda v: (v.sqrt(), 0.5 / v.sqrt(), -0.25 / v**1.5),
    torch.square: lambda v: (v * v, 2 * v, torch.full_like(v, 2.0)),
    torch.tanh: lambda v: (v.tanh(), 1 - v.tanh() ** 2, -2 * v.tanh() * (1 - v.tanh() ** 2)),
    torch.sinh: lambda v: (v.sinh(), v.cosh(), v.sinh()),
    torch.cosh: lambda v: (v.cosh(), v.sinh(), v.cosh()),
}


@dataclass(frozen=True)
class Jet:
    """A function at n points of d coordinates: value (n,), gradient (n, d), second derivatives (n, d, d).

    `u.x`, `u.xx`, `u.xt` are derivatives by coordinates whose names are single letters, `u.d("theta", "theta")` by any.
    Sums, products, quotients, powers and torch's sin, cos, exp, log, sqrt, square, tanh, sinh and cosh of jets are
    jets; numbers and tensors count as constants.

    >>> x = Jet.coordinates(torch.tensor([[2.0]]), ("x",))["x"]
    >>> y = torch.sin(x) * x**2
    >>> y.x.item() == (torch.cos(torch.tensor(2.0)) * 4 + torch.sin(torch.tensor(2.0)) * 4).item()
    True
    """

    value: Tensor
    gradient: Tensor
    hessian: Tensor
    names: tuple[str, ...]

    @classmethod
    def coordinates(cls, points: Tensor, names: Sequence[str]) -> dict[str, Jet]:
        """Each coordinate of points (n, d) as a function of all."""
        n, d = points.shape
        rows, none = torch.eye(d, dtype=points.dtype).expand(n, -1, -1), points.new_zeros(n, d, d)
        return {name: cls(points[:, k], rows[:, k], none, tuple(names)) for k, name in enumerate(names)}

    def d(self, *names: str) -> Tensor:
        """The derivative by one or two named coordinates, (n,)."""
        for name in names:
            if name not in self.names:
                raise InputError(
                    f"There is no coordinate {name!r} to differentiate by. There are: {', '.join(self.names)}."
                )
        places = [self.names.index(name) for name in names]
        if len(places) == 1:
            return self.gradient[:, places[0]]
        if len(places) == 2:
            return self.hessian[:, places[0], places[1]]
        raise InputError(
            f"Derivatives of first and second order are known. Got {len(places)}: {names}. "
            "Write an equation of higher order as a system, with a derivative as a separate unknown."
        )

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_"):
            raise AttributeError(name)
        if not set(name) <= set("".join(self.names)):
            raise AttributeError(f"A Jet of the coordinates {', '.join(self.names)} has no {name!r}.")
        return self.d(*name)

    def through(self, value: Tensor, slope: Tensor, bend: Tensor) -> Jet:
        """f of the function, given f, f' and f'' at its values."""
        outer = self.gradient.unsqueeze(2) * self.gradient.unsqueeze(1)
        second = slope[:, None, None] * self.hessian + bend[:, None, None] * outer
        return Jet(value, slope.unsqueeze(1) * self.gradient, second, self.names)

    def __add__(self, other: Jet | Tensor | float) -> Jet:
        if isinstance(other, Jet):
            return Jet(
                self.value + other.value, self.gradient + other.gradient, self.hessian + other.hessian, self.names
            )
        return Jet(self.value + other, self.gradient, self.hessian, self.names)

    def __mul__(self, other: Jet | Tensor | float) -> Jet:
        if not isinstance(other, Jet):
            factor = torch.as_tensor(other, dtype=self.value.dtype)
            wide, wider = (factor, factor) if factor.ndim == 0 else (factor[:, None], factor[:, None, None])
            return Jet(self.value * factor, self.gradient * wide, self.hessian * wider, self.names)
        a, b = self.value[:, None], other.value[:, None]
        cross = self.gradient.unsqueeze(2) * other.gradient.unsqueeze(1)
        second = self.hessian * b.unsqueeze(2) + other.hessian * a.unsqueeze(2) + cross + cross.transpose(1, 2)
        return Jet(self.value * other.value, self.gradient * b + other.gradient * a, second, self.names)

    def __pow__(self, power: float) -> Jet:
        v = self.value
        if power == 2:
            return self * self
        return self.through(v**power, power * v ** (power - 1), power * (power - 1) * v ** (power - 2))

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
        if function in _CHAIN and len(args) == 1 and not kwargs:
            return args[0].through(*_CHAIN[function](args[0].value))
        arithmetic = {torch.Tensor.add: "__add__", torch.Tensor.mul: "__mul__", torch.Tensor.sub: "__rsub__",
                      torch.Tensor.div: "__rtruediv__", torch.Tensor.__rsub__: "__sub__"}  # fmt: skip
        if function in arithmetic and len(args) == 2 and isinstance(args[1], cls):
            return getattr(args[1], arithmetic[function])(args[0])
        known = ", ".join(f.__name__ for f in _CHAIN)
        name = getattr(function, "__name__", str(function))
        raise InputError(f"torch's {name} of a function with its derivatives is not known. Known: {known}.")
