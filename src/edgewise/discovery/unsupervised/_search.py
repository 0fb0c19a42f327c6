"""The search of one seed, and what many seeds found, made one ranking.

Of one seed: recognise real rows, find the columns that it takes, keep those together, look again. How well a column is
determined by others is seen without a model, by local planes through neighboring rows.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from scipy.spatial import KDTree

from edgewise._deadline import Deadline, cut
from edgewise._typing import Array
from edgewise.discovery.unsupervised._classifier import Blocks, Classifier, Evidence, merged, ranked
from edgewise.kernels import one_thread

DETERMINED = 0.35  # remainder below which a column counts as a function of others
_SHAPES: tuple[list, ...] = ([8], [(2, 3)])  # hidden nodes: sums; two sums and three products
_HELD = 0.3  # of the rows, to judge on
_ROWS = 1500  # of the table, drawn by the seed
_ALIKE = 0.5  # of the columns of two sets that must be common to both
_RIDGE = 1e-8  # of the size of the normal equations of local planes
_WORSE = 1.05  # by how much the remainder may grow when a column is dropped
_NEGLIGIBLE = 0.01  # remainder below which all are alike


@dataclass(frozen=True)
class Tied:
    """Columns found tied in one seed.

    `solved` is the one that the others determine best, None where none is; `remainder` what they leave of it.
    """

    columns: tuple[int, ...]
    solved: int | None
    remainder: float
    evidence: Evidence


@dataclass(frozen=True)
class Seeded:
    """What one seed found, the evidence on each column's part, and whether time ran out first."""

    found: list[Tied]
    shares: Array
    late: bool


def search(x: Array, seed: int, deadline: Deadline) -> Seeded:
    """The relations between the columns of x that one seed finds before the deadline."""
    with one_thread():
        one = _Search(x, seed, deadline)
        finished = cut(deadline, one.run)
    return Seeded(one.found, one.shares, not finished or deadline.passed())


class _Search:
    """The ranks of a table, divided by a seed, and what has been found in them so far."""

    def __init__(self, x: Array, seed: int, deadline: Deadline) -> None:
        order = np.random.default_rng([seed, 0]).permutation(len(x))[:_ROWS]
        self.ranks, self.seed, self.deadline = ranked(x[order]), seed, deadline
        self.held = round(_HELD * len(order))
        self.found: list[Tied] = []
        self.shares = np.zeros(x.shape[1])

    def run(self) -> None:
        columns = list(range(self.ranks.shape[1]))
        self._exhaust([[column] for column in columns])
        # What ties columns within one block shows once those that the others determine are gone. Without those, the
        # rest may depend on each other though no equation ties them: only functions count there.
        while not self.deadline.passed():
            before, gone = len(self.found), self._gone()
            left = [column for column in columns if column not in gone]
            inner = [tied for tied in self.found if tied.solved is not None and len({*tied.columns} - gone) > 1]
            if not inner:
                break
            blocks: Blocks = [[column] for column in left]
            for tied in self.found:
                if tied.solved is None:
                    blocks = merged(blocks, tied.columns)
            self._exhaust(blocks, functions=True)
            if len(self.found) == before:
                break

    def _gone(self) -> set[int]:
        """One column of each relation that can be solved, different ones where possible."""
        gone: set[int] = set()
        for tied in self.found:
            if tied.solved is not None:
                gone.add(next((c for c in (tied.solved, *tied.columns) if c not in gone), tied.solved))
        return gone

    def _exhaust(self, blocks: Blocks, functions: bool = False) -> None:
        """Find relations between the blocks until real rows are recognised no more; or only those that are solved."""
        while len(blocks) > 1 and not self.deadline.passed():
            classifier = self._recognise(blocks)
            if classifier is None:
                return
            before = len(self.found)
            for columns, solved, remainder in self._guesses(classifier):
                if solved is not None or not functions:
                    self._keep(columns, solved, remainder)
            if len(self.found) == before:
                return
            for tied in self.found[before:]:
                blocks = merged(blocks, tied.columns)

    def _recognise(self, blocks: Blocks) -> Classifier | None:
        """A classifier that recognises held-out rows, or None."""
        for widths in _SHAPES:
            classifier = Classifier(self.ranks, self.held, blocks, widths, self.seed)
            if classifier.evidence().sure:
                return classifier
        return None

    def _guesses(self, classifier: Classifier) -> list[tuple[list[int], int | None, float]]:
        """The sets of columns that a classifier rests on, those first of which one column is a function of others."""
        left = classifier.needed()
        out: list[tuple[list[int], int | None, float]] = []
        while len(left) > 1:
            trials = [(*determiners(self.ranks, j, others), j) for j in left for others in _others(j, left, classifier)]
            # What lies within one block was shuffled together, so real rows are not recognised by it.
            trials = [t for t in trials if not any({t[2], *t[0]} <= {*block} for block in classifier.blocks)]
            others, remainder, solved = min(trials, key=lambda t: t[1], default=([], 1.0, -1))
            if remainder > DETERMINED:
                break
            out.append((sorted([solved, *others]), solved, remainder))
            left = [column for column in left if column != solved and column not in others]
        if not out and len(left) > 1:
            out = [(part, None, 1.0) for part in classifier.parts(left) if len(part) > 1]
        return out

    def _keep(self, columns: Sequence[int], solved: int | None, remainder: float) -> None:
        """Add the relation if it is new and its columns alone show it, less those that are not needed for that."""
        if any({*columns} == {*tied.columns} for tied in self.found):
            return
        classifier = self._recognise([[column] for column in columns])
        if classifier is None:
            return
        needed = classifier.needed()
        if solved is None and 1 < len(needed) < len(columns):
            self._keep(needed, solved, remainder)
            return
        self.found.append(Tied(tuple(columns), solved, remainder, classifier.evidence()))
        for column in columns:
            self.shares[column] = max(self.shares[column], classifier.cost([[column]]))


def _others(column: int, left: Sequence[int], classifier: Classifier) -> list[list[int]]:
    """What may determine a column: all others, and those that it is not tied to yet."""
    block = next(block for block in classifier.blocks if column in block)
    all_others, free = [c for c in left if c != column], [c for c in left if c not in block]
    return [all_others] if free == all_others or not free else [all_others, free]


@dataclass
class Cluster:
    """The columns that seeds found tied; `variants` are the sets that other seeds found in their place."""

    columns: tuple[int, ...]
    members: list[Tied]
    variants: list[tuple[int, ...]]

    @property
    def support(self) -> int:
        return len(self.members) + len(self.variants)

    @property
    def solved(self) -> int | None:
        return Counter(tied.solved for tied in self.members).most_common(1)[0][0]

    @property
    def auc(self) -> float:
        return median(tied.evidence.auc for tied in self.members)


def clustered(runs: Sequence[Seeded]) -> list[Cluster]:
    """One cluster for each set of columns, those that most seeds support first.

    A set that shares over half of its columns with one that more seeds found, and was found where that one was not,
    is a variant of it: the same relation with a column too many or too few.
    """
    counts = Counter(tied.columns for run in runs for tied in run.found)
    clusters: list[Cluster] = []
    where = {
        columns: {i for i, run in enumerate(runs) for t in run.found if t.columns == columns} for columns in counts
    }
    for columns, _ in sorted(counts.items(), key=lambda item: (-item[1], len(item[0]), item[0])):
        home = next((c for c in clusters if _alike(c.columns, columns) and not where[c.columns] & where[columns]), None)
        if home is not None:
            home.variants += [columns] * counts[columns]
            continue
        members = [tied for run in runs for tied in run.found if tied.columns == columns]
        clusters.append(Cluster(columns, members, []))
    return sorted(clusters, key=lambda c: (-c.support, c.solved is None, -c.auc))


def _alike(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return len({*a} & {*b}) > _ALIKE * len({*a} | {*b})


def remainder(x: Array, target: int, others: Sequence[int]) -> float:
    """What is left of a column, over its spread, after the local plane of the others through a row's neighbors.

    The row itself is left out. About 0 for a function of the others, about 1 for no function of them (also where there
    are several branches, like the two signs of a square root).
    """
    y = x[:, target]
    if not others:
        return 1.0
    points = x[:, list(others)]
    count = min(len(x), 3 * (len(others) + 1) + 3)
    near = KDTree(points).query(points, count)[1]
    weight = (near != np.arange(len(x))[:, None]).astype(np.float64)
    design = np.concatenate([np.ones((*near.shape, 1)), points[near] - points[:, None]], axis=2)
    weighted = design * weight[:, :, None]
    normal = np.swapaxes(weighted, 1, 2) @ design
    size = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    normal += _RIDGE * size * np.eye(normal.shape[1])
    right = np.einsum("nki,nk->ni", weighted, y[near])
    fitted = np.linalg.solve(normal, right[:, :, None])[:, 0, 0]
    return float(np.sqrt(np.mean((y - fitted) ** 2)) / y.std())


def determiners(x: Array, target: int, others: Sequence[int]) -> tuple[list[int], float]:
    """The fewest of the columns that determine the target as well as all of them do, and the remainder."""
    kept, left = list(others), remainder(x, target, others)
    while len(kept) > 1:
        trials = [(remainder(x, target, [c for c in kept if c != out]), out) for out in kept]
        least, out = min(trials)
        if least > max(_WORSE * left, _NEGLIGIBLE):
            break
        kept.remove(out)
        left = least
    return kept, left
