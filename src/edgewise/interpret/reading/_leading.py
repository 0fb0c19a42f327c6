"""The first weight of a piece of a formula: the opposite of multiplying it by a factor."""

from edgewise.formulas.programs import scaled
from edgewise.interpret.reading._pieces import Nodes

_PAIRS = frozenset({"add", "sub", "mul", "div"})
_LEAVES = frozenset({"variable", "constant"})


def leading(nodes: Nodes) -> tuple[Nodes, float]:
    """Return a piece divided by its first weight, and that weight.

    >>> from edgewise.formulas.programs import Node
    >>> leading([Node("constant", 0, 3.0), Node("variable"), Node("power", 0, 0.5), Node("mul")])[1]
    3.0
    """
    if nodes[-1].operation == "mul" and nodes[0].operation == "constant" and nodes[-2].operation == "power":
        return nodes[1:-1], nodes[0].weight
    number = len(nodes) - 1
    while nodes[number].operation in _PAIRS:
        number = _left_child(nodes, number)
    node = nodes[number]
    if node.operation == "power" or node.weight == 0:
        return nodes, 1.0
    return scaled(nodes, 1 / node.weight), node.weight


def _left_child(nodes: Nodes, number: int) -> int:
    missing, child = 1, number - 1
    while missing:  # pass the right child
        operation = nodes[child].operation
        missing += 1 if operation in _PAIRS else -1 if operation in _LEAVES else 0
        child -= 1
    return child
