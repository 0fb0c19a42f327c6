"""The processes that share the rows of a fit: those of a torch.distributed group, or this one alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.nn import KAN

_BLOCK = 512  # rows of a matrix that are summed at once, up to their last diagonal entry


@dataclass(frozen=True)
class Ranks:
    """The ranks of a process group, each of which holds rows of its own; without a group, one process.

    Every method but `is_first` is collective: all ranks call it, in the same order. Tensors travel on `device`.

    >>> Ranks().total(1.0, 2.0)
    [1.0, 2.0]
    """

    group: Any = None
    device: torch.device | None = None

    @classmethod
    def of(cls, group: Any, device: torch.device) -> Ranks:
        """Return the ranks of a group, or raise InputError if it cannot sum tensors of this device."""
        if group is None:
            return cls()
        backend = torch.distributed.get_backend(group)
        if "nccl" in str(backend) and "gloo" not in str(backend) and device.type != "cuda":
            raise InputError(f"Process groups of nccl sum tensors on GPUs, and this network is on {device}: move it.")
        return cls(group, device)

    @property
    def alone(self) -> bool:
        """True without a group; a group of one rank works as one of several."""
        return self.group is None

    @property
    def number(self) -> int:
        return 0 if self.group is None else torch.distributed.get_rank(self.group)

    @property
    def count(self) -> int:
        return 1 if self.group is None else torch.distributed.get_world_size(self.group)

    def add(self, *tensors: Tensor) -> None:
        """Replace tensors by their sums over the ranks, in one message."""
        self._reduce(torch.distributed.ReduceOp.SUM if self.group is not None else None, *tensors)

    def highest(self, *tensors: Tensor) -> None:
        """Replace tensors by their largest values over the ranks."""
        self._reduce(torch.distributed.ReduceOp.MAX if self.group is not None else None, *tensors)

    def add_lower(self, matrix: Tensor) -> None:
        """Replace the lower triangle of a square matrix by its sum over the ranks; what is above it means nothing."""
        for start in range(0, 0 if self.group is None else len(matrix), _BLOCK):
            self.add(matrix[start : start + _BLOCK, : start + _BLOCK])

    def total(self, *numbers: float, tensors: Sequence[Tensor] = ()) -> list[float]:
        """Return the sums of numbers over the ranks, and replace tensors by theirs in the same message."""
        if self.group is None:
            return list(numbers)
        values = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        self.add(values, *tensors)
        return values.tolist()

    def largest(self, number: float) -> float:
        """Return the largest of one number of each rank."""
        if self.group is None:
            return number
        value = torch.tensor([number], dtype=torch.float64, device=self.device)
        self.highest(value)
        return value.item()

    def before(self, count: int) -> int:
        """Return the sum of the counts of all ranks before this one."""
        return sum(map(len, self.gathered(torch.empty(count, 0))[: self.number]))

    def gathered(self, values: Tensor) -> list[Tensor]:
        """Return the tensors (n, ...) of all ranks, in their order; their lengths n may differ."""
        if self.group is None:
            return [values]
        counts = torch.zeros(self.count, dtype=torch.int64, device=self.device)
        counts[self.number] = len(values)
        self.add(counts)
        most = int(counts.max())
        padded = values.new_zeros((most, *values.shape[1:]))
        padded[: len(values)] = values
        found = [torch.empty_like(padded) for _ in range(self.count)]
        if padded.numel():
            torch.distributed.all_gather(found, padded, group=self.group)
        return [part[:count] for part, count in zip(found, counts.tolist(), strict=True)]

    def from_first(self, values: Tensor) -> Tensor:
        """Return the tensor of rank 0; all have its shape and dtype."""
        if self.group is None:
            return values
        sent = values.detach().clone().contiguous()
        torch.distributed.broadcast(sent, group=self.group, group_src=0)
        return sent

    def require(self, error: InputError | None) -> None:
        """Raise an error on all ranks if there is one on any: on the others it names the first rank that has one."""
        failed = self.largest(0.0 if error is None else float(self.count - self.number))
        if error is not None:
            raise error
        if failed:
            raise InputError(f"Rank {self.count - int(failed)} of {self.count} refused its rows: see its message.")

    def require_same(self, model: KAN, settings: Sequence[object]) -> None:
        """Raise InputError unless all ranks were given the same network, with all of its values, and settings."""
        if self.group is None:
            return
        digest = hashlib.sha256(repr(settings).encode())
        for name, value in model.state_dict().items():
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        number = float(int.from_bytes(digest.digest()[:6], "big"))  # exact in float64
        if self.largest(number) != -self.largest(-number):
            raise InputError("The ranks must give 'fit' the same network and settings: give KAN the same seed on each.")

    def _reduce(self, operation: Any, *tensors: Tensor) -> None:
        if self.group is None:
            return
        sent = tensors[0].contiguous() if len(tensors) == 1 else torch.cat([tensor.reshape(-1) for tensor in tensors])
        torch.distributed.all_reduce(sent, op=operation, group=self.group)
        parts = sent.reshape(-1).split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.reshape(tensor.shape))


ALONE = Ranks()
