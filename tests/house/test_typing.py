"""Code that uses the library passes a strict type checker, and a misspelled name does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MISSPELLED = [
    'ew.KAN([1, 1], basis="bsplin")',
    'ew.KAN([1, 1], base="silo")',
    'ew.nn.KANLayer(1, 1, basis="chebychev")',
    'ew.fit(ew.KAN([1, 1]), [[0.0]], [0.0], solver="adem")',
    'ew.fit(ew.KAN([1, 1]), [[0.0]], [0.0], loss="hubert")',
    'ew.kernels.forced(route="spars")',
    'ew.kernels.forced(backend="numbra")',
    'ew.plot.network(ew.KAN([1, 1]), layout="gird")',
    'ew.fit(ew.KAN([1, 1]), [0.0], [0.0], solver="ml")',
    'ew.fit(ew.KAN([1, 1]), [0.0], [0.0], loss="hubert")',
    'ew.fit(ew.KAN([1, 1]), [0.0], [0.0], grids="automatic")',
    'ew.Options(smoothing="none")',
    'ew.optim.Adam(schedule="cosin")',
    'ew.optim.Adam(precision="float8")',
    'ew.pde.Box(x=(0, 1)).points(9, how="sobl")',
    "ew.KAM([1, 1])",
]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, str]]:
    """What pyright says, by file and line, of `typed.py` and of a file with a misspelled name in every line."""
    pytest.importorskip("pyright")
    folder = tmp_path_factory.mktemp("typing")
    (folder / "typed.py").write_bytes((ROOT / "tests" / "typed.py").read_bytes())
    (folder / "misspelled.py").write_text("\n".join(["import edgewise as ew", *MISSPELLED, ""]))
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT / "src")], "pythonVersion": "3.11"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 2
    found: dict[str, dict[int, str]] = {"typed.py": {}, "misspelled.py": {}}
    for row in report["generalDiagnostics"]:
        found[Path(row["file"]).name][row["range"]["start"]["line"]] = row["message"]
    return found


@pytest.mark.slow
def test_the_public_interface_is_typed(errors: dict[str, dict[int, str]]) -> None:
    assert errors["typed.py"] == {}


@pytest.mark.slow
def test_a_misspelled_name_is_an_error(errors: dict[str, dict[int, str]]) -> None:
    assert [MISSPELLED[line - 1] for line in errors["misspelled.py"]] == MISSPELLED
