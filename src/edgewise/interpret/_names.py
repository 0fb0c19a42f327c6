"""What inputs, hidden nodes and outputs are called in tables and pictures."""

from collections.abc import Sequence

from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.nn import KAN


def node_names(
    model: KAN, names: Sequence[str] | None, target: str | Sequence[str] | None = None, x: Data | None = None
) -> list[list[str]]:
    """Names of the nodes of every level, inputs first: x1, ... and y, ... unless given, h1, ... in between.

    Without names those that the network was trained with are taken, or those of the columns of x, a data frame.

    >>> import edgewise as ew
    >>> ew.interpret.node_names(ew.KAN([2, 2, 1]), ["t", "v"])
    [['t', 'v'], ['h1', 'h2'], ['y']]
    """
    hidden = len(model.nodes) - 2
    middle = [
        [f"h{depth}.{q + 1}" if hidden > 1 else f"h{q + 1}" for q in range(model.nodes[depth].n_nodes)]
        for depth in range(1, hidden + 1)
    ]
    columns = getattr(x, "columns", None)
    if names is None:
        names = model.input_names or (None if columns is None else [str(name) for name in columns])
    outputs = None if target is None else [target] if isinstance(target, str) else list(target)
    return [_checked("names", names, "x", model.n_in), *middle, _checked("target", outputs, "y", model.n_out)]


def end_names(model: KAN, labels: list[list[str]], layer: int) -> list[str]:
    """What each subnode of a layer is called: its node's name, with the number of the factor in a product.

    >>> import edgewise as ew
    >>> model = ew.KAN([2, (1, 1), 1])
    >>> ew.interpret.end_names(model, ew.interpret.node_names(model, None), 0)
    ['h1', 'h2, factor 1', 'h2, factor 2']
    """
    found = []
    for name, group in zip(labels[layer + 1], model.nodes[layer + 1].groups(), strict=True):
        found += [name] if len(group) == 1 else [f"{name}, factor {k + 1}" for k in range(len(group))]
    return found


def _checked(what: str, given: Sequence[str] | None, letter: str, count: int) -> list[str]:
    if given is None:
        return [letter] if letter == "y" and count == 1 else [f"{letter}{k + 1}" for k in range(count)]
    if isinstance(given, str) or len(given) != count:
        raise InputError(f"The '{what}' parameter must list {count} names. Got {given!r}.")
    return [str(name) for name in given]
