"""A studio that is killed goes on where its page last saw it; `edgewise bench studio-kills` does it 20 times."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'edgewise[studio]'")
if os.name == "nt":
    pytest.skip("Windows has no signal that nothing handles", allow_module_level=True)

from edgewise_bench.benchmarks.studies.studio import killed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "seconds"), [(1, 0.1), *(pytest.param(*each, marks=pytest.mark.slow) for each in [(0, 0.4), (3, 0.8)])]
)
def test_what_was_confirmed_is_there_after_a_kill(tmp_path: Path, seed: int, seconds: float) -> None:
    """Odd seeds are killed while they save."""
    row = killed(tmp_path, seed, seconds, restart=False)
    assert row["as_confirmed"], row
    assert int(str(row["answers"])) >= 2 and row["saving"] == (seed % 2 == 1)
