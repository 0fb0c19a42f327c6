"""Options of a command in a TOML file: read before the command line, which wins, and written beside the results."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from edgewise._errors import InputError, first_line, unknown
from edgewise._replacing import replacing

_NOT_SAVED = ("config", "out", "json")


def _load(context: typer.Context, path: Path | None) -> Path | None:
    """Take the options of a file as the defaults of the command."""
    if path is not None:
        parameters = {p.name: p for p in context.command.params if p.name not in (None, "config", "help")}
        context.default_map = _read(path, parameters)
    return path


Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", is_eager=True, callback=_load,
        help="A TOML file with these options, such as the search.toml of an earlier report; the command line wins.",
    ),
]  # fmt: skip


def _read(path: Path, parameters: Mapping[Any, Any]) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            given = tomllib.load(file)
    except OSError as error:
        raise InputError(f"--config {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits; brackets as deep
        raise InputError(f"--config {path} is no TOML: {first_line(error)}.") from None
    found = {}
    for key, value in given.items():
        name = key.replace("-", "_")
        if name not in parameters:
            raise unknown(f"option in {path}", key, [str(each).replace("_", "-") for each in parameters])
        found[name] = _as_option(value, repeatable=bool(getattr(parameters[name], "multiple", False)))
    return found


def _as_option(value: Any, *, repeatable: bool) -> Any:
    """Return a value of TOML as what would stand on the command line.

    >>> _as_option({"t": "s", "y": "m"}, repeatable=False), _as_option({"t -> inf": 0}, repeatable=True)
    ('t=s,y=m', ['t -> inf=0'])
    """
    if isinstance(value, Mapping):
        value = [f"{key}={each}" for key, each in value.items()]
    if isinstance(value, list):
        return [str(each) for each in value] if repeatable else ",".join(map(str, value))
    return [str(value)] if repeatable else str(value)


def save_options(path: Path, context: typer.Context) -> None:
    """Write the options that a command runs with as a TOML file, those without a value left out.

    Errors: OSError where it cannot be written.
    """
    lines = [f"# edgewise discover --config {path.name}"]
    for parameter in context.command.params:
        name = parameter.name or ""
        value = context.params.get(name)
        if name not in _NOT_SAVED and value is not None and value != []:
            lines.append(f"{name.replace('_', '-')} = {_as_toml(value)}")
    with replacing(path) as file:
        file.write(("\n".join(lines) + "\n").encode())


def _as_toml(value: Any) -> str:
    """Return a value as TOML writes it; its texts are those of JSON.

    >>> _as_toml(["a", 'b"']), _as_toml(2.5), _as_toml(True)
    ('["a", "b\\\\""]', '2.5', 'true')
    """
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Iterable):
        return f"[{', '.join(map(_as_toml, value))}]"
    return _as_toml(str(value))
