"""Signs around the numbers of a column: percent signs, and limits of detection as in <0.001."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_LIMITS = "<>≤≥"
_BELOW, _ABOVE = "<≤", ">≥"
_HALF = 0.5


@dataclass(frozen=True)
class Marks:
    """The cells of a column without their signs, None at gaps, and what the signs say.

    `factors` are what the numbers are multiplied by: a half below a limit, else 1; None where no cell is a limit.
    `notes` say with "{}" for the name of the column what the signs were taken for.

    >>> marks = Marks.of(["<0.1", "2", None], lambda text: text.replace(".", "").isdigit())
    >>> marks.cells, marks.factors, marks.notes
    (['0.1', '2', None], [0.5, 1.0, 1.0], ("'<0.1' in column {} is read as half of the limit.",))
    """

    cells: list[str | None]
    factors: list[float] | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, cells: Sequence[str | None], is_number: Callable[[str], bool]) -> Marks:
        """Return the cells of a column; as they are unless all of them are numbers with signs.

        All cells must have a percent sign, or none.
        """
        there = [cell for cell in cells if cell is not None]
        first = next((cell for cell in there if cell[-1:] == "%" or cell[:1] in _LIMITS), None)
        if first is None:
            return cls([*cells])
        percent = all(cell[-1:] == "%" for cell in there)
        bare = [None if cell is None else _bare(cell, percent) for cell in cells]
        if not all(is_number(cell) for cell in bare if cell is not None):
            return cls([*cells])
        notes = ["Percent signs are taken out of column {}: 12 % is 12."] if percent else []
        limits = [cell for cell in there if cell[:1] in _LIMITS]
        for signs, meant in ((_BELOW, "half of the limit"), (_ABOVE, "the limit")):
            some = [cell for cell in limits if cell[:1] in signs]
            more = f", and likewise in {len(some) - 1} more rows," if len(some) > 1 else ""
            notes += [f"{some[0]!r} in column {{}}{more} is read as {meant}."] if some else []
        factors = [_HALF if cell is not None and cell[:1] in _BELOW else 1.0 for cell in cells] if limits else None
        return cls(bare, factors, tuple(notes))


def bare(cell: str) -> str:
    """Return a cell without a percent sign and a limit's sign.

    >>> bare("12 %"), bare("<=0.1"), bare("a")
    ('12', '0.1', 'a')
    """
    return _bare(cell.strip(), cell.strip()[-1:] == "%")


def _bare(cell: str, percent: bool) -> str:
    cell = cell[:-1].rstrip() if percent else cell
    return cell[1:].lstrip("= ") if cell[:1] in _LIMITS else cell
