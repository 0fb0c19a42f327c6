"""Bases, solvers, languages, forms and benchmarks of other distributions, found by their entry points."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE = """
from dataclasses import dataclass

from edgewise.bases import Chebyshev
from edgewise.export import Language
from edgewise.forms import Form, Parameter
from edgewise.optim import LM


@dataclass(frozen=True)
class Cosines(Chebyshev):
    name = "cosines"


COSINES = Cosines()
SOLVER = LM()
UPPER = Language("upper", (".txt",), lambda source: str(source.expressions[0]).upper())
SECH = Form(
    "sech pulse", "A/cosh(x/w)", {"x": "place"}, (Parameter("A", "height", "y"), Parameter("w", "width", "x")), "waves"
)
"""
BENCHMARK = """
from edgewise_bench import Benchmark


class Loops(Benchmark):
    name, title, file = "loops", "Loops", "loops.csv"

    def cases(self, settings):
        return []

    def measure(self, case, settings):
        return []

    def table(self, rows):
        return [], []


LOOPS = Loops()
"""
POINTS = {
    "bases": "cosines = plugged:COSINES",
    "solvers": "damped = plugged:SOLVER",
    "languages": "upper = plugged:UPPER",
    "forms": "sech pulse = plugged:SECH",
    "benchmarks": "loops = plugged_bench:LOOPS",
}


def install(folder: Path, name: str, points: dict[str, str], **modules: str) -> None:
    """Install a distribution into a folder, as pip leaves it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n")
    text = "\n".join(f"[edgewise.{kind}]\n{point}\n" for kind, point in points.items())
    (info / "entry_points.txt").write_text(text)
    for module, content in modules.items():
        (folder / f"{module}.py").write_text(content)


def run(folder: Path, code: str) -> list[str]:
    """Return the lines that a new process prints in which the folder's distributions are installed."""
    known = [str(folder), str(ROOT / "src"), str(ROOT / "benchmarks" / "src")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(known)}
    command = [sys.executable, "-c", f"import sys\nimport edgewise as ew\nfrom edgewise import InputError\n{code}"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_members_of_an_installed_distribution_are_found_by_name(tmp_path: Path) -> None:
    install(tmp_path / "site", "plugged", POINTS, plugged=MODULE, plugged_bench=BENCHMARK)
    code = """
import torch

x = torch.linspace(-1, 1, 60, dtype=torch.float64)[:, None]
fit = ew.fit(ew.KAN([1, 1]), x, x**2, grids=[3], options=ew.Options(progress=False))
print("plugged" in sys.modules, ew.bases.named("rbf").name)
print("upper" in ew.export.languages(), "plugged" in sys.modules)
ew.save(ew.KAN([1, 1], basis="cosines"), "own.safetensors")
print(type(ew.load("own.safetensors").layers[0].basis).__name__, "plugged_bench" in sys.modules)
fit = ew.fit(ew.KAN([1, 1]), x, x**2, grids=[3], solver="damped", options=ew.Options(progress=False))
print(fit.train_error < 1e-3)
import sympy
print(ew.export.text(sympy.Symbol("a") + 1, "upper"))
print(ew.forms.get("Sech Pulse").formula, "sech pulse" in ew.forms.names("waves"))
from edgewise_bench.benchmarks import named
print(type(named("loops")).__name__)
try:
    ew.KAN([1, 1], basis="cosine")
except InputError as error:
    print(error)
"""
    assert run(tmp_path / "site", code) == [
        "False rbf",
        "True False",
        "Cosines False",
        "True",
        "A + 1",
        "A/cosh(x/w) True",
        "Loops",
        "Unknown basis 'cosine'. Known: cosines, bspline, linear, fourier, chebyshev, rbf. Did you mean 'cosines'?",
    ]


def test_what_cannot_be_used_names_its_distribution(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(site, "gone", {"bases": "lost = no_such_module:BASIS", "languages": "c = plugged:OWN_C"})
    install(site, "plugged", {"bases": "sines = plugged:COSINES", "solvers": "no = plugged:UPPER"}, plugged=MODULE)
    install(site, "third", {"forms": "Hill = third:HILL"}, third="from edgewise.forms import get\nHILL = get('Hill')")
    code = """
for call in (
    lambda: ew.KAN([1, 1], basis="lost"),
    lambda: ew.KAN([1, 1], basis="sines"),
    lambda: ew.fit(ew.KAN([1, 1]), [[0.0], [1.0]], [[0.0], [1.0]], solver="no"),
    lambda: ew.forms.names(),
    lambda: print(ew.bases.named("rbf").name, ew.export.language("c").endings, ew.forms.get("Hill").name),
):
    try:
        call()
    except InputError as error:
        print(error)
"""
    end = "): update or uninstall it."
    assert run(site, code) == [
        "'lost', which the distribution gone adds to edgewise.bases, cannot be used (No module named 'no_such_module'"
        + end,
        "'sines', which the distribution plugged adds to edgewise.bases, cannot be used (it has another name" + end,
        "'no', which the distribution plugged adds to edgewise.solvers, cannot be used (it is no object with the "
        "members of LeastSquaresSolver or GradientSolver" + end,
        "'Hill', which the distribution third adds to edgewise.forms, cannot be used (The form name 'Hill' is taken. "
        "Choose another name" + end,
        "rbf ('.c',) Hill",
    ]
