"""The smallest kernel there is, as source."""

from __future__ import annotations

TINY = """
from numba import njit

def build(name, dtype, size):
    if name == "broken":
        raise ValueError("no such kernel")

    @njit("void(CPointer(int64))")
    def scale(cells):
        cells[0] = size * cells[0]

    return scale
"""
