"""The bytes of model files, taken apart and put together by hand, to be damaged in tests."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any

Change = Callable[[bytes], bytes]


def header_of(data: bytes) -> dict[str, Any]:
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + size])


def sealed(data: bytes) -> bytes:
    """Make the checksum right again, where there is one: the digest of the file with zeros in its place."""
    try:
        digest = json.loads(header_of(data)["__metadata__"]["edgewise"])["checksum"].encode()
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, struct.error):
        return data
    if len(digest) != 64:
        return data
    blank = data.replace(digest, b"0" * 64, 1)
    return blank.replace(b"0" * 64, hashlib.sha256(blank).hexdigest().encode(), 1)


def with_header(data: bytes, header: dict[str, Any]) -> bytes:
    (size,) = struct.unpack("<Q", data[:8])
    text = json.dumps(header).encode()
    return sealed(struct.pack("<Q", len(text)) + text + data[8 + size :])


def described(**changes: Any) -> Change:
    """Change entries of the description; Ellipsis takes one away."""

    def apply(data: bytes) -> bytes:
        header = header_of(data)
        description = {**json.loads(header["__metadata__"]["edgewise"]), **changes}
        description = {key: value for key, value in description.items() if value is not ...}
        header["__metadata__"]["edgewise"] = json.dumps(description)
        return with_header(data, header)

    return apply
