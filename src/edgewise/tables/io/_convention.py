"""How a text table writes numbers: the decimal sign of each column, and notes on what was guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from edgewise._errors import InputError
from edgewise.tables.io._numbers import SEPARATORS, SIGNS, Column, Separator, Sign

_NAMES = {".": "points", ",": "commas"}


@dataclass(frozen=True)
class Convention:
    """What the reader of a file says about its numbers.

    `decimal` and `thousands` are the signs, None to find out; `like` holds the decimal signs of columns in another
    file, which decide where a column can be read in two ways.
    """

    decimal: Sign | None = None
    thousands: Separator | None = None
    like: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.decimal is not None and self.decimal not in SIGNS:
            raise InputError(f"The decimal sign must be '.' or ','. Got {self.decimal!r}.")
        if self.thousands is not None and self.thousands not in SEPARATORS:
            known = ", ".join(map(repr, SEPARATORS))
            raise InputError(f"The thousands separator must be one of {known}. Got {self.thousands!r}.")
        if self.decimal is not None and self.decimal == self.thousands:
            raise InputError(
                f"The decimal sign and the thousands separator must differ. Got {self.decimal!r} for both."
            )
        wrong = [sign for sign in self.like.values() if sign not in SIGNS]
        if wrong:
            raise InputError(f"'like' must map columns to decimal signs, '.' or ','. Got {wrong[0]!r}.")
        if self.decimal is None and self.thousands in SIGNS:
            object.__setattr__(self, "decimal", SIGNS[self.thousands == "."])


@dataclass
class Numbers:
    """Columns of numbers, each an array or the reason why it is none.

    `decimals` holds the decimal sign of each column by name where the file shows one, `rounded` the columns whose
    numbers float64 does not hold exactly, `limits` what the values of columns with limits lie between, `notes` how the
    numbers were read.
    """

    columns: list[np.ndarray | str] = field(default_factory=list)
    decimals: dict[str, str] = field(default_factory=dict)
    rounded: set[str] = field(default_factory=set)
    limits: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_numbers(names: Sequence[str], columns: Sequence[Column], convention: Convention, delimiter: str) -> Numbers:
    """Read columns of text as numbers.

    A decimal sign that is given is used for all. Otherwise each column is read with the sign that its own cells
    require. A column that can be read in two ways follows the other columns and `convention.like`, and is left out
    where these disagree. Where nothing decides, commas separate thousands, but are decimal signs in a file with
    semicolons; a note says what was guessed.

    >>> found = read_numbers(["a", "b"], [Column(["1,5", "2"]), Column(["1.500", "2"])], Convention(), ";")
    >>> found.columns
    [array([1.5, 2. ]), array([1500.,    2.])]
    >>> read_numbers(["a"], [Column(["1,500"])], Convention(), ",").notes[-1]
    "'1,500' in column 'a' is read as 1500, not 1.5: decimal=',' (--decimal ,) reads it the other way."
    """
    file = _File(columns, convention, delimiter)
    found = Numbers()
    read: list[tuple[str, str, Column]] = []
    for name, column in zip(names, columns, strict=True):
        sign = file.sign_of(name, column)
        if sign is None:
            found.columns.append(_why_not(column, convention))
            continue
        found.columns.append(column.readings[sign])
        read.append((name, sign, column))
        if name and (column.signed or file.sign):
            found.decimals[name] = sign
        if name and (limits := column.limits(sign)) is not None:
            found.limits[name] = limits
        if name and column.rounded(sign):
            found.rounded.add(name)
    found.notes = _notes(read, file)
    if found.rounded:
        long = _listed([name for name in names if name in found.rounded])
        found.notes.append(f"Numbers of more than 16 digits are rounded to float64 in {long}.")
    return found


class _File:
    """The decimal sign of a file, as far as one is given or its columns agree on one."""

    def __init__(self, columns: Sequence[Column], convention: Convention, delimiter: str) -> None:
        self.convention = convention
        given = convention.decimal
        self.votes = {column.decided for column in columns if column.decided} if given is None else {given}
        self.sign = next(iter(self.votes)) if len(self.votes) == 1 else None
        commas = delimiter == ";" and any(column.ambiguous and "," in column.example for column in columns)
        self._habit = "," if commas else "."

    def sign_of(self, name: str, column: Column) -> str | None:
        """Return the decimal sign to read a column with, None if it is not numbers or nothing certain."""
        given = self.convention.decimal
        if given is not None:
            return given if given in column.readings else None
        if not column.ambiguous:
            return self.sign if self.sign in column.readings else next(iter(column.readings), None)
        wanted = self.convention.like.get(name)
        if len(self.votes) > 1:
            return wanted
        if self.sign is not None:
            return self.sign if wanted in (None, self.sign) else None
        return wanted or self._habit

    def guessed(self, name: str, column: Column) -> bool:
        """Whether a column is read by habit alone."""
        return column.ambiguous and not self.votes and name not in self.convention.like


def _why_not(column: Column, convention: Convention) -> str:
    if convention.decimal is None and column.ambiguous:
        point, comma = _both(column)
        return (
            f"{column.example!r} can be {point} or {comma}, and other columns do not decide it: "
            "name the decimal sign, decimal='.' or decimal=',' (--decimal)"
        )
    return column.why_not(convention.decimal)


def _both(column: Column) -> tuple[str, str]:
    """The example of an ambiguous column with a decimal point and with a decimal comma."""
    plain, other = column.example.replace(",", "."), column.example.replace(",", "").replace(".", "")
    values = (repr(float(other)).removesuffix(".0"), repr(float(plain)).removesuffix(".0"))
    return values if "," in column.example else (values[1], values[0])


def _notes(read: Sequence[tuple[str, str, Column]], file: _File) -> list[str]:
    """What the user should know about how these columns were read."""
    notes: list[str] = []
    signed = {sign: [name for name, used, column in read if used == sign and column.signed] for sign in SIGNS}
    commas = [name for name, sign, column in read if sign == "," and "," in column.example]
    if commas and signed["."]:
        notes.append(f"Commas are read as decimal signs in {_listed(commas)}, points in {_listed(signed['.'])}.")
    elif commas:
        notes.append("Commas are read as decimal signs.")
    notes += [note.format(repr(name)) for name, _, column in read for note in column.marks.notes]
    if any(column.grouped(sign) for _, sign, column in read):
        notes.append("Thousands separators are taken out of the numbers.")
    guesses = [(name, sign, column) for name, sign, column in read if file.guessed(name, column)]
    for sign, character in product(SIGNS, SIGNS):
        alike = [(name, column) for name, used, column in guesses if used == sign and character in column.example]
        if alike:
            notes.append(_guess(alike, sign))
    for name, sign, column in read:
        before = file.convention.like.get(name, sign)
        if column.signed and before != sign:
            notes.append(f"Column {name!r} has decimal {_NAMES[sign]} here, and had decimal {_NAMES[before]} before.")
    return notes


def _guess(alike: Sequence[tuple[str, Column]], sign: str) -> str:
    (name, column), other = alike[0], SIGNS[sign == "."]
    values: dict[str, str] = dict(zip(SIGNS, _both(column), strict=True))
    more = f", likewise {len(alike) - 1} more," if len(alike) > 1 else ""
    return (
        f"{column.example!r} in column {name!r}{more} is read as {values[sign]}, not {values[other]}: "
        f"decimal={other!r} (--decimal {other}) reads it the other way."
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more columns"
