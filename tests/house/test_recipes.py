"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the checkout: what they name is all it takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("src", "tests", "docs", "benchmarks/src")
FILES = ("conftest.py", "pyproject.toml", "CONTRIBUTING.md", "README.md", "benchmarks/pyproject.toml")

LEGENDRE = '''

@final
@dataclass(frozen=True)
class Legendre(Basis):
    """Legendre polynomials P_0 to P_G; `grid` is the degree G, K = G + 1."""

    name = "legendre"
    max_grid = 50

    def count(self, grid: int) -> int:
        """Return K = grid + 1."""
        return grid + 1

    def grid(self, count: int) -> int:
        """Return the degree of a number of functions."""
        return count - 1

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        """Return the functions by (n + 1) P_{n+1} = (2 n + 1) u P_n - n P_{n-1}, differentiated by Leibniz' rule."""
        u = (2 * x - lo - hi) / (hi - lo)
        zero = torch.zeros_like(u)
        table = [[zero + 1, u], *([zero, zero + (d == 1)] for d in range(1, order + 1))]
        for n in range(1, count - 1):
            for d in reversed(range(order + 1)):
                below = d * table[d - 1][n] if d else 0
                table[d].append(((2 * n + 1) * (u * table[d][n] + below) - n * table[d][n - 1]) / (n + 1))
        return torch.stack(table[order][:count], dim=-1) * (2 / (hi - lo)).unsqueeze(-1) ** order


BasisName ='''

FORMULA = """def _legendre(x: np.ndarray, lo: float, hi: float, m: int, order: int) -> np.ndarray:
    from numpy.polynomial import legendre

    series = legendre.Legendre.basis(m, domain=[lo, hi])
    return (series.deriv(order) if order else series)(x)


FUNCTIONS = {
    "legendre 4": Functions(bases.BASES["legendre"], RANGE, 5, _legendre),"""

ACTION = '''    @acting()
    def fade_edge(self, edge: Edge, gain: float = 0.5) -> Self:
        """Multiply the curve of an edge by a number below 1; its mean over the rows stays."""
        self._now.active_edge(edge)
        gone = nn.replace_by_mean(self._now.model, edge, self.table.x)
        return self._changed(self._now.model if gain < 1 else gone)

    @acting()
    def remove_node('''


class Checkout:
    """A copy of the checkout, to be edited and tested."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.csv", "*.png"))
        for csv in (ROOT / "src").rglob("*.csv"):
            shutil.copy(csv, folder / csv.relative_to(ROOT))
        for name in FILES:
            shutil.copy(ROOT / name, folder / name)

    def replace(self, file: str, old: str, new: str) -> None:
        text = (self.folder / file).read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}: the recipe names another place"
        (self.folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    def test(self, *arguments: str, least: int) -> None:
        """Run tests there; at least so many must pass, and none may fail."""
        paths = os.pathsep.join(str(self.folder / part) for part in ("src", "benchmarks/src"))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=self.folder, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:]
        assert int(done.stdout.rsplit(" passed", 1)[0].split()[-1]) >= least, done.stdout[-500:]


def basis(checkout: Checkout) -> None:
    file = "src/edgewise/nn/bases/_bases.py"
    checkout.replace(file, "\nBasisName =", LEGENDRE)
    checkout.replace(file, 'Literal["bspline",', 'Literal["legendre", "bspline",')
    checkout.replace(file, '"rbf": RBF(),', '"rbf": RBF(), "legendre": Legendre(),')
    checkout.replace("tests/families.py", "FUNCTIONS = {", FORMULA)
    checkout.replace(
        "docs/bases.md", '| `"fourier"` |', '| `"legendre"` | polynomials | the degree | grid + 1 | |\n| `"fourier"` |'
    )
    tests = "tests/kernels/test_family.py", "tests/nn/test_bases.py", "tests/nn/test_family_networks.py"
    checkout.test(*tests, "-k", "legendre", least=30)


def function(checkout: Checkout) -> None:
    row = 'Function("gudermannian", lambda x: torch.atan(torch.sinh(x)), '
    row += 'lambda x: _symbolic("atan")(_symbolic("sinh")(x)), complexity=4),\n    Function("asinh",'
    checkout.replace("src/edgewise/formulas/functions/_library.py", 'Function("asinh",', row)
    tests = "tests/formulas/test_functions.py", "tests/interpret/test_domain.py", "tests/interpret/test_onnx.py"
    checkout.test(*tests, "tests/nn/test_curve.py", "tests/formulas/test_formula.py", "-k", "gudermannian", least=8)


def action(checkout: Checkout) -> None:
    checkout.replace("src/edgewise/networks/session/_steering.py", "    @acting()\n    def remove_node(", ACTION)
    readers = "src/edgewise/networks/session/_actions.py"
    checkout.replace(readers, '_each("slack sparsity', '_each("slack sparsity gain')
    checkout.replace("src/edgewise/studio/_acts.py", '"steps": "integer",', '"steps": "integer", "gain": "number",')
    cases = "tests/studio/test_studio_desk.py"
    checkout.replace(cases, '    "remove_node": (', '    "fade_edge": ([], {"edge": EDGE}),\n    "remove_node": (')
    checkout.replace(
        "docs/steering.md",
        "| `prune_edge(edge)`",
        "| `fade_edge(edge, gain)` | weaken an edge |\n| `prune_edge(edge)`",
    )
    checkout.test(cases, "-k", "fade_edge or kind or menu", least=1)
    checkout.test("tests/networks/test_session.py", "tests/networks/test_session_replay.py", least=60)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("recipe", [basis, function, action], ids=lambda recipe: recipe.__name__)
def test_what_a_recipe_names_is_all_it_takes(recipe: Callable[[Checkout], None], tmp_path: Path) -> None:
    recipe(Checkout(tmp_path))
