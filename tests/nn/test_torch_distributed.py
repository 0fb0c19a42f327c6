"""Layers on several processes, as torch users train them: data parallel, fully sharded, checkpointed, autocast."""

from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp
from first_order import MODELS, both, made, trained, values
from ranks import Found, on_ranks
from torch import nn

pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed"),
    pytest.mark.filterwarnings("ignore:torch.distributed is disabled"),  # checkpoints of one process, on purpose
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def one(folder: Path) -> dict[str, nn.Module]:
    """Return the models that one process trained; their states are saved for two ranks."""
    models = {name: made(name) for name in MODELS}
    for name, model in models.items():
        trained(model)
        dcp.save({"model": model.state_dict()}, checkpoint_id=folder / f"one {name}", no_dist=True)
    return models


@pytest.fixture(scope="module")
def two(folder: Path, one: dict[str, nn.Module], tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    return on_ranks(both, 2, tmp_path_factory.mktemp("ranks"), folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("way", ["ddp", "fsdp"])
def test_two_processes_train_as_one(way: str, name: str, two: list[Found]) -> None:
    losses = trained(made(name))
    assert losses[-1] < losses[0]
    for found in two:
        assert torch.allclose(found[f"{way} {name}"], losses, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_two_processes_train_under_autocast(name: str, two: list[Found]) -> None:
    losses = trained(made(name), half=True)
    assert torch.allclose(two[0][f"ddp half {name}"], losses, rtol=0.02, atol=2e-3)


@pytest.mark.parametrize("name", MODELS)
def test_states_move_between_numbers_of_processes(
    name: str, two: list[Found], one: dict[str, nn.Module], folder: Path
) -> None:
    assert torch.allclose(two[0][f"loaded {name}"], values(one[name]), rtol=0, atol=1e-6)
    model = made(name)
    state = {"model": model.state_dict()}
    dcp.load(state, checkpoint_id=folder / f"two {name}", no_dist=True)
    model.load_state_dict(state["model"])
    assert torch.allclose(values(model), values(one[name]), rtol=0, atol=1e-5)
