"""The text of a file: its encoding."""

from __future__ import annotations

import io
from pathlib import Path

from edgewise._errors import InputError

_MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def read_text(path: Path, encoding: str | None = None) -> str:
    """Return the text of a file with "\\n" at the ends of its lines.

    Without `encoding` it is UTF-8, or what the byte order mark says.

    Raises `InputError` for a file that is empty, binary, or of another encoding.
    """
    data = path.read_bytes()
    if not data.strip():
        raise InputError(f"{path} is empty: give a file whose first line names the columns.")
    text = _decode(path, data) if encoding is None else _decode_as(path, data, encoding)
    if "\0" in text:
        raise InputError(f"{path} is a binary file, not text: export it as CSV first.")
    return io.StringIO(text.removeprefix("\ufeff"), newline=None).read()


def _decode(path: Path, data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        raise InputError(f"{path} is a binary file, not text: export it as CSV first.")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path} is not {encoding.upper()} text (line {line}): save it again with the encoding UTF-8, or name "
            "the encoding that it has, such as encoding='cp1252' (--encoding cp1252) for Excel on Windows."
        ) from None


def _decode_as(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (LookupError, TypeError):
        raise InputError(
            f"Unknown encoding {encoding!r}. Usual ones: utf-8, utf-16, cp1252, latin-1, mac-roman, shift-jis."
        ) from None
    except ValueError:
        raise InputError(f"{path} is not {encoding} text: name another encoding, or save it as UTF-8.") from None
