"""All structure of a table or a function at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from edgewise._typing import Data
from edgewise.interpret.structure._relations import exponential, monomial, power_sum, scaling, translation
from edgewise.interpret.structure._separability import (
    Finding,
    Kind,
    Verdict,
    additive,
    irrelevant,
    multiplicative,
    separable,
    splits,
)
from edgewise.interpret.structure._surrogate import Function, Surrogate, surrogate

_ALL_SPLITS = 6  # columns up to which every set of them is tested against the rest, not only single ones and pairs


@dataclass(frozen=True)
class Findings(Sequence[Finding]):
    """Every structure that was tested. Iterating gives the findings, printing those that hold."""

    surrogate: Surrogate
    all: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, index: int) -> Finding:
        return self.all[index]

    def holding(self, kind: Kind | None = None) -> list[Finding]:
        """Those that hold, of one kind if it is named."""
        return [found for found in self.all if found.holds and kind in (None, found.kind)]

    def get(self, kind: Kind, columns: Sequence[int]) -> Finding | None:
        """The finding of a kind about these columns, or for separability about all others; None if not tested."""
        n = self.surrogate.n_columns
        asked = frozenset(columns)
        both = {asked, frozenset(range(n)) - asked} if kind in ("additive", "multiplicative") else {asked}
        return next((found for found in self.all if found.kind == kind and frozenset(found.columns) in both), None)

    def __repr__(self) -> str:
        unclear = sum(found.verdict is Verdict.UNCLEAR for found in self.all)
        lines = [found.sentence for found in self.holding()] or ["no structure found"]
        if unclear:
            error = f"{self.surrogate.error:.1g} of the spread"
            lines.append(f"({unclear} of {len(self.all)} tests unclear: the surrogate is off by {error})")
        return "\n".join(lines)


def find(
    x: Data, y: Data | Function, *, error: float = 0.0, names: Sequence[str] | None = None, seed: int = 0
) -> Findings:
    """Test a table, or a function on the rows of x, for every structure that this package knows.

    Arguments and errors as those of `surrogate`. Of more than six columns that do something only single ones and pairs
    are tested against the rest. Of two findings that exclude each other, as of a product and a quotient of the same
    columns, the one with the larger statistic fails.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    >>> ew.structure.find(x, x[:, 0] * torch.sin(x[:, 1] - x[:, 2]))
    f does not depend on x4
    f = x1 g(rest)
    f = g(x1) h(x2, x3, x4)
    f = F(g(x2, x3), x1, x4)
    f depends on x2 and x3 only through x2 - x3
    """
    f = surrogate(x, y, error=error, names=names, seed=seed)
    found = [irrelevant(f, i) for i in range(f.n_columns)]
    live = [i for i, one in enumerate(found) if not one.holds]
    for i in live:
        found += exclusive([monomial(f, i), exponential(f, i)])
    for columns in splits(live, len(live) // 2 if len(live) <= _ALL_SPLITS else 1):
        found += exclusive([additive(f, columns), multiplicative(f, columns)])
    for size in range(2, len(live) if len(live) <= _ALL_SPLITS else 3):
        found += [separable(f, columns) for columns in combinations(live, size)]
    for i, j in combinations(live, 2):
        found += exclusive([translation(f, i, j), scaling(f, i, j), power_sum(f, i, j)])
    return Findings(f, tuple(found))


def exclusive(found: Sequence[Finding]) -> list[Finding]:
    """Findings of which only one can be true: where one holds, or may, those with a larger statistic fail."""
    least = min((one.statistic for one in found if one.verdict is not Verdict.FAILS), default=math.inf)
    return [
        replace(one, threshold=least, verdict=Verdict.FAILS) if one.holds and one.statistic > least else one
        for one in found
    ]
