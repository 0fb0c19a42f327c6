"""A shape that a curve may become, with what it costs and what it loses."""

from collections.abc import Iterable
from typing import NamedTuple

from edgewise.interpret.reading._pieces import Nodes


class Option(NamedTuple):
    """A shape: its complexity, its loss of log-likelihood, and offset + factor * nodes; without nodes, nothing.

    The complexity is that of the shape next to others, where it needs a weight.
    """

    complexity: int
    loss: float
    nodes: Nodes
    offset: float
    factor: float
    name: str

    @property
    def length(self) -> int:
        """The nodes of the term in a sum, with the plus, and with the factor of a power."""
        return len(self.nodes) + 1 + 2 * (self.nodes[-1].operation == "power") if self.nodes else 0


def nothing(loss: float, mean: float) -> Option:
    """Return the option of leaving a curve out, of which its mean stays."""
    return Option(0, loss, [], mean, 0.0, "none")


def hull(found: Iterable[Option]) -> list[Option]:
    """Return the options that are best at some cost of a node, by complexity."""
    kept: list[Option] = []
    for option in sorted(found, key=lambda option: option[:2]):
        if kept and not option.loss < kept[-1].loss - 1e-9:  # nor where a loss is no number
            continue
        while len(kept) > 1 and _gain(kept[-2], kept[-1]) <= _gain(kept[-1], option):
            kept.pop()
        kept.append(option)
    return kept


def _gain(simple: Option, complex_: Option) -> float:
    """Return the loss saved by each node more."""
    return (simple.loss - complex_.loss) / (complex_.complexity - simple.complexity)
