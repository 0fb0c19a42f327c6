"""What many seeds found, made one ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from edgewise.unsupervised._search import Seeded, Tied

_ALIKE = 0.5  # of the columns of two sets that must be common to both


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
