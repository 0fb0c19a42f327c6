"""The discoveries of several targets of one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from edgewise._errors import unknown
from edgewise._extras import needed
from edgewise._printable import printable
from edgewise.discovery.results._display import cut, r2_text
from edgewise.discovery.results._result import Discovery
from edgewise.formulas.expressions import quoted, write

if TYPE_CHECKING:
    import pandas as pd

_DIGITS = 6


class Discoveries(Mapping[str, Discovery]):
    """The discovery of each target, by its name.

    >>> import numpy as np
    >>> import edgewise as ew
    >>> x = np.random.default_rng(0).uniform(1, 2, (50, 2))
    >>> ew.discover(x, np.column_stack([x[:, 0] * x[:, 1], x[:, 0] + 2]), target=["area", "side"])
    Discovery of 2 targets:
    area = x1*x2  (EXACT, held-out R2 1)
    side = x1 + 2  (EXACT, held-out R2 1)
    """

    def __init__(self, found: Mapping[str, Discovery]) -> None:
        self._found = dict(found)

    def __getitem__(self, target: str) -> Discovery:
        if target not in self._found:
            raise unknown("target", target, list(self._found))
        return self._found[target]

    def __contains__(self, target: object) -> bool:
        return target in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def equations(self) -> pd.DataFrame:
        """The fronts of all targets as one table, with a column `target`."""
        pd = needed("pandas")

        fronts = [found.equations.assign(target=name) for name, found in self.items()]
        table = pd.concat(fronts, ignore_index=True)
        return table.reindex(columns=["target", *(name for name in table.columns if name != "target")])

    def __repr__(self) -> str:
        lines = [f"Discovery of {len(self)} targets:"]
        for name, found in self.items():
            formula = cut(f"{quoted(name)} = {write(found.best.expression, _DIGITS)}")
            r2 = r2_text(found.best.held_out)
            lines.append(f"{formula}  ({found.outcome.name}{f', held-out R2 {r2}' if r2 else ''})")
        return "\n".join(map(printable, lines))
