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
from edgewise.nn import Nodes

Reader = Callable[[Any], Any]
Readers = dict[str, Reader]
Method = TypeVar("Method", bound=Callable[..., Any])


def _reader(is_sound: Callable[[Any], bool], wanted: str, plain: Reader = lambda value: value) -> Reader:
    """A reader of sound values; of others it says what is wanted."""

    def read(value: Any) -> Any:
        if not is_sound(value):
            raise InputError(f"{wanted} Got {value!r}.")
        return plain(value)

    return read


def _each(names: str, is_sound: Callable[[Any], bool], wanted: str, plain: Reader = lambda value: value) -> Readers:
    """Readers of arguments of one kind, by their names."""
    return {name: _reader(is_sound, f"'{name}' must be {wanted}.", plain) for name in names.split()}


def _several(read: Reader, is_one: Callable[[Any], bool]) -> Reader:
    """One value or several, as a tuple."""
    return lambda value: (read(value),) if is_one(value) else tuple(map(read, value))


def _is_list(value: Any, count: int | None = None) -> bool:
    return isinstance(value, tuple | list) and count in (None, len(value))


def _plain(value: Any) -> Any:
    """Return ints as those of Python, in tuples."""
    return tuple(map(_plain, value)) if isinstance(value, tuple | list) else int(value)


def _integers(count: int, wanted: str) -> Reader:
    return _reader(lambda value: _is_list(value, count) and all(map(is_int, value)), wanted, _plain)


_edge = _integers(3, "An edge is (layer, j, i): from node i to subnode j, like (0, 1, 0).")
_node = _integers(2, "A node is (depth, q): the node q before layer depth, like (1, 0).")
_edges = _several(_edge, lambda value: not (_is_list(value) and value and _is_list(value[0])))
_functions = _reader(
    lambda value: isinstance(value, str) or (_is_list(value) and all(isinstance(name, str) for name in value)),
    "'functions' must be names of functions, like ['sin', 'cos'].",
    lambda value: (value,) if isinstance(value, str) else tuple(value),
)
_levels = _reader(
    lambda value: _is_list(value) and all(isinstance(name, str) for name in value),
    "'levels' must be names of inputs, like ['fuel_gas', 'fuel_oil'].",
    tuple,
)
_affine = _reader(
    lambda value: _is_list(value, 4) and all(map(is_number, value)),
    "'affine' must be four finite numbers (a, b, c, d).",
    lambda value: tuple(map(float, value)),
)
_grids = _reader(
    lambda value: (
        value == "auto" if isinstance(value, str) else _is_list(value) and value and all(is_int(n, 1) for n in value)
    ),
    "'grids' must be 'auto', a list of cell counts like [3, 5, 10], or None.",
    lambda value: value if isinstance(value, str) else _plain(value),
)


def _nodes(value: Any) -> Any:
    """A width as `KAN` takes it, lists made tuples."""
    Nodes.parse(value)  # InputError for what is none
    return _plain(value)


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


#: argument -> what makes plain data of it, the same for all actions; None stays where it is the default
READERS: Readers = {
    **_each("depth seed", is_int, "an int", int),
    **_each("factor grid steps", lambda value: is_int(value, 1), "an int >= 1", int),
    **_each("at by high low slack sparsity threshold weight width", is_number, "a finite number", float),
    **_each("direction formula function name", lambda value: isinstance(value, str), "a text"),
    **_each("merge rounding", lambda value: isinstance(value, bool), "True or False"),
    "affine": _affine,
    "cuts": _several(_cut, lambda value: not _is_list(value)),
    "edge": _edge,
    "edges": _edges,
    "functions": _functions,
    "grids": _grids,
    "levels": _levels,
    "node": _node,
    "nodes": _nodes,
}


@dataclass(frozen=True)
class Action:
    """One kind of step.

    Parameters
    ----------
    name
        Its name.
    act
        What it does to a session.
    takes
        What it takes, by name, with defaults.
    long
        Whether it may take longer than a person likes to wait for an answer.
    """

    name: str
    act: Callable[..., Any]
    takes: Mapping[str, inspect.Parameter]
    long: bool = False

    def read(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments as plain data, those left out included.

        Parameters
        ----------
        given
            Arguments by position.
        named
            Arguments by name.

        Raises
        ------
        InputError
            For what does not fit.
        """
        signature = inspect.Signature(list(self.takes.values()))
        try:
            bound = signature.bind(*given, **named)
        except TypeError as error:
            raise InputError(f"{self.name} takes ({', '.join(map(str, self.takes.values()))}): {error}.") from None
        bound.apply_defaults()
        return {
            name: None if value is self.takes[name].default is None else READERS[name](value)
            for name, value in bound.arguments.items()
        }


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


def acting(*, long: bool = False) -> Callable[[Method], Method]:
    """Make a method an action: it is called through `apply`, which reads its arguments and records what it changed.

    Parameters
    ----------
    long
        Whether the action may take longer than a person likes to wait for an answer.

    Raises
    ------
    TypeError
        For an argument that `READERS` does not know.
    """

    def made(method: Method) -> Method:
        name, (_, *takes) = method.__name__, inspect.signature(method).parameters.values()
        plain = {p.name: p.replace(annotation=inspect.Parameter.empty) for p in takes}
        if unread := [argument for argument in plain if argument not in READERS]:
            raise TypeError(f"The action {name} takes {unread[0]!r}: say in READERS what that may be.")
        ACTIONS[name] = Action(name, method, plain, long)

        @wraps(method)
        def applied(self: Any, *given: Any, **named: Any) -> Any:
            return self.apply(name, *given, **named)

        return cast(Method, applied)

    return made
