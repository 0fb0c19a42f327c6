"""An installation without extras trains and keeps networks; what needs an extra says which one, in one sentence."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: a package, and one extra that brings it
PACKAGES = {
    "anywidget": "studio", "joblib": "discover", "matplotlib": "plot", "onnx": "onnx", "optuna": "sweep",
    "pandas": "tables", "pint": "units", "pyarrow": "tables", "rich": "command", "sklearn": "tables",
    "starlette": "studio", "typer": "command", "uvicorn": "studio",
}  # fmt: skip
NAMES = {"sklearn": "scikit-learn"}
#: torch brings these
BROUGHT = {"jinja2", "sympy"}

BARE = f"""
import sys
sys.modules.update(dict.fromkeys({sorted(PACKAGES)}))  # as if they were not installed
import numpy as np
import torch
import edgewise as ew
from edgewise import InputError
x = np.random.default_rng(0).uniform(-1, 1, (80, 2))
y = x[:, 0] * x[:, 1]
model = ew.KAN([2, 2, 1])
"""


def bare(code: str, folder: Path) -> str:
    """Run code where no package of an extra can be imported; return what it printed."""
    command = [sys.executable, "-c", BARE + code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_requirements_are_five_and_extras_bring_the_others() -> None:
    assert [Requirement(text).name for text in PROJECT["dependencies"]] == [
        "torch", "numpy", "scipy", "numba", "safetensors",
    ]  # fmt: skip
    extras = PROJECT["optional-dependencies"]
    for package, extra in PACKAGES.items():
        assert NAMES.get(package, package) in {Requirement(text).name for text in extras[extra]}, package
    every = {Requirement(text).name for name, texts in extras.items() if name not in ("dev", "docs") for text in texts}
    named = {NAMES.get(package, package) for package in PACKAGES}
    assert every - {"edgewise", "onnxruntime"} - BROUGHT == named


def test_layers_fits_surgery_and_files_need_no_extra(tmp_path: Path) -> None:
    code = """
ew.nn.KANLayer(4, 3)(torch.randn(5, 4)).sum().backward()
fit = ew.fit(model, x, y, grids=[3], options=ew.Options(restarts=1, progress=True))
small = ew.prune(fit.model, x, y)
ew.save(small.model, "net.safetensors")
ew.load("net.safetensors")
small.model.save_pretrained("folder")
ew.KAN.from_pretrained("folder")
ew.update(fit.model, x, y)
print(ew.symbolic.snap(small.model, x, y).report()[:4], ew.export.c(fit.model)[:2], ew.pde.Box(x=(0, 1)) is not None)
"""
    assert bare(code, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"net.safetensors", "folder"}


@pytest.mark.parametrize(
    ("call", "extra"),
    [
        ("ew.plot", "plot"),
        ("ew.plot.network(model, x)", "plot"),
        ("ew.estimators.KANRegressor()", "tables"),
        ("ew.interpret.edge_table(model, x)", "tables"),
        ("ew.sweep(x, y)", "sweep"),
        ("ew.studio.open(x, target=y)", "studio"),
        ("ew.export.to_onnx(model, 'net.onnx')", "onnx"),
        ("ew.discover(x, y, n_jobs=2)", "discover"),
        ("ew.io.read_table('table.parquet')", "tables"),
    ],
)
def test_what_needs_an_extra_names_it(call: str, extra: str, tmp_path: Path) -> None:
    (tmp_path / "table.parquet").write_bytes(b"PAR1")
    code = f"""
try:
    {call}
except (InputError, ImportError) as error:
    print(error)
"""
    said = bare(code, tmp_path)
    assert said.count("\n") == 1 and f"pip install 'edgewise[{extra}]'." in said


def test_the_command_without_its_packages_is_one_sentence(tmp_path: Path) -> None:
    said = bare("from edgewise.cli import main; sys.stderr = sys.stdout; print(main(['--help']))", tmp_path)
    assert said == "edgewise: error: This needs the package typer: pip install 'edgewise[command]'.\n2\n"


def test_a_missing_benchmark_names_its_distribution(tmp_path: Path) -> None:
    code = """
import importlib.metadata as metadata, sys
metadata.entry_points = lambda **_: ()
from edgewise.cli import main
sys.exit(main(["bench", "--quick"]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "edgewise: error: edgewise bench is a command of edgewise-bench: pip install edgewise-bench\n"


def test_the_lowest_versions_that_are_tested_are_those_declared() -> None:
    texts = [
        text
        for name, texts in PROJECT["optional-dependencies"].items()
        if name not in ("dev", "docs")
        for text in texts
    ]
    declared = {
        Requirement(text).name: str(Requirement(text).specifier).removeprefix(">=")
        for text in PROJECT["dependencies"] + texts
    }
    lines = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    lowest = dict(line.split("==") for line in lines if "==" in line)
    wanted = {
        name: version for name, version in declared.items() if name not in ("edgewise", "sympy")
    }  # torch pins sympy
    assert {name: Version(version) for name, version in lowest.items()} == {
        name: Version(version) for name, version in wanted.items()
    }


def test_the_command_lists_the_benchmarks_without_loading_torch(tmp_path: Path) -> None:
    code = "import sys, edgewise_bench.commands; print([name for name in ('torch', 'numpy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
