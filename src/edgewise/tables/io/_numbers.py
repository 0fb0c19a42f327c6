"""A column of text cells as numbers or dates: decimal signs, separators, percent signs, limits of detection."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, get_args

import numpy as np

from edgewise._extras import needed

_LIMITS = "<>≤≥"
_BELOW, _ABOVE = "<≤", ">≥"


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
        factors = [0.5 if cell is not None and cell[:1] in _BELOW else 1.0 for cell in cells] if limits else None
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


def parquet_dates(column: Any) -> np.ndarray:
    """Return the dates of a column of pyarrow's dates or timestamps, (n,) datetime64[us]."""
    pa = needed("pyarrow")

    return np.asarray(column.cast(pa.timestamp("us"), safe=False).to_numpy(), "datetime64[us]")


Sign = Literal[".", ","]
"""Decimal signs."""
Separator = Literal["", ",", ".", "'", " "]
"""Signs between groups of three digits; an apostrophe and a space stand for all of their kinds."""
SIGNS: tuple[Sign, ...] = get_args(Sign)
SEPARATORS: tuple[Separator, ...] = get_args(Separator)

_APOSTROPHES = "'\u2019"
_SPACES = " \u00a0\u2007\u2009\u202f"
_GAP = re.compile(f"[{_APOSTROPHES}{_SPACES}]")
_NO_GAPS = str.maketrans("", "", _APOSTROPHES + _SPACES)
_TRUTH = {"true": 1.0, "false": 0.0}
_WORDS = r"inf(?:inity)?|nan"
PRINTED = 17
"""Digits that are enough to print any float64 number."""
_LONG = re.compile(rf"(?:[^0-9eE]?\d){{{PRINTED + 1}}}")
_DATE = re.compile(r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:[T ].*)?")
_MISSING = frozenset(
    [
        *("-", "--", "?", "na", "n/a", "#n/a", "#n/a n/a", "#na", "<na>", "null", "none", "nan", "-nan"),
        *("1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
    ]
)
"""Signs of a missing value, in lower case; an empty cell is one as well."""


class Column:
    """A column of text cells, and all ways to read it as numbers.

    Cells are stripped; None, NaN and the usual signs mark a missing value. `thousands` restricts the separator; None
    allows every one that is not the decimal sign.

    >>> column = Column(["1,500", "n/a"])
    >>> {sign: numbers.tolist() for sign, numbers in column.readings.items()}, column.ambiguous
    ({'.': [1500.0, nan], ',': [1.5, nan]}, True)
    >>> list(Column(["0,500"]).readings), list(Column(["1,500", "0.25"]).readings)
    ([','], ['.'])
    """

    def __init__(self, values: Iterable[object], thousands: str | None = None) -> None:
        self.raw = [_cell(value) for value in values]
        self.marks = Marks.of(self.raw, is_number)
        self.cells = self.marks.cells
        self.thousands = thousands
        self._texts = [cell for cell in self.cells if cell is not None]

    @cached_property
    def readings(self) -> dict[str, np.ndarray]:
        """The numbers by decimal sign, for each sign with which every cell is a number."""
        found = {sign: self._scaled(numbers) for sign in SIGNS if (numbers := self._read(sign)) is not None}
        if not found and all(text.lower() in _TRUTH for text in self._texts):
            truth = np.array([np.nan if cell is None else _TRUTH[cell.lower()] for cell in self.cells])
            return dict.fromkeys(SIGNS, truth)
        return found

    @cached_property
    def ambiguous(self) -> bool:
        """Whether both decimal signs are possible and give different numbers."""
        if len(self.readings) < len(SIGNS):
            return False
        first, second = self.readings.values()
        return first is not second and not np.array_equal(first, second, equal_nan=True)

    @property
    def decided(self) -> str | None:
        """The decimal sign that the cells themselves require, None if they leave it open."""
        return next(iter(self.readings)) if len(self.readings) == 1 else None

    @cached_property
    def example(self) -> str:
        """The first cell with a comma or a point, "" if there is none."""
        return next((text for text in self._texts if "," in text or "." in text), "")

    @property
    def signed(self) -> bool:
        """Whether some cell has a comma or a point."""
        return bool(self.example)

    def grouped(self, sign: str) -> bool:
        """Whether thousands separators are taken out when the column is read with this decimal sign."""
        other = SIGNS[sign == "."]
        return any(other in text for text in self._texts) or _GAP.search("".join(self._texts)) is not None

    def rounded(self, sign: str) -> bool:
        """Whether some number has digits that float64 does not hold."""
        exact = sys.float_info.dig  # digits of decimal numbers that never coincide in float64
        return any(len(text) > exact and _is_rounded(text, sign) for text in self._texts)

    def limits(self, sign: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Return what each cell lies between, read with this decimal sign; None where no cell is a limit."""
        if self.marks.factors is None:
            return None
        numbers = self.readings[sign] / np.array(self.marks.factors)
        signs = [(cell or " ")[0] for cell in self.raw]
        low = np.where([each in _BELOW for each in signs], -np.inf, numbers)
        return low, np.where([each in _ABOVE for each in signs], np.inf, numbers)

    def why_not(self, sign: str | None = None) -> str:
        """Say why the column is not numbers (with this decimal sign), with the first offending cell."""
        if all(_DATE.fullmatch(text) for text in self._texts):
            return "dates"
        signs = SIGNS if sign is None else (sign,)
        patterns = [_pattern(each, self.thousands) for each in signs]
        odd = [
            (row, text)
            for row, text in enumerate(self.raw, start=1)
            if text is not None and not any(pattern.fullmatch(text) for pattern in patterns)
        ]
        if not odd:
            comma, point = (next(text for text in self._texts if not p.fullmatch(text)) for p in patterns)
            return f"decimal commas and decimal points are mixed, as in {comma[:30]!r} and {point[:30]!r}"
        if 2 * len(odd) > len(self._texts) and not (sign and self.readings):
            return "text"
        row, text = odd[0]
        kind = f"no numbers with the decimal sign {sign!r}" if sign and self.readings else "text"
        return f"{kind} in {len(odd)} of {len(self._texts)} rows, first {text[:30]!r} in row {row}"

    def _scaled(self, numbers: np.ndarray) -> np.ndarray:
        return numbers if self.marks.factors is None else numbers * self.marks.factors

    def _read(self, sign: str) -> np.ndarray | None:
        if sign == "." or not self.signed:
            return self._with_points
        return self._matched(sign)

    @cached_property
    def _with_points(self) -> np.ndarray | None:
        """The numbers with a decimal point: what Python reads itself is not matched cell by cell."""
        try:
            numbers = np.array([np.nan if cell is None else float(cell) for cell in self.cells])
        except ValueError:
            return self._matched(".")
        return None if any("_" in text for text in self._texts) else numbers

    def _matched(self, sign: str) -> np.ndarray | None:
        pattern = _pattern(sign, self.thousands)
        if not all(pattern.fullmatch(text) for text in self._texts):
            return None
        return np.array([np.nan if cell is None else float(_plain(cell, sign)) for cell in self.cells])


def limits_of(cells: Iterable[object]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return what each cell of a column of text lies between, (n,) and (n,); None where no cell is a limit.

    "<0.05" lies between minus infinity and 0.05, ">100" between 100 and infinity; both ends of a number are that
    number, those of a gap NaN.

    Parameters
    ----------
    cells
        The cells, text or numbers.

    Examples
    --------
    >>> from edgewise.io import limits_of
    >>> limits_of(["<0.05", "1.2", None, ">100"])
    (array([ -inf,   1.2,   nan, 100. ]), array([0.05, 1.2 ,  nan,  inf]))
    >>> limits_of(["0.05", "1.2"]) is None
    True
    """
    column = Column([str(cell) if isinstance(cell, int | float) else cell for cell in cells])
    return column.limits(next(iter(column.readings))) if column.readings else None


def is_number(text: str) -> bool:
    """Whether a text is a number with one of the decimal signs.

    >>> is_number("1.5e3"), is_number("1'234,5"), is_number("2020_01")
    (True, True, False)
    """
    return any(_pattern(sign, None).fullmatch(text.strip()) for sign in SIGNS)


def is_missing(text: str) -> bool:
    """Whether a cell marks a missing value."""
    return _cell(text) is None


def _cell(value: object) -> str | None:
    """Return the stripped text, None where there is none (pandas marks gaps by NaN, None or NA)."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text[:1].isdecimal() and "#" not in text:
        return text
    text = text.replace("\u2212", "-")
    return None if not text or text.lower() in _MISSING else text


@lru_cache
def _pattern(sign: str, thousands: str | None) -> re.Pattern[str]:
    """Return what numbers look like: plain, or in groups of three digits, the first of which is not zero.

    With a decimal point the groups may be Indian, as in 1,23,456.
    """
    other = SIGNS[sign == "."]
    signs = {None: other + _APOSTROPHES + _SPACES, "'": _APOSTROPHES, " ": _SPACES}.get(thousands, thousands)
    point = re.escape(sign)
    forms = [rf"(?:\d+(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?", _WORDS]
    if signs and signs != sign:
        forms.append(rf"[1-9]\d{{0,2}}([{re.escape(signs)}])\d{{3}}(?:\1\d{{3}})*(?:{point}\d*)?")
    if sign == "." and thousands in (None, ","):
        forms.append(r"[1-9]\d?(?:,\d\d)+,\d{3}(?:\.\d*)?")
    return re.compile(f"[+-]?(?:{'|'.join(forms)})", re.IGNORECASE | re.ASCII)


def _plain(text: str, sign: str) -> str:
    return text.translate(_NO_GAPS).replace(SIGNS[sign == "."], "").replace(",", ".")


def _is_rounded(text: str, sign: str) -> bool:
    """Whether float64 loses digits: an integer that it does not hold, or more digits than it is printed with."""
    if sign in text:
        return len(text.lstrip("+-0.,")) > PRINTED + 1 and _LONG.match(text.lstrip("+-0.,")) is not None
    plain = _plain(text, sign)
    longest = sys.float_info.max_10_exp + 2  # characters of an integer in the range of float64
    return plain.lstrip("+-").isdecimal() and len(plain) < longest and float(plain) != int(plain)
