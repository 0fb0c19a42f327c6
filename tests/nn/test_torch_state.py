"""Layers in the hands of torch: state dicts of tensors only, and parameters that all train."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ranks import Found, on_ranks
from safetensors.torch import load_file, load_model, save_model

import edgewise as ew
from edgewise.bases import BaseName, BasisName


def steered() -> ew.KAN:
    model = ew.KAN([2, (2, [3]), 2], grid=4, seed=1)
    ew.nn.set_function(model, 0, 0, 0, "sin", (2.0, 0.0, 1.0, 0.5))
    return ew.nn.lock(model, [(1, 0, 0)])


@pytest.mark.parametrize("basis", ["bspline", "rbf", "chebyshev", "fourier"])
def test_safetensors_saves_and_loads_a_layer(basis: BasisName, tmp_path: Path) -> None:
    layer, other = (ew.nn.KANLayer(3, 2, basis=basis, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    save_model(layer, str(tmp_path / "layer.safetensors"))
    assert load_model(other, str(tmp_path / "layer.safetensors")) == (set(), [])
    x = torch.rand(9, 3)
    assert torch.equal(other(x), layer(x))


def test_a_network_keeps_its_formulas_and_locks(tmp_path: Path) -> None:
    model, other = steered(), ew.KAN([2, (2, [3]), 2], grid=4, seed=9)
    save_model(model, str(tmp_path / "model.safetensors"))
    assert all(isinstance(value, torch.Tensor) for value in model.state_dict().values())
    load_model(other, str(tmp_path / "model.safetensors"))
    assert [layer.symbols for layer in other.layers] == [layer.symbols for layer in model.layers]
    assert [layer.rules for layer in other.layers] == [layer.rules for layer in model.layers]
    x = torch.rand(9, 2, dtype=model.layers[0].dtype)
    assert torch.equal(other(x), model(x))
    torch.nn.Sequential(other).load_state_dict(
        {f"0.{name}": value for name, value in load_file(tmp_path / "model.safetensors").items()}
    )


def test_states_of_dictionaries_still_load() -> None:
    """edgewise 0.1 kept plain dictionaries in state dicts."""
    layer = ew.nn.KANLayer(2, 1, base=None)
    layer.set_extra_state({"symbols": [[0, 1, "exp"]]})
    assert layer.symbols == {(0, 1): "exp"} and layer.rules == {}


@pytest.mark.parametrize("state", [torch.zeros(3, dtype=torch.uint8), torch.tensor([91, 93], dtype=torch.uint8), 7])
def test_a_damaged_state_is_refused(state: object) -> None:
    with pytest.raises(ew.InputError, match="must hold a JSON object"):
        ew.nn.KANLayer(2, 1).set_extra_state(state)  # type: ignore[arg-type]


@pytest.mark.parametrize("base", [None, "silu"])
def test_every_parameter_of_a_layer_has_a_gradient(base: BaseName | None) -> None:
    """DistributedDataParallel waits for the gradient of each, and counts of parameters name each."""
    model = ew.KAN([3, 4, 2], grid=5, base=base, seed=0)
    model(torch.rand(7, 3, dtype=model.dtype)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    splines = sum(layer.coefficients.numel() for layer in model.layers)
    edges = 3 * 4 + 4 * 2
    assert sum(p.numel() for p in model.parameters()) == splines + (edges if base else 0)


def test_constants_of_formulas_are_parameters_as_long_as_there_are_formulas(tmp_path: Path) -> None:
    model = ew.nn.set_function(ew.KAN([1, 1], seed=0), 0, 0, 0, "exp")
    assert "layers.0.affine" in dict(model.named_parameters())
    other = ew.KAN([1, 1], seed=1)
    assert "layers.0.affine" not in dict(other.named_parameters())
    other.load_state_dict(model.state_dict())
    assert "layers.0.affine" in dict(other.named_parameters())
    ew.save(model, tmp_path / "m.safetensors")
    assert "layers.0.affine" in dict(ew.load(tmp_path / "m.safetensors").named_parameters())
    other.load_state_dict(ew.KAN([1, 1], seed=2).state_dict())
    assert "layers.0.affine" not in dict(other.named_parameters())


def test_a_feed_forward_has_as_many_parameters_as_it_says() -> None:
    """At most those of the MLP that it takes the place of: 525,568 of 256 -> 1024 -> 256."""
    spline = ew.nn.KANFeedForward(256, kind="spline")
    assert 0.8 * 525_568 < sum(p.numel() for p in spline.parameters()) < 1.02 * 525_568


def data_parallel_losses(base: BaseName | None) -> Found:
    layers = [ew.nn.KANLayer(3, 4, base=base), ew.nn.KANLayer(4, 1, base=base)]
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Sequential(*layers))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x = torch.rand(64, 3)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return {"losses": torch.stack(losses)}


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed")
@pytest.mark.parametrize("base", [None, "silu"])
def test_data_parallel_training_goes_on_after_the_first_step(base: BaseName | None, tmp_path: Path) -> None:
    """It fails on the second step where a parameter had no gradient in the first."""
    (found,) = on_ranks(data_parallel_losses, 1, tmp_path, base)
    assert found["losses"][-1] < found["losses"][0]


def test_layers_take_the_names_of_torch() -> None:
    layers = [
        ew.nn.KANLayer(3, 2, device="meta"), ew.nn.RationalLayer(3, 2, device="meta"),
        ew.KAN([3, 2], device="meta").layers[0],
    ]  # fmt: skip
    for layer in layers:
        assert (layer.in_features, layer.out_features) == (3, 2)
        assert all(tensor.is_meta for tensor in (*layer.parameters(), *layer.buffers()))


@pytest.mark.parametrize(("n_in", "groups"), [(3, 1), (6, 2), (12, 4), (16, 8)])
def test_groups_divide_the_inputs_by_themselves(n_in: int, groups: int) -> None:
    assert ew.nn.RationalLayer(n_in, 2).groups == groups
    with pytest.raises(ew.InputError, match="must divide the 3 inputs"):
        ew.nn.RationalLayer(3, 2, groups=2)


@pytest.mark.parametrize("module", [ew.nn.KANLayer(3, 2), ew.nn.RationalLayer(3, 2), ew.KAN([3, 2])])
def test_what_is_no_tensor_of_real_numbers_is_refused(module: torch.nn.Module) -> None:
    with pytest.raises(ew.InputError, match=r"Got ndarray: torch.as_tensor\(x\) makes one"):
        module(np.zeros((4, 3)))
    with pytest.raises(ew.InputError, match=r"takes real numbers\. Got torch\.complex64"):
        module(torch.zeros(4, 3, dtype=torch.complex64))
    with pytest.raises(ew.InputError, match=r"inputs of shape \(..., 3\). Got \(4, 2\)"):
        module(torch.zeros(4, 2))
    assert module(torch.ones(4, 3, dtype=torch.int64)).shape == (4, 2)


def test_layers_of_a_model_of_ones_own_become_a_network_and_come_back(tmp_path: Path) -> None:
    first, second = ew.nn.KANLayer(2, 3, dtype=torch.float64), ew.nn.KANLayer(3, 1, dtype=torch.float64)
    own = torch.nn.Sequential(first, second)
    model = ew.nn.stack(own)
    x = torch.rand(50, 2, dtype=torch.float64)
    assert torch.equal(model(x), own(x)) and list(model.layers) == [first, second]
    ew.save(model, tmp_path / "m.safetensors")
    assert torch.equal(ew.load(tmp_path / "m.safetensors")(x), own(x))
    fine = torch.nn.Sequential(*ew.nn.refine_grid(model, 2).layers)
    assert torch.allclose(fine(x), own(x), atol=1e-10)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], "at least one KANLayer"),
        ([torch.nn.Linear(2, 2)], "must be KANLayers. Got Linear"),
        ([ew.nn.KANLayer(2, 3), ew.nn.KANLayer(2, 1)], "A layer of 3 outputs cannot come before one of 2 inputs"),
        ([ew.nn.KANLayer(2, 3), ew.nn.KANLayer(3, 1).double()], "one dtype and one device"),
    ],
)
def test_layers_that_do_not_fit_make_no_network(layers: list[torch.nn.Module], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        ew.nn.stack(layers)
