"""Arguments of the same name mean the same in all public functions, as docs/arguments.md says."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewise as ew

PAGE = Path(__file__).parents[2] / "docs" / "arguments.md"
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
            called = one is ew.Options or hasattr(one, "get_params")  # though their parameters are fields
            record = inspect.isclass(one) and hasattr(one, "__dataclass_fields__") and not called
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


def test_former_words_of_arguments_work_and_name_the_new_ones() -> None:
    x = np.linspace(1, 2, 20)
    with pytest.warns(DeprecationWarning, match="loss='squares' is now loss='squared'") as told:
        former = ew.fit_formula("a*x", {"x": x}, 3 * x, loss="squares")  # type: ignore[arg-type]
    assert told[0].filename == __file__  # Python shows warnings of the user's own lines only
    assert former.loss == "squared"
    with pytest.warns(DeprecationWarning, match="squared"):
        assert ew.discover(x, 3 * x, loss="squares").outcome.name == "EXACT"  # type: ignore[arg-type]


@pytest.mark.parametrize("progress", [True, False, "auto", None])
def test_progress_means_the_same_for_every_search(progress: Any) -> None:
    x = np.random.default_rng(0).uniform(1, 2, (40, 2))
    assert ew.discover(x, 3 * x[:, 0], progress=progress).outcome.name == "EXACT"
    t = np.linspace(0, 4, 60)
    assert ew.discover_ode(t, np.exp(-t), effort="quick", progress=progress).names
    with pytest.raises(ew.InputError, match="'progress' must be True, False, 'auto' or a function"):
        ew.discover(x, x[:, 0], progress="loud")  # type: ignore[arg-type]


def test_effort_is_a_word_or_a_number_everywhere() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (40, 2))
    t = np.linspace(0, 4, 60)
    for effort in ("quick", 100):
        assert ew.discover(x, 3 * x[:, 0], effort=effort).outcome.name == "EXACT"  # type: ignore[arg-type]
        assert ew.discover_ode(t, np.exp(-t), effort=effort).names  # type: ignore[arg-type]
    line = ew.pde.Box(t=(0, 1), x=(0, 1))
    start = ew.pde.Condition(line.face(t=0), lambda u, p: u.value - 1)
    heat = ew.pde.Problem(line, lambda u, p: u.t - u.xx, [start, ew.pde.periodic(line, "x")])
    assert ew.pde.march(heat, tolerance=1e-3, effort="quick").outcome.name == "CONVERGED"
    other: Any = "much"
    for call in (
        lambda: ew.discover_ode(t, np.exp(-t), effort=other),
        lambda: ew.pde.march(heat, effort=other),
    ):
        with pytest.raises(ew.InputError, match="'effort' must be 'quick', 'normal', 'thorough' or a number of"):
            call()
    with pytest.warns(DeprecationWarning, match="effort='full' is now effort='normal'"):
        ew.estimators.SymbolicRegressor(effort="full").fit(x, 3 * x[:, 0])  # type: ignore[arg-type]
