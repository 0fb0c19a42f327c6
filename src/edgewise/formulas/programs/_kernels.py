"""Compiled kernels called on arrays: jobs, working memory, records of programs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs import _cpu_layout as layout
from edgewise.formulas.programs._tabulated import all_tables
from edgewise.kernels.compiled import compiled

_SOURCES = {
    "values": "_cpu_source",
    "fit": "_cpu_source",
    "jacobian": "_cpu_source",
    "breed": "_cpu_breed",
    "select": "_cpu_select",
}

#: a program as kernels read and write it
RECORD = np.dtype(
    [
        ("opcodes", np.int64, layout.LONGEST),
        ("arguments", np.int64, layout.LONGEST),
        ("weights", np.float64, layout.LONGEST),
        ("length", np.int64),
        ("scale", np.float64),
        ("offset", np.float64),
        ("error", np.float64),
        ("nodes", np.int64),
        ("waves", np.int64),
        ("spare", np.int64, 2),
    ]
)
assert RECORD.itemsize == 8 * layout.RECORD_WORDS


def address(array: Array) -> int:
    """Return where the numbers of an array lie."""
    return array.__array_interface__["data"][0]


@cache
def kernel(name: str) -> Callable[[int], object]:
    """Return a kernel as a function of the address of its job."""
    return compiled(f"edgewise.formulas.programs.{_SOURCES[name]}", name, "float64")


def prepare() -> None:
    """Compile every kernel, or load it: seconds on the first call on a machine, which says so on stderr.

    >>> prepare()
    """
    for name in _SOURCES:
        kernel(name)


class Job:
    """What a kernel works on: a table, working memory and a place for one program.

    Shapes: columns (n_columns, n), target and row_weights (n,). A job belongs to one thread at a time.
    """

    def __init__(self, columns: Array, target: Array | None = None, row_weights: Array | None = None) -> None:
        rows = columns.shape[1]
        self.columns = np.ascontiguousarray(columns, dtype=np.float64)
        self.target = np.zeros(rows) if target is None else np.ascontiguousarray(target, dtype=np.float64)
        self.row_weights = np.ones(rows) if row_weights is None else np.ascontiguousarray(row_weights, dtype=np.float64)
        self.record = np.zeros(1, RECORD)
        self.tree = np.zeros(layout.TREE_WORDS, np.int64)
        self.tolerance = np.zeros(1)
        self._tables = all_tables()
        self._work = np.empty(layout.ALL_VALUES + rows + layout.BLOCK)
        self.words = np.zeros(layout.JOB_WORDS, np.int64)
        places: dict[int, Any] = {
            layout.PROGRAM: self.record,
            layout.TREE: self.tree,
            layout.WORK: self._work,
            layout.COLUMNS: self.columns,
            layout.TARGET: self.target,
            layout.ROW_WEIGHTS: self.row_weights,
            layout.TOLERANCE: self.tolerance,
            layout.TABLES: self._tables,
        }
        for word, array in places.items():
            self.words[word] = address(array)
        self.words[layout.STRIDE] = self.words[layout.ROWS] = rows

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.columns.shape[1]

    @property
    def free(self) -> Array:
        """Which weights of the program are free, (length,), once a kernel has analyzed it."""
        length = int(self.record["length"][0])
        return self.tree[layout.FREE : layout.FREE + length] != 0

    def freeze(self, frozen: Array | None) -> None:
        """Hold the weights of some nodes in fits."""
        held = self.tree[layout.FROZEN : layout.FROZEN + layout.LONGEST]
        held[:] = 0
        if frozen is not None:
            held[: len(frozen)] = frozen

    def prepare_fit(self, steps: int, tolerance: float) -> None:
        """Set how many steps the kernel "fit" takes, and the relative gain below which it stops."""
        self.words[layout.STEPS], self.tolerance[0] = steps, tolerance

    def run(self, name: str, out: Array | None = None) -> None:
        """Call a kernel, whose output goes to an array."""
        if out is not None:
            self.words[layout.OUT] = address(out)
        if self._tables is not all_tables() and self.words[layout.TABLES] == address(self._tables):
            self._tables = all_tables()  # another function was tabulated since
            self.words[layout.TABLES] = address(self._tables)
        kernel(name)(address(self.words))
