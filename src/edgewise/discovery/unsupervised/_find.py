"""From a table without a target to the equations between its columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from edgewise._checks import is_int, is_number
from edgewise._deadline import Deadline, now
from edgewise._errors import InputError
from edgewise._progress import Report, Shown, reporting
from edgewise._typing import Array, Data
from edgewise._workers import Workers, checked_jobs
from edgewise.discovery import column_names
from edgewise.discovery.unsupervised._formula import equation
from edgewise.discovery.unsupervised._result import Outcome, Relation, Relations
from edgewise.discovery.unsupervised._search import Cluster, Seeded, clustered, search
from edgewise.train import as_matrix


def find_relations(
    x: Data,
    names: Sequence[str] | None = None,
    *,
    seeds: int = 5,
    seed: int = 0,
    formulas: bool = True,
    n_jobs: int | None = None,
    time_limit: float = 300.0,
    progress: Shown = "auto",
) -> Relations:
    """Find which columns of a table are tied by equations f(x_1, ..., x_k) = 0, and by which.

    In each of several divisions of the rows, a network learns to tell real rows from rows whose columns were shuffled
    independently, and is judged on held-out rows. The columns that it needs are reduced to those that determine one of
    them; they are then shuffled together, which hides what was found, and the search goes on until real rows are told
    no more. What the seeds found is clustered and ranked, and `discover` looks for the formulas. Same arguments, same
    result, unless time runs out.

    Parameters
    ----------
    x : (n, d)
        The rows: an array, a tensor or a DataFrame; they are taken as independent of each other.
    names
        Names of the columns; None for those of a DataFrame, or x1, x2, ...
    seeds
        Number of divisions of the rows, each with another seed.
    seed
        The first of the seeds.
    formulas
        Whether to look for the formulas.
    n_jobs
        How many seeds run side by side, in processes unless `joblib.parallel_config` says otherwise (-1: one for each
        core).
    time_limit
        Seconds, kept to 10 % and half a second.
    progress
        Whether to show progress on stderr, or a function, as in `discover`.

    Returns
    -------
    Relations
        The relations, best supported first, each with its equation if one was found.

    Raises
    ------
    InputError
        For fewer than two columns that vary, fewer than 40 rows, values that are not finite, bad names.

    References
    ----------
    Real against permuted rows, and many seeds: Liu et al., KAN (2024), section 4.3; hiding what was found, held-out
    permutation tests and local lines as here: this project, docs/relations.md.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> x[:, 2] = (x[:, 0] - 0.5) ** 2
    >>> ew.find_relations(x, ["a", "b", "c"], seeds=1)[0].text
    'c = (a - 1/2)**2'
    """
    fewest = 40
    searched = 0.6  # of the time limit that the search may take when formulas are asked for
    began = now()
    _check(seeds, seed, time_limit)
    workers = Workers(checked_jobs(n_jobs), "processes")
    rows = as_matrix(x, "x").cpu().numpy()
    if len(rows) < fewest:
        raise InputError(f"Relations need at least {fewest} rows. Got {len(rows)}.")
    known = column_names(x, names, rows.shape[1])
    varies = rows.min(0) < rows.max(0)
    notes = tuple(
        f"Column {name!r} is left out: it is constant." for name, v in zip(known, varies, strict=True) if not v
    )
    rows, known = rows[:, varies], tuple(name for name, v in zip(known, varies, strict=True) if v)
    if len(known) < 2:
        raise InputError(f"Relations need at least 2 columns that vary. Got {len(known)}.")
    with reporting(progress) as report:
        job = _Job(rows, known, seed, Deadline(began + time_limit), report)
        end = Deadline(began + (searched if formulas else 1.0) * time_limit)
        runs = job.searched(seeds, workers, end)
        interrupted = len(runs) < seeds and not end.passed()
        formulas = formulas and not interrupted
        clusters = clustered(runs)
        relations = [job.relation(c, len(runs), len(clusters) - i if formulas else 0) for i, c in enumerate(clusters)]
        kept = tuple(r for r in relations if 2 * (r.seeds + len(r.variants)) >= r.tried)
        outcome = Outcome.FOUND if kept else Outcome.NONE
        if any(run.late for run in runs) or len(runs) < seeds or job.deadline.passed():
            outcome = Outcome.INTERRUPTED if interrupted else Outcome.TIME_LIMIT
        job.progress("done", 1.0, kept[0].text if kept else None)
    doubtful = tuple(r for r in relations if r not in kept)
    shares = np.stack([run.shares for run in runs])
    return Relations(kept, doubtful, outcome, known, shares, notes, now() - began)


@dataclass(frozen=True)
class _Job:
    """The table, its clock, and who wants to know how far it is."""

    x: Array
    names: tuple[str, ...]
    seed: int
    deadline: Deadline
    progress: Report

    def searched(self, seeds: int, workers: Workers, end: Deadline) -> list[Seeded]:
        """What each seed found; seeds that would begin after the end, or an interrupt, are left out."""
        runs: list[Seeded] = []
        self.progress(f"seed 1 of {seeds}", 0.02, None)
        try:
            for run in self._runs(seeds, workers, end):
                runs.append(run)
                best = max((tied.columns for run in runs for tied in run.found), key=len, default=())
                shown = ", ".join(self.names[column] for column in best)
                stage = f"seed {len(runs) + 1} of {seeds}" if len(runs) < seeds else "formulas"
                self.progress(stage, 0.8 * len(runs) / seeds, shown or None)
        except KeyboardInterrupt:
            if not runs:
                raise
        return runs

    def _runs(self, seeds: int, workers: Workers, end: Deadline) -> Iterator[Seeded]:
        numbers = range(self.seed, self.seed + seeds)
        if workers.count < 2 or seeds == 1:
            for number in numbers:
                if number == self.seed or not end.passed():
                    yield search(self.x, number, end)
            return
        yield from workers.each(search, [(self.x, number, end) for number in numbers])

    def relation(self, cluster: Cluster, tried: int, waiting: int) -> Relation:
        """A cluster with its formula, which may take its share of the time if `waiting` relations want one."""
        columns, solved = list(cluster.columns), cluster.solved
        names = [self.names[column] for column in columns]
        found = None
        if waiting and 2 * cluster.support >= tried:
            self.progress(f"formula of {', '.join(names)}", 0.9, None)
            inner = None if solved is None else columns.index(solved)
            end = Deadline.after(self.deadline.left() / waiting)
            found = equation(self.x[:, columns], names, inner, self.seed, end)
        return Relation(
            tuple(names),
            len(cluster.members),
            tried,
            cluster.auc,
            median(tied.evidence.p for tied in cluster.members),
            None if solved is None else self.names[solved],
            median(tied.remainder for tied in cluster.members),
            found,
            tuple(tuple(self.names[k] for k in variant) for variant in cluster.variants),
        )


def _check(seeds: int, seed: int, time_limit: float) -> None:
    for name, value, least in (("seeds", seeds, 1), ("seed", seed, 0)):
        if not is_int(value, least):
            raise InputError(f"'{name}' must be an int >= {least}. Got {value!r}.")
    if not is_number(time_limit, 0) or time_limit == 0:
        raise InputError(f"'time_limit' must be a positive number of seconds. Got {time_limit!r}.")
