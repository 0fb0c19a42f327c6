"""Options of hostile values: InputError in one line or a result, in bounded time and memory, and nothing else."""

from __future__ import annotations

import contextlib
import io
import math
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fuzzing import fuzz
from hypothesis import example, given
from hypothesis import strategies as st

import edgewise as ew
from edgewise import optim, train
from edgewise.cli import main
from edgewise.nn import KANLayer

_BOUND = 120.0  # seconds of one case, on a machine that does much else
_MEMORY = 6 * 2**30  # bytes of address space beyond what the process has

X = torch.linspace(-1, 1, 24, dtype=torch.float64).unsqueeze(1)
Y = X[:, 0] ** 2

HOSTILE: list[Any] = [
    None, True, False, 0, -1, 1, 2, 3, 5, 7, 10**5, 10**9, 10**12, 10**21, 10**400, -(10**21), 0.0, -0.0, 0.5, 1.0, 1.5,
    -1.5, 1e-320, 1e308, math.nan, math.inf, -math.inf, "", "auto", "lm", "silu", "linear", "5", "\0", "é" * 50, b"x",
    [], [3], [1, 2], [2, [3]], (), (0, 1), (-1.0, 1.0), (1, -1), (math.nan, 1), (0, 10**400), (3, [2, 3]), {}, {"a": 1},
    {3}, object(), int, print, lambda *_: "stop", np.int64(3), np.float32(0.5), np.bool_(True), np.array(3),
    np.array([1, 2]), torch.tensor(3), torch.tensor([1.0, 2.0]), torch.float32, torch.float16, torch.int64,
    torch.complex64, range(3), range(0), 3 + 4j,
]  # fmt: skip
values = st.one_of(
    st.sampled_from(HOSTILE),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.one_of(st.integers(-2, 6), st.sampled_from(HOSTILE)), max_size=4),
    st.tuples(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE)),
)


@pytest.fixture(scope="module", autouse=True)
def little_memory() -> Iterator[None]:
    """What asks for more address space than this fails at once, instead of filling the machine."""
    resource = pytest.importorskip("resource")
    status = Path("/proc/self/status")
    if not status.exists():
        yield
        return
    size = 1024 * int(next(line for line in status.read_text().splitlines() if line.startswith("VmSize")).split()[1])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + _MEMORY, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def refused_or_done(call: Callable[[], Any]) -> None:
    began = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except ew.InputError as error:
        assert str(error)
        assert "\n" not in str(error)
    assert time.perf_counter() - began < _BOUND


def options(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), values, min_size=1, max_size=2)


@fuzz(40)
@given(options(["widths", "basis", "grid", "degree", "base", "domain", "init", "seed", "dtype"]))
def test_options_of_a_network(changed: dict[str, Any]) -> None:
    arguments = {"widths": [1, 2, 1], **changed}
    refused_or_done(lambda: ew.KAN(**arguments)(X))


@fuzz(30)
@given(options(["n_in", "n_out", "basis", "grid", "degree", "base", "domain", "init", "dtype"]))
def test_options_of_a_layer(changed: dict[str, Any]) -> None:
    refused_or_done(lambda: KANLayer(**{"n_in": 1, "n_out": 1, **changed}))


SETTINGS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "Options": (
        ew.Options,
        ["validation", "smoothing", "restarts", "seed", "time_limit", "callbacks", "progress", "test"],
    ),
    "LM": (optim.LM, ["steps", "tolerance", "damping"]),
    "CG": (optim.CG, ["steps", "tolerance", "damping", "inner", "accuracy"]),
    "LBFGS": (optim.LBFGS, ["steps", "history", "patience"]),
    "Adam": (
        optim.Adam,
        ["epochs", "batch", "rate", "schedule", "weight_decay", "clip", "accumulate", "precision", "patience"],
    ),
    "Huber": (train.Huber, ["width"]),
    "Cauchy": (train.Cauchy, ["width"]),
}


@fuzz(40)
@given(st.data())
def test_settings_are_refused_or_can_be_fitted_with(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(SETTINGS)))
    make, names = SETTINGS[kind]
    changed = data.draw(options(names))
    changed = {name: _bounded(value) for name, value in changed.items()}
    if kind == "Options":
        changed.setdefault("time_limit", 0.3)
    if isinstance(changed.get("time_limit"), float | int) and changed["time_limit"] > 1:
        changed["time_limit"] = 0.2

    def run() -> None:
        made = make(**changed)
        role = {"Options": "options", "Huber": "loss", "Cauchy": "loss"}.get(kind, "solver")
        arguments = {"options": ew.Options(time_limit=0.3, restarts=1), "grids": [2], role: made}
        ew.fit(ew.KAN([1, 1]), X, Y, **arguments)

    refused_or_done(run)


@fuzz(40)
@given(
    options(["model", "x", "y", "weights", "loss", "grids", "sparsity", "solver", "options"]),
    st.sampled_from([[1, 1], [1, 2, 1], [1, (0, 1)]]),
)
@example({"sparsity": 10**30}, [1, 1])  # an int that torch cannot hold
def test_arguments_of_fit(changed: dict[str, Any], widths: list[Any]) -> None:
    arguments = {
        "model": ew.KAN(widths),
        "x": X,
        "y": Y,
        "grids": [2],
        "options": ew.Options(time_limit=0.3, restarts=1),
    }
    refused_or_done(lambda: ew.fit(**{**arguments, **changed}))


@fuzz(40)
@given(options(["model", "x", "y", "weights", "keep", "anchors", "steps"]))
def test_arguments_of_update(changed: dict[str, Any]) -> None:
    refused_or_done(lambda: ew.update(**{"model": ew.KAN([1, 1]), "x": X, "y": Y, "steps": 3, **changed}))


SNAPPED: dict[str, Any] = {"x": X, "y": Y, "functions": ["x", "x^2"]}


def _bounded(value: Any) -> Any:
    """Whole numbers that are neither small nor hopeless are work that takes as long as it should."""
    return value % 50 if isinstance(value, int) and 200 < value < 10**6 else value


@fuzz(40)
@given(st.data())
def test_arguments_of_what_reads_a_network(data: st.DataObject) -> None:
    model = ew.KAN([1, 1], grid=2)
    call, fixed, names = data.draw(
        st.sampled_from(
            [
                (ew.prune, {"x": X, "y": Y}, ["x", "y", "threshold", "slack"]),
                (ew.symbolic.snap, SNAPPED, ["functions", "forbid", "choose", "slack", "rounding"]),
                (ew.nn.adapt_grid, {"x": X}, ["x", "grid", "margins", "quantiles"]),
                (ew.nn.refine_grid, {}, ["factor"]),
            ]
        )
    )  # fmt: skip
    changed = {name: _bounded(value) for name, value in data.draw(options(names)).items()}
    refused_or_done(lambda: call(model, **{**({} if fixed else {"factor": 2}), **fixed, **changed}))


DISCOVERY = [
    "x", "y", "names", "target", "noise", "seed", "sigma", "weights", "loss", "trials", "correlated", "groups",
    "missing", "effort", "rounding", "n_jobs", "save", "resume",
]  # fmt: skip


@fuzz(10)
@given(options([*DISCOVERY, "time_limit", "progress"]))
def test_arguments_of_discover(changed: dict[str, Any]) -> None:
    limit = changed.get("time_limit")
    if isinstance(limit, float | int) and not isinstance(limit, bool) and limit > 1:
        changed["time_limit"] = 0.3
    refused_or_done(lambda: ew.discover(**{"x": X, "y": Y, "time_limit": 0.3, **changed}))


# the commands

TEXTS = [
    "", "0", "1", "-1", "2", "3", "5", "1.5", "nan", "inf", "-inf", "1e400", "1" * 22, "9" * 500, "auto", "exact",
    "a", "y", "a,b", "b,a", ",",
    "x" * 300, "\x1b[31m", "é", "--seed", "-h", ".", "..", "/", "t.csv", "m.safetensors", "no.csv",
    "2,1", "2,2,1", "2,3,1,1", "2,5000,1", "2,10000000000,1", "2,1,2", "2,0,1", "nan,1", "2," * 400 + "1", "c", "latex",
    "numpy", "net.svg", "net.doc", "True", "\t", "a\nb",
]  # fmt: skip
COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "fit": (
        ["t.csv", "--target", "y", "--grid", "2"],
        ["--target", "--inputs", "--out", "--widths", "--grid", "--degree", "--seed"],
    ),
    "discover": (
        ["t.csv", "--target", "y", "--time-limit", "0.3"],
        ["--target", "--inputs", "--noise", "--out", "--seed"],
    ),
    "relations": (["t.csv", "--seeds", "1", "--no-formulas", "--time-limit", "0.3"], ["--columns", "--seed", "--out"]),
    "predict": (["m.safetensors", "t.csv"], ["--out"]),
    "plot": (["m.safetensors", "t.csv"], ["--out"]),
    "export": (["m.safetensors", "--to", "c"], ["--to", "--out"]),
    "nothing": ([], ["--help", "--version", "fit"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("options")
    with contextlib.chdir(place):
        yield place


def _fresh(place: Path) -> None:
    rows = "\n".join(f"{i / 10},{i * i % 7},{i * i % 11}" for i in range(12))
    (place / "t.csv").write_text(f"a,b,y\n{rows}\n")
    ew.save(ew.KAN([2, 1]), place / "m.safetensors", names=["a", "b"], target="y")


@fuzz(8)
@given(st.data())
def test_command_lines(folder: Path, data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(sorted(COMMANDS)))
    fixed, names = COMMANDS[command]
    text = st.one_of(st.sampled_from(TEXTS), st.text(max_size=6), st.integers().map(str))
    extra = data.draw(st.lists(st.tuples(st.sampled_from(names), text), max_size=2))
    argv = [command, *fixed, *(word for pair in extra for word in pair)]
    _fresh(folder)
    out, err = io.StringIO(), io.StringIO()
    began = time.perf_counter()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = main(argv)
    assert code in (0, 2), argv
    assert "Traceback" not in out.getvalue() + err.getvalue()
    if code == 2:
        last = err.getvalue().splitlines()[-1]
        assert last.startswith("edgewise: error: ")
    assert time.perf_counter() - began < _BOUND, argv
