"""Searches that are saved, killed, resumed, interrupted, and shared among workers give the same front."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pytest

import edgewise as ew
from edgewise.discovery import Discovery, Outcome
from edgewise.discovery.search import Tuning
from edgewise.formulas.programs import Evolution, Islands, prepare

EFFORT, LIMIT = 1000, 300.0
TUNING = "edgewise.discovery.search._approximation.TUNING"
KILLED = """
import os, signal, sys
import test_discover_resume as t
from edgewise.discovery.journal import _journal
_journal._EVERY, _journal._SHARE = 0.0, 0.0
moment = int(sys.argv[1])
def kill(stage, fraction, best, calls=[0]):
    calls[0] += 1
    if calls[0] == moment:
        os.kill(os.getpid(), signal.SIGKILL)
t.searched(save=sys.argv[2], progress=kill)
"""


@pytest.fixture(scope="module", autouse=True)
def compiled_programs() -> None:
    """Compile the kernels before anything else, since compiling is told on stderr."""
    prepare()


def noisy() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 3, (40, 2))
    return x, x[:, 0] * np.exp(-x[:, 1]) + np.sqrt(x[:, 1]) + 0.2 * rng.standard_normal(40)


def searched(**asked: object) -> Discovery:
    return ew.discover(*noisy(), **({"effort": EFFORT, "time_limit": LIMIT} | asked))  # type: ignore[arg-type]


def digits(found: Discovery) -> list[object]:
    """Return all that is found, numbers with every digit."""
    rows = [(str(each.expression), each.error.hex(), each.held_out.hex()) for each in found]
    return [*rows, str(found.best.expression), found.outcome, found.noise.hex()]


@cache
def uninterrupted() -> list[object]:
    return digits(searched())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("moment", [9, 27])
def test_a_search_that_was_killed_goes_on_to_the_same_front(moment: int, tmp_path: Path) -> None:
    kept = tmp_path / "kept.npz"
    paths = os.pathsep.join([*map(str, Path(__file__).parents[:2]), str(Path(ew.__file__).parent.parent)])
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONHASHSEED": str(moment)}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(moment), str(kept)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert digits(searched(resume=kept)) == uninterrupted()


def test_a_finished_search_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept.npz"
    saved = digits(searched(save=kept))

    def refused(*arguments: object) -> int:
        raise AssertionError("this was done before")

    monkeypatch.setattr(Evolution, "run", refused)
    assert digits(searched(resume=kept)) == saved


@pytest.mark.slow
def test_more_time_goes_on_with_a_search_that_time_cut(tmp_path: Path) -> None:
    kept, late = tmp_path / "kept.npz", threading.Event()

    def slow(stage: str, fraction: float, best: str | None) -> None:
        if "evolution" in stage and not late.is_set():
            late.set()
            time.sleep(1.0)

    cut = searched(save=kept, time_limit=1.0, progress=slow)
    assert cut.outcome is Outcome.TIME_LIMIT
    assert digits(searched(resume=kept)) == uninterrupted()


@pytest.mark.slow
def test_saving_and_resuming_with_one_file_starts_where_there_is_none(tmp_path: Path) -> None:
    kept = tmp_path / "kept.npz"
    assert digits(searched(save=kept, resume=kept)) == uninterrupted()
    assert kept.exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"seed": 1}, "holds a search with seed 0, not 1: go on with what it was begun with"),
        ({"effort": 2000}, "holds a search with effort 1000, not 2000"),
        ({"noise": 0.1}, "holds a search with noise None, not 0.1"),
    ],
)
def test_another_search_is_refused(saved: Path, asked: dict[str, object], message: str) -> None:
    with pytest.raises(ew.InputError, match=message):
        searched(resume=saved, **asked)


def test_another_table_is_refused(saved: Path) -> None:
    x, y = noisy()
    with pytest.raises(ew.InputError, match="holds a search with another table"):
        ew.discover(x, y + 1e-9, effort=EFFORT, time_limit=LIMIT, resume=saved)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search that was interrupted as soon as it could be."""
    kept = tmp_path_factory.mktemp("search") / "kept.npz"

    def stop(stage: str, fraction: float, best: str | None) -> None:
        if "evolution" in stage:
            raise KeyboardInterrupt

    assert searched(save=kept, progress=stop).outcome is Outcome.INTERRUPTED
    return kept


def test_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ew.InputError, match=r"There is no file .*nowhere.npz to go on with"):
        searched(resume=tmp_path / "nowhere.npz")
    with pytest.raises(ew.InputError, match="There is no folder"):
        searched(save=tmp_path / "nowhere" / "kept.npz")
    other = tmp_path / "other.npz"
    for content in (b"", b"PK\x03\x04 and no more", b"x1,x2\n1,2\n"):
        other.write_bytes(content)
        with pytest.raises(ew.InputError, match=r"other.npz is not a saved search"):
            searched(resume=other)
    np.savez(other, about=np.zeros(3))
    with pytest.raises(ew.InputError, match=r"other.npz is not a saved search"):
        searched(resume=other)


@pytest.mark.parametrize("wrong", [{"n_jobs": 0}, {"n_jobs": 1.5}, {"save": 3}, {"resume": ""}])
def test_refuses(wrong: dict[str, object]) -> None:
    with pytest.raises(ew.InputError, match=f"'{next(iter(wrong))}' must be"):
        searched(**wrong)


@pytest.mark.slow
def test_workers_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TUNING, Tuning(per_island=100))
    alone = digits(searched(n_jobs=1))
    for backend in ("threading", "loky"):
        with joblib.parallel_config(backend=backend):
            assert digits(searched(n_jobs=2)) == alone, backend


def test_islands_go_on_from_their_state() -> None:
    def islands() -> Islands:
        return Islands(Evolution(*noisy(), max_complexity=12), 3)

    first, second = islands(), islands()
    assert first.run(300) == second.run(300) == 300
    second = islands()
    second.restore(first.state())
    first.run(500), second.run(500)
    assert [(each.program, each.error) for each in first.front(5)] == [
        (each.program, each.error) for each in second.front(5)
    ]
    assert second.evaluations == 800


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals go to the whole console")
def test_ctrl_c_while_workers_run_returns_the_front(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TUNING, Tuning(per_island=400))

    def press(stage: str, fraction: float, best: str | None) -> None:
        if stage == "formulas by evolution" and not pressed.is_set():
            pressed.set()
            threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    pressed = threading.Event()
    found = searched(effort=60_000, n_jobs=2, progress=press)
    assert pressed.is_set() and found.outcome is Outcome.INTERRUPTED
    assert found.best.error < 1


@pytest.mark.slow
def test_a_search_of_many_columns_goes_on_where_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2, (40, 16))
    y = x[:, 0] * np.exp(-x[:, 5]) + 0.1 * rng.standard_normal(40)
    saved = tmp_path / "search.npz"
    ew.discover(x, y, effort=20, time_limit=1, save=saved)
    again = ew.discover(x, y, effort=20, time_limit=300, resume=saved)
    assert again.equations.formula.equals(ew.discover(x, y, effort=20, time_limit=300).equations.formula)
