"""The zip that holds a session: its members, what they may unpack to, and a checksum over the whole file.

The comment at the end of the zip is a word and the SHA-256 digest of all that comes before the digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

_WORD = b"edgewise sha256 "
_DIGEST = 64  # hexadecimal digits
_PIECE = 2**20

# Limits on the unpacked size: bytes, or a multiple of the packed size; lower for texts, which take several times their
# length when they are parsed. Longer contents are written without compression.
_MOST = 2**28
_MOST_TEXT = 2**22
_TIMES = 8

NO_SESSION = "is no session of edgewise, or a damaged one: save the session again"


class Damaged(Exception):
    """What is wrong with a file, in words that complete "The file ..."."""


def packed(members: Mapping[str, bytes]) -> bytes:
    """Return the whole file; the same members give the same bytes."""
    total = sum(map(len, members.values()))
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in members.items():
            long = total > _MOST or text_length(name, data) > _MOST_TEXT
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_STORED if long else zipfile.ZIP_DEFLATED
            file.writestr(info, data)
        file.comment = _WORD + b"0" * _DIGEST
    whole = out.getvalue()[:-_DIGEST]
    return whole + hashlib.sha256(whole).hexdigest().encode()


def text_length(name: str, data: bytes) -> int:
    """How long the JSON in a member is: all of it, or the header of its tensors as its first 8 bytes say."""
    return len(data) if name.endswith(".json") else int.from_bytes(data[:8], "little")


@dataclass(frozen=True)
class Archive:
    """An open zip whose members may be read: none is encrypted, and together they are not too long."""

    file: zipfile.ZipFile
    members: Mapping[str, zipfile.ZipInfo]
    sealed: bool

    @classmethod
    def of(cls, file: BinaryIO) -> Archive:
        """Check the checksum, where there is one, and the list of members."""
        size = file.seek(0, os.SEEK_END)
        sealed = _check_digest(file, size)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError, OSError):
            raise Damaged(NO_SESSION) from None
        found = archive.infolist()
        members = {info.filename: info for info in found}
        known = all(info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in found)
        if len(members) != len(found) or not known or any(info.flag_bits & 1 for info in found):
            raise Damaged(NO_SESSION)
        total = sum(info.file_size for info in found)
        if total > max(_MOST, _TIMES * size):
            raise Damaged(f"would unpack to {total / 1e6:.0f} MB from {size / 1e6:.0f} MB: no session does that")
        return cls(archive, members, sealed)

    def read(self, name: str) -> bytes:
        """What a member holds, which is no longer than the list of members says."""
        info = self.members.get(name)
        if info is None:
            raise Damaged(NO_SESSION)
        try:
            with self.file.open(info) as member:
                first = member.read(8)
                length = text_length(name, first) if not name.endswith(".json") else info.file_size
                if length > max(_MOST_TEXT, _TIMES * info.compress_size):
                    raise Damaged(NO_SESSION)
                return first + member.read()
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError):
            raise Damaged(NO_SESSION) from None

    def read_json(self, name: str) -> Any:
        """What a member says, in which every text has an encoding and every number is one."""
        try:
            said = json.loads(self.read(name), parse_constant=_constant)
            to_json(said)
        except (ValueError, RecursionError):
            raise Damaged(NO_SESSION) from None
        return said


def to_json(said: Any) -> bytes:
    """JSON as UTF-8; ValueError for texts that have no encoding."""
    return json.dumps(said, ensure_ascii=False).encode()


def _constant(name: str) -> float:
    """Infinity is the error of a network that overflows somewhere; other numbers are finite."""
    if name != "Infinity":
        raise ValueError(name)
    return float("inf")


def _check_digest(file: BinaryIO, size: int) -> bool:
    """Compare the digest; False for files of the first schema, which have none."""
    if size < len(_WORD) + _DIGEST:
        return False
    file.seek(size - len(_WORD) - _DIGEST)
    if file.read(len(_WORD)) != _WORD:
        return False
    expected = file.read(_DIGEST)
    file.seek(0)
    digest, left = hashlib.sha256(), size - _DIGEST
    while left and (piece := file.read(min(left, _PIECE))):
        digest.update(piece)
        left -= len(piece)
    if digest.hexdigest().encode() != expected:
        raise Damaged("is damaged: its checksum does not match. Restore it from a backup, or save the session again")
    return True
