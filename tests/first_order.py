"""First-order training of layers as torch users do it, on one process or on the ranks of a group."""

import copy
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from ranks import Found
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.state_dict import get_model_state_dict, set_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

import edgewise as ew

STEPS, ROWS = 5, 32


class Block(nn.Module):
    """A residual block whose activations are computed again in the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = ew.nn.KANFeedForward(8, kind="spline")

    def forward(self, x: Tensor) -> Tensor:
        return x + checkpoint(self.inside, x, use_reentrant=False)


def spline() -> nn.Module:
    return nn.Sequential(ew.nn.KANLayer(8, 6), ew.nn.KANLayer(6, 1))


def bare() -> nn.Module:
    return nn.Sequential(ew.nn.KANLayer(8, 6, base=None, basis="rbf"), ew.nn.KANLayer(6, 1, base=None))


def rational() -> nn.Module:
    return nn.Sequential(ew.nn.RationalLayer(8, 8, groups=4), ew.nn.RationalLayer(8, 1, groups=2))


def forward() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 8), ew.nn.KANFeedForward(8, groups=2), nn.Linear(8, 1))


def checkpointed() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 8), Block(), nn.Linear(8, 1))


MODELS: dict[str, Callable[[], nn.Module]] = {
    made.__name__: made for made in (spline, bare, rational, forward, checkpointed)
}


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return MODELS[name]()


def trained(model: nn.Module, *, half: bool = False) -> Tensor:
    """Return the losses of a few steps on all rows; a rank of a group takes its part of them."""
    x = 2 * torch.rand(ROWS, 8, generator=torch.Generator().manual_seed(1)) - 1
    y = x[:, :1] * x[:, 1:2]
    if distributed.is_initialized():
        x, y = (values.chunk(distributed.get_world_size())[distributed.get_rank()] for values in (x, y))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            loss = (model(x).float() - y).square().mean()
        loss.backward()
        optimizer.step()
        mean = loss.detach().clone()
        if distributed.is_initialized():
            distributed.all_reduce(mean)
            mean /= distributed.get_world_size()
        losses.append(mean)
    return torch.stack(losses)


def sharded(model: nn.Module) -> nn.Module:
    mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
    for part in model.children():
        fully_shard(part, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def both(folder: Path) -> Found:
    """Train every model by data parallel and by sharded training; save the sharded ones, and load what one saved."""
    found = {}
    for name in MODELS:
        first = made(name)
        found[f"ddp {name}"] = trained(DistributedDataParallel(copy.deepcopy(first)))
        found[f"ddp half {name}"] = trained(DistributedDataParallel(copy.deepcopy(first)), half=True)
        model = sharded(first)
        found[f"fsdp {name}"] = trained(model)
        dcp.save({"model": get_model_state_dict(model)}, checkpoint_id=folder / f"two {name}")
        other = sharded(made(name))
        state = {"model": get_model_state_dict(other)}
        dcp.load(state, checkpoint_id=folder / f"one {name}")
        set_model_state_dict(other, state["model"])
        found[f"loaded {name}"] = values(other)
    return found


def values(model: nn.Module) -> Tensor:
    """Return what a model makes of a few rows."""
    with torch.no_grad():
        return model(torch.linspace(-1, 1, 40).reshape(5, 8))
