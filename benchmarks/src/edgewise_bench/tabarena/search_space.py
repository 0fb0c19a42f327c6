"""The settings of the estimators that are worth tuning, as configurations for TabArena's random search."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

Configuration = dict[str, Any]

_PRODUCTS = ("auto", 0, 4, 16, 32)
_SELECT = ("average", "best", "simplest")
_SPACE: tuple[Configuration, ...] = (
    {"steps": False},
    *({"select": select, "products": products} for select, products in product(_SELECT, _PRODUCTS)),
    *({"loss": "huber", "products": products} for products in _PRODUCTS[:2]),
)
DEFAULT: Configuration = {}
"""The default configuration: the estimators' own."""
SPACE: tuple[Configuration, ...] = tuple(one for one in _SPACE if one != {"select": "average", "products": "auto"})
"""Every other configuration.

How many pairs may interact, whether candidates are averaged, whether sums of steps take part (which is so where both
are left open), and a loss of regressions that rows far out move less. Smoothing has no setting: the rows decide it.
"""


def configurations(count: int, seed: int = 0) -> list[Configuration]:
    """Return different configurations in random order, without the default one; all of them where `count` is larger.

    >>> configurations(2, seed=1) == configurations(3, seed=1)[:2], len(configurations(200)) == len(SPACE)
    (True, True)
    """
    shuffled = random.Random(seed).sample(SPACE, len(SPACE))
    return [dict(one) for one in shuffled[:count]]
