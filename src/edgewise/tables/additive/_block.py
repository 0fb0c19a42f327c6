"""A group of features that share one smoothing parameter."""

from typing import Literal, NamedTuple

Kind = Literal["straight", "wiggly", "level", "value", "gap", "product"]


class Block(NamedTuple):
    """Features of one kind with one ridge penalty, lambda |beta|^2."""

    kind: Kind
    size: int


#: centers of the prior of log lambda, in addition to log(1 + straight blocks)
CENTERS: dict[Kind, float] = {
    "straight": 0.0, "wiggly": 2.0, "level": 1.0, "value": 4.0, "gap": 2.0, "product": 5.0,
}  # fmt: skip
