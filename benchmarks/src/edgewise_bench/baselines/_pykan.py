"""The pykan baseline: its environment, and training as in its own notebooks, by L-BFGS on finer and finer grids."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

import contextlib
import io
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch

import edgewise
from edgewise._errors import EdgewiseError
from edgewise._replacing import replacing
from edgewise._typing import Array
from edgewise_bench.baselines._training import parameter_count

_WANTED = ("pykan==0.2.8", "pyyaml", "tqdm", "setuptools")
_DONE = "installed.txt"


def baseline_environment(folder: Path | None = None) -> str:
    """Return the interpreter of the environment of the baselines, which is created if needed.

    `folder` is by default one in the user's cache. Errors: EdgewiseError when a package cannot be installed.
    """
    folder = folder or Path(platformdirs.user_cache_dir("edgewise")) / "baselines"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    own = [str(Path(edgewise.__file__).parents[1]), str(Path(__file__).parents[2])]
    shared = [*dict.fromkeys([*own, *(path for path in sys.path if path.endswith("site-packages"))])]
    wanted = "\n".join((*_WANTED, sys.version, *shared))
    if python.exists() and (folder / _DONE).exists() and (folder / _DONE).read_text(encoding="utf-8") == wanted:
        return str(python)
    venv.create(folder, clear=True, with_pip=True)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    with replacing(Path(packages) / "shared.pth") as file:  # edgewise and its dependencies are imported from here
        file.write("\n".join(shared).encode())
    command = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q", *_WANTED]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip ended"])[-1]
        raise EdgewiseError(f"The baselines could not be installed into {folder}: {last}")
    with replacing(folder / _DONE) as file:
        file.write(wanted.encode())
    return str(python)


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Temporarily set torch's default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Discard what is printed."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def pykan_rows(train: tuple[Array, Array]) -> Mapping[str, torch.Tensor]:
    """Return rows as pykan's `fit` takes them, with one test row, because `fit` evaluates them in each step."""
    x, y = (torch.from_numpy(np.ascontiguousarray(part.reshape(len(part), -1))) for part in train)
    return {"train_input": x, "train_label": y, "test_input": x[:1], "test_label": y[:1]}


def pykan_refined(widths: Sequence[int], grids: Sequence[int], inputs: torch.Tensor, seed: int) -> Iterator[Any]:
    """Import the library, and iterate over its network on the first grid, then on finer ones, trained in between.

    Speed mode is on: without it, each step stores activations.
    """
    from kan import KAN

    def networks() -> Iterator[Any]:
        model = KAN(width=list(widths), grid=grids[0], k=3, seed=seed, auto_save=False).speed()
        yield model
        for grid in grids[1:]:
            model.cache_data, model.save_act = inputs, True  # `refine` reads stored activations
            model = model.refine(grid).speed()
            yield model

    return networks()


def pykan_stages(
    widths: Sequence[int], train: tuple[Array, Array], grids: Sequence[int], steps: int, seed: int
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Train on coarse grids, then on finer ones, as the notebooks do; yield the network and columns of a row.

    Seconds are CPU time.
    """
    rows = pykan_rows(train)
    models, began = pykan_refined(widths, grids, rows["train_input"], seed), time.process_time()
    with default_dtype(torch.float64), silenced():
        for grid, model in zip(grids, models, strict=True):
            model.fit(rows, opt="LBFGS", steps=steps)
            found = {"shape": str(widths), "grid": grid, "parameters": pykan_parameters(model)}
            yield model, {**found, "seconds": time.process_time() - began}


def pykan_formula(x: Array, y: Array, names: Sequence[str], steps: int) -> Any:
    """Train [n, 5, 1] with its notebook's sparsity, prune, train, refine to 10 cells, train, choose functions, train.

    Returns a sympy expression. Everything else is at the library's defaults.
    """
    import sympy
    from kan import KAN

    rows, inputs = pykan_rows((x, y)), torch.from_numpy(x)
    with default_dtype(torch.float64), silenced():
        model = KAN(width=[x.shape[1], 5, 1], grid=3, k=3, seed=42, auto_save=False)
        model.fit(rows, opt="LBFGS", steps=steps, lamb=1e-3)
        model(inputs)
        model = model.prune_node(log_history=False)  # `prune` does the same, but its copy writes files
        model.auto_save = False
        model(inputs)
        model.attribute()
        model.prune_edge(log_history=False)
        model.fit(rows, opt="LBFGS", steps=steps)
        model = model.refine(10)
        model.auto_save = False
        model.fit(rows, opt="LBFGS", steps=steps)
        model(inputs)
        model.auto_symbolic()
        model.fit(rows, opt="LBFGS", steps=steps)
        return model.symbolic_formula(var=[sympy.Symbol(name) for name in names])[0][0]


def pykan_parameters(model: Any) -> int:
    """Count the trained numbers without those of symbolic edges, which speed mode leaves out."""
    return parameter_count(model.act_fun)
