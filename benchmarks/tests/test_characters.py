"""The text for language models: English that every Python has, no part of it twice."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from edgewise import EdgewiseError
from edgewise_bench.datasets import characters


def test_the_text_is_the_help_topics_each_paragraph_once() -> None:
    known = characters()
    text = known.text()
    assert len(text) == len(known.codes) > 100_000
    assert known.codes.dtype == np.int64
    assert "".join(sorted(set(text))) == known.alphabet
    paragraphs = text.split("\n\n")
    assert len(set(paragraphs)) == len(paragraphs)
    assert 'The "while" statement' in text
    assert known.text([0, 1]) == known.alphabet[:2]


def test_the_text_is_the_same_each_time() -> None:
    assert np.array_equal(characters().codes, characters().codes)


def test_a_python_without_help_topics_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(EdgewiseError, match="no help topics"):
        characters()
