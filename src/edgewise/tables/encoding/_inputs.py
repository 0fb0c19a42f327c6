"""A table as the inputs of a network: finite numbers, one input a column, and one more for gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.tables.encoding._column import Category, Dates, Number
from edgewise.tables.encoding._encoder import Encoder
from edgewise.tables.encoding._read import is_frame


@dataclass(frozen=True)
class Inputs:
    """How a table becomes the inputs of a network.

    Each column is one input: the number, the days of a date, or the code of a level. A column of numbers or dates that
    had gaps is followed by one more input, "... is missing", which is 1 at a gap; columns with gaps in the same rows
    share the first's.

    Parameters
    ----------
    encoder
        How the columns become numbers.
    fills
        What each column is at a gap, the median, or at an unknown level, the most frequent one.
    marked
        For each column, whether it is followed by an input for its gaps.

    Examples
    --------
    >>> import pandas as pd
    >>> from edgewise.encoding import Inputs
    >>> table = pd.DataFrame({"mass": [4.0, None, 6.0], "island": ["Dream", "Biscoe", "Dream"]})
    >>> inputs = Inputs.learn(table)
    >>> inputs.names
    ['mass', 'mass is missing', 'island']
    >>> inputs.of(table).tolist()
    [[4.0, 0.0, 1.0], [5.0, 1.0, 0.0], [6.0, 0.0, 1.0]]
    """

    encoder: Encoder
    fills: tuple[float, ...]
    marked: tuple[bool, ...]

    @classmethod
    def learn(cls, x: Any) -> Inputs:
        """Return the inputs for a table.

        Parameters
        ----------
        x
            The table, as `Encoder.learn` takes it.

        Raises
        ------
        InputError
            For a table that `Encoder.learn` does not take.
        """
        encoder = Encoder.learn(x)
        values = encoder.encode(x)
        fills, marked, seen = [], [], set()
        for column, cells in zip(encoder.columns, values.T, strict=True):
            gaps = np.isnan(cells)
            there = cells[~gaps]
            if isinstance(column, Category):
                fills.append(float(np.bincount(there.astype(int)).argmax()) if len(there) else 0.0)
                marked.append(False)
                continue
            fills.append(float(np.median(there)) if len(there) else 0.0)
            marked.append(bool(gaps.any()) and gaps.tobytes() not in seen)
            seen.add(gaps.tobytes())
        return cls(encoder, tuple(fills), tuple(marked))

    @classmethod
    def needed(cls, x: Any) -> Inputs | None:
        """Return the inputs for a DataFrame with text, dates or gaps; None for anything else.

        Parameters
        ----------
        x
            The table.

        Raises
        ------
        InputError
            For a DataFrame that `Encoder.learn` does not take.

        Examples
        --------
        >>> import pandas as pd
        >>> from edgewise.encoding import Inputs
        >>> Inputs.needed(pd.DataFrame({"a": [1.0, 2.0]})) is None
        True
        """
        if not is_frame(x):
            return None
        encoder = Encoder.learn(x)
        numbers = all(isinstance(column, Number) for column in encoder.columns)
        return None if numbers and not np.isnan(encoder.encode(x)).any() else cls.learn(x)

    @property
    def names(self) -> list[str]:
        """The names of the inputs."""
        pairs = zip(self.encoder.names, self.marked, strict=True)
        return [each for name, marked in pairs for each in ([name, f"{name} is missing"] if marked else [name])]

    @property
    def levels(self) -> list[int | None]:
        """For each input the number of levels; None for numbers, dates and gaps."""
        counts = [None if labels is None else len(labels) for labels in self.encoder.levels]
        pairs = zip(counts, self.marked, strict=True)
        return [each for count, marked in pairs for each in ([count, None] if marked else [count])]

    def described(self) -> list[str]:
        """Return a line for each input that is not a column's number: what its numbers mean.

        Examples
        --------
        >>> from edgewise.encoding import Inputs
        >>> Inputs.learn([["b", 1.0], ["c", None]]).described()
        ["x1: 0 is 'b', 1 is 'c'", 'x2: 1 at a gap', 'x2 is missing: 1 at a gap of x2, else 0']
        """
        lines = []
        for column, fill, marked in zip(self.encoder.columns, self.fills, self.marked, strict=True):
            if isinstance(column, Category):
                shown = ["a gap" if label is None else repr(label) for label in column.labels]
                lines.append(f"{column.name}: {', '.join(f'{code} is {each}' for code, each in enumerate(shown))}")
                continue
            if isinstance(column, Dates):
                lines.append(f"{column.name}: days" + " since 1970-01-01 UTC" * (column.kind == "date"))
            if marked:
                lines.append(f"{column.name}: {fill:g} at a gap")
                lines.append(f"{column.name} is missing: 1 at a gap of {column.name}, else 0")
        return lines

    def of(self, x: Any) -> Array:
        """Return the inputs (n, m), all finite, of the rows of a table.

        Parameters
        ----------
        x
            The table.

        Raises
        ------
        InputError
            For a table that `Encoder.encode` does not take.
        """
        values = self.encoder.encode(x)
        found = []
        for cells, fill, marked in zip(values.T, self.fills, self.marked, strict=True):
            gaps = np.isnan(cells)
            found.append(np.where(gaps, fill, cells))
            found += [gaps.astype(np.float64)] if marked else []
        return np.column_stack(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the inputs as plain values that JSON can hold."""
        return {"encoder": self.encoder.to_dict(), "fills": [*self.fills], "marked": [*self.marked]}

    @classmethod
    def from_dict(cls, plain: Any) -> Inputs:
        """Return the inputs of what `to_dict` gave.

        Parameters
        ----------
        plain
            The plain values.

        Raises
        ------
        InputError
            For malformed values, with what is malformed.
        """
        if not isinstance(plain, dict) or {*plain} != {"encoder", "fills", "marked"}:
            raise InputError("The inputs of a table must be a dict with the keys 'encoder', 'fills' and 'marked'.")
        encoder, fills, marked = Encoder.from_dict(plain["encoder"]), plain["fills"], plain["marked"]
        count = len(encoder.columns)
        if not isinstance(fills, list) or len(fills) != count or not all(is_number(fill) for fill in fills):
            raise InputError(f"The inputs of a table must have {count} finite numbers 'fills'.")
        if not isinstance(marked, list) or len(marked) != count or not all(isinstance(m, bool) for m in marked):
            raise InputError(f"The inputs of a table must have {count} truth values 'marked'.")
        return cls(encoder, tuple(map(float, fills)), tuple(marked))
