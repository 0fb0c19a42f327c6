"""Solutions to and from files; what cannot be saved, the problem's functions, the reader brings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._printable import printable
from edgewise.io import Malformed, model_bytes, read_model
from edgewise.pde._evolution import Evolution
from edgewise.pde._file import Refused, read, write
from edgewise.pde._fingerprint import require_same, stated
from edgewise.pde._marched import Level, Marched
from edgewise.pde._outcome import Outcome
from edgewise.pde._problem import Problem
from edgewise.pde._slab import Slab
from edgewise.pde._solution import Found, Solution
from edgewise.pde._space import Space
from edgewise.train import Row

_DAMAGED = "is damaged: restore it from a backup, or save the solution again"


def save(found: Found, path: str | os.PathLike[str]) -> None:
    """Write a solution to a safetensors file."""
    said = {"problem": stated(found.problem), "outcome": found.outcome.name, "error": found.error}
    said["history"] = [list(row) for row in found.history]
    if isinstance(found, Solution):
        network = torch.frombuffer(bytearray(model_bytes(found.model)), dtype=torch.uint8)
        more = {"constants": found.constants, "residual": found.residual}
        write(path, "solution", {**said, **more}, {"network": network})
    elif isinstance(found, Marched):
        write(path, "march", {**said, **described(found.evolution, found.slabs)}, tensors_of(found.slabs))
    else:
        raise InputError(f"A solution of this kind cannot be saved. Got {type(found).__name__}.")


def load(path: str | os.PathLike[str], problem: Problem) -> Solution | Marched:
    """Read a solution that `found.save` wrote; it gives the same values to the last bit.

    The file holds the network, or the slabs of `march`, and how they were found, but not the problem's functions.
    State the problem as it was when it was solved; its coordinates, domain, equation, ansatz and conditions are
    compared with what the file says of them. Nothing in the file is run.

    Errors: InputError for a file that is missing, damaged, no solution, or one of another problem.

    >>> import tempfile
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


def described(evolution: Evolution, slabs: Sequence[Slab]) -> dict[str, Any]:
    """What a file says of slabs beside their tensors."""
    return {"time": evolution.problem.box.names[evolution.time], "degree": slabs[0].space.degree, "slabs": len(slabs)}


def tensors_of(slabs: Sequence[Slab], prefix: str = "") -> dict[str, Tensor]:
    """The tensors of slabs, by names that begin with the prefix."""
    found = {f"{prefix}times": np.array([[slab.begin, slab.length] for slab in slabs]).reshape(-1, 2)}
    for k, slab in enumerate(slabs):
        for name, part in (("cells", slab.space.cells), ("begins", slab.begins), ("inner", slab.inner)):
            found[f"{prefix}{k}.{name}"] = part
    return {name: torch.from_numpy(np.ascontiguousarray(part)) for name, part in found.items()}


def slabs_of(tensors: Mapping[str, Tensor], evolution: Evolution, degree: int, prefix: str = "") -> list[Slab]:
    """The slabs of such tensors, which are checked."""
    found = []
    for k, (begin, length) in enumerate(tensors[f"{prefix}times"].tolist()):
        cells, begins, inner = (tensors[f"{prefix}{k}.{name}"].numpy() for name in ("cells", "begins", "inner"))
        space = Space(cells, degree, evolution.periodic)
        shape, ends = (len(space), len(evolution.components)), (cells[0], cells[-1])
        sound = begins.shape == shape and inner.ndim == 3 and inner.shape[:2] == shape and length > 0
        if not sound or ends != evolution.interval or not bool((np.diff(cells) > 0).all()):
            raise Refused(_DAMAGED)
        found.append(Slab(begin, length, space, begins, inner, evolution.changing))
    return found


def _solution(problem: Problem, said: dict[str, Any], tensors: dict[str, Tensor]) -> Solution:
    try:
        model = read_model(BytesIO(tensors["network"].numpy().tobytes())).model
    except Malformed as why:
        raise Refused(f"holds a network that {why}") from None
    fits = model.n_in == len(problem.domain.names) and model.n_out == problem.unknowns
    if not fits or list(said["constants"]) != list(problem.numbers):
        raise Refused(_DAMAGED)
    history, outcome = [Row(*row) for row in said["history"]], Outcome[said["outcome"]]
    return Solution(problem, model, said["constants"], history, outcome, said["error"], said["residual"])


def _marched(problem: Problem, said: dict[str, Any], tensors: dict[str, Tensor]) -> Marched:
    evolution = Evolution.of(problem, said["time"])
    slabs = slabs_of(tensors, evolution, said["degree"])
    if len(slabs) != said["slabs"] or not slabs:
        raise Refused(_DAMAGED)
    history = [Level(*row) for row in said["history"]]
    return Marched(problem, evolution, slabs, said["error"], Outcome[said["outcome"]], history)
