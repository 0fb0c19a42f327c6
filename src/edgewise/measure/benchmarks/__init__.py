"""Every figure by its name."""

from __future__ import annotations

from edgewise.benchmark._accuracy import Accuracy
from edgewise.benchmark._classification import Classification
from edgewise.benchmark._formulas import Feynman, Irrelevant, Strogatz
from edgewise.benchmark._layers import Layers
from edgewise.benchmark._peaks import Peaks
from edgewise.benchmark._routes import Routes
from edgewise.benchmark._second_order import SecondOrder
from edgewise.benchmark._steps import Steps
from edgewise.measure import Figure

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        Layers(),
        Steps(),
        Peaks(),
        SecondOrder(),
        Accuracy(),
        Classification(),
        Routes(),
        Feynman(),
        Irrelevant(),
        Strogatz(),
    )
}
