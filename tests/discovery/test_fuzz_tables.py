"""Tables of every convention, and arbitrary bytes: read as meant, or with a note, or refused in one line."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

from edgewise import InputError
from edgewise.io import Table, read_table

ROWS = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("tables")


@dataclass(frozen=True)
class Style:
    """How a program writes tables."""

    decimal: str
    group: str
    delimiter: str
    quote: bool
    missing: str
    encoding: str
    ends: str
    extras: tuple[str, ...]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]


def style_of(draw: random.Random) -> Style:
    decimal = draw.choice(".,")
    return Style(
        decimal,
        draw.choice(["", ",."[decimal == ","], " ", "\u00a0", "'", "indian"]),
        draw.choice(",;\t|"),
        draw.random() < 0.5,
        draw.choice(["", "NA", "-", "n/a", "?"]),
        draw.choice(ENCODINGS),
        draw.choice(["\n", "\r\n", "\r"]),
        tuple(extra for extra in ("sep", "comment", "units", "text", "end") if draw.random() < 0.3),
    )


def grouped(digits: str, group: str, decimal: str) -> str:
    if not group or len(digits) <= 3:
        return digits
    if group == "indian":
        if decimal == ",":
            return digits
        head, tail, parts = digits[:-3], digits[-3:], []
        while head:
            parts.insert(0, head[-2:])
            head = head[:-2]
        return ",".join([*parts, tail])
    first = len(digits) % 3 or 3
    return group.join([digits[:first], *(digits[k : k + 3] for k in range(first, len(digits), 3))])


def number_of(draw: random.Random, digits: int) -> tuple[str, str]:
    """The digits before and behind the decimal sign, with a minus sign now and then."""
    whole = str(draw.choice([draw.randrange(3), draw.randrange(1000), draw.randrange(10**9)]))
    return draw.choice(["", "", "-"]) + whole, "".join(draw.choices("0123456789", k=digits))


def written(number: tuple[str, str] | None, style: Style) -> str:
    if number is None:
        return style.missing
    whole, behind = number
    minus, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return minus + grouped(digits, style.group, style.decimal) + (style.decimal + behind if behind else "")


def meant(number: tuple[str, str] | None) -> float:
    return np.nan if number is None else float(".".join(number) if number[1] else number[0])


def text_of(style: Style, names: list[str], columns: list[list[str]]) -> str:
    delimiter = style.delimiter

    def cell(text: str) -> str:
        return f'"{text}"' if style.quote or delimiter in text else text

    rows = [names, *map(list, zip(*columns, strict=True))]
    if "units" in style.extras and ("text" not in style.extras or len(names) > 1):
        rows.insert(1, ["m/s"] * len(names))
    if "text" in style.extras:
        rows = [[("name" if k == 0 else f"é{k}"), *row] for k, row in enumerate(rows)]
    lines = [delimiter.join(map(cell, row)) + delimiter * ("end" in style.extras) for row in rows]
    if "comment" in style.extras:
        lines.insert(0, "# measured on Monday")
    if "sep" in style.extras:
        lines.insert(0, f"sep={delimiter}")
    return style.ends.join(lines) + style.ends


def text_has_blank_lines(style: Style, names: list[str]) -> bool:
    """Whether missing values are blank lines, which no reader can count."""
    return len(names) == 1 and not style.missing and not style.quote and not {"text", "end"} & set(style.extras)


def reported(table: Table, name: str) -> bool:
    """Whether the user has been told that a column was guessed at or left out."""
    return any(left == name for left, _ in table.left_out) or any("other way" in note for note in table.notes)


@fuzz(150)
@given(st.integers(0, 2**60))
def test_a_table_is_read_as_it_was_meant_or_the_guess_is_reported(folder: Path, seed: int) -> None:
    draw = random.Random(seed)
    style = style_of(draw)
    names = [f"c{k}" for k in range(draw.randint(1, 4))]
    values = []
    for digits in draw.choices([0, 0, 1, 2, 3, 3, 4], k=len(names)):
        values.append([number_of(draw, digits) if draw.random() < 0.8 else None for _ in range(ROWS)])
    text = text_of(style, names, [[written(number, style) for number in column] for column in values])
    path = folder / "t.csv"
    path.write_bytes(text.encode(style.encoding, errors="replace"))
    given_encoding = style.encoding if style.encoding in ("cp1252", "latin-1") else None
    for decimal in (None, style.decimal):
        try:
            table = read_table(path, decimal=decimal, encoding=given_encoding)
        except InputError as error:
            assert "\n" not in str(error)
            assert decimal is None or len(names) == 1, str(error)
            continue
        for name, column in zip(names, values, strict=True):
            expected = np.array([meant(number) for number in column])
            if text_has_blank_lines(style, names):
                expected = expected[~np.isnan(expected)]
            if name in table.columns and np.array_equal(table.columns[name], expected, equal_nan=True):
                continue
            assert decimal is None, (table, text)
            assert reported(table, name), (table, text)


@fuzz(60)
@given(st.integers(0, 2**60))
def test_a_second_table_is_read_like_the_first(folder: Path, seed: int) -> None:
    draw = random.Random(seed)
    style = style_of(draw)
    pair = [[number_of(draw, 3) for _ in range(ROWS)] for _ in range(2)]
    witness = [[("0", "5")] * ROWS, [("7", "")] * ROWS]
    like: dict[str, str] = {}
    for column, other in zip(pair, witness, strict=True):
        cells = [[written(number, style) for number in numbers_] for numbers_ in (column, other)]
        path = folder / "pair.csv"
        path.write_bytes(text_of(style, ["a", "b"], cells).encode("utf-8"))
        table = read_table(path, like=like)
        np.testing.assert_array_equal(table.columns["a"], [meant(number) for number in column])
        like = table.decimals


@fuzz(100)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
        st.text('abc,;\t|"#\n\r .0123456789-+eE\x1b\u00a0', max_size=200).map(str.encode),
        st.text("sep=;,0.1 '\"\n#", max_size=60).map(str.encode),
    ),
    st.sampled_from([None, ".", ","]),
    st.sampled_from([None, "", ",", ".", " ", "'"]),
    st.sampled_from([None, "cp1252", "utf-16", "utf-7", "idna", "hex", "rot13", "unicode_escape", "none such", "a\0b"]),
    st.sampled_from([".csv", ".parquet"]),
)
@pytest.mark.filterwarnings("ignore:.*invalid.*escape:DeprecationWarning")
def test_any_bytes_are_a_table_or_one_line(
    folder: Path, content: bytes, decimal: str | None, thousands: str | None, encoding: str | None, ending: str
) -> None:
    path = folder / f"any{ending}"
    path.write_bytes(content)
    read_or_refused(path, decimal=decimal, thousands=thousands, encoding=encoding)


def read_or_refused(path: Path, **options: str | None) -> None:
    """Read the table and select from it; nothing but one line may come out."""
    try:
        table = read_table(path, **options)
        for name, column in table.columns.items():
            assert isinstance(name, str)
            assert column.dtype == np.float64
            assert column.shape == (table.n_rows,)
        if table.names:
            table.select(table.names[-1])
    except InputError as error:
        assert str(error).count("\n") == 0


def parquet_files() -> list[bytes]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": rng.random(40),
            "b": rng.integers(0, 9, 40),
            "t": ["1,5", "x", None, "4"] * 10,
            "d": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(40), "h"),
            "k": pd.Categorical(["u", "v"] * 20),
            "n": [[1, 2]] * 40,
        },
    ).set_index(pd.Index(range(5, 45), name="key"))
    files = []
    for options in ({"compression": "snappy"}, {"compression": None, "use_dictionary": False}, {"compression": "gzip"}):
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pandas(frame), buffer, **options)
        files.append(buffer.getvalue())
    return files


FILES = parquet_files()


@fuzz(60)
@given(st.sampled_from(range(len(FILES))), st.integers(0, 2**32), st.sampled_from(["flip", "cut", "swap", "grow"]))
def test_a_damaged_parquet_file_is_a_table_or_one_line(folder: Path, file: int, seed: int, kind: str) -> None:
    draw, data = random.Random(seed), bytearray(FILES[file])
    if kind == "cut":
        del data[draw.randrange(len(data)) :]
    elif kind == "swap":
        a, b = sorted(draw.sample(range(len(data)), 2))
        data[a:b] = data[a:b][::-1]
    elif kind == "grow":
        place = draw.randrange(len(data))
        data[place:place] = draw.randbytes(draw.randrange(1, 40))
    else:
        for _ in range(draw.randrange(1, 8)):
            # The footer says what the rest means: half of the bits are flipped there.
            place = draw.randrange(len(data)) if draw.random() < 0.5 else draw.randrange(len(data) * 2 // 3, len(data))
            data[place] ^= 1 << draw.randrange(8)
    path = folder / "damaged.parquet"
    path.write_bytes(bytes(data))
    read_or_refused(path)
