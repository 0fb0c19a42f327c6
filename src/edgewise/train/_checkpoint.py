"""A checkpoint of a fit: what is kept on disk, and whether a run is the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._replacing import writing
from edgewise.train._data import Ranks
from edgewise.train.optim import DampedState

if TYPE_CHECKING:
    pass


class Checkpoint:
    """The runs of a solver, in their order: where each ended, and the last state of the one that had not ended.

    Everything between the runs of a fit follows from where they end, so a fit that is repeated with its checkpoint
    skips the runs that ended, and takes the next step of the one that had not. Rank 0 reads and writes the file.
    `identity` are numbers of what is fitted, where the starts of its runs do not tell it from others.

    Errors: InputError for a file that is no checkpoint, or that of another fit.
    """

    def __init__(self, path: str | Path, ranks: Ranks, identity: Sequence[float] = ()) -> None:
        self.path, self.ranks = Path(path), ranks
        self._identity = torch.tensor(identity, dtype=torch.float64)
        self._held = self._read()
        self._run = 0

    def ended(self, start: Tensor) -> tuple[Tensor, int] | None:
        """Return where the next run ended, and after how many steps, if it did; it is then over."""
        found = self._of("end", start)
        if found is None:
            return None
        steps = int(self._held[f"{self._run}.steps"].item())
        self._run += 1
        return found, steps

    def state(self, start: Tensor) -> DampedState | None:
        """Return the last state of the next run, if it took a step."""
        vector = self._of("vector", start)
        if vector is None:
            return None
        cost, damping, step, slow = self._held[f"{self._run}.state"].tolist()
        return DampedState(vector, cost, damping, int(step), int(slow))

    def keep(self, start: Tensor, state: DampedState) -> None:
        """Write the state of the run after a step."""
        numbers = (state.cost, state.damping, state.step, state.slow)
        self._write(start, vector=state.vector, state=torch.tensor(numbers, dtype=torch.float64))

    def end(self, start: Tensor, vector: Tensor, steps: int) -> None:
        """Write where the run ended."""
        for name in ("vector", "state"):
            self._held.pop(f"{self._run}.{name}", None)
        self._write(start, end=vector, steps=torch.tensor(steps))
        self._run += 1

    def _of(self, name: str, start: Tensor) -> Tensor | None:
        """Return a vector of the next run, or None; raise InputError if it is none from this start."""
        found = self._held.get(f"{self._run}.{name}")
        if found is None:
            return None
        known = self._held[f"{self._run}.start"]
        own = self._sums(start)
        same = len(found) == len(start) and known.shape == own.shape
        close = 1e-6  # processors round the sums that identify the start of a run differently
        if not same or not torch.allclose(known, own, rtol=close, atol=close, equal_nan=True):
            raise InputError(f"{self.path} is the checkpoint of another fit: name another file, or delete it.")
        return found.to(start)

    def _write(self, start: Tensor, **values: Tensor) -> None:
        values["start"] = self._sums(start)
        self._held.update({f"{self._run}.{name}": value.detach().cpu() for name, value in values.items()})
        if self.ranks.number == 0:
            from safetensors.torch import save

            with writing(self.path) as file:
                file.write(save({name: value.contiguous() for name, value in self._held.items()}))

    def _read(self) -> dict[str, Tensor]:
        content, error = b"", None
        try:
            if self.ranks.number == 0 and self.path.exists():
                content = self.path.read_bytes()
        except OSError as refused:
            error = InputError(f"Cannot read {self.path} ({refused.strerror or refused}): choose another place.")
        self.ranks.require(error)
        size = round(self.ranks.total(len(content))[0])
        if not size:
            return {}
        sent = torch.zeros(size, dtype=torch.uint8, device=self.ranks.device)
        if content:
            sent.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            held = load(self.ranks.from_first(sent).cpu().numpy().tobytes())
        except SafetensorError:
            held = {}
        names = {name.partition(".")[2] for name in held}
        if not names or not names <= {"start", "end", "steps", "vector", "state"}:
            raise InputError(f"{self.path} is no checkpoint of a fit: name another file, or delete it.")
        return held

    def _sums(self, start: Tensor) -> Tensor:
        return torch.cat([torch.stack([start.sum(), start.abs().sum()]).double().cpu(), self._identity])
