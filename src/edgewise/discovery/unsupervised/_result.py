"""Relations between the columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgewise._ending import Ending
from edgewise._extras import needed
from edgewise._renamed import replaced
from edgewise._typing import Array
from edgewise.discovery.unsupervised._formula import Equation

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Outcome(Ending):
    """How a search for relations ended; `message` says what that means and what to try."""

    FOUND = "Real rows are told from shuffled ones by these columns, and by no others."
    NONE = "No column is tied to others: held-out rows are not told from shuffled ones."
    TIME_LIMIT = "The time limit ended the search; what was found by then is given. Allow more time to go on."
    INTERRUPTED = "The search was interrupted; what was found by then is given."


@dataclass(frozen=True)
class Relation:
    """Columns that are tied by one equation.

    Parameters
    ----------
    columns
        Names of the columns.
    seeds
        In how many of the seeds exactly these columns were found.
    tried
        Number of seeds.
    auc
        The chance that a held-out real row scores above a shuffled one, these columns alone; median over seeds.
    p
        That of the permutation test on it; median over seeds.
    solved
        The column that the others determine best; None where none is determined.
    remainder
        What the others leave of it, over its standard deviation, by local lines.
    equation
        The equation; None if none was found, or none was asked for.
    variants
        Other sets of columns that seeds found in their place.
    """

    columns: tuple[str, ...]
    seeds: int
    tried: int
    auc: float
    p: float
    solved: str | None
    remainder: float
    equation: Equation | None = None
    variants: tuple[tuple[str, ...], ...] = ()

    @property
    def sharp(self) -> bool:
        """Whether the columns lie on a surface: one is a function of the others, or shuffling nearly always shows.

        Otherwise they are dependent, as correlated columns are, but an equation need not exist.
        """
        sharp = 0.9  # area from which columns of which none is determined still lie on a surface
        return self.solved is not None or self.auc >= sharp

    @property
    def text(self) -> str:
        """The equation, or the columns of one whose form is not known."""
        if self.equation is not None:
            return str(self.equation)
        inner = ", ".join(self.columns)
        return f"f({inner}) = 0" if self.sharp else f"{inner} are dependent"

    def __str__(self) -> str:
        found = f"{self.seeds} of {self.tried} seeds, real from shuffled {self.auc:.3f}, p = {self.p:.2g}"
        error = "" if self.equation is None else f", error {self.equation.error:.2g}"
        return f"{self.text}  ({found}{error})"


@dataclass(frozen=True, repr=False)
class Relations(Sequence[Relation]):
    """The relations of a table, best supported first: `found[i]` is the i-th.

    Parameters
    ----------
    relations
        Those that at least half of the seeds found.
    doubtful
        Those that fewer than half of the seeds found.
    outcome
        How the search ended.
    names
        The columns that were looked at.
    shares : (seeds, columns)
        The part of the evidence that is lost when a column alone is shuffled, in the relation where most is.
    notes
        What was left out.
    seconds
        How long the search took, in seconds.
    """

    relations: tuple[Relation, ...]
    doubtful: tuple[Relation, ...]
    outcome: Outcome
    names: tuple[str, ...]
    shares: Array = field(repr=False)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.relations)

    def __getitem__(self, index: int) -> Relation:
        return self.relations[index]

    def table(self) -> pd.DataFrame:
        """One row for each relation, the doubtful ones last."""
        pd = needed("pandas")

        head = ["columns", "seeds", "auc", "p", "solved", "remainder", "sharp", "equation", "error", "doubtful"]
        rows = []
        for relation in (*self.relations, *self.doubtful):
            equation = relation.equation
            stated = (None, float("nan")) if equation is None else (str(equation), equation.error)
            shown = (", ".join(relation.columns), relation.seeds, relation.auc, relation.p, relation.solved)
            rows.append((*shown, relation.remainder, relation.sharp, *stated, relation in self.doubtful))
        return pd.DataFrame(rows, columns=head)

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw the relations and the evidence on each column in each seed.

        Parameters
        ----------
        ax
            Axes of a subplot, in whose place the panels are drawn; None makes a figure.
        """
        from edgewise import plot

        ties = []
        for relation in self.relations:
            columns = [self.names.index(column) for column in relation.columns]
            ties.append(plot.Tie(columns, relation.text, f"{relation.seeds} of {relation.tried}"))
        return plot.relations(ties, self.names, self.shares, ax=ax)

    def figure(self) -> Figure:
        """Return what `plot` draws; the former name."""
        replaced("Relations.figure", "Relations.plot")
        return self.plot()

    def __repr__(self) -> str:
        lines = [f"Relations of {len(self.names)} columns: {self.outcome.message}"]
        lines += [f"  {i}  {relation}" for i, relation in enumerate(self.relations)]
        lines += [f"  ?  {relation}" for relation in self.doubtful]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])
