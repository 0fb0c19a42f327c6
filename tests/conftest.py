"""The world that the tests run in: one thread, the same examples every time, and an empty folder where asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
settings.register_profile(
    "edgewise",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("edgewise")


def pytest_configure(config: pytest.Config) -> None:
    """Let torch's first forward-mode call pass: it scripts a module of its own, and warns of that itself."""
    config.addinivalue_line("filterwarnings", "ignore:`torch.jit.script.*` is deprecated:DeprecationWarning")


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run the test in an empty folder, which must be empty at the end as well."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert list(tmp_path.rglob("*")) == []


@pytest.fixture
def quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Require that the test prints nothing and leaves torch's, numpy's and Python's random states alone."""
    import random

    import numpy as np

    def states() -> tuple[object, ...]:
        kind, keys, *rest = np.random.get_state()  # noqa: NPY002 (the global state is what is watched)
        return (torch.get_rng_state().tolist(), random.getstate(), kind, keys.tolist(), rest)

    before = states()
    yield
    assert states() == before
    assert capfd.readouterr() == ("", "")
