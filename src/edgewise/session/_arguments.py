"""Arguments of actions made plain data: ints, floats, texts, tuples and dicts of them, which scripts and files hold."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from edgewise._errors import InputError, unknown
from edgewise.interpret import Cut


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _ints(value: Any, count: int, message: str) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) != count or not all(map(_is_int, value)):
        raise InputError(f"{message} Got {value!r}.")
    return tuple(value)


def _edge(value: Any) -> tuple[int, ...]:
    return _ints(value, 3, "An edge is (layer, j, i): from node i to subnode j, like (0, 1, 0).")


def _edges(value: Any) -> tuple[tuple[int, ...], ...]:
    """One edge or several."""
    if isinstance(value, tuple | list) and value and isinstance(value[0], tuple | list):
        return tuple(_edge(edge) for edge in value)
    return (_edge(value),)


def _node(value: Any) -> tuple[int, ...]:
    return _ints(value, 2, "A node is (depth, q): the node q before layer depth, like (1, 0).")


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _number(name: str) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
            raise InputError(f"'{name}' must be a finite number. Got {value!r}.")
        return float(value)

    return read


def _whole(name: str) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not _is_int(value) or value < 1:
            raise InputError(f"'{name}' must be an int >= 1. Got {value!r}.")
        return value

    return read


def _int(value: Any) -> int:
    if not _is_int(value):
        raise InputError(f"'seed' and 'depth' must be ints. Got {value!r}.")
    return value


def _text(name: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise InputError(f"'{name}' must be a text. Got {value!r}.")
        return value

    return read


def _texts(value: Any) -> tuple[str, ...]:
    """One name or several."""
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, tuple | list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"'functions' must be names of functions, like ['sin', 'cos']. Got {value!r}.")
    return tuple(names)


def _affine(value: Any) -> tuple[float, ...]:
    if not isinstance(value, tuple | list) or len(value) != 4:
        raise InputError(f"'affine' must be four finite numbers (a, b, c, d). Got {value!r}.")
    return tuple(_number("affine")(part) for part in value)


def _grids(value: Any) -> str | tuple[int, ...]:
    if isinstance(value, str) and value == "auto":
        return value
    if not isinstance(value, tuple | list) or not value:
        raise InputError(f"'grids' must be 'auto', a list of cell counts or None. Got {value!r}.")
    return tuple(_whole("grids")(grid) for grid in value)


def _nodes(value: Any) -> Any:
    """A width as `KAN` takes it, lists made tuples: a number, or numbers of sums and of products or their factors."""
    if isinstance(value, tuple | list) and len(value) == 2:
        sums, products = value
        value = (sums, tuple(products) if isinstance(products, tuple | list) else products)
        parts = [sums, *(value[1] if isinstance(value[1], tuple) else value[1:])]
    else:
        parts = [value]
    if not all(map(_is_int, parts)):
        raise InputError(f"'nodes' must be a width of KAN, like 2 or (2, 1). Got {value!r}.")
    return value


def _flag(name: str) -> Callable[[Any], bool]:
    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            raise InputError(f"'{name}' must be True or False. Got {value!r}.")
        return value

    return read


def _cuts(value: Any) -> tuple[dict[str, Any], ...]:
    """One cut or several, each as the fields that say something."""
    return tuple(_cut(cut) for cut in (value if isinstance(value, tuple | list) else [value]))


def _cut(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        known = [field.name for field in fields(Cut)]
        for name in value:
            if name not in known:
                raise unknown("field of a Cut", name, known)
        value = Cut(**value)
    if not isinstance(value, Cut):
        raise InputError(f"'cuts' must be one or more edgewise.interpret.Cut, or their fields. Got {value!r}.")
    said = {name: part for name, part in asdict(value).items() if part is not None and part is not False}
    return {name: float(part) if isinstance(part, float) else part for name, part in said.items()}


#: argument -> what makes plain data of it, the same for all actions
READERS: dict[str, Callable[[Any], Any]] = {
    "affine": _optional(_affine),
    "cuts": _cuts,
    "depth": _int,
    "direction": _text("direction"),
    "edge": _edge,
    "edges": _edges,
    "factor": _whole("factor"),
    "formula": _text("formula"),
    "function": _optional(_text("function")),
    "functions": _texts,
    "grid": _optional(_whole("grid")),
    "grids": _optional(_grids),
    "merge": _flag("merge"),
    "name": _text("name"),
    "node": _node,
    "nodes": _nodes,
    "rounding": _flag("rounding"),
    "seed": _int,
    "slack": _optional(_number("slack")),
    "sparsity": _number("sparsity"),
    "steps": _whole("steps"),
    "threshold": _optional(_number("threshold")),
    "weight": _number("weight"),
}
