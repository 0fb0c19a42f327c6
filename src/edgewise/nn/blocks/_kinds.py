"""The kinds of feed-forward blocks."""

from typing import Literal, get_args

BlockKind = Literal["rational", "spline"]
"""Names of the kinds of functions that a feed-forward block may be made of."""

KINDS = get_args(BlockKind)
