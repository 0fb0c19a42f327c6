"""The columns that curves are read at."""

from collections.abc import Collection

from edgewise._typing import Array
from edgewise.interpret.reading._column import Column
from edgewise.tables.additive import AdditiveModel, Curve


class Columns:
    """Columns x (n, k) with weights (n,) of mean one and names (k,). Each is prepared once, for all candidates.

    `functions` are those that shapes may be made of, all if None.
    """

    def __init__(self, x: Array, weights: Array, names: list[str], functions: Collection[str] | None = None) -> None:
        self.x, self.weights, self.names, self.functions = x, weights, names, functions
        self._made: dict[tuple[int, bool], Column] = {}

    def column(self, number: int, model: AdditiveModel) -> Column:
        """Return the shapes of a column, on its logarithmic axis too if the model has it there."""
        own = [part for part in model.design.inputs if isinstance(part, Curve) and part.column == number]
        key = number, any(part.axis.name == "log" for part in own)
        if key not in self._made:
            self._made[key] = Column(self.x[:, number], *key, self.functions)
        return self._made[key]
