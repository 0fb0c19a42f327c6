"""Solutions from files; what is not in them, the problem's functions, the reader brings."""

from __future__ import annotations

import os
from io import BytesIO
from typing import Any

from torch import Tensor

from edgewise._errors import InputError
from edgewise._printable import printable
from edgewise.pde.marching._evolution import Evolution
from edgewise.pde.marching._marched import Level, Marched
from edgewise.pde.marching._slab import slabs_of
from edgewise.pde.result._file import Refused, read, require_same
from edgewise.pde.result._seen import Outcome
from edgewise.pde.result._solution import Solution
from edgewise.pde.statement._problem import Problem, paired
from edgewise.tables.io import Malformed, read_model
from edgewise.train import Row

_DAMAGED = "is damaged: restore it from a backup, or save the solution again"


def load(path: str | os.PathLike[str], problem: Problem) -> Solution | Marched:
    """Read a solution that `found.save` wrote; it gives the same values to the last bit.

    The file holds the network, or the slabs of `march`, and how they were found, but not the problem's functions.
    State the problem as it was when it was solved; its coordinates, domain, equation, ansatz and conditions are
    compared with what the file says of them. Nothing in the file is run.

    Errors: InputError for a file that is missing, damaged, no solution, or one of another problem.

    >>> import tempfile, torch
    >>> from edgewise.pde import Box, solve
    >>> wave = Problem(Box(x=(0, 3)), lambda u, p: u.xx + u.value, ansatz=lambda n, p: p.x + p.x**2 * n)
    >>> found = solve(wave, grids=[4])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found.save(f"{folder}/wave.safetensors")
    ...     again = load(f"{folder}/wave.safetensors", wave)
    >>> torch.equal(again([[1.0], [2.0]]), found([[1.0], [2.0]]))
    True
    """
    if not isinstance(problem, Problem):
        raise InputError(f"load takes the file, then the problem that was solved. Got {type(problem).__name__}.")
    try:
        problem = paired(problem)
        said, tensors = read(path)
        require_same(said["problem"], problem)
        return _built(problem, said, tensors)
    except Refused as why:
        raise InputError(f"{path} {printable(str(why))}.") from None


def _built(problem: Problem, said: dict[str, Any], tensors: dict[str, Tensor]) -> Solution | Marched:
    make = {"solution": _solution, "march": _marched}.get(said["kind"])
    if make is None:
        raise Refused(f"holds a {said['kind']!s:.30}, not a solution: name another file")
    try:
        return make(problem, said, tensors)
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError):
        raise Refused(_DAMAGED) from None


def _solution(problem: Problem, said: dict[str, Any], tensors: dict[str, Tensor]) -> Solution:
    try:
        model = read_model(BytesIO(tensors["network"].numpy().tobytes())).model
    except Malformed as why:
        raise Refused(f"holds a network that {why}") from None
    fits = model.n_in == len(problem.domain.names) and model.n_out == problem.unknowns
    if not fits or list(said["constants"]) != list(problem.numbers):
        raise Refused(_DAMAGED)
    history, outcome = [Row(*row) for row in said["history"]], Outcome[said["outcome"]]
    return Solution(
        problem, model, said["constants"], history, outcome, said["error"], said["residual"],
        advice=str(said.get("advice", "")),
    )  # fmt: skip


def _marched(problem: Problem, said: dict[str, Any], tensors: dict[str, Tensor]) -> Marched:
    evolution = Evolution.of(problem, said["time"])
    slabs = slabs_of(tensors, evolution, said["degree"])
    if len(slabs) != said["slabs"] or not slabs:
        raise Refused(_DAMAGED)
    history = [Level(*row) for row in said["history"]]
    return Marched(problem, evolution, slabs, said["error"], Outcome[said["outcome"]], history)
