"""Which way a call takes: what is chosen, what can be forced, what is refused, and what is said of a fallback."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from edgewise import InputError
from edgewise.bases import uniform_knots
from edgewise.kernels import Family, _backends, _dispatch, _routes, basis, contract, explain, forced
from edgewise.kernels._dispatch import BACKENDS, OPERATIONS, ROUTES
from edgewise.nn import KANLayer

FAMILIES = [*(Family("bspline", degree) for degree in range(1, 6)), Family("chebyshev", 6), Family("rbf", 12)]
FAMILIES += [Family("fourier", 4)]
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f"{f.name} {f.size}")


def points_of(family: Family, dtype: torch.dtype = torch.float64) -> Tensor:
    """Two inputs on [0, 2]: numbers are closest to each other at zero."""
    ends = torch.zeros(2, dtype=dtype), torch.full((2,), 2.0, dtype=dtype)
    return uniform_knots(*ends, 4, family.size) if family.name == "bspline" else torch.stack(ends, 1)


@pytest.fixture
def forgetful() -> Iterator[None]:
    """What was chosen and said before is forgotten, and what the test makes of it as well."""
    memories = (_dispatch._choose, _dispatch.tell_fallback, _backends.unavailable)
    for memory in memories:
        memory.cache_clear()
    yield
    for memory in memories:
        memory.cache_clear()


def test_without_word_each_device_takes_its_own_kernels_by_what_they_cost() -> None:
    coarse, fine = (explain(2000, 128, 128, count=count)["pull_c"] for count in (4, 203))
    assert (coarse.backend, coarse.route) == ("numba", "dense")
    assert (fine.backend, fine.route) == ("numba", "sparse")
    assert "dense" in fine.reason and "sparse" in fine.reason and " ms" in fine.reason
    assert explain(9, 2, 2, device="meta")["contract"][:2] == ("reference", "dense")


@every_family
def test_every_backend_and_route_can_be_forced(family: Family) -> None:
    several = family.name == "bspline"
    for route in ROUTES:
        with forced(backend="numba", route=route):
            found = explain(9, 2, 3, family=family)
        assert {choice.backend for choice in found.values()} == {"numba"}
        assert {found[name].route for name in OPERATIONS[1:]} == {route if several else "dense"}
        assert found["expand"].route == "dense"
    with forced(backend="reference", route="sparse"):
        assert {choice[:2] for choice in explain(9, 2, 3, family=family).values()} == {("reference", "dense")}


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
    assert set(BACKENDS) == {"reference", "numba", "triton"}


@every_family
def test_without_numba_plain_torch_is_used_and_said_once(
    family: Family, forgetful: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    points = points_of(family)
    x, c = torch.linspace(-1.2, 1.2, 12).double().view(6, 2), torch.ones(3, 2, family.count(points)).double()
    expected = contract(x, c, points, family)
    _dispatch._choose.cache_clear()
    _backends.unavailable.cache_clear()
    monkeypatch.setattr(_backends, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING, "edgewise.kernels"):
        for rows in (6, 5, 4):  # other sizes are other choices
            torch.testing.assert_close(contract(x[:rows], c, points, family), expected[:rows])
            basis(x[:rows], points, family)
    assert [record.getMessage() for record in caplog.records] == [
        "edgewise uses plain torch instead of its own kernels: numba is not installed"
    ]
    refused = pytest.raises(InputError, match="The backend 'numba' cannot be used: numba is not installed")
    with refused, forced(backend="numba"):
        contract(x, c, points, family)


@every_family
@pytest.mark.parametrize("backend", [None, "reference"])
def test_nothing_crosses_devices(family: Family, backend: str | None) -> None:
    """Whichever tensor lies elsewhere, in either direction."""
    points = points_of(family)
    x, c = torch.zeros(6, 2).double(), torch.ones(3, 2, family.count(points)).double()
    with forced(backend=backend):
        for a, b, p in ((x.to("meta"), c, points), (x, c.to("meta"), points), (x, c, points.to("meta"))):
            with pytest.raises(InputError, match="Move one of them"):
                contract(a, b, p, family)
            if b is c:
                with pytest.raises(InputError, match="Move one of them"):
                    basis(a, p, family)
    assert contract(*(t.to("meta") for t in (x, c, points)), family).is_meta


def test_a_large_dense_call_works_through_its_rows_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """so that a basis that is written out stays small; sums over rows are of all parts."""
    generator = torch.Generator().manual_seed(0)
    x = (2 * torch.rand(50, 2, generator=generator, dtype=torch.float64) - 1).requires_grad_()
    c = torch.randn(3, 2, 7, generator=generator, dtype=torch.float64).requires_grad_()
    results = []
    for entries in (10**6, 100):
        monkeypatch.setattr(_routes, "_ENTRIES", entries)
        for backend in ("numba", "reference"):
            with forced(backend=backend, route="dense"):
                y = contract(x, c, points_of(FAMILIES[2]), FAMILIES[2])
                results.append((y, *torch.autograd.grad(y.sin().sum(), (x, c))))
    assert len(list(_routes._chunks(x, 7))) > 3
    for result in results[1:]:
        for found, expected in zip(result, results[0], strict=True):
            torch.testing.assert_close(found, expected)


# subnormal numbers


def near_zeros(points: Tensor, dtype: torch.dtype) -> Tensor:
    """Points so close to where functions vanish that powers of the distance are subnormal."""
    steps = [0.0, *(torch.finfo(dtype).tiny ** (1.03 / power) for power in range(2, 6))]
    around = torch.tensor([sign * step for step in steps for sign in (-1, 1)], dtype=dtype)
    places = torch.linspace(-0.5, 2.5, 7, dtype=dtype)  # the ends, all knots, beyond
    return (places.unsqueeze(1) + around).flatten().unsqueeze(1).expand(-1, 2).contiguous()


@every_family
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("order", range(4))
def test_kernels_never_make_subnormal_values(family: Family, dtype: torch.dtype, order: int) -> None:
    points = points_of(family, dtype)
    x = near_zeros(points, dtype)
    with forced(backend="numba"):
        sizes = basis(x, points, family, order).abs()
    assert bool(sizes.any()) or (family.name == "bspline" and order > family.size)
    assert not bool(((sizes > 0) & (sizes < torch.finfo(dtype).tiny)).any())


@pytest.mark.parametrize("degree", range(2, 6))
def test_the_plain_recurrence_would_make_subnormal_values_there(degree: int) -> None:
    """so that the test above tries what it says."""
    family = Family("bspline", degree)
    points = points_of(family)
    with forced(backend="reference"):
        sizes = basis(near_zeros(points, torch.float64), points, family).abs()
    assert bool(((sizes > 0) & (sizes < torch.finfo(torch.float64).tiny)).any())
