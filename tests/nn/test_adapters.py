"""Layers beside the tools for linear layers: integers, low-rank adapters, sequences of different lengths, old files."""

from __future__ import annotations

import copy
import importlib
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parametrize

import edgewise as ew

LAYERS: dict[str, Callable[[], torch.nn.Module]] = {
    "spline": lambda: ew.nn.KANLayer(6, 5),
    "wide": lambda: ew.nn.KANLayer(6, 70, grid=4, base=None),
    "rbf": lambda: ew.nn.KANLayer(6, 3, basis="rbf"),
    "rational": lambda: ew.nn.RationalLayer(6, 5),
    "rational feed-forward": lambda: ew.nn.KANFeedForward(6, hidden=45, groups=3),
    "spline feed-forward": lambda: ew.nn.KANFeedForward(6, kind="spline"),
    "network": lambda: ew.KAN([6, 4, 2], seed=0, dtype=torch.float32),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def points(rows: int, width: int = 6) -> Tensor:
    return 2 * torch.rand(rows, width, generator=torch.Generator().manual_seed(1)) - 1


@every_layer
@pytest.mark.parametrize(("bits", "off"), [(8, 0.02), (4, 0.25)])
def test_integers_stay_within_half_a_step(make: Callable[[], torch.nn.Module], bits: int, off: float) -> None:
    torch.manual_seed(0)
    layer = make()
    before = copy.deepcopy(layer.state_dict())
    small = ew.nn.quantize(layer, bits)
    assert all(torch.equal(before[name], now) for name, now in layer.state_dict().items()), "the argument has changed"
    seen = 0
    for own, other in zip(layer.modules(), [m for m in small.modules() if _is_whole(m)], strict=True):
        for name in ("coefficients", "base_weight", "weight"):
            if name in own._parameters:
                weights, found = own._parameters[name], getattr(other, name)
                assert weights is not None
                steps = weights.abs().max() / (2 ** (bits - 1) - 1)
                assert (found - weights).abs().max() <= 0.51 * steps
                seen += 1
    assert seen
    x = points(50)
    assert (small(x) - layer(x)).norm() <= off * layer(x).norm()
    assert torch.equal(small(x[:1]), small(x)[:1]) or torch.allclose(small(x[:1]), small(x)[:1], atol=1e-6)


def _is_whole(module: torch.nn.Module) -> bool:
    return (
        not isinstance(module, parametrize.ParametrizationList)
        and "parametrizations" not in str(type(module))
        and (type(module).__name__ not in ("_Integers", "ModuleDict"))
    )


def test_integers_are_saved_and_loaded() -> None:
    first, second = (ew.nn.quantize(ew.nn.KANFeedForward(8, kind="spline")) for _ in range(2))
    second.load_state_dict(first.state_dict())
    x = points(20, 8)
    assert torch.equal(first(x), second(x))
    assert first.state_dict()["first.parametrizations.coefficients.original0"].dtype is torch.int8


def test_what_comes_before_integers_trains() -> None:
    x = points(5).requires_grad_()
    ew.nn.quantize(ew.nn.KANLayer(6, 2)).forward(x).sum().backward()
    assert x.grad is not None and x.grad.abs().min() > 0


def test_integers_of_all_zeros_are_zeros() -> None:
    layer = ew.nn.KANLayer(3, 2, base=None)
    torch.nn.init.zeros_(layer.coefficients)
    assert ew.nn.quantize(layer, 4)(points(4, 3)).abs().max() == 0


@pytest.mark.parametrize("bits", [3, 8.5, "8"])
def test_other_bits_are_refused(bits: object) -> None:
    with pytest.raises(ew.InputError, match="must be 8 or 4"):
        ew.nn.quantize(ew.nn.KANLayer(2, 2), bits)  # type: ignore[arg-type]


def test_a_module_without_layers_is_refused() -> None:
    with pytest.raises(ew.InputError, match="torchao"):
        ew.nn.quantize(torch.nn.Linear(2, 2))


def test_digits_lose_nothing_to_speak_of_in_eight_bits() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    x, y = (torch.as_tensor(part) for part in datasets.load_digits(return_X_y=True))
    x, lost = x.float() / 8 - 1, 0.0
    for seed in range(3):
        torch.manual_seed(seed)
        order = torch.randperm(len(x))
        rows, new = order[:1200], order[1200:]
        model = torch.nn.Sequential(ew.nn.KANLayer(64, 24), ew.nn.KANLayer(24, 10))
        optimizer = torch.optim.Adam(model.parameters(), 5e-3)
        for _ in range(60):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
        right = [(each(x[new]).argmax(1) == y[new]).double().mean() for each in (model, ew.nn.quantize(model))]
        assert right[0] > 0.93
        lost += 100 * float(right[0] - right[1]) / 3
    assert lost <= 0.2


def test_low_rank_adapters_train_and_merge() -> None:
    peft = pytest.importorskip("peft")
    torch.manual_seed(0)
    model = torch.nn.Sequential(ew.nn.KANLayer(6, 8), ew.nn.RationalLayer(8, 2))
    x = points(200)
    y = torch.stack([x[:, 0] * x[:, 1], torch.sin(3 * x[:, 2])], 1)
    settings = peft.LoraConfig(r=2, lora_alpha=4, target_modules=["1.linear"], target_parameters=["0.coefficients"])
    adapted = peft.get_peft_model(model, settings)
    trained = [part for part in adapted.parameters() if part.requires_grad]
    assert sum(part.numel() for part in trained) < sum(part.numel() for part in model.parameters())
    optimizer, start = torch.optim.Adam(trained, 2e-2), (adapted(x) - y).square().mean().detach()
    for _ in range(150):
        optimizer.zero_grad()
        (adapted(x) - y).square().mean().backward()
        optimizer.step()
    assert (adapted(x) - y).square().mean() < 0.02 * start
    merged = adapted.merge_and_unload()
    assert type(merged[0]) is ew.nn.KANLayer
    assert torch.allclose(merged(x), adapted(x), atol=1e-5)


def test_rational_blocks_show_linear_maps_to_tools() -> None:
    """Tools that look for `torch.nn.Linear` once passed by rational layers without a word."""
    block: Any = ew.nn.KANFeedForward(16)
    assert [name for name, part in block.named_modules() if type(part) is torch.nn.Linear] == [
        "first.linear", "second.linear",
    ]  # fmt: skip
    quantization = pytest.importorskip("torchao.quantization")
    x = points(9, 16)
    before = block(x)
    quantization.quantize_(block, quantization.Int8WeightOnlyConfig())
    assert type(block.first.linear.weight) is not torch.nn.Parameter
    assert (block(x) - before).norm() < 0.03 * before.norm()


def test_a_rational_layer_is_saved_like_the_linear_layer_that_it_replaces() -> None:
    layer, other = ew.nn.RationalLayer(6, 2), ew.nn.RationalLayer(6, 2)
    assert set(layer.state_dict()) == {"numerator", "denominator", "weight", "bias"}
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(points(3)), layer(points(3)))
    outer = torch.nn.Sequential(other)
    outer.load_state_dict({**torch.nn.Sequential(torch.nn.Linear(6, 2)).state_dict(), **{
        f"0.{name}": value for name, value in layer.state_dict().items() if name.endswith("ator")
    }})  # fmt: skip


@every_layer
def test_nested_tensors_are_their_sequences(make: Callable[[], torch.nn.Module]) -> None:
    layer = make()
    parts = [points(rows) for rows in (2, 5, 1)]
    nested = torch.nested.nested_tensor(parts, layout=torch.jagged, requires_grad=True)
    out = layer(nested)
    for found, part in zip(out.unbind(), parts, strict=True):
        assert torch.allclose(found, layer(part), atol=1e-6)
    out.values().sum().backward()
    assert nested.grad is not None


def test_strided_nested_tensors_are_refused() -> None:
    with pytest.warns(UserWarning, match="nested tensors"):
        nested = torch.nested.nested_tensor([points(2), points(3)])
    with pytest.raises(ew.InputError, match=r"layout=torch\.jagged"):
        ew.nn.KANLayer(6, 2)(nested)


def test_rounding_to_single_precision_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    importlib.import_module("edgewise.nn._layer")._warn_of_rounding.cache_clear()
    layer = ew.nn.KANLayer(6, 2)
    layer.double()(points(3).double())
    assert not caplog.records
    for _ in range(2):
        layer.float()(points(3).double())
    assert [record.getMessage() for record in caplog.records] == [
        "A KANLayer of torch.float32 rounds inputs of torch.float64: give it x.float(), or make it layer.double()."
    ]


@pytest.mark.parametrize("make", [LAYERS["spline"], LAYERS["rational"]])
def test_a_module_pickled_by_an_older_version_says_so_at_once(make: Callable[[], torch.nn.Module]) -> None:
    layer = make()
    state = layer.__getstate__() if hasattr(layer, "__getstate__") else layer.__dict__
    older = {**state, "_modules": {}}
    older.pop("_symbols", None)
    fresh = type(layer).__new__(type(layer))
    with pytest.raises(ew.InputError, match="state_dict"):
        fresh.__setstate__(older)
    again = pickle.loads(pickle.dumps(layer))
    assert torch.equal(again(points(2)), layer(points(2)))


def test_a_block_of_any_width_finds_its_groups() -> None:
    block = ew.nn.KANFeedForward(10)
    assert block(points(3, 10)).shape == (3, 10)
    assert [layer.groups for layer in (block.first, block.second)] == [2, 8]
