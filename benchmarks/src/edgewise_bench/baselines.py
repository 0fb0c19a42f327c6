"""What edgewise is compared with: MLPs, AdamW training of any module, pykan in a separate environment."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

import contextlib
import io
import math
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import platformdirs
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

import edgewise
from edgewise._errors import EdgewiseError, unknown
from edgewise._replacing import replacing
from edgewise._typing import Array
from edgewise.nn import RationalLayer

ACTIVATIONS = {"relu": torch.nn.ReLU, "silu": torch.nn.SiLU, "tanh": torch.nn.Tanh}

_STEPS = 20  # between two looks at the clock

Loss = Callable[[torch.nn.Module], Tensor]


def mlp(sizes: Sequence[int], dtype: torch.dtype = torch.float64, activation: str = "silu") -> torch.nn.Sequential:
    """Build linear layers with biases and an activation between them.

    >>> parameter_count(mlp([2, 100, 100, 100, 1]))
    20601
    """
    if activation not in ACTIVATIONS:
        raise unknown("activation", activation, ACTIVATIONS)
    layers: list[torch.nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [torch.nn.Linear(before, after, dtype=dtype), ACTIVATIONS[activation]()]
    return torch.nn.Sequential(*layers[:-1])


def seeded_mlp(sizes: Sequence[int], seed: int, activation: str = "tanh") -> torch.nn.Sequential:
    """Build an MLP in float64 with the initial weights of a seed."""
    with seeded(seed):
        return mlp(sizes, activation=activation)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global random numbers within a block."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def parameter_count(module: torch.nn.Module) -> int:
    """Count the trained numbers."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def lbfgs(module: torch.nn.Module, loss: Callable[[], Tensor], steps: int = _STEPS) -> Callable[[], float]:
    """Return a function that takes `steps` L-BFGS steps with strong Wolfe line search and returns the loss.

    The loss is scaled up because torch's L-BFGS discards steps whose curvature y's is below 1e-10, and would stall at
    an error near 1e-3.
    """
    scale = 1e6  # of the loss that L-BFGS minimizes
    optimizer = torch.optim.LBFGS(
        module.parameters(), max_iter=steps, history_size=50, tolerance_grad=0, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = scale * loss()
        value.backward()
        return value.detach()

    return lambda: float(optimizer.step(closure))  # type: ignore[arg-type]


def adam(
    module: torch.nn.Module, loss: Callable[[], Tensor], spent: Callable[[], float], steps: int = _STEPS
) -> Callable[[], None]:
    """Return a function that takes `steps` Adam steps; the rate falls from 1e-2 to 1e-4 with the fraction spent."""
    rate = 1e-2
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)

    def step() -> None:
        optimizer.param_groups[0]["lr"] = rate * 0.01 ** spent()
        for _ in range(steps):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()

    return step


class TrainedMLP(NamedTuple):
    """A trained module, its final loss (or validation error), the solver, and the seconds of training."""

    module: torch.nn.Module
    loss: float
    solver: str
    seconds: float


def train_mlp(
    make: Callable[[], torch.nn.Module],
    loss: Loss,
    seconds: float,
    validate: Callable[[torch.nn.Module], float] | None = None,
) -> TrainedMLP:
    """Train by Adam and by L-BFGS for `seconds` each, and return the better result.

    The better one has the lower loss, or the lower `validate` if that is given. Seconds are CPU time. Adam's rate falls
    from 1e-2 to 1e-4; L-BFGS has strong Wolfe line search and a history of 50.
    """
    runs, started = [], 0.0

    def spent() -> float:
        return (time.process_time() - started) / seconds

    for name in ("L-BFGS", "Adam"):
        module, began, last = make(), time.process_time(), math.inf
        own = partial(loss, module)
        train = lbfgs(module, own) if name == "L-BFGS" else adam(module, own, spent)
        started = time.process_time()  # what torch loads for its first optimizer is no part of the time
        while spent() < 1:
            now = train()
            if now is not None and (not math.isfinite(now) or now == last):  # L-BFGS has stalled
                break
            last = now
        with torch.set_grad_enabled(validate is None):  # a loss may differentiate by the inputs
            found = validate(module) if validate else float(loss(module).detach())
        runs.append(TrainedMLP(module, found if math.isfinite(found) else math.inf, name, time.process_time() - began))
    return min(runs, key=lambda run: run.loss)


BatchLoss = Callable[[torch.nn.Module], Tensor]
"""The loss of a model on the next minibatch."""


def adamw_steps(model: torch.nn.Module, loss: BatchLoss, count: int, rate: float) -> Iterator[int]:
    """Take `count` steps of AdamW, and yield the number of steps after each.

    The rate warms up over a tenth of the steps and falls to zero along a cosine. Weights decay by 0.01; biases,
    normalization and the coefficients of rational functions do not.
    """
    optimizer = torch.optim.AdamW(_groups(model), lr=rate, weight_decay=0.0)
    for number in range(1, count + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate * _schedule(number / (count + 1))
        _step(model, loss, optimizer)
        yield number


def minibatches(x: Tensor, y: Tensor, size: int, seed: int = 0) -> BatchLoss:
    """Return the cross-entropy of a model on new rows for each call, the same sequence of them for a seed."""
    generator = torch.Generator().manual_seed(seed)

    def loss(model: torch.nn.Module) -> Tensor:
        rows = torch.randint(len(x), (size,), generator=generator)
        return cross_entropy(model(x[rows]), y[rows])

    return loss


def adamw_milliseconds(models: Mapping[str, torch.nn.Module], loss: BatchLoss, count: int) -> dict[str, float]:
    """Return the median milliseconds of a step of each model, measured in turns so that other load affects all alike.

    CPU time is measured, which `interleaved` and torch's own timer do not: several cases run at once.
    """
    warm_up = 2  # untimed steps
    optimizers = {name: torch.optim.AdamW(_groups(model), lr=0.0) for name, model in models.items()}
    spent: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(warm_up + count):
        for name, model in models.items():
            began = time.process_time()
            _step(model, loss, optimizers[name])
            spent[name].append(1e3 * (time.process_time() - began))
    return {name: median(own[warm_up:]) for name, own in spent.items()}


def used_parameters(model: torch.nn.Module, loss: BatchLoss) -> int:
    """Count the numbers that the loss depends on; constants of symbolic edges that are absent do not count."""
    free = [p for p in model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss(model), free, allow_unused=True)
    return sum(p.numel() for p, gradient in zip(free, gradients, strict=True) if gradient is not None)


def _schedule(done: float) -> float:
    warmup = 0.1  # of the steps
    if done < warmup:
        return done / warmup
    return (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))) / 2


def _step(model: torch.nn.Module, loss: BatchLoss, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()


def _groups(model: torch.nn.Module) -> list[dict[str, object]]:
    decay = 0.01
    curves = {id(c) for m in model.modules() if isinstance(m, RationalLayer) for c in (m.numerator, m.denominator)}
    decaying: dict[bool, list[Tensor]] = {True: [], False: []}
    for p in model.parameters():
        decaying[p.dim() > 1 and id(p) not in curves].append(p)
    return [{"params": decaying[True], "weight_decay": decay}, {"params": decaying[False]}]


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


Term = tuple[Any, list[Tensor], float]
"""An equation or a condition, the points where it must hold, and its weight."""


def problem_terms(problem: Any, inside: int, on_faces: int, seed: int) -> list[Term]:
    """Return the equation and the conditions of a differential equation, at points of a seed."""
    terms = [(problem.residual, [problem.domain.points(inside, seed)], 1.0)]
    return terms + [(c.residual, c.points(on_faces, seed + 1), c.weight) for c in problem.conditions]


def problem_loss(
    problem: Any, terms: Sequence[Term], unknown: Callable[[Tensor], Any], constants: Mapping[str, Any]
) -> Tensor:  # fmt: skip
    """Return the mean square of what the equation leaves plus the weighted ones of the conditions."""
    total = torch.zeros((), dtype=torch.float64)
    for equation, sides, weight in terms:
        left = problem.left(equation, [unknown(side) for side in sides], sides[0], constants)
        total = total + weight * torch.stack([part.square().mean() for part in left]).mean()
    return total


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
