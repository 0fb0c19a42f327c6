"""A network on its way to a smaller one, with the account of what went."""

import math
from typing import NamedTuple

from edgewise.interpret._cut import Cut, Thing
from edgewise.interpret._merge import merges
from edgewise.interpret._names import end_names
from edgewise.interpret._scores import constants, node_scores
from edgewise.interpret._without import Kept, edge_means, without
from edgewise.kernels import one_thread
from edgewise.nn import KAN, adapt_grid
from edgewise.train import Loss, Table, error_of, refit

_STEPS = 60
_ROUNDS = 3
_MERGED = 3e-3  # of the target's spread, or nats: what one merge may add to the error


class Removal(NamedTuple):
    """One thing that went: what, where, its score, by how much the error rose, and to what (target's units)."""

    what: str
    where: str
    score: float
    cost: float
    error: float


class Pruning:
    """The network so far, its error, the names of its nodes, and what was removed from it."""

    def __init__(self, model: KAN, table: Table, labels: list[list[str]], loss: Loss) -> None:
        self.model, self.table, self.labels, self.loss = model, table, labels, loss
        self.unit = 1.0 if loss.classes else float(table.y.std())
        self.removed: list[Removal] = []
        self.error = self.before = self._error(model)
        found = without(model, edge_means(model, table.x), [], idle=True)
        if found is not None:
            self._take(None, *found, self.error)

    def cut(self, cut: Cut) -> None:
        """Remove what a cut says."""
        with one_thread():
            before = self.before
            if cut.refit:
                self.model = _trained(self.model, self.table)
                before = self.error = self._error(self.model)
            limit = cut.limit(before)
            while self._remove_one(cut, limit):
                pass

    def merge(self, limit: float) -> None:
        """Join nodes that others can stand for, as long as the error stays within the limit."""
        while self._merge_one(limit):
            pass

    def _remove_one(self, cut: Cut, limit: float) -> bool:
        means = constants(self.model, self.table.x)
        for thing in cut.candidates(self.model, self.table.x):
            found = without(self.model, means, thing.edges)
            if found is None:
                continue
            less, kept = found
            less = _trained(less, self.table) if cut.refit else less
            error = self._error(less)
            if math.isfinite(error) and error <= limit:
                self._take((cut.what[:-1], self._name(thing), thing.score), less, kept, error)
                return True
        return False

    def _merge_one(self, limit: float) -> bool:
        limit = min(limit, self.error + _MERGED * self.unit)
        for depth, q, into, model in merges(self.model, self.table.x):
            found = without(model, edge_means(model, self.table.x), [])
            error = math.inf if found is None else self._error(found[0])
            if found is not None and math.isfinite(error) and error <= limit:
                names = self.labels[depth]
                where = f"{names[q]} into {' and '.join(names[p] for p in into)}"
                score = float(node_scores(self.model, self.table.x)[depth][q])
                self._take(("node", where, score), *found, error)
                return True
        return False

    def _error(self, model: KAN) -> float:
        return error_of(model, self.table, self.loss)

    def _name(self, thing: Thing) -> str:
        depth, last = thing.place[0], thing.place[-1]
        name = self.labels[depth][last]
        if len(thing.place) == 2:
            return name
        return f"{name} → {end_names(self.model, self.labels, depth)[thing.place[1]]}"

    def _take(self, what: tuple[str, str, float] | None, model: KAN, kept: Kept, error: float) -> None:
        """Go on with a smaller network: note what went, and what it made needless."""
        if what is not None:
            self.removed.append(Removal(*what, error - self.error, error))
        told = {what[1], what[1].split(" into ")[0]} if what else set()
        for depth in range(1, len(self.model.layers)):
            gone = [name for q, name in enumerate(self.labels[depth]) if q not in kept[depth]]
            self.removed += [Removal("node", name, 0.0, 0.0, error) for name in gone if name not in told]
        unused = self.model.layers[0].mask.any(0) & ~model.layers[0].mask.any(0)
        names = [self.labels[0][i] for i in unused.nonzero().flatten().tolist()]
        self.removed += [Removal("input", name, 0.0, 0.0, error) for name in names if name not in told]
        self.labels = [[names[q] for q in left] for names, left in zip(self.labels, kept, strict=True)]
        self.model, self.error = model, error


def _trained(model: KAN, table: Table) -> KAN:
    for _ in range(_ROUNDS):
        model, _ = refit(adapt_grid(model, table.x), table, _STEPS)
    return model
