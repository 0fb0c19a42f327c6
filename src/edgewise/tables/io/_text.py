"""The text of a file, and its encoding."""

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
_OTHER = "cp1252"


def read_text(path: Path, encoding: str | None) -> tuple[str, list[str]]:
    """Return a text with "\\n" at the ends of its lines, and a note where its encoding was guessed.

    Without `encoding` it is UTF-8, or what the byte order mark says, or else cp1252, that of Excel on Windows.

    Errors: InputError for a file that is empty or binary, or not of this encoding.
    """
    data = path.read_bytes()
    if not data.strip():
        raise InputError(f"{path} is empty: give a file whose first line names the columns.")
    text, notes = (_decode(path, data)) if encoding is None else (_decode_as(path, data, encoding), [])
    if "\0" in text:
        raise InputError(f"{path} is a binary file, not text: export it as CSV first.")
    return io.StringIO(text.lstrip("\ufeff"), newline=None).read(), notes


def _decode(path: Path, data: bytes) -> tuple[str, list[str]]:
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        raise InputError(f"{path} is a binary file, not text: export it as CSV first.")
    try:
        return data.decode(encoding), [] if encoding == "utf-8" else [f"The text is {encoding.upper()}."]
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
    try:
        if encoding == "utf-8" and _is_text(data):
            said = f"The text is not UTF-8 (line {line}) and is read as {_OTHER}"
            return data.decode(_OTHER), [f"{said}: encoding= (--encoding) names another encoding."]
    except UnicodeDecodeError:
        pass
    raise InputError(
        f"{path} is not {encoding.upper()} text (line {line}): save it again with the encoding UTF-8, or name "
        "the encoding that it has, such as encoding='mac-roman' (--encoding mac-roman)."
    )


def _is_text(data: bytes) -> bool:
    """Return whether bytes hold no control characters but those between lines and fields."""
    return not any(byte in data for byte in (*range(9), 11, 12, *range(14, 32)) if byte != 0x1A)


def _decode_as(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (LookupError, TypeError):
        raise InputError(
            f"Unknown encoding {encoding!r}. Usual ones: utf-8, utf-16, cp1252, latin-1, mac-roman, shift-jis."
        ) from None
    except ValueError:
        raise InputError(f"{path} is not {encoding} text: name another encoding, or save it as UTF-8.") from None
