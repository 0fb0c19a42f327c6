"""The numbers that steer sums of steps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StepTuning:
    """How trees are grown, and how many.

    Columns: `many_columns`, above which a tree chooses from half of them, not 0.7; `bins` of numbers, at most;
    `level_rows`, below which a level counts as a gap, and `level_shrinkage`, rows by which the effect of a level is
    shrunk where levels are put in order.

    Rows: `slow_rows`, above which rounds count twice as much; `leafy_rows`, above which trees that grow leaf by leaf
    have `many_leaves`, and there are `many_triples`; `folds`, of which there are `few_folds` above `many_rows`, where a
    round sees that many rows.

    Rounds: `rate` of each, `first` ones that say which pairs and triples matter (`few_first` above `many_rows`), `look`
    rounds between looks at the rows left out, `patience` looks without a `gain`, `rounds` at most.

    Sets of columns: `pairs` for each column, between `fewest_pairs` and `most_pairs`, and `triples`.
    """

    many_columns: int = 50
    bins: int = 64
    level_rows: float = 8.0
    level_shrinkage: float = 10.0
    slow_rows: int = 500
    leafy_rows: int = 3_000
    many_leaves: int = 16
    many_triples: int = 20
    many_rows: int = 20_000
    folds: int = 5
    few_folds: int = 3
    rate: float = 0.05
    first: int = 100
    few_first: int = 40
    look: int = 50
    patience: int = 2
    gain: float = 1e-4
    rounds: int = 1500
    fewer_rounds: int = 800
    pairs: int = 3
    fewest_pairs: int = 10
    most_pairs: int = 100
    triples: int = 10


TUNING = StepTuning()
