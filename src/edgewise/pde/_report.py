"""What the report of a solution says."""

from __future__ import annotations

import datetime
import math
import platform
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from edgewise import plot
from edgewise._errors import InputError
from edgewise._version import __version__
from edgewise.pde._box import Box
from edgewise.pde._pictures import picture
from edgewise.pde._problem import Problem
from edgewise.pde._sampled import unknown_names
from edgewise.pde._seen import Seen
from edgewise.plot.report import ReportContent

_EXACT = 1e-17  # residuals of zero are drawn here
_NAMED = 6  # conditions that are described one by one


def content(found: Seen, title: str, names: Sequence[str] | None) -> ReportContent:
    """Return the problem, the outcome, the estimated error, pictures, and how it was found."""
    error = "unknown" if math.isnan(found.error) else f"{found.error:.2g}"
    versions = [("edgewise", __version__), ("torch", torch.__version__), ("Python", platform.python_version())]
    return ReportContent(
        title=title,
        subtitle=" ".join(filter(None, (f"{found.outcome.name}.", found.outcome.message, found.advice))),
        problem=_problem(found.problem),
        errors=[("Estimated relative error in L2", error), *found.facts()],
        figures=[*_drawn(found, names), *_history(found)],
        notes=found.in_words(),
        provenance=[*versions, ("Date", datetime.date.today().isoformat())],
    )


def _drawn(found: Seen, names: Sequence[str] | None) -> list[tuple[str, Figure]]:
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
    places = [condition.place for condition in problem.conditions[:_NAMED]]
    return f"{count}: {'; '.join(places)}{'; ...' if count > _NAMED else ''}"


def _history(found: Seen) -> list[tuple[str, Figure]]:
    seen = found.convergence()
    if seen is None:
        return []
    values = [np.maximum(np.array(curve), _EXACT) for curve in seen.curves.values()]
    legend = list(seen.curves) if len(values) > 1 else []
    places = [np.array(seen.places)] * len(values)
    ax = plot.profiles(places, values, name=seen.across, label=seen.label, legend=legend, steps=True)
    figure = ax.get_figure(root=True)
    assert figure is not None
    return [(seen.caption, figure)]
