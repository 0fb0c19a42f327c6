"""What a report says, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from edgewise.plot import Candidate


@dataclass(frozen=True)
class ReportContent:
    """Everything that a report shows, in its order.

    `formula_latex` holds pairs (name of the target, LaTeX of its formula), `formula_text` the same to copy
    as Python, `errors` rows (label, value), `figures` pairs (short caption, figure), `candidates` the rows
    of the table and of the Pareto picture, `notes` how it was found, a sentence each, `provenance` rows
    (label, value) such as version, date and seed.

    >>> ReportContent("Kepler", formula_latex=[("T", "a^{3/2}")]).candidates
    ()
    """

    title: str
    subtitle: str = ""
    formula_latex: Sequence[tuple[str, str]] = ()
    formula_text: str = ""
    errors: Sequence[tuple[str, str]] = ()
    figures: Sequence[tuple[str, Figure]] = ()
    candidates: Sequence[Candidate] = ()
    notes: Sequence[str] = ()
    provenance: Sequence[tuple[str, str]] = ()
