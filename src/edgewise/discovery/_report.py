"""A discovery told as a report."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from edgewise import plot
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise._version import __version__
from edgewise.discovery._candidate import Candidate
from edgewise.report import ReportContent, write_report
from edgewise.symbolic import network_of

_ROWS = 5000  # that are drawn


class Law(Protocol):
    """What a report tells of a discovery: see `edgewise.discovery.Discovery`."""

    @property
    def best(self) -> Candidate: ...
    @property
    def noise(self) -> float: ...
    @property
    def relative(self) -> bool: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def target(self) -> str: ...
    @property
    def x(self) -> Array: ...
    @property
    def y(self) -> Array: ...
    @property
    def stages(self) -> Sequence[str]: ...
    @property
    def settings(self) -> Mapping[str, object]: ...
    def __iter__(self) -> Iterator[Candidate]: ...


def report_discovery(found: Law, ending: str, path: str | Path) -> Path:
    """Write one HTML file with the law, its network, its curves, its fit, the candidates and how it was found.

    `ending` says why the search stopped.
    """
    return write_report(path, _content(found, ending))


def _content(found: Law, ending: str) -> ReportContent:
    best = found.best
    kind = "relative to each value" if found.relative else f"relative to the spread of {found.target}"
    rows = [
        plot.Candidate(index, c.complexity, c.error, str(c.expression), c is best) for index, c in enumerate(found)
    ]  # fmt: skip
    return ReportContent(
        title=f"A law for {found.target}",
        subtitle=f"{len(found.y)} rows, {len(found.names)} inputs: {', '.join(found.names)}. {ending}",
        formula_latex=[(found.target, best.latex())],
        formula_text=f"{found.target} = {best.expression}",
        errors=[
            (f"Error, rms {kind}", f"{best.error:.3g}"),
            ("Estimated noise", f"{found.noise:.3g}" if found.noise else "none seen"),
            ("Complexity", str(best.complexity)),
        ],
        figures=_figures(found),
        candidates=rows,
        notes=found.stages,
        provenance=_provenance(found),
    )


def _figures(found: Law) -> list[tuple[str, Any]]:
    keep = np.random.default_rng(0).permutation(len(found.y))[:_ROWS]
    x, y = found.x[keep], found.y[keep]
    figures: list[tuple[str, Any]] = []
    try:
        model = network_of(found.best.expression, found.names)
    except InputError:
        model = None  # a function that no edge computes: the law is told without its network
    if model is not None and found.best.expression.free_symbols:
        rows = torch.from_numpy(x)
        ax = plot.network(model, rows, names=found.names, target=found.target)
        figures.append(("The law as a network: every edge is one function", ax.figure))
        figures.append(("Every edge's function, with the data that reaches it", plot.curves(model, rows, found.names)))
    figures.append(
        ("The law against the data, and what is left", plot.fit_quality(y, found.best.predict(x), name=found.target))
    )
    return figures


def _provenance(found: Law) -> list[tuple[str, str]]:
    rows = [
        ("edgewise", __version__),
        ("torch", torch.__version__),
        ("Python", platform.python_version()),
        ("Date", datetime.date.today().isoformat()),
        ("Rows", str(len(found.y))),
    ]
    return rows + [
        (key.capitalize(), f"{v:.3g}" if isinstance(v, float) else str(v)) for key, v in found.settings.items()
    ]
