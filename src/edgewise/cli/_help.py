"""How `--help` sorts the options of a command, and what is said of a wrong use."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from typer.core import TyperCommand, TyperGroup

from edgewise._errors import EdgewiseError, listed
from edgewise.cli._input import open_table

_PANELS = {
    "What to use": "target inputs columns time states space groups varying trials sigma weights sigma_x correlated "
    "missing order held_out folder decimal encoding sheet",
    "Noise": "noise loss rounding absolute_sigma covariance between restricted",
    "What you know": "functions require forbid max_complexity units guess template constants monotone limit start "
    "bounds terms only known hidden",
    "Network": "widths grid degree",
    "Search": "effort formulas seed seeds time_limit n_jobs jobs save resume storage checkpoint config",
    "Output": "to out picture table_out json title license repository port browser read_only help",
}
_ORDER = {name: (number, panel) for number, panel in enumerate(_PANELS) for name in _PANELS[panel].split()}


def _untyped(parameters: list[Any]) -> list[Any]:
    """Return options, switches without a type."""
    for each in parameters:
        if getattr(each, "is_flag", False):
            each.metavar = ""
    return parameters


def _sorted(parameters: list[Any]) -> list[Any]:
    """Return options in their panels; others as they are."""
    for each in parameters:
        if each.param_type_name == "option" and each.name in _ORDER:
            each.rich_help_panel = getattr(each, "rich_help_panel", None) or _ORDER[each.name][1]
    return sorted(parameters, key=lambda each: _ORDER.get(each.name, (-1, ""))[0])


class HelpfulCommand(TyperCommand):
    """A command whose help shows options in panels."""

    def get_params(self, ctx: Any) -> Any:
        return _sorted(_untyped(super().get_params(ctx)))


class HelpfulGroup(TyperGroup):
    """The command of all commands."""

    def get_params(self, ctx: Any) -> Any:
        return _untyped(super().get_params(ctx))


def misuse(error: Any) -> str:
    """Return what a usage error of typer says, what may be meant, and where to read on."""
    said = error.format_message()
    if near := getattr(error, "possibilities", None):
        said = f"No such option: {error.option_name}. Did you mean {' or '.join(sorted(near))}?"
    given = {} if error.ctx is None else error.ctx.params
    if getattr(getattr(error, "param", None), "metavar", None) == "COLUMN" and given.get("file"):
        with suppress(EdgewiseError):  # of the file, which is not what is wrong first
            said = f"{said.rstrip('.')}. Columns of {given['file']}: {listed(open_table(given['file']).order)}"
    end = "" if said.endswith("?") else "."
    return f"{said.rstrip('.')}{end} See {'edgewise' if error.ctx is None else error.ctx.command_path} --help."
