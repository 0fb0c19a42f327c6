"""Functions on the ranks of a process group of gloo, each in its own process, never in the one that runs the tests."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

Found = dict[str, Tensor]


def on_ranks(function: Callable[..., Found], count: int, folder: Path, *given: Any) -> list[Found]:
    """Return what a function of a module returns on each of `count` ranks."""
    torch.multiprocessing.spawn(_rank, (count, folder, function, given), nprocs=count)
    return [torch.load(folder / f"{rank}.pt") for rank in range(count)]


def _rank(rank: int, count: int, folder: Path, function: Callable[..., Found], given: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    os.environ["LOCAL_RANK"] = str(rank)
    store = f"file://{folder}/store"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=count)
    torch.save(function(*given), folder / f"{rank}.pt")
    distributed.barrier()
    os._exit(0)  # a group that is taken down while a data-parallel model lives may wait for ever, and holds the lock
