"""Rows torn apart: columns permuted independently of each other, except those that are kept together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgewise._typing import Array

Blocks = Sequence[Sequence[int]]


def shuffled(rows: Array, blocks: Blocks, rng: np.random.Generator) -> Array:
    """The rows with the columns of each block permuted by one permutation; columns in no block stay."""
    out = rows.copy()
    for block in blocks:
        out[:, block] = rows[rng.permutation(len(rows))][:, block]
    return out


def ranked(x: Array) -> Array:
    """Each column as ranks from -1 to 1, ties at their mean: no unit, no outlier, and no change of what is tied."""
    from scipy.stats import rankdata  # half a second to import

    return (2 * rankdata(x, axis=0) - 1) / len(x) - 1


def merged(blocks: Blocks, columns: Sequence[int]) -> list[list[int]]:
    """The blocks, those that touch `columns` made one."""
    touched = [block for block in blocks if {*block} & {*columns}]
    rest = [[*block] for block in blocks if not {*block} & {*columns}]
    one = sorted(column for block in touched for column in block)
    return [*rest, one] if one else rest
