"""The bytes of session files, taken apart and put together by hand, to be damaged in tests."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any

WORD = b"edgewise sha256 "


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(members: Mapping[str, Any], *, method: int = zipfile.ZIP_DEFLATED, seal: bool = True) -> bytes:
    """A zip of bytes and of things that are written as JSON, with the right checksum or none."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, value in members.items():
            file.writestr(name, value if isinstance(value, bytes) else json.dumps(value))
        if seal:
            file.comment = WORD + b"0" * 64
    return sealed(out.getvalue())


def sealed(data: bytes) -> bytes:
    """Make the checksum right again, where there is one."""
    if data[-80:-64] != WORD:
        return data
    return data[:-64] + hashlib.sha256(data[:-64]).hexdigest().encode()
