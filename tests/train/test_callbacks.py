"""What a running fit shows and what may end it: callbacks, the live line, the log, Ctrl-C."""

from __future__ import annotations

import io
import math
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

import edgewise as ew
from edgewise.discovery.models._networks import trained
from edgewise.optim import LBFGS, Adam, Step
from edgewise.train import Outcome, Row
from edgewise.train._monitor import FitProgress

X = 2 * torch.rand(400, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
Y = torch.exp(torch.sin(torch.pi * X[:, 0]) + X[:, 1] ** 2)
SOLVERS: dict[str, Any] = {"lm": "lm", "lbfgs": LBFGS(steps=400), "adam": Adam(epochs=400, batch=180, rate=0.02)}
each_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)


def fitted(solver: Any, *callbacks: Any, **arguments: Any) -> ew.train.FitResult:
    options = ew.Options(restarts=1, callbacks=list(callbacks), **arguments)
    return ew.fit(ew.KAN([2, 3, 1]), X, Y, solver=solver, options=options)


# callbacks


@each_solver
@pytest.mark.parametrize("answer", [True, np.True_, "stop"], ids=["True", "numpy", "stop"])
def test_a_callback_ends_training(solver: Any, answer: Any) -> None:
    result = fitted(solver, lambda row: answer if row.round == 1 else None)
    assert result.outcome is Outcome.STOPPED
    assert len(result.history) <= 3
    assert math.isfinite(result.train_error)


@each_solver
def test_other_answers_end_nothing(solver: Any) -> None:
    seen: list[Row] = []
    answers = iter([1, "go", [1], np.zeros(3), None, False, 1.0] * 200)
    result = fitted(solver, lambda row: next(answers), seen.append)
    assert seen == result.history
    assert result.outcome is not Outcome.STOPPED


def test_all_that_watch_see_the_row_that_ends_it() -> None:
    first: list[Row] = []
    last: list[Row] = []
    result = fitted(Adam(epochs=9), first.append, lambda row: len(first) == 2, last.append)
    assert first == last == result.history
    assert len(first) == 2


def test_an_error_in_a_callback_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        fitted(Adam(epochs=9), lambda row: 1 / row.round)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# Ctrl-C


@each_solver
def test_an_interrupt_in_a_callback_gives_the_best_so_far(solver: Any) -> None:
    def interrupt(row: Row) -> None:
        if row.round == 1:
            raise KeyboardInterrupt

    result = fitted(solver, interrupt)
    assert result.outcome is Outcome.INTERRUPTED
    assert any("interrupted" in note.lower() for note in result.notes)
    assert len(result.history) <= 3
    assert result.validation_error == pytest.approx(min(row.validation for row in result.history), rel=1e-6)
    assert all(math.isfinite(p.sum().item()) for p in result.model.parameters())


SCRIPT = """
import signal, sys, time, torch, edgewise as ew
torch.set_num_threads(1)
x = torch.rand(3000, 2, dtype=torch.float64)
solver = {"lm": "lm", "lbfgs": ew.optim.LBFGS(steps=10**6), "adam": ew.optim.Adam(epochs=10**6)}[sys.argv[1]]
class Tell(ew.KAN):
    def forward(self, x):
        if not Tell.told and signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            Tell.told = True
            print("running", flush=True)
        return super().forward(x)
Tell.told = False
result = ew.fit(Tell([2, 5, 1]), x, torch.sin(9 * x[:, 0] * x[:, 1]), solver=solver)
print(result.outcome.name, result.train_error < 10, signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("solver", ["adam", *(pytest.param(s, marks=pytest.mark.slow) for s in ("lm", "lbfgs"))])
def test_ctrl_c_ends_a_fit_with_the_best_network(solver: str) -> None:
    command = [sys.executable, "-c", SCRIPT, solver]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline() == "running\n"
            time.sleep(0.3)
            run.send_signal(signal.SIGINT)
            out, err = run.communicate(timeout=60)
        finally:
            run.kill()  # it would run on where it does not heed the signal
    assert (out, err) == ("INTERRUPTED True True\n", "")


def test_a_second_ctrl_c_aborts() -> None:
    def twice(row: Row) -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        fitted(Adam(epochs=9), twice)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_handler_of_the_signal_stays() -> None:
    caught: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        result = fitted(Adam(epochs=3), lambda row: os.kill(os.getpid(), signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert len(caught) == 3
    assert result.outcome is not Outcome.INTERRUPTED


def test_a_fit_in_a_thread_leaves_the_signal_alone() -> None:
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(fitted, Adam(epochs=3)).result()
    assert len(result.history) == 3


def test_an_interrupted_part_ends_the_search() -> None:
    def interrupt(row: Row) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(ew.KAN([2, 1]), X, Y, ew.Options(restarts=1, callbacks=interrupt), grids=[3])


# what is shown


def terminal(width: int = 100) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


ROW = Row(3, 5, 120, 1.5e-3, 2.5e-3, 0.5, 300)
LINE = "[  0.5 s] grid 5, 120 parameters: training 1.50e-03, validation 2.50e-03\n"


def test_the_live_line_says_where_the_fit_is_and_is_erased() -> None:
    screen = terminal()
    shown = FitProgress(True, screen)
    shown.row(ROW, last=True)
    shown.step("grid 5", Step(0.25, 10, 40), 0.5)
    time.sleep(0.3)
    assert re.search(r"grid 5, epoch 10/40 .* 0:00:0\d .*validation error 2\.50e-03", written(screen))
    shown.row(ROW._replace(validation=math.nan), last=True)
    shown.step("grid 10", None, None)
    time.sleep(0.3)
    assert re.search(r"grid 10 .* training error 1\.50e-03", written(screen))
    shown.stopping()
    time.sleep(0.3)
    shown.close()
    assert "ending with the best so far; Ctrl-C once more aborts" in written(screen)
    assert written(screen).endswith("\x1b[2K")  # the line is erased


def test_short_fits_show_nothing_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked, expected in (("auto", False), (True, True), (False, False)):
        screen = terminal()
        shown = FitProgress(asked, screen)
        shown.step("grid 5", None, None)
        shown.close()
        assert bool(written(screen)) is expected
    screen = terminal()
    shown = FitProgress("auto", screen)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3)
    shown.step("grid 5", None, None)
    shown.close()
    assert written(screen)


def test_a_log_has_lines_of_rounds_and_few_of_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Console(file=io.StringIO(), width=60)
    shown = FitProgress(True, log)
    for last, count in ((True, 1), (True, 2), (False, 2)):
        shown.row(ROW, last=last)
        assert written(log) == count * LINE
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3)
    shown.row(ROW, last=False)
    assert written(log) == 3 * LINE
    FitProgress("auto", log).row(ROW, last=True)
    assert written(log) == 3 * LINE


def test_a_fit_prints_its_lines_on_stderr_when_asked(capfd: pytest.CaptureFixture[str]) -> None:
    fitted("lm", progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert re.match(r"\[ +\d+\.\d s\] grid 5, 72 parameters: training \d\.\d\de-\d\d, validation \d", err)


@each_solver
def test_a_fit_is_quiet_where_no_terminal_is(solver: Any, quiet: None) -> None:
    fitted(solver, lambda row: row.round == 2)
