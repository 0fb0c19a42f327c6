"""Frozen networks: the same values from one tensor of constants, without gradients."""

from __future__ import annotations

import copy
import io
import pickle
import threading
from typing import Any

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.bases import BaseName


def rows(count: int, n_in: int, dtype: torch.dtype = torch.float64) -> Tensor:
    numbers = torch.rand(count, n_in, generator=torch.Generator().manual_seed(count), dtype=torch.float64)
    return (3.2 * numbers - 1.6).to(dtype)


def models() -> dict[str, ew.KAN]:
    """Networks with and without base functions, products, masked edges and knots of different spacing."""
    kinds: dict[str, tuple[list[Any], BaseName | None]] = {
        "small": ([2, 5, 1], None), "products": ([3, (4, 2), (1, [3, 2]), 2], "silu"),
        "wide": ([40, 19, 7], "silu"), "identity": ([5, 1], "identity"),
    }  # fmt: skip
    found = {name: ew.KAN(widths, base=base, grid=4, seed=1) for name, (widths, base) in kinds.items()}
    for model in found.values():
        model.layers[0].mask[0, 0] = False
    found["adapted"] = ew.nn.adapt_grid(ew.KAN([2, 3, 1], seed=2), rows(200, 2), quantiles=0.5)
    return found


MODELS = models()
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@every_model
@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-13), (torch.float32, 3e-6)])
def test_a_frozen_network_gives_what_the_network_gives(model: ew.KAN, dtype: torch.dtype, close: float) -> None:
    fast = ew.nn.frozen(model, dtype)
    assert list(fast.parameters()) == [] and fast.constants.dtype is dtype
    for count in (1, 2, 3, 4, 5, 7, 8, 9, 40):
        x = rows(count, model.n_in, dtype)
        expected = model(x).detach()
        found = fast(x)
        assert found.dtype is dtype and not found.requires_grad
        assert float((found - expected).abs().max()) <= close * float(expected.abs().max())
        assert torch.equal(fast(x.t().contiguous().t()), found)


@every_model
def test_it_goes_through_state_dicts_pickles_copies_and_dtypes(model: ew.KAN) -> None:
    fast, x = ew.nn.frozen(model), rows(3, model.n_in)
    expected = fast(x)
    other = ew.nn.frozen(copy.deepcopy(model))
    other.constants.zero_()
    assert not torch.equal(other(x), expected)
    other.load_state_dict(fast.state_dict())
    assert torch.equal(other(x), expected)
    file = io.BytesIO()
    torch.save(fast, file)
    file.seek(0)
    for again in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast)), torch.load(file, weights_only=False)):
        assert torch.equal(again(x), expected)
        again.constants.zero_()
    assert torch.equal(fast(x), expected)
    assert fast(x.float()).dtype is torch.float64  # as the network
    torch.testing.assert_close(fast.float()(x.float()).double(), expected, rtol=1e-5, atol=1e-5)


def test_a_layer_and_layers_of_ones_own_freeze() -> None:
    first, second = ew.nn.KANLayer(2, 3), ew.nn.KANLayer(3, 1)
    x = rows(4, 2, torch.float32)
    torch.testing.assert_close(ew.nn.frozen(first)(x), first(x).detach())
    torch.testing.assert_close(ew.nn.frozen(ew.nn.stack([first, second]))(x), second(first(x)).detach())


def test_threads_share_a_frozen_network() -> None:
    fast, wrong = ew.nn.frozen(MODELS["products"]), []
    inputs = [rows(count, 3) for count in range(1, 9)]
    expected = [fast(x) for x in inputs]

    def work() -> None:
        for _ in range(50):
            wrong.extend(k for k, x in enumerate(inputs) if not torch.equal(fast(x), expected[k]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_torch_compiles_exports_and_maps_it() -> None:
    fast, x = ew.nn.frozen(MODELS["products"]), rows(5, 3)
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(fast, fullgraph=True, backend="aot_eager")(x), fast(x))
    torch.testing.assert_close(torch.export.export(fast, (x,)).module()(x), fast(x))
    torch.testing.assert_close(torch.func.vmap(fast)(x), fast(x))
    with ew.kernels.forced(backend="reference"):
        torch.testing.assert_close(ew.nn.frozen(MODELS["products"])(x), fast(x))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ew.nn.frozen(ew.nn.set_function(ew.KAN([1, 1]), (0, 0, 0), "exp")), "symbolic edges cannot be frozen"),
        (lambda: ew.nn.frozen(ew.KAN([1, 1], basis="rbf")), "Got basis 'rbf'"),
        (lambda: ew.nn.frozen(torch.nn.Linear(1, 1)), "Got Linear"),  # type: ignore[arg-type]
        (lambda: ew.nn.frozen(ew.KAN([1, 1]), torch.float16), "Got torch.float16"),
        (lambda: ew.nn.frozen(ew.KAN([2, 1]))(torch.zeros(1, 3)), r"inputs of shape \(..., 2\)"),
        (lambda: ew.nn.frozen(ew.KAN([2, 1]))([[0.0, 0.0]]), "takes a tensor"),
    ],
)
def test_what_cannot_be_frozen_or_computed_is_refused(make: Any, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        make()
