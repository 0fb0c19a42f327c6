"""What is to hold: an equation inside a domain, in residuals or weak; conditions, unknown constants and functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._jets import Jets, Order, below
from edgewise.pde.geometry._corner import Singular
from edgewise.pde.geometry._corner_flow import CornerFlow
from edgewise.pde.geometry._domain import Box, Domain, Face
from edgewise.pde.geometry._enrichment import enrichment, flows
from edgewise.pde.geometry._jet import HIGHEST, Jet, orders_up_to
from edgewise.pde.statement._coefficient import Coefficient, Laws
from edgewise.pde.statement._condition import Condition, Equation, Function, Integral, Left

_NONE: Mapping[str, Any] = {}
Several = Jet | tuple[Jet, ...]


@dataclass(frozen=True)
class Weak:
    """An equation in its weak form: the integral of form(u, v, p) over the domain is zero for every test function v.

    Give it to `Problem` in place of the residual. Integrated by parts, an equation needs fewer derivatives of u, so
    that coefficients may jump and loads be concentrated: -(k u')' = f becomes k u.x v.x - f v.value.

    Where test functions have first derivatives only, `solve` turns the form into an equation at points, with interfaces
    where what multiplies these derivatives jumps. Else, and with a network or grids of your own, test functions are
    products of splines of degree 4, more of them than the network has parameters, which vanish on the boundary, but for
    natural faces of a box; on domains that are no boxes they have `domain.distance` as a factor. What is minimized then
    is the dual norm of the residual, which is equivalent to the error in H1.

    Parameters
    ----------
    form
        The function that is integrated, of the unknown u, the test function v, the point p and constants c; it returns
        a tensor (n,). v has derivatives as u has; every term must contain it once. With several unknowns v is a tuple
        of as many.
    natural
        Faces of a box where the equation itself says that the flux is zero, and no condition is needed; None for none.
    breaks
        Places where coefficients jump, by the name of the coordinate; the integrals are exact if they are given.

    Raises
    ------
    InputError
        For natural places that are no faces, breaks that are not finite, and for terms without v when it is solved.

    References
    ----------
    Kharazmi, Zhang and Karniadakis, Computer Methods in Applied Mechanics and Engineering 374 (2021); for the dual
    norm, Rojas et al., same journal 425 (2024).

    Examples
    --------
    >>> from edgewise.pde import Weak
    >>> Weak(lambda u, v, p: u.x * v.x - v.value).breaks
    {}
    """

    form: Callable[..., Tensor]
    natural: Face | None = None
    breaks: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not callable(self.form):
            raise InputError(f"A weak form is a function of u, v and p. Got {self.form!r:.80}.")
        if self.natural is not None and not isinstance(self.natural, Face):
            raise InputError(f"'natural' must be faces of a box, like box.face(x=1). Got {self.natural!r:.80}.")
        for name, places in self.breaks.items():
            if not all(is_number(place) for place in places):
                raise InputError(f"The breaks of {name!r} must be finite numbers. Got {list(places)!r:.80}.")

    def __call__(self, u: Any, p: SimpleNamespace, *constants: Any) -> tuple[Tensor, ...]:
        """Return what multiplies each derivative of each test function, in the order of `reads`."""
        unknowns = u if isinstance(u, tuple) else (u,)
        names, like = unknowns[0].names, next(iter(vars(p).values()))
        reads = self._reads(u, p, constants)
        found = []
        for equation, order in reads:
            tests = [_unit(names, like, order if k == equation else None) for k in range(len(unknowns))]
            found.append(self._value(u, tests, p, constants))
        return tuple(found)

    def reads(self, names: tuple[str, ...], unknowns: int, constants: Mapping[str, float]) -> list[tuple[int, Order]]:
        """Return which derivatives of which test function the form has: numbers of equations, and orders.

        Parameters
        ----------
        names
            The names of the coordinates.
        unknowns
            The number of unknowns.
        constants
            The unknown constants of the problem, by name.

        Raises
        ------
        InputError
            For a form with a term without v, and one that gives no tensor (n,).
        """
        like = torch.full((2,), 0.5, dtype=torch.float64)
        every = orders_up_to(HIGHEST, len(names))
        jets = tuple(Jet(dict.fromkeys(every, like), names) for _ in range(unknowns))
        more = (SimpleNamespace(**dict.fromkeys(constants, like)),) if constants else ()
        return self._reads(jets[0] if unknowns == 1 else jets, SimpleNamespace(**dict.fromkeys(names, like)), more)

    def _reads(self, u: Any, p: SimpleNamespace, constants: Any) -> list[tuple[int, Order]]:
        unknowns = u if isinstance(u, tuple) else (u,)
        names, like = unknowns[0].names, next(iter(vars(p).values()))
        asked: list[set[Order]] = [set() for _ in unknowns]
        none = [_unit(names, like, None, noted) for noted in asked]
        if bool((self._value(u, none, p, constants) != 0).any()):
            raise InputError("Every term of a weak form must contain the test function v. One does not.")
        return [(e, order) for e, orders in enumerate(asked) for order in sorted(orders, key=lambda o: (len(o), o))]

    def _value(self, u: Any, tests: list[Jet], p: SimpleNamespace, constants: Any) -> Tensor:
        like = next(iter(vars(p).values()))
        found = self.form(u, tests[0] if len(tests) == 1 else tuple(tests), p, *constants)
        if not isinstance(found, Tensor) or found.shape != like.shape:
            got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise InputError(f"A weak form must give one tensor of shape ({len(like)},). Got {got}.")
        return found


def _unit(names: tuple[str, ...], like: Tensor, order: Order | None, noted: set[Order] | None = None) -> Jet:
    """A test function of which one derivative is one, and all others are zero."""
    every = orders_up_to(2, len(names))  # those that test functions have
    parts = {each: torch.full_like(like, float(each == order)) for each in every}
    return Jet(parts, names, () if noted is None else (noted,))


@dataclass(frozen=True)
class Problem:
    """A differential equation: residual(u, p) is zero inside the domain, and its conditions hold.

    Parameters
    ----------
    domain
        A Box, a Disk, a Polygon, or what |, & and - make of them.
    residual
        A function of the unknown u and the point p, which returns a tensor (n,) or a tuple of them: u.value, u.x, u.xx,
        u.xy are the unknown and its derivatives, p.x, p.y the coordinates. With several unknowns u is a tuple; with
        `constants` a third argument c holds them, as c.nu. Or an equation in its `Weak` form.
    conditions
        What holds on the boundary or at points.
    ansatz
        A function of the network n and the coordinates p, all with their derivatives, that gives the unknown: lambda n,
        p: (1 - p.x**2) * n vanishes at x = -1 and 1 whatever the network is. None takes the network itself.
    constants
        Unknown numbers with their first values, found together with the solution.
    unknowns
        How many functions are sought.
    singular
        Functions that are added to the network, each times an unknown number: those of `Corner.singular`. With "auto"
        those of all corners of a domain that is no Box, and of places on straight edges where values end and slopes
        begin, where it has one unknown, no ansatz, and an equation whose second derivatives are Laplace's; and the
        Stokes flows of corners between walls, where its unknowns are two velocities and a pressure.
    complex
        Whether the unknowns are complex: u.value and its derivatives then are complex tensors, and a network has two
        outputs for each, the real and the imaginary part.
    functions
        Unknown functions by name, found as well: the names of what each depends on, as "x" or ("x", "u"), or a
        `Coefficient`. The third argument holds them too, to be called: c.k(p.x).value, c.D(u.value).u.

    Raises
    ------
    InputError
        For a domain that is none, and a name that is both a constant and an unknown function.

    Examples
    --------
    >>> import torch
    >>> from edgewise.pde import Box, Condition, Problem
    >>> box = Box(x=(0, 1))
    >>> Problem(box, lambda u, p: u.xx + u.value, [Condition(box.boundary(), lambda u, p: u.value - p.x)]).unknowns
    1
    """

    domain: Domain
    residual: Equation
    conditions: Sequence[Condition] = ()
    ansatz: Function | None = None
    constants: Mapping[str, float] = field(default_factory=dict)
    unknowns: int = 1
    singular: Sequence[Singular | CornerFlow] | Literal["auto"] = "auto"
    complex: bool = False
    functions: Mapping[str, str | Sequence[str] | Coefficient] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.complex, bool):
            raise InputError(f"'complex' must be True or False. Got {self.complex!r}.")
        if not isinstance(self.domain, Domain):
            raise InputError(f"The domain must be a Box, a Disk, a Polygon or made of them. Got {self.domain!r:.80}.")
        both = sorted(set(self.constants) & set(self.functions))
        if both:
            raise InputError(f"A name is either a constant or an unknown function. Got {both[0]!r} as both.")

    @cached_property
    def coefficients(self) -> dict[str, Coefficient]:
        """The unknown functions of the equation."""
        return {name: own if isinstance(own, Coefficient) else Coefficient(own) for name, own in self.functions.items()}

    @property
    def box(self) -> Box:
        """The domain, which must be a Box."""
        if not isinstance(self.domain, Box):
            raise InputError(f"Here the domain must be a Box. Got {self.domain!r:.80}.")
        return self.domain

    @cached_property
    def terms(self) -> tuple[Singular | CornerFlow, ...]:
        """The singular functions that are added to the network."""
        if isinstance(self.singular, str):
            if self.singular != "auto":
                raise InputError(f"'singular' must be 'auto' or functions of corners. Got {self.singular!r}.")
            smooth = len(self.domain.names) != 2 or isinstance(self.residual, Weak)
            if smooth or self.ansatz is not None or self.complex or self.functions:
                return ()
            if self.unknowns == 1:
                return enrichment(self, corners=not isinstance(self.domain, Box))
            return flows(self) if self.unknowns == 3 and not isinstance(self.domain, Box) else ()
        return tuple(self.singular)

    @cached_property
    def numbers(self) -> dict[str, float]:
        """The unknown constants and the factors of the singular functions, with their first values."""
        return {**self.constants, **{repr(function): 0.0 for function in self.terms}}

    def unknown(
        self, jets: Jets, points: Tensor, asked: Sequence[set[Order]] = (), numbers: Mapping[str, Any] = _NONE
    ) -> Jet | tuple[Jet, ...]:
        """Return the unknown functions of the jets of a network's outputs: a Jet, or a tuple of them.

        Parameters
        ----------
        jets : (n, m)
            The network's outputs and their derivatives, by order.
        points : (n, d)
            Points, one a row.
        asked
            For each unknown a set in which the derivatives that are read of it are noted; none by default.
        numbers
            The factors of the singular functions, by their text; 0 where one is not given.
        """
        names = self.domain.names
        outputs = tuple(
            Jet({order: part[:, k] for order, part in jets.items()}, names, tuple(asked[k : k + 1]))
            for k in range(self.unknowns)
        )
        whole: Any = outputs[0] if self.unknowns == 1 else outputs
        for function in self.terms:
            factor, more = numbers.get(repr(function), 0.0), function.jet(points, jets)
            if isinstance(more, tuple):
                whole = tuple(own + part * factor for own, part in zip(whole, more, strict=True))
            else:
                whole = whole + more * factor
        if self.ansatz is None:
            return whole
        return self.ansatz(whole, SimpleNamespace(**Jet.coordinates(points, names, jets)))

    def presented(self, unknowns: Jet | tuple[Jet, ...]) -> Jet | tuple[Jet, ...]:
        """Return the unknowns as the problem was stated.

        Parameters
        ----------
        unknowns
            The unknowns as they were computed: a Jet, or a tuple of them.
        """
        return unknowns

    def outputs_of(self, unknown: int) -> tuple[int, ...]:
        """Return the network's outputs that make up an unknown, as the problem was stated.

        Parameters
        ----------
        unknown
            The number of the unknown, from 0.
        """
        return (unknown,)

    @cached_property
    def orders(self) -> list[Order]:
        """The derivatives that the equation and its conditions read, and all below them."""
        return below(self._read[0])

    def laws(self) -> Laws:
        """Return the networks of the unknown functions as they begin, for the derivatives that are read of each."""
        orders = {name: below(asked) for name, asked in self._read[1].items()} if self.functions else {}
        return Laws.of(self.coefficients, orders)

    @cached_property
    def _read(self) -> tuple[set[Order], dict[str, set[Order]]]:
        """The derivatives of the unknowns and of each unknown function that are read."""
        of_functions: dict[str, set[Order]] = {name: set() for name in self.functions}
        read = self.asked(self.residual, [self.domain.points(2)], of_functions)
        for condition in self.conditions:
            read += self.asked(condition.equation, condition.points(2, 0), of_functions)
        return set().union(*read), of_functions

    def asked(
        self, equation: Equation, sides: list[Tensor], of_functions: Mapping[str, set[Order]] = _NONE
    ) -> list[set[Order]]:  # fmt: skip
        """Return the derivatives of each unknown that an equation reads.

        Parameters
        ----------
        equation
            The residual of an equation or of a condition.
        sides
            The points (n, d) at which it takes the unknown: one tensor, or two for a condition of two sides.
        of_functions
            For each unknown function a set to which the derivatives that are read of it are added.
        """
        found: list[set[Order]] = [set() for _ in range(self.unknowns)]
        every, unknowns = orders_up_to(HIGHEST, len(self.domain.names)), []
        for points in sides:
            some = torch.full((len(points), self.unknowns), 0.5, dtype=torch.float64)
            unknowns.append(self.unknown(dict.fromkeys(every, some), points, found))
        constants: dict[str, Any] = {
            name: torch.full_like(sides[0][:, 0], float(v)) for name, v in self.constants.items()
        }
        constants |= {name: own.constant(of_functions.get(name)) for name, own in self.coefficients.items()}
        self.left(equation, unknowns, sides[0], constants)
        return found

    def left(
        self, equation: Callable[..., Left], unknowns: Sequence[Any], points: Tensor, constants: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        """Return what an equation leaves at points: tensors (n,).

        Parameters
        ----------
        equation
            The residual of an equation or of a condition.
        unknowns
            The unknowns, once for each side.
        points : (n, d)
            Points, one a row.
        constants
            The constants, and the unknown functions as they are called; functions that are not given are constant.

        Raises
        ------
        InputError
            For a residual that is complex, or of another shape.
        """
        at = SimpleNamespace(**{name: points[:, k] for k, name in enumerate(self.domain.names)})
        known = {name: constants[name] for name in self.constants}
        for name, own in self.coefficients.items():
            known[name] = constants.get(name) or own.constant()
        more = (SimpleNamespace(**known),) if known else ()
        found = equation(*unknowns, at, *more)
        parts = found if isinstance(found, tuple) else (found,)
        for part in parts:
            if isinstance(part, Tensor) and part.is_complex():
                raise InputError("This residual is complex. State so: Problem(..., complex=True).")
            if not isinstance(part, Tensor) or part.shape != points.shape[:1]:
                got = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
                raise InputError(
                    f"A residual must give tensors of shape ({len(points)},), one number a point. Got {got}."
                )
        return tuple(part.to(torch.float64) for part in parts)


@dataclass(frozen=True)
class Paired(Problem):
    """A problem whose unknowns are the real and the imaginary part of each complex unknown of another one."""

    def presented(self, unknowns: Several) -> Several:
        """Return real and imaginary parts as complex functions.

        Parameters
        ----------
        unknowns
            The real and the imaginary part of each unknown, one after the other.
        """
        return _combined(unknowns)

    def outputs_of(self, unknown: int) -> tuple[int, ...]:
        """Return the two outputs that are the real and the imaginary part of a complex unknown.

        Parameters
        ----------
        unknown
            The number of the complex unknown, from 0.
        """
        return 2 * unknown, 2 * unknown + 1


def paired(problem: Problem) -> Problem:
    """Return a problem with complex unknowns as one with twice as many real ones; others as they are."""
    if not problem.complex:
        return problem
    if isinstance(problem.residual, Weak):
        raise InputError("Weak forms are for real unknowns. Write the real and the imaginary part as two.")
    own = {part.name: getattr(problem, part.name) for part in fields(problem)}
    own |= {
        "residual": _split_equation(problem.residual, 1),
        "conditions": tuple(map(_split_condition, problem.conditions)),
        "ansatz": None if problem.ansatz is None else _split_ansatz(problem.ansatz),
        "unknowns": 2 * problem.unknowns,
        "complex": False,
    }
    return Paired(**own)


def _combined(unknowns: Several) -> Several:
    """Real and imaginary parts, one after the other, as complex functions."""
    assert isinstance(unknowns, tuple)
    found = []
    for one, two in zip(unknowns[::2], unknowns[1::2], strict=True):
        orders = [order for order in one.parts if order in two.parts]
        parts = {order: torch.complex(one.parts[order], two.parts[order]) for order in orders}
        found.append(Jet(parts, one.names, one.asked + two.asked))
    return found[0] if len(found) == 1 else tuple(found)


def _split_equation(equation: Callable[..., Any], sides: int) -> Callable[..., Any]:
    """An equation of real functions that leaves the real and the imaginary part of what a complex one leaves."""

    def split(*given: Any) -> Any:
        left = equation(*map(_combined, given[:sides]), *given[sides:])
        parts = left if isinstance(left, tuple) else (left,)
        found: list[Any] = []
        for part in parts:
            found += [part.real, part.imag] if isinstance(part, Tensor) and part.is_complex() else [part]
        return tuple(found)

    return split


def _split_condition(condition: Condition) -> Condition:
    residual: Any = condition.residual
    if isinstance(condition, Integral):
        mean = condition.equals / float(condition.rule[1].sum())

        def shifted(*given: Any) -> Any:
            left = residual(*given)
            return tuple(part - mean for part in left) if isinstance(left, tuple) else left - mean

        return replace(condition, residual=_split_equation(shifted, 1), equals=0.0)
    return replace(condition, residual=_split_equation(residual, condition.sides))


def _split_ansatz(ansatz: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def split(n: Any, p: Any) -> tuple[Jet, ...]:
        whole = ansatz(_combined(n), p)
        functions = whole if isinstance(whole, tuple) else (whole,)
        return tuple(part for function in functions for part in (function.real, function.imag))

    return split
