"""State dicts that hold tensors only, as safetensors, Hugging Face and accelerate save them."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, load_model, save_model

import edgewise as ew
from edgewise.bases import BasisName


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
