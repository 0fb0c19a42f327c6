"""What the report of a solution says."""

from __future__ import annotations

import datetime
import math
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from edgewise import plot
from edgewise._errors import InputError
from edgewise._version import __version__
from edgewise.pde._box import Box, Face
from edgewise.pde._marched import Level, Marched
from edgewise.pde._pictures import picture
from edgewise.pde._problem import Condition, Periodic, Problem
from edgewise.pde._sampled import unknown_names
from edgewise.pde._solution import Found, Solution
from edgewise.report import ReportContent
from edgewise.train import Row

_EXACT = 1e-17  # residuals of zero are drawn here
_NAMED = 6  # conditions that are described one by one


def content(found: Found, title: str, names: Sequence[str] | None) -> ReportContent:
    """Return the problem, the outcome, the estimated error, pictures, and how it was found."""
    versions = [("edgewise", __version__), ("torch", torch.__version__), ("Python", platform.python_version())]
    return ReportContent(
        title=title,
        subtitle=f"{found.outcome.name}. {found.outcome.message}",
        problem=_problem(found.problem),
        errors=_errors(found),
        figures=[*_drawn(found, names), *_history(found)],
        notes=[_said(row) for row in found.history],
        provenance=[*versions, ("Date", datetime.date.today().isoformat())],
    )


def _drawn(found: Found, names: Sequence[str] | None) -> list[tuple[str, Figure]]:
    unknown_names(found, names)
    try:
        return [("The solution", picture(found, names=names))]
    except InputError:  # a run that diverged may have no finite value
        return []


def _problem(problem: Problem) -> list[tuple[str, str]]:
    domain = problem.domain
    ends = zip(domain.names, domain.low, domain.high, strict=True)
    rows = [("Coordinates", ", ".join(f"{name} from {low:g} to {high:g}" for name, low, high in ends))]
    if not isinstance(domain, Box):
        rows.append(("Domain", repr(domain)))
    rows += [("Unknown functions", str(problem.unknowns)), ("Conditions", _conditions(problem))]
    rows.append(("Ansatz", "none" if problem.ansatz is None else "the unknowns are made of the network by a formula"))
    if problem.constants:
        rows.append(("Unknown constants", ", ".join(problem.constants)))
    if problem.terms:
        rows.append(("Singular functions", str(len(problem.terms))))
    return rows


def _conditions(problem: Problem) -> str:
    count = len(problem.conditions)
    if not count:
        return "none"
    places = [_place(condition) for condition in problem.conditions[:_NAMED]]
    return f"{count}: {'; '.join(places)}{'; ...' if count > _NAMED else ''}"


def _place(condition: Condition) -> str:
    where = condition.where
    if isinstance(condition, Periodic):
        return f"periodic in {condition.name}"
    if isinstance(where, torch.Tensor):
        return f"at {len(where)} points"
    if isinstance(where, Face):
        return "at " + ", ".join(f"{where.box.names[k]} = {end:g}" for k, end in where.fixed)
    return "on the boundary"


def _errors(found: Found) -> list[tuple[str, str]]:
    rows = [("Estimated relative error in L2", _number(found.error))]
    if isinstance(found, Solution):
        rows.append(("Residual over the equation's terms", _number(found.residual)))
        rows.append(("Parameters", str(found.history[-1].parameters)))
        rows += [(f"Constant {name}", f"{found.constants[name]:.6g}") for name in found.problem.constants]
    if isinstance(found, Marched):
        rows += [("Slabs", str(len(found.slabs))), ("Parameters", str(found.parameters))]
        if found.reached < found.problem.domain.high[found.time_axis]:
            rows.append(("Reached", f"{found.problem.domain.names[found.time_axis]} = {found.reached:.6g}"))
    return rows


def _number(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.2g}"


def _said(row: Any) -> str:
    """A row of the history as a sentence."""
    if isinstance(row, Level):
        change = "" if math.isnan(row.change) else f", relative change {row.change:.2g}"
        return (
            f"Accuracy {row.accuracy:.2g} of each slab: {row.slabs} slabs of up to {row.cells} cells, {row.parameters} "
            f"parameters{change}, {row.seconds:.1f} s."
        )
    return (
        f"Grid {row.grid}, {row.parameters} parameters: residual {row.train:.2g}, at new points {row.validation:.2g}, "
        f"{row.steps} steps and {row.seconds:.1f} s so far."
    )


def _history(found: Found) -> list[tuple[str, Figure]]:
    """Residuals, or changes from level to level, in their order; none where there is but one."""
    rows: list[Any] = [row for row in found.history if not (isinstance(row, Level) and math.isnan(row.change))]
    if len(rows) < 2:
        return []
    if isinstance(rows[0], Row):
        series = [[row.train for row in rows], [row.validation for row in rows]]
        caption, across, label = "The residual after each run", "run", "residual"
    else:
        series = [[row.change for row in rows]]
        caption, across, label = "The change from level to level", "level", "change"
    places = np.arange(len(rows)) + len(found.history) - len(rows) + 1.0
    values = [np.maximum(np.array(each), _EXACT) for each in series]
    legend = ["at trained points", "at new points"] if len(series) > 1 else []
    ax = plot.profiles([places] * len(values), values, name=across, label=label, legend=legend, steps=True)
    figure = ax.get_figure(root=True)
    assert figure is not None
    return [(caption, figure)]
