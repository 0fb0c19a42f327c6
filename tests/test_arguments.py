"""Arguments of the same name mean the same in all public functions, as docs/arguments.md says."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

import edgewise as ew

PAGE = Path(__file__).parents[1] / "docs" / "arguments.md"
#: what of a signature says that an argument means what the page says: a part of its type, or its default
MEANING = {
    "loss": r"squared|LossName|Loss\b", "effort": r"quick|EffortWord|Effort", "progress": r"bool|Shown",
    "callbacks": r"Callable", "seed": r"int", "random_state": r"Any", "time_limit": r"float",
    "tolerance": r"float", "n_jobs": r"int \| None", "options": r"Options", "noise": r"auto",
    "weights": r"Any|Data|Array|ndarray|Tensor|str", "sigma": r"Any|Data",
}  # fmt: skip
ENDED = ("train", "pde", "discovery", "dynamics", "unsupervised")
PUBLIC = ("estimators", "pde", "train", "discovery", "dynamics", "regression", "sweeps", "unsupervised", "interpret")


def functions() -> Iterator[tuple[str, Any]]:
    """Yield what a user calls; records, whose fields are results, are none."""
    seen = set()
    for module in (ew, *(importlib.import_module(f"edgewise.{name}") for name in PUBLIC)):
        for name in dir(module):
            one = getattr(module, name)
            record = inspect.isclass(one) and (hasattr(one, "__dataclass_fields__") and one is not ew.Options)
            if name.startswith("_") or not callable(one) or inspect.ismodule(one) or record or id(one) in seen:
                continue
            seen.add(id(one))
            if not (inspect.isclass(one) and issubclass(one, BaseException | Enum)):
                yield f"{module.__name__}.{name}", one


@pytest.mark.parametrize("word", MEANING)
def test_an_argument_has_one_meaning(word: str) -> None:
    found = {}
    for name, one in functions():
        try:
            given = inspect.signature(one).parameters.get(word)
        except (TypeError, ValueError):
            continue
        if given is not None and given.annotation not in (inspect.Parameter.empty, "object"):  # what checks it
            found[name] = inspect.formatannotation(given.annotation)
    assert found
    assert {name: kind for name, kind in found.items() if not re.search(MEANING[word], kind)} == {}


def test_the_page_lists_each_argument() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), flags=re.M)
    assert set(MEANING) <= set(listed)
    assert len(listed) == len(set(listed))


def test_endings_mean_the_same_everywhere() -> None:
    kinds = [importlib.import_module(f"edgewise.{name}").Outcome for name in ENDED]
    for kind in kinds:
        for member in kind:
            assert member.message
            outside = member.name in ("TIME_LIMIT", "EFFORT_SPENT", "INTERRUPTED", "STOPPED")
            assert (member.ended_by != "done") is outside
