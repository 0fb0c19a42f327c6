"""Every route that a family's contraction may take gives the derivatives of the reference, and is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
from families import COMPILED, FUNCTIONS, KINDS, Functions, around, close
from torch import Tensor

from edgewise.bases import BSpline, Fourier
from edgewise.kernels import Backend, contract, forced


@dataclass(frozen=True)
class Way:
    """A backend and route for a family, and the operations that must run on it."""

    functions: Functions
    backend: str
    route: str | None
    runs: frozenset[str]

    def contract(self, x: Tensor, c: Tensor) -> Tensor:
        with forced(backend=self.backend, route=self.route):
            return contract(x, c, self.functions.knots, self.functions.family)

    def derive(self, derivative: Callable[..., Any], *arguments: Any) -> Any:
        """Derivatives are taken on the way too, not only values."""
        with forced(backend=self.backend, route=self.route):
            return derivative(*arguments)


def _ways(name: str, functions: Functions) -> dict[str, Way]:
    def way(backend: str, route: str | None, *runs: str) -> Way:
        return Way(functions, backend, route, frozenset(f"{backend} {name}" for name in runs))

    compiled = name in COMPILED
    found = {} if compiled and name not in KINDS else {"reference": way("reference", None, "evaluate", "reduce")}
    if isinstance(functions.family, BSpline):
        found["sparse"] = way("numba", "sparse", "contract", "vjp_inputs", "vjp_coefficients")
    elif isinstance(functions.family, Fourier):
        found["dense"] = way("numba", "dense", "evaluate", "reduce")
    elif compiled:
        found["dense"] = way("numba", "dense", "contract", "vjp_inputs", "vjp_coefficients")
    return {f"{name} {route}": way for route, way in found.items()}


WAYS = {key: way for name, functions in FUNCTIONS.items() for key, way in _ways(name, functions).items()}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What is run: backends and what each is asked to compute itself."""
    seen: set[str] = set()

    def watched(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: Backend, *arguments: Any) -> Any:
            seen.add(f"{self.name} {name}")
            return plain(self, *arguments)

        return run

    for backend in {Backend, *(type(one) for f in FUNCTIONS.values() for one in f.family.cpu.values())}:
        for name in ("evaluate", "reduce", "contract", "vjp_inputs", "vjp_coefficients", "vjps"):
            own = vars(backend).get(name)
            if own is not None and (backend is not Backend or name in ("evaluate", "reduce")):
                monkeypatch.setattr(backend, name, watched(name, own))
    return seen


def numbers(way: Way, rows: int = 3) -> tuple[Tensor, Tensor]:
    """Points within the range and beyond, and coefficients of two outputs."""
    c = torch.randn(2, 2, way.functions.count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return around(rows, seed=4).requires_grad_(), c.requires_grad_()


def bent(g: Tensor) -> Tensor:
    """A sum of functions of a gradient that are curved, so that its own gradient depends on everything too."""
    weights = torch.linspace(0.5, 1.5, g.numel()).view_as(g) / (1 + g.detach().abs().max())
    return (g * weights).sin().sum()


def gradients_of(f: Callable[..., Tensor], x: Tensor, c: Tensor, order: int) -> list[list[Tensor]]:
    """Derivatives by both up to an order, each of a curved combination of those before."""
    found, value = [], f(x, c).sin().sum()
    for _ in range(order):
        found.append(list(torch.autograd.grad(value, (x, c), create_graph=True)))
        value = sum(bent(g) for g in found[-1])
    return found


@every_way
def test_every_route_gives_first_second_and_third_derivatives_of_the_reference(way: Way, entered: set[str]) -> None:
    """by points, by coefficients and mixed; torch differentiates the reference, which is plain torch."""
    (x, c), f = numbers(way, 5), way.functions

    def plain(x: Tensor, c: Tensor) -> Tensor:
        return torch.einsum("nim,jim->nj", f.family.reference(x, f.knots, f.count), c)

    expected, found = gradients_of(plain, x, c, 3), way.derive(gradients_of, way.contract, x, c, 3)
    for order, pairs in enumerate(zip(found, expected, strict=True)):
        for a, b in zip(*pairs, strict=True):
            close(a, b, 10.0 ** (order - 12))
    lanes = way.route == "dense" and f"{way.backend} contract" in way.runs  # whose orders above one are dense
    dense = {f"{way.backend} {name}" for name in ("evaluate", "reduce")} if lanes else set()
    assert way.runs <= entered <= way.runs | dense


@every_way
def test_every_route_gives_the_gradients_that_are_asked_for(way: Way, entered: set[str]) -> None:
    """and nobody will differentiate again."""
    given = dict(zip("xc", numbers(way, 40), strict=True))

    def gradients(wanted: str, backend: str, route: str | None) -> tuple[Tensor, ...]:
        x, c = (part.detach().requires_grad_(name in wanted) for name, part in given.items())
        with forced(backend=backend, route=route):
            y = contract(x, c, way.functions.knots, way.functions.family)
            return torch.autograd.grad(y.sin().sum(), [leaf for leaf in (x, c) if leaf.requires_grad])

    asked = {"x": {"vjp_inputs"}, "c": {"vjp_coefficients"}, "xc": {"vjp_inputs", "vjp_coefficients"}}
    for wanted, runs in asked.items():
        expected = gradients(wanted, "reference", None)
        entered.clear()
        for a, b in zip(gradients(wanted, way.backend, way.route), expected, strict=True):
            close(a, b)
        if way.route == "sparse":
            runs = {"contract", "vjps"} if wanted == "xc" else {"contract", *runs}
        elif f"{way.backend} contract" in way.runs:
            runs = {"contract", *runs}
        else:
            runs = {"evaluate", "reduce"} if "x" in wanted else {"evaluate"}
        assert entered == {f"{way.backend} {name}" for name in runs}


@every_way
def test_every_route_passes_the_gradient_checks(way: Way) -> None:
    """of first order in both modes, of second order forward over reverse and reverse over reverse."""
    arguments = numbers(way)
    assert way.derive(partial(torch.autograd.gradcheck, check_forward_ad=True, fast_mode=True), way.contract, arguments)
    assert way.derive(
        partial(torch.autograd.gradgradcheck, check_fwd_over_rev=True, fast_mode=True), way.contract, arguments
    )


@every_way
def test_every_route_agrees_in_both_modes_and_maps(way: Way, entered: set[str]) -> None:
    x, c = (part.detach() for part in numbers(way))
    knots, family = way.functions.knots, way.functions.family

    def call(x: Tensor, c: Tensor, knots: Tensor = knots) -> Tensor:
        return contract(x, c, knots, family)

    with forced(backend=way.backend, route=way.route):
        for k in (0, 1):
            close(torch.func.jacfwd(call, k)(x, c), torch.func.jacrev(call, k)(x, c))
        entered.clear()
        close(torch.func.vmap(torch.func.jacfwd(call), (0, None))(x, c), torch.func.vmap(
            torch.func.jacrev(call), (0, None))(x, c))  # fmt: skip
        assert {name.split()[0] for name in entered} == {way.backend}
        second = torch.func.hessian(lambda x: call(x, c).sin().sum())(x)
        close(second, second.permute(2, 3, 0, 1))
        for outer, inner in product((torch.func.jacfwd, torch.func.jacrev), repeat=2):
            close(outer(inner(lambda x: call(x, c).sin().sum()))(x), second)
        members, ranges = torch.stack([c, 2 * c, c.cos()]), torch.stack([knots, 1.5 * knots, knots + 0.3])
        close(torch.func.vmap(call, (None, 0))(x, members), torch.stack([call(x, one) for one in members]))
        both = zip(members, ranges, strict=True)
        close(torch.func.vmap(call, (None, 0, 0))(x, members, ranges), torch.stack([call(x, *one) for one in both]))
