"""The world that the tests run in: one thread, the same examples every time, and an empty folder where asked."""

from __future__ import annotations

import gc
import importlib.util
import os
import random
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

import edgewise as ew

torch.set_num_threads(1)
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell starts what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # which nohup ignores, and whatever a test starts would too
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
settings.register_profile(
    "edgewise",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("edgewise")
_ARENA = {"tabarena": "info", "autogluon": "model"}  # packages that CI has not, and what imports them
collect_ignore = [
    f"benchmarks/src/edgewise_bench/tabarena/{name}.py"
    for package, name in _ARENA.items()
    if importlib.util.find_spec(package) is None
]


def pytest_configure(config: pytest.Config) -> None:
    """Let torch's first forward-mode call pass: it scripts a module of its own, and warns of that itself."""
    config.addinivalue_line("filterwarnings", "ignore:`torch.jit.script.*` is deprecated:DeprecationWarning")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collected tests, nearly a million objects that stay, out of every garbage collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """Compile the usual kernels before anything else, since compiling is told on stderr.

    Every second process begins with the other dtype: each finds half of them compiled.
    """
    dtypes = [torch.float32, torch.float64]
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0")[-1] in "13579":
        dtypes.reverse()
    for dtype in dtypes:
        ew.kernels.prepare(dtype=dtype)


@pytest.fixture(autouse=True)
def languages_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the languages that a test or a page registers: other tests run in this process."""
    known = {name: ew.export.language(name) for name in ew.export.languages()}
    monkeypatch.setattr("edgewise.interpret.export._printer._LANGUAGES", known)


@pytest.fixture(scope="session")
def forms_at_first() -> dict[str, Any]:
    """The laws that come with edgewise, by their names."""
    return {name: ew.forms.get(name) for name in ew.forms.names()}


@pytest.fixture(autouse=True)
def forms_as_before(forms_at_first: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the laws that a test or a page registers."""
    monkeypatch.setattr("edgewise.formulas.forms._registry._FORMS", dict(forms_at_first))


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run the test in an empty folder, which must be empty at the end as well."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert list(tmp_path.rglob("*")) == []


@pytest.fixture
def quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Require that the test prints nothing and leaves torch's, numpy's and Python's random states alone."""

    def states() -> tuple[object, ...]:
        kind, keys, *rest = np.random.get_state()  # noqa: NPY002 (the global state is what is watched)
        return (torch.get_rng_state().tolist(), random.getstate(), kind, keys.tolist(), rest)

    before = states()
    yield
    assert states() == before
    assert capfd.readouterr() == ("", "")


_SAFE = ["x", "x^2", "exp", "sin", "tanh", "gaussian", "atan", "cos"]


@pytest.fixture
def mixed_network() -> Callable[..., ew.KAN]:
    """Return a function that makes networks with every kind of edge: splines, removed, symbolic, partly frozen."""

    def make(widths: Sequence[Any], *, seed: int = 0, symbolic: float = 0.3, **arguments: Any) -> ew.KAN:
        generator = torch.Generator().manual_seed(seed)
        model = ew.KAN(widths, seed=seed, **{"grid": 4, **arguments})
        for number, layer in enumerate(model.layers):
            for j in range(layer.n_out):
                for i in range(layer.n_in):
                    draw = torch.rand(3, generator=generator)
                    affine = (0.5 + torch.rand(4, generator=generator)).tolist()
                    if draw[0] < symbolic:
                        name = _SAFE[int(draw[1] * len(_SAFE))]
                        model = ew.nn.set_function(model, number, j, i, name, affine)
                    elif draw[2] < 0.2 and layer.n_in > 1 and i > 0:
                        model = ew.nn.remove_edges(model, [(number, j, i)])
            free = model.layers[number].affine_free
            free &= torch.rand(free.shape, generator=generator) < 0.7
        return model

    return make
