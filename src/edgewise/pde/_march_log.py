"""A march in a file while it goes on, so that it continues where its process was killed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._printable import printable
from edgewise.pde._evolution import Evolution
from edgewise.pde._file import Refused, read, write
from edgewise.pde._fingerprint import require_same, stated
from edgewise.pde._one_march import OneMarch, Reached
from edgewise.pde._slab_tensors import slabs_of, tensors_of
from edgewise.pde._space import Space

_KIND = "checkpoint of a march"
_SHARE = 10.0  # of the time that writing a file takes: how long until the next


class MarchLog:
    """The levels of a march so far, complete or not, each with its accuracy.

    A level that is marched through again with the same accuracy goes on from its last slab; one of another accuracy,
    as after a change of the tolerance, begins again. Files are written after slabs, but not while writing would take
    more than a tenth of the time.

    Errors: InputError for a file that is no checkpoint of a march, or that of another problem.
    """

    def __init__(self, path: str | Path, evolution: Evolution, degree: int) -> None:
        self.path, self.evolution, self.degree = Path(path), evolution, degree
        self._levels: list[tuple[float, Reached]] = []
        self._due, self._problem = 0.0, stated(evolution.problem)
        if self.path.exists():
            self._levels = self._read()

    def resume(self, level: int, march: OneMarch) -> None:
        """Let a level begin where it was."""
        if level < len(self._levels):
            accuracy, reached = self._levels[level]
            if accuracy == march.accuracy:
                march.resume(reached)
            else:
                del self._levels[level:]

    def keep(self, level: int, march: OneMarch, *, last: bool = False) -> None:
        """Take note of how far a level is, and write it, at the `last` time in any case."""
        self._levels[level:] = [(march.accuracy, march.reached)]
        began = time.perf_counter()
        if last or march.whole or began >= self._due:
            self._write()
            now = time.perf_counter()
            self._due = now + _SHARE * (now - began)

    def _write(self) -> None:
        levels, tensors = [], {}
        for number, (accuracy, at) in enumerate(self._levels):
            prefix = f"{number}."
            tensors |= tensors_of(at.slabs, prefix)
            for name in ("begins", "sizes"):
                tensors[prefix + name] = torch.from_numpy(np.ascontiguousarray(getattr(at, name)))
            tensors[prefix + "cells"] = torch.from_numpy(np.ascontiguousarray(at.space.cells))
            levels.append([accuracy, at.length, at.steps, at.cell_steps])
        time_name = self.evolution.problem.box.names[self.evolution.time]
        said = {"problem": self._problem, "time": time_name, "degree": self.degree, "levels": levels}
        write(self.path, _KIND, said, tensors)

    def _read(self) -> list[tuple[float, Reached]]:
        evolution = self.evolution
        try:
            said, tensors = read(self.path, _KIND)
            require_same(said["problem"], evolution.problem)
            if (said["time"], said["degree"]) != (evolution.problem.box.names[evolution.time], self.degree):
                raise Refused(f"marches in {said['time']} with degree {said['degree']}")
            return [self._level(k, row, tensors) for k, row in enumerate(said["levels"])]
        except Refused as why:
            raise self._refused(f"it {why}") from None
        except InputError:
            raise
        except (LookupError, TypeError, ValueError, RuntimeError):
            raise self._refused("it is damaged") from None

    def _refused(self, why: str) -> InputError:
        return InputError(
            f"{self.path} is no checkpoint of this march ({printable(why)}): name another file, or delete it."
        )

    def _level(self, number: int, row: list[Any], tensors: Mapping[str, Tensor]) -> tuple[float, Reached]:
        prefix = f"{number}."
        begins, sizes, cells = (tensors[prefix + name].numpy() for name in ("begins", "sizes", "cells"))
        slabs = slabs_of(tensors, self.evolution, self.degree, prefix)
        accuracy, length, steps, cell_steps = row
        space = Space(cells, self.degree, self.evolution.periodic)
        return accuracy, Reached(slabs, space, begins, sizes, length, steps, cell_steps)
