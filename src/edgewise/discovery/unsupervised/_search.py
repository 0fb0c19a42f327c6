"""The search of one seed by a network that tells real rows from shuffled ones, and the ranking over many seeds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

import numpy as np
import torch
from scipy.spatial import KDTree
from scipy.special import expit

from edgewise._deadline import Deadline, cut
from edgewise._typing import Array
from edgewise.kernels import one_thread
from edgewise.nn import KAN
from edgewise.train import Options, Outcome, fit

Blocks = Sequence[Sequence[int]]

SURE = 4.0  # standard deviations above shuffled rows from which held-out rows count as recognised
_SHUFFLES = 199  # of the held-out rows: the least p is 1/200


@dataclass(frozen=True)
class Evidence:
    """How well held-out real rows are recognised.

    Parameters
    ----------
    z
        Standard deviations by which they score above shuffled ones.
    p
        Permutation p-value.
    auc
        Area under the ROC.
    """

    z: float
    p: float
    auc: float

    @property
    def sure(self) -> bool:
        return self.z >= SURE and self.p <= 2 / (_SHUFFLES + 1)


class Classifier:
    """A trained network on some columns of ranks, the first `held` rows held out.

    `blocks` are the columns that were shuffled together. The output is the log odds of a row being real; the evidence
    is the mean probability over held-out rows, which under independence of the blocks is exchangeable with that of
    shuffled rows.
    """

    def __init__(self, ranks: Array, held: int, blocks: Blocks, widths: Sequence, seed: int) -> None:
        n_copies = 3  # shuffled rows for each real one
        grid = 5
        self.held, train, self.blocks = ranks[:held], ranks[held:], blocks
        self.columns = sorted(column for block in blocks for column in block)
        self._rng = np.random.default_rng([seed, 1])
        copies = [shuffled(train, blocks, self._rng) for _ in range(n_copies)]
        rows = np.concatenate([train, *copies])[:, self.columns]
        real = np.repeat([1.0, 0.0], [len(train), n_copies * len(train)])
        model = KAN([len(self.columns), *widths, 1], grid=grid, seed=seed)
        options = Options(seed=seed, progress=False, test=0)
        result = fit(model, rows, real, loss="cross_entropy", grids=[grid], options=options)
        if result.outcome is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        self._model = result.model
        self._own = self._odds(self.held)
        self.real = float(expit(self._own).mean())

    def _odds(self, rows: Array) -> Array:
        with torch.no_grad():
            return self._model(torch.from_numpy(rows[:, self.columns]))[:, 0].numpy()

    def _shuffles(self, blocks: Blocks, count: int) -> Array:
        """Log odds of the held-out rows shuffled `count` times, (count, n)."""
        copies = [shuffled(self.held, blocks, self._rng) for _ in range(count)]
        return self._odds(np.concatenate(copies)).reshape(count, -1)

    def evidence(self) -> Evidence:
        odds = self._shuffles(self.blocks, _SHUFFLES)
        means = expit(odds).mean(1)
        z = (self.real - means.mean()) / max(means.std(), 1e-12)
        p = (1 + int((means >= self.real).sum())) / (_SHUFFLES + 1)
        return Evidence(float(z), p, area(self._own, odds.ravel()))

    def cost(self, blocks: Blocks) -> float:
        """The share of the evidence that is lost when the blocks, each in itself together, are torn from the rest."""
        repeats = 20  # shuffles that a share of the evidence is averaged over
        whole = self.real - float(expit(self._shuffles(self.blocks, repeats)).mean())
        return (self.real - float(expit(self._shuffles(blocks, repeats)).mean())) / max(whole, 1e-12)

    def _harmed(self, columns: Sequence[int]) -> bool:
        unharmed = 0.05  # of the evidence: two parts whose separation costs less are not tied; more where rows are few
        return self.cost([columns]) > max(unharmed, len(self.held) ** -0.5)

    def needed(self) -> list[int]:
        """The columns whose tearing out alone costs evidence."""
        return [column for column in self.columns if self._harmed([column])]

    def parts(self, columns: Sequence[int]) -> list[list[int]]:
        """The columns in groups that can be shuffled against each other without loss."""
        most = 8  # columns up to which every split in two is tried
        if not 2 < len(columns) <= most:
            return [list(columns)]
        first, *others = columns
        halves = [[first, *some] for size in range(len(others)) for some in combinations(others, size)]
        cheapest = min(halves, key=lambda half: self.cost([half]))
        if self._harmed(cheapest):
            return [list(columns)]
        return [*self.parts(cheapest), *self.parts([c for c in columns if c not in cheapest])]


def area(real: Array, torn: Array) -> float:
    """Return the chance that a real row scores above a torn one, ties by half: the area under the ROC curve.

    Parameters
    ----------
    real : (n,)
        Scores of real rows.
    torn : (m,)
        Scores of rows whose columns were shuffled.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.unsupervised import area
    >>> area(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    from scipy.stats import mannwhitneyu  # half a second to import

    return float(mannwhitneyu(real, torn, method="asymptotic").statistic / (len(real) * len(torn)))


def shuffled(rows: Array, blocks: Blocks, rng: np.random.Generator) -> Array:
    """Return the rows with the columns of each block permuted by one permutation.

    Parameters
    ----------
    rows : (n, d)
        The rows.
    blocks
        Lists of columns; columns in no block stay.
    rng
        Draws the permutations.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.unsupervised import shuffled
    >>> rows = np.arange(8).reshape(4, 2)
    >>> torn = shuffled(rows, [[0]], np.random.default_rng(0))
    >>> sorted(torn[:, 0].tolist()), torn[:, 1].tolist()
    ([0, 2, 4, 6], [1, 3, 5, 7])
    """
    out = rows.copy()
    for block in blocks:
        out[:, block] = rows[rng.permutation(len(rows))][:, block]
    return out


def ranked(x: Array) -> Array:
    """Return each column as ranks from -1 to 1, ties at their mean.

    Ranks have no unit and no outlier, and do not change what is tied.

    Parameters
    ----------
    x : (n, d)
        The rows.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.unsupervised import ranked
    >>> ranked(np.array([[1.0], [10.0], [1000.0]])).ravel().round(2).tolist()
    [-0.67, 0.0, 0.67]
    """
    from scipy.stats import rankdata  # half a second to import

    return (2 * rankdata(x, axis=0) - 1) / len(x) - 1


def merged(blocks: Blocks, columns: Sequence[int]) -> list[list[int]]:
    """Return the blocks with those that touch some columns made one.

    Parameters
    ----------
    blocks
        Lists of columns.
    columns
        The columns.

    Examples
    --------
    >>> from edgewise.unsupervised import merged
    >>> merged([[0], [1], [2, 3]], [1, 3])
    [[0], [1, 2, 3]]
    """
    touched = [block for block in blocks if {*block} & {*columns}]
    rest = [[*block] for block in blocks if not {*block} & {*columns}]
    one = sorted(column for block in touched for column in block)
    return [*rest, one] if one else rest


DETERMINED = 0.35  # remainder below which a column counts as a function of others


@dataclass(frozen=True)
class Tied:
    """Columns found tied in one seed.

    Parameters
    ----------
    columns
        Numbers of the columns.
    solved
        The one that the others determine best; None where none is.
    remainder
        What they leave of it, over its standard deviation.
    evidence
        How well real rows are recognised by them.
    """

    columns: tuple[int, ...]
    solved: int | None
    remainder: float
    evidence: Evidence


@dataclass(frozen=True)
class Seeded:
    """What one seed found.

    Parameters
    ----------
    found
        The sets of columns that are tied.
    shares : (columns,)
        The evidence on each column's part.
    late
        Whether time ran out first.
    """

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
        fraction = 0.3  # of the rows, to judge on
        n_rows = 1500  # of the table, drawn by the seed
        order = np.random.default_rng([seed, 0]).permutation(len(x))[:n_rows]
        self.ranks, self.seed, self.deadline = ranked(x[order]), seed, deadline
        self.held = round(fraction * len(order))
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
        shapes: tuple[list, ...] = ([8], [(2, 3)])  # hidden nodes: sums; two sums and three products
        for widths in shapes:
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
    """Return one cluster for each set of columns, those that most seeds support first.

    A set that shares over half of its columns with one that more seeds found, and was found where that one was not,
    is a variant of it: the same relation with a column too many or too few.

    Parameters
    ----------
    runs
        What each seed found.
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
    alike = 0.5  # of the columns of two sets that must be common to both
    return len({*a} & {*b}) > alike * len({*a} | {*b})


def remainder(x: Array, target: int, others: Sequence[int]) -> float:
    """Return what is left of a column after the local plane of the others through a row's neighbors.

    The row itself is left out. The result, over the column's standard deviation, is about 0 for a function of the
    others, about 1 for no function of them (also where there are several branches, like the two signs of a square
    root).

    Parameters
    ----------
    x : (n, d)
        The rows.
    target
        Number of the column.
    others
        Numbers of the others.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.unsupervised import remainder
    >>> x = np.random.default_rng(0).uniform(-1, 1, (200, 3))
    >>> x[:, 2] = x[:, 0] ** 2
    >>> remainder(x, 2, [0]) < 0.05, remainder(x, 2, [1]) > 0.9
    (True, True)
    """
    ridge = 1e-8  # of the size of the normal equations of local planes
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
    normal += ridge * size * np.eye(normal.shape[1])
    right = np.einsum("nki,nk->ni", weighted, y[near])
    fitted = np.linalg.solve(normal, right[:, :, None])[:, 0, 0]
    return float(np.sqrt(np.mean((y - fitted) ** 2)) / y.std())


def determiners(x: Array, target: int, others: Sequence[int]) -> tuple[list[int], float]:
    """Return the fewest of the columns that determine the target as well as all of them do, and the remainder.

    Parameters
    ----------
    x : (n, d)
        The rows.
    target
        Number of the target's column.
    others
        Numbers of the columns to choose from.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.unsupervised import determiners
    >>> x = np.random.default_rng(0).uniform(-1, 1, (200, 4))
    >>> x[:, 3] = x[:, 0] * x[:, 1]
    >>> determiners(x, 3, [0, 1, 2])[0]
    [0, 1]
    """
    worse = 1.05  # by how much the remainder may grow when a column is dropped
    negligible = 0.01  # remainder below which all are alike
    kept, left = list(others), remainder(x, target, others)
    while len(kept) > 1:
        trials = [(remainder(x, target, [c for c in kept if c != out]), out) for out in kept]
        least, out = min(trials)
        if least > max(worse * left, negligible):
            break
        kept.remove(out)
        left = least
    return kept, left
