"""The search of one seed: recognise real rows, find the columns that it takes, keep those together, look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise._deadline import Deadline, cut
from edgewise._typing import Array
from edgewise.kernels import one_thread
from edgewise.unsupervised._classifier import Blocks, Classifier, Evidence, merged, ranked
from edgewise.unsupervised._local import determiners

DETERMINED = 0.35  # remainder below which a column counts as a function of others
_SHAPES: tuple[list, ...] = ([8], [(2, 3)])  # hidden nodes: sums; two sums and three products
_HELD = 0.3  # of the rows, to judge on
_ROWS = 1500  # of the table, drawn by the seed


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
