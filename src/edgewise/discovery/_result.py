"""What discovery gives back."""

from __future__ import annotations

import datetime
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise._version import __version__
from edgewise.discovery._candidate import Candidate, Outcome
from edgewise.discovery._ceiling import Ceiling
from edgewise.symbolic import network_of

if TYPE_CHECKING:
    import pandas as pd

    from edgewise.report import ReportContent

_DRAWN = 5000  # rows
_TITLES = {Outcome.EXACT: "A law for", Outcome.NOISE: "A law for"}


@dataclass(frozen=True, repr=False)
class Discovery(Sequence[Candidate]):
    """Formulas for a table, from simple to accurate.

    `best` is the one to use, `found[i]` the i-th of the front, `equations` the front as a pandas table. `noise` is
    the estimated noise over the target's spread (0: none seen), `relative` whether errors are relative to each value,
    `stages` what was done, in words. `ceiling` is the best flexible model of the table, where a law was not found at
    once: what it explains and the formula does not is left to find.
    """

    candidates: list[Candidate]
    best: Candidate
    outcome: Outcome
    noise: float
    relative: bool
    names: tuple[str, ...]
    target: str
    x: Array = field(repr=False)
    y: Array = field(repr=False)
    stages: list[str] = field(repr=False, default_factory=list)
    settings: dict[str, object] = field(repr=False, default_factory=dict)
    ceiling: Ceiling | None = field(repr=False, default=None)

    def __len__(self) -> int:
        return len(self.candidates)

    def __getitem__(self, index: int) -> Candidate:
        return self.candidates[index]

    @property
    def equations(self) -> pd.DataFrame:
        """The front as a table: complexity, error, held-out error, formula, best."""
        import pandas as pd

        rows = [(c.complexity, c.error, c.held_out, str(c.expression), c is self.best) for c in self.candidates]
        return pd.DataFrame(rows, columns=["complexity", "error", "held_out", "formula", "best"])

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML file about all of it, and return its path.

        Errors: InputError where the file cannot be written.
        """
        from edgewise.report import write_report

        return write_report(path, _report(self))

    def __repr__(self) -> str:
        rows = "\n".join(f"{'>' if c is self.best else ' '} {i}  {c}" for i, c in enumerate(self.candidates))
        return f"Discovery of {self.target}: {self.outcome.message}\n{rows}"


def _report(found: Discovery) -> ReportContent:
    """The formula, its network, its curves, its fit, the candidates and how it was found."""
    from edgewise import plot
    from edgewise.report import ReportContent

    best = found.best
    kind = "relative to each value" if found.relative else f"relative to the spread of {found.target}"
    inputs = f"{len(found.y)} rows, {len(found.names)} inputs: {', '.join(found.names)}."
    versions = [("edgewise", __version__), ("torch", torch.__version__), ("Python", platform.python_version())]
    dated = [("Date", datetime.date.today().isoformat()), ("Rows", str(len(found.y)))]
    settings = [(key.capitalize(), f"{v:.3g}" if isinstance(v, float) else str(v)) for key, v in found.settings.items()]
    return ReportContent(
        title=f"{_TITLES.get(found.outcome, 'An approximation of')} {found.target}",
        subtitle=f"{inputs} {found.outcome.message}",
        formula_latex=[(found.target, best.latex())],
        formula_text=f"{found.target} = {best.expression}",
        errors=[
            (f"Error, rms {kind}", f"{best.error:.3g}"),
            ("The same on held-out rows", "unknown" if math.isnan(best.held_out) else f"{best.held_out:.3g}"),
            ("The same of the best flexible model", f"{found.ceiling.held_out:.3g}" if found.ceiling else "not needed"),
            ("Estimated noise", f"{found.noise:.3g}" if found.noise else "none seen"),
            ("Complexity", str(best.complexity)),
        ],
        figures=_figures(found),
        candidates=[
            plot.Candidate(k, c.complexity, c.error, str(c.expression), c is best) for k, c in enumerate(found)
        ],
        notes=found.stages,
        provenance=[*versions, *dated, *settings],
    )


def _figures(found: Discovery) -> list[tuple[str, Any]]:
    from edgewise import plot

    keep = np.random.default_rng(0).permutation(len(found.y))[:_DRAWN]
    x, y = found.x[keep], found.y[keep]
    figures: list[tuple[str, Any]] = []
    try:
        model = network_of(found.best.expression, found.names)
    except InputError:
        model = None  # a function that no edge computes: the formula is shown without its network
    if model is not None and found.best.expression.free_symbols:
        rows = torch.from_numpy(x)
        ax = plot.network(model, rows, names=found.names, target=found.target)
        figures.append(("The formula as a network: every edge is one function", ax.figure))
        curves = plot.curves(model, rows, found.names, target=found.target)
        figures.append(("Every edge's function, with the data that reaches it", curves))
    fit = plot.fit_quality(y, found.best.predict(x), name=found.target)
    return [*figures, ("The formula against the data, and its residuals", fit)]
