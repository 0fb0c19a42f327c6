"""What an action is, and its arguments made plain data, which scripts and files hold: numbers, texts, tuples, dicts.

A reader takes what was given and nothing like it: "3" is no number and True no 1, as they would be to pydantic.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import wraps
from typing import Any, TypeVar, cast

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError, unknown
from edgewise.interpret import Cut

Reader = Callable[[Any], Any]
Method = TypeVar("Method", bound=Callable[..., Any])


def _reader(is_sound: Callable[[Any], bool], wanted: str, plain: Reader = lambda value: value) -> Reader:
    """A reader of sound values; of others it says what is wanted."""

    def read(value: Any) -> Any:
        if not is_sound(value):
            raise InputError(f"{wanted} Got {value!r}.")
        return plain(value)

    return read


def _optional(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _several(read: Reader, is_one: Callable[[Any], bool]) -> Reader:
    """One value or several, as a tuple."""
    return lambda value: (read(value),) if is_one(value) else tuple(map(read, value))


def _is_list(value: Any, count: int | None = None) -> bool:
    return isinstance(value, tuple | list) and count in (None, len(value))


def _number(name: str) -> Reader:
    return _reader(is_number, f"'{name}' must be a finite number.", float)


def _whole(name: str) -> Reader:
    return _reader(lambda value: is_int(value, 1), f"'{name}' must be an int >= 1.")


def _text(name: str) -> Reader:
    return _reader(lambda value: isinstance(value, str), f"'{name}' must be a text.")


def _flag(name: str) -> Reader:
    return _reader(lambda value: isinstance(value, bool), f"'{name}' must be True or False.")


def _integers(count: int, wanted: str) -> Reader:
    return _reader(lambda value: _is_list(value, count) and all(map(is_int, value)), wanted, tuple)


_int = _reader(is_int, "'seed' and 'depth' must be ints.")
_edge = _integers(3, "An edge is (layer, j, i): from node i to subnode j, like (0, 1, 0).")
_node = _integers(2, "A node is (depth, q): the node q before layer depth, like (1, 0).")
_edges = _several(_edge, lambda value: not (_is_list(value) and value and _is_list(value[0])))
_functions = _reader(
    lambda value: isinstance(value, str) or (_is_list(value) and all(isinstance(name, str) for name in value)),
    "'functions' must be names of functions, like ['sin', 'cos'].",
    lambda value: (value,) if isinstance(value, str) else tuple(value),
)
_affine = _reader(
    lambda value: _is_list(value, 4),
    "'affine' must be four finite numbers (a, b, c, d).",
    lambda value: tuple(map(_number("affine"), value)),
)
_grids = _reader(
    lambda value: value == "auto" if isinstance(value, str) else _is_list(value) and bool(value),
    "'grids' must be 'auto', a list of cell counts or None.",
    lambda value: value if isinstance(value, str) else tuple(map(_whole("grids"), value)),
)


def _nodes(value: Any) -> Any:
    """A width as `KAN` takes it, lists made tuples: a number, or numbers of sums and of products or their factors."""
    parts = [value]
    if _is_list(value, 2):
        value = tuple(tuple(part) if _is_list(part) else part for part in value)
        parts = [value[0], *(value[1] if _is_list(value[1]) else value[1:])]
    return _reader(lambda _: all(map(is_int, parts)), "'nodes' must be a width of KAN, like 2 or (2, 1).")(value)


def _cut(value: Any) -> dict[str, Any]:
    """The fields of a cut that say something."""
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
READERS: dict[str, Reader] = {
    "affine": _optional(_affine),
    "cuts": _several(_cut, lambda value: not _is_list(value)),
    "depth": _int,
    "direction": _text("direction"),
    "edge": _edge,
    "edges": _edges,
    "factor": _whole("factor"),
    "formula": _text("formula"),
    "function": _optional(_text("function")),
    "functions": _functions,
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


@dataclass(frozen=True)
class Action:
    """One kind of step: its name, what it does to a session, and what it takes, name by name with what is allowed."""

    name: str
    act: Callable[..., Any]
    takes: Mapping[str, inspect.Parameter]

    def read(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as plain data, those left out included; InputError for what does not fit."""
        signature = inspect.Signature(list(self.takes.values()))
        try:
            bound = signature.bind(*given, **named)
        except TypeError as error:
            raise InputError(f"{self.name} takes ({', '.join(map(str, self.takes.values()))}): {error}.") from None
        bound.apply_defaults()
        return {name: READERS[name](value) for name, value in bound.arguments.items()}


ACTIONS: dict[str, Action] = {}
"""Actions by name, in the order in which a menu shows them."""


def action(name: str) -> Action:
    """Return an action by name.

    >>> import edgewise.session
    >>> action("prune_ege")
    Traceback (most recent call last):
    edgewise._errors.InputError: Unknown action 'prune_ege'. Known: prune_edge, ...
    """
    if name not in ACTIONS:
        raise unknown("action", name, ACTIONS)
    return ACTIONS[name]


def acting(method: Method) -> Method:
    """Make a method an action: it is called through `apply`, which reads its arguments and records what it changed."""
    name, (_, *takes) = method.__name__, inspect.signature(method).parameters.values()
    plain = {p.name: p.replace(annotation=inspect.Parameter.empty) for p in takes}
    ACTIONS[name] = Action(name, method, plain)

    @wraps(method)
    def applied(self: Any, *given: Any, **named: Any) -> Any:
        return self.apply(name, *given, **named)

    return cast(Method, applied)
