"""Files of solutions: tensors and a line of JSON with a checksum over both, and what identifies a problem in them."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._replacing import writing
from edgewise._version import __version__
from edgewise.pde.geometry._boundary import unit
from edgewise.pde.geometry._jet import HIGHEST, orders_up_to
from edgewise.pde.statement._condition import Equation
from edgewise.pde.statement._problem import Problem

_KEY, _SUM = "edgewise.pde", "sha256"
_SCHEMA = 1

Stated = dict[str, Any]
"""What is said of a problem, for JSON."""


class Refused(Exception):
    """Why a file is not read, in words that complete "The file ..."."""


def write(path: str | os.PathLike[str], kind: str, said: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write what JSON and tensors say; the file is there complete or not at all."""
    from safetensors.torch import save

    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"schema": _SCHEMA, "version": __version__, "kind": kind, **said}, ensure_ascii=False)
    try:
        data = save(whole, {_KEY: text, _SUM: _digest(text, whole)})
    except UnicodeEncodeError as error:
        raise InputError(f"The solution holds a name that cannot be written ({error.reason}): rename it.") from None
    with writing(path) as file:
        file.write(data)


def read(path: str | os.PathLike[str], kind: str | None = None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what `write` wrote; `kind` is what it must hold, if that is known.

    Errors: InputError for a file that is not there or cannot be read; Refused for another one.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = _bytes(Path(path))
    metadata = _metadata(data)
    text, known = metadata.get(_KEY), metadata.get(_SUM)
    if not isinstance(text, str):
        raise Refused("is no solution that edgewise saved: name another file")
    try:
        tensors = load(data)
        said = json.loads(text)
    except (SafetensorError, KeyError, ValueError, RecursionError):  # KeyError: of a type that torch does not have
        raise Refused("is damaged: restore it from a backup, or save the solution again") from None
    schema = said.get("schema") if isinstance(said, dict) else None
    if is_int(schema, _SCHEMA + 1):
        raise Refused("was written by a newer version of edgewise: upgrade edgewise")
    if known != _digest(text, tensors) or schema != _SCHEMA:
        raise Refused("is damaged: its checksum does not match. Restore it from a backup, or save the solution again")
    if kind is not None and said.get("kind") != kind:
        raise Refused(f"holds a {said.get('kind')!s:.30}, not a {kind}: name another file")
    return said, tensors


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a .safetensors file in it.")
    if not path.exists():
        raise InputError(f"There is no file {path}: check the name and the folder.")
    if not path.is_file():  # a pipe would wait for a writer
        raise InputError(f"{path} is no regular file: name a .safetensors file.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check its permissions.") from None


def _metadata(data: bytes) -> dict[str, Any]:
    """What the header says of the whole file; the header may claim any length."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, 10**8):  # the limit of safetensors
        raise Refused("is not a safetensors file, or a damaged one: name another file, or save the solution again")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        header = None
    found = header.get("__metadata__") if isinstance(header, dict) else None
    return found if isinstance(found, dict) else {}


def _digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 digest of the text and of each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def stated(problem: Problem) -> Stated:
    """Return a problem's names and ends, and numbers that its domain, equation and conditions give.

    The equation and each condition are evaluated once, for made-up values of the unknowns and their derivatives at a
    few points. So are the ansatz and the singular functions, of which the unknowns are made.
    """
    return {**_names(problem), "numbers": _evaluated(problem)}


def require_same(known: Any, problem: Problem) -> None:
    """Raise Refused where a problem is not the one that `known`, which a file says, was made of; with what differs."""
    if not isinstance(known, dict) or not isinstance(known.get("numbers"), dict):
        raise Refused("does not say which problem it belongs to: save the solution again")
    for name, own in _names(problem).items():
        if known.get(name) != own:
            what = {"low": "lower ends", "high": "upper ends"}.get(name, name)
            said, given = json.dumps(known.get(name)), json.dumps(own)
            raise Refused(f"belongs to another problem: its {what} are {said:.60}, and those given {given:.60}")
    for part, numbers in _evaluated(problem).items():
        if not _alike(known["numbers"].get(part), numbers):
            ansatz = " or its ansatz" if part == "equation" else ""
            raise Refused(f"belongs to another problem: its {part}{ansatz} gives other values than the one given")


def identity(problem: Problem, *settings: float) -> list[float]:
    """Return numbers that differ for other problems, weights of their conditions, and settings."""
    domain, parts = problem.domain, _evaluated(problem).values()
    weights = [condition.weight for condition in problem.conditions]
    return [*domain.low, *domain.high, *(number for part in parts for number in part), *weights, *settings]


def _names(problem: Problem) -> Stated:
    domain = problem.domain
    return {
        "coordinates": list(domain.names), "low": list(domain.low), "high": list(domain.high),
        "unknowns": problem.unknowns, "constants": list(problem.constants), "conditions": len(problem.conditions),
    }  # fmt: skip


def _evaluated(problem: Problem, count: int = 7, seed: int = 20_231) -> dict[str, list[float]]:
    domain = problem.domain
    low, high = domain.ends
    around = low + (high - low) * unit(4 * count, len(domain.names), seed, "sobol")
    numbers = {"domain": domain.signed_distance(around).tolist()}
    numbers["equation"] = _numbers(problem, problem.residual, [domain.points(count, seed)])
    for number, condition in enumerate(problem.conditions, start=1):
        numbers[f"condition {number}"] = _numbers(problem, condition.equation, condition.points(count, seed))
    return numbers


def _numbers(problem: Problem, equation: Equation, sides: list[Tensor], constant: float = 0.75) -> list[float]:
    """Two sums of what each part of an equation leaves, over points."""
    d = len(problem.domain.names)
    orders = orders_up_to(HIGHEST, d)
    held = dict.fromkeys(problem.numbers, constant)
    with torch.no_grad():
        unknowns = []
        for turn, points in enumerate(sides):
            shape = (len(points), problem.unknowns)
            jets = {order: _made_up(shape, 100 * turn + k) for k, order in enumerate(orders)}
            unknowns.append(problem.unknown(jets, points, (), held))
        constants = {name: torch.full((len(sides[0]),), constant).double() for name in problem.constants}
        left = problem.left(equation, unknowns, sides[0], constants)
    places = torch.cos(torch.arange(len(sides[0]), dtype=torch.float64))
    return [float(total) for part in left for total in (part.double().mean(), (part.double() * places).mean())]


def _made_up(shape: tuple[int, int], turn: int) -> Tensor:
    """Numbers from 0.3 to 0.7, each different."""
    places = torch.arange(shape[0] * shape[1], dtype=torch.float64).view(shape)
    return 0.5 + 0.2 * torch.sin(1.0 + 0.7 * turn + 2.3 * places)


def _alike(known: Any, given: list[float]) -> bool:
    if not isinstance(known, list) or not all(isinstance(value, float | int) for value in known):
        return False
    close = 1e-6  # two processors round differently
    scale = max((abs(value) for value in given if math.isfinite(value)), default=1.0)
    one, two = (torch.tensor(values, dtype=torch.float64) for values in (known, given))
    return one.shape == two.shape and torch.allclose(one, two, rtol=close, atol=close * scale, equal_nan=True)
