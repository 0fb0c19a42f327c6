"""Which way a call takes: what is chosen, what can be forced, what is refused, and what is said of a fallback."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from itertools import product
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from edgewise import InputError
from edgewise.bases import RBF, Basis, BSpline, Chebyshev, Fourier
from edgewise.kernels import (
    Backend,
    BackendName,
    Operation,
    Route,
    clear_dispatch_cache,
    contract,
    explain,
    forced,
)
from edgewise.kernels.dense import cpu
from edgewise.nn import KANLayer

GRID = 4
BASES = [*(BSpline(degree) for degree in (1, 2, 3, 4, 5, 9)), Chebyshev(), RBF(), Fourier()]
every_basis = pytest.mark.parametrize("basis", BASES, ids=repr)


def knots_of(basis: Basis, dtype: torch.dtype = torch.float64) -> Tensor:
    """Two inputs on [0, 2]: numbers are closest to each other at zero."""
    return basis.uniform_knots(torch.zeros(2, dtype=dtype), torch.full((2,), 2.0, dtype=dtype), GRID)


@pytest.fixture
def cleared() -> Iterator[None]:
    """No choice is kept from before the test, and none after it."""
    clear_dispatch_cache()
    yield
    clear_dispatch_cache()


def test_without_word_each_device_takes_its_own_kernels_by_what_they_cost() -> None:
    assert explain(2000, 128, 128, count=203)["contract"] == ("numba", "sparse", "the only route of this operation")
    assert explain(2000, 128, 128, count=9, family=Chebyshev())["contract"][:2] == ("numba", "dense")
    assert explain(9, 2, 2, device="meta")["contract"][:2] == ("reference", "dense")


def test_every_backend_and_route_can_be_forced() -> None:
    for basis, route in product(BASES, get_args(Route)):
        several = isinstance(basis, BSpline)
        with forced(backend="numba", route=route):
            found = explain(9, 2, 3, family=basis)
        assert {choice.backend for choice in found.values()} == {"numba"}
        assert {found[name].route for name in get_args(Operation)[1:]} == {"sparse" if several else "dense"}
        assert found["evaluate"].route == "dense"
        with forced(backend="reference", route="sparse"):
            assert {choice[:2] for choice in explain(9, 2, 3, family=basis).values()} == {("reference", "dense")}


def test_what_is_forced_ends_with_its_block_nests_and_stays_on_its_thread() -> None:
    def backend() -> str:
        return explain(9, 2, 3)["contract"].backend

    with pytest.raises(ZeroDivisionError), forced(backend="reference"):
        1 / 0  # noqa: B018 (what goes wrong inside)
    assert backend() == "numba"
    elsewhere: list[str] = []
    with forced(backend="reference"):
        with forced(backend="numba"):
            assert backend() == "numba"
        assert backend() == "reference"
        thread = threading.Thread(target=lambda: elsewhere.append(backend()))
        thread.start()
        thread.join()
    assert elsewhere == ["numba"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"route": "spare"}, "Unknown route 'spare'. Known: sparse"),
        ({"backend": "nuba"}, "Unknown backend 'nuba'. Known: numba"),
        ({"backend": "triton"}, "The backend 'triton' does not run on cpu tensors. Use 'numba' or 'reference'."),
    ],
)
def test_what_cannot_be_forced_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught, forced(**arguments):
        KANLayer(2, 3)(torch.zeros(5, 2))
    assert words in str(caught.value)
    assert set(get_args(BackendName)) == {"reference", "numba", "triton"}


@every_basis
def test_without_numba_plain_torch_is_used_and_said_once(
    basis: Basis, cleared: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    knots = knots_of(basis)
    x, c = torch.linspace(-1.2, 1.2, 12).double().view(6, 2), torch.ones(3, 2, basis.count(GRID)).double()
    expected = contract(x, c, knots, basis)
    clear_dispatch_cache()
    monkeypatch.setattr(cpu, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING, "edgewise.kernels"):
        for rows in (6, 5, 4):  # other sizes are other choices
            torch.testing.assert_close(contract(x[:rows], c, knots, basis), expected[:rows])
            basis.evaluate(x[:rows], knots, basis.count(GRID))
    assert [record.getMessage() for record in caplog.records] == [
        "edgewise uses plain torch instead of its own kernels: numba is not installed"
    ]
    refused = pytest.raises(InputError, match="The backend 'numba' cannot be used: numba is not installed")
    with refused, forced(backend="numba"):
        contract(x, c, knots, basis)


@pytest.mark.parametrize("backend", [None, "reference"])
def test_nothing_crosses_devices(backend: str | None) -> None:
    """Whichever tensor lies elsewhere, in either direction."""
    for basis in BASES:
        _nothing_crosses_devices(basis, backend)


def _nothing_crosses_devices(basis: Basis, backend: str | None) -> None:
    knots = knots_of(basis)
    x, c = torch.zeros(6, 2).double(), torch.ones(3, 2, basis.count(GRID)).double()
    with forced(backend=backend):
        for a, b, p in ((x.to("meta"), c, knots), (x, c.to("meta"), knots), (x, c, knots.to("meta"))):
            with pytest.raises(InputError, match="Move one of them"):
                contract(a, b, p, basis)
            if b is c:
                with pytest.raises(InputError, match="Move one of them"):
                    basis.evaluate(a, p, basis.count(GRID))
    assert contract(*(t.to("meta") for t in (x, c, knots)), basis).is_meta


def test_a_large_dense_call_works_through_its_rows_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """so that a basis that is written out stays small; sums over rows are of all parts."""
    generator = torch.Generator().manual_seed(0)
    x = (2 * torch.rand(50, 2, generator=generator, dtype=torch.float64) - 1).requires_grad_()
    c = torch.randn(3, 2, 5, generator=generator, dtype=torch.float64).requires_grad_()
    results, rows = [], []
    plain = Backend.evaluate

    def watched(self: Backend, family: Basis, x: Tensor, *rest: Any) -> Tensor:
        rows.append(len(x))
        return plain(self, family, x, *rest)

    monkeypatch.setattr(Backend, "evaluate", watched)
    for entries in (10**6, 100):
        monkeypatch.setattr(Backend, "entries", entries)
        for backend in ("numba", "reference"):
            with forced(backend=backend):
                y = contract(x, c, knots_of(Chebyshev()), Chebyshev())
                results.append((y, *torch.autograd.grad(y.sin().sum(), (x, c))))
    assert set(rows) == {50, 10}
    for result in results[1:]:
        for found, expected in zip(result, results[0], strict=True):
            torch.testing.assert_close(found, expected)


# subnormal numbers


def near_zeros(knots: Tensor, dtype: torch.dtype) -> Tensor:
    """Points so close to where functions vanish that powers of the distance are subnormal."""
    steps = [0.0, *(torch.finfo(dtype).tiny ** (1.03 / power) for power in range(2, 6))]
    around = torch.tensor([sign * step for step in steps for sign in (-1, 1)], dtype=dtype)
    places = torch.linspace(-0.5, 2.5, 7, dtype=dtype)  # the ends, all knots, beyond
    return (places.unsqueeze(1) + around).flatten().unsqueeze(1).expand(-1, 2).contiguous()


@every_basis
def test_kernels_never_make_subnormal_values(basis: Basis) -> None:
    for dtype, order in product((torch.float32, torch.float64), range(4)):
        knots = knots_of(basis, dtype)
        with forced(backend="numba"):
            sizes = basis.evaluate(near_zeros(knots, dtype), knots, basis.count(GRID), order).abs()
        assert bool(sizes.any()) or (isinstance(basis, BSpline) and order > (basis.degree or 0))
        assert not bool(((sizes > 0) & (sizes < torch.finfo(dtype).tiny)).any())


def test_the_plain_recurrence_would_make_subnormal_values_there() -> None:
    """so that the test above tries what it says."""
    for basis in map(BSpline, range(2, 6)):
        knots = knots_of(basis)
        with forced(backend="reference"):
            sizes = basis.evaluate(near_zeros(knots, torch.float64), knots, basis.count(GRID)).abs()
        assert bool(((sizes > 0) & (sizes < torch.finfo(torch.float64).tiny)).any())
