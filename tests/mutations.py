"""Damage for fuzzing tests: bytes that flip, vanish and come from elsewhere, and trees of JSON with other parts."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import strategies as st

_NUMBERS = [0, 1, -1, 2, 7, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf")]
_TEXTS = ["", "a", "x1", "sin", "\0", "\n", "ä", "\ud800", "\u202e", "null", "1", "a" * 1000, "__import__('os')", "./x"]

PLAIN: st.SearchStrategy[Any] = st.sampled_from([*_NUMBERS, *_TEXTS, None, True, False, [], {}, [[]], [None], {"": 0}])
VALUES: st.SearchStrategy[Any] = st.one_of(
    PLAIN,
    st.integers(-3, 9),
    st.text(max_size=5),
    st.lists(PLAIN, max_size=4),
    st.dictionaries(st.sampled_from(_TEXTS), PLAIN, max_size=3),
).map(copy.deepcopy)


@st.composite
def damage(draw: st.DrawFn, others: list[bytes]) -> Callable[[bytes], bytes]:
    """Draw a change of a file's bytes, or several, with parts of other files among them."""
    changes = draw(st.lists(_changes(others), min_size=1, max_size=3))

    def apply(data: bytes) -> bytes:
        for change in changes:
            data = change(data)
        return data

    return apply


@st.composite
def _changes(draw: st.DrawFn, others: list[bytes]) -> Callable[[bytes], bytes]:
    """One change, at a place that is a share of the length."""
    kind = draw(st.sampled_from(["flip", "byte", "cut", "delete", "insert", "overwrite", "swap"]))
    where, length = draw(st.floats(0, 1, exclude_max=True)), draw(st.sampled_from([1, 1, 2, 4, 8, 30, 100]))
    bit, byte, other = draw(st.integers(0, 7)), draw(st.integers(0, 255)), draw(st.sampled_from(others))
    source = int(draw(st.floats(0, 1, exclude_max=True)) * len(other))
    part = other[source : source + length]

    def apply(data: bytes) -> bytes:
        if not data:
            return part
        at = int(where * len(data))
        new = {"flip": bytes([data[at] ^ 1 << bit]), "byte": bytes([byte]), "delete": b"", "insert": part}
        if kind == "cut":
            return data[:at]
        if kind == "swap":  # a whole end of another file
            return data[:at] + other[source:]
        taken = {"flip": 1, "byte": 1, "insert": 0, "delete": length, "overwrite": len(part)}[kind]
        return data[:at] + new.get(kind, part) + data[at + taken :]

    return apply


@st.composite
def mutated(draw: st.DrawFn, tree: Any) -> Any:
    """Draw a tree of JSON in which one to three parts are others, missing, doubled or come from elsewhere in it."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(tree))
        if not places:
            return draw(VALUES)
        inside, key = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(["other", "other", "other", "missing", "copied", "added"]))
        if kind == "other":
            inside[key] = draw(VALUES)
        elif kind == "missing":
            del inside[key]
        elif kind == "copied":
            source, name = draw(st.sampled_from(places))
            if name in source if isinstance(source, dict) else name < len(source):
                inside[key] = copy.deepcopy(source[name])
        elif isinstance(inside, dict):
            inside[draw(st.sampled_from(_TEXTS))] = draw(VALUES)
        else:
            inside.insert(key, copy.deepcopy(inside[key]))
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, part in parts:
        yield tree, key
        yield from _places(part)


@contextmanager
def bounded(seconds: float, megabytes: float) -> Iterator[None]:
    """Require that the block takes no longer, and that the process has not grown by more than so much memory."""
    resource = pytest.importorskip("resource")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - began < seconds
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit < megabytes
