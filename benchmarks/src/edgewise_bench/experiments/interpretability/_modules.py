"""Functions of bits that are made of small functions, and networks in which those stand apart."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import torch

from edgewise import KAN, Options, fit, prune
from edgewise._typing import Array
from edgewise.interpret import Cut, arrange
from edgewise.nn import layer_of

_SPARSITY, _GRID, _ROUNDS = 0.01, 3, 4
_ERROR = 0.2  # that pruning may leave: answers are 0 or 1


@dataclass(frozen=True)
class Bits:
    """Groups of neighboring bits, -1 or 1, and what is computed from each group: columns of 0 or 1."""

    name: str
    groups: int
    size: int
    widths: list[Any]
    law: Callable[[Array], Array]  # of (n, groups, size), to (n, outputs)
    published: str

    def table(self) -> tuple[Array, Array]:
        """Return all rows there are."""
        x = np.array(list(product((-1.0, 1.0), repeat=self.groups * self.size)))
        return x, self.law(x.reshape(len(x), self.groups, self.size))


BITS = (
    Bits("majority of three majorities of 3 bits", 3, 3, [9, 10, 10, 1],
         lambda x: (np.sign(x.sum(2)).sum(1, keepdims=True) > 0).astype(float), "neurons swapped in training"),
    Bits("parities of five pairs of bits", 5, 2, [10, 10, 5], lambda x: (x.prod(2) > 0).astype(float),
         "neurons swapped in training"),
)  # fmt: skip


def modules(bits: Bits, seed: int, quick: bool) -> tuple[dict[str, Any], bool]:
    """Train with sparsity and prune, as long as edges are removed, then arrange the network.

    Return the columns of a row, whose curves are edges "layer,j,i" before and after the nodes were arranged; and
    whether every row is answered correctly by nodes that read one group of bits each.
    """
    x, y = bits.table()
    options = Options(seed=seed, validation=0.0, restarts=1 if quick else "auto")
    lean = _pruned(KAN(bits.widths, seed=seed), x, y, _SPARSITY, options)
    for _ in range(0 if quick else _ROUNDS):
        again = _pruned(lean, x, y, 2 * _SPARSITY, replace(options, restarts=1))
        if len(_wires(again)) >= len(_wires(lean)):
            break
        lean = again
    laid = arrange(lean, x)
    with torch.no_grad():
        wrong = ((laid.model(torch.from_numpy(x)).numpy() > 0.5) != (y > 0.5)).any(axis=1)
    read = [row.nonzero().flatten().tolist() for row in layer_of(laid.model, 0).mask]
    right = sorted(read) == [list(range(k, k + bits.size)) for k in range(0, x.shape[1], bits.size)]
    nodes = " | ".join(" ".join(str(bit + 1) for bit in node) for node in read)
    text = f"nodes that read bits {nodes}; connections of {laid.before:.2g} arranged to {laid.after:.2g}"
    wires = "|".join(" ".join(",".join(map(str, edge)) for edge in _wires(net)) for net in (lean, laid.model))
    found = {"formula": text, "error": float(wrong.mean()), "shape": str(laid.model.widths), "curves": wires}
    return found, right and not bool(wrong.any())


def _pruned(model: KAN, x: Array, y: Array, sparsity: float, options: Options) -> KAN:
    trained = fit(model, x, y, sparsity=sparsity, grids=[_GRID], options=options).model
    return prune(trained, x, y, cuts=Cut("edges", error=_ERROR)).model


def _wires(model: KAN) -> list[tuple[int, int, int]]:
    layers = enumerate(layer_of(model, depth).mask for depth in range(len(model.layers)))
    return [(depth, j, i) for depth, mask in layers for j, i in mask.nonzero().tolist()]
