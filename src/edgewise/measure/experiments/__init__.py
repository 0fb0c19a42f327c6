"""Every experiment by its name."""

from __future__ import annotations

from edgewise.experiments._continual import Continual
from edgewise.experiments._digits import Digits
from edgewise.experiments._experiment import Experiment
from edgewise.experiments._feynman import Feynman
from edgewise.experiments._grids import Grids
from edgewise.experiments._interpretability import Interpretability
from edgewise.experiments._knots import KnotTheory
from edgewise.experiments._language import Language
from edgewise.experiments._localisation import Localisation
from edgewise.experiments._pde import Equations
from edgewise.experiments._physics import Physics
from edgewise.experiments._scaling import Scaling
from edgewise.experiments._special import Special

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Grids(),
        Scaling(),
        Special(),
        Feynman(),
        Equations(),
        Continual(),
        Interpretability(),
        Physics(),
        KnotTheory(),
        Localisation(),
        Language(),
        Digits(),
    )
}
