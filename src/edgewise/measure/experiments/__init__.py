"""Published experiments on KANs, each in its own folder: `edgewise reproduce`."""

from edgewise.measure import Experiment
from edgewise.measure.experiments.anderson import Anderson
from edgewise.measure.experiments.continual import Continual
from edgewise.measure.experiments.feynman import Feynman
from edgewise.measure.experiments.grids import Grids
from edgewise.measure.experiments.interpretability import Interpretability
from edgewise.measure.experiments.knots import KnotTheory
from edgewise.measure.experiments.pde import Equations
from edgewise.measure.experiments.physics import Physics
from edgewise.measure.experiments.scaling import Scaling
from edgewise.measure.experiments.special import Special
from edgewise.measure.experiments.transformers import Digits, Language

_ALL = (
    Grids,
    Scaling,
    Special,
    Feynman,
    Equations,
    Continual,
    Interpretability,
    Physics,
    KnotTheory,
    Anderson,
    Language,
)
EXPERIMENTS: dict[str, Experiment] = {kind.name: kind() for kind in (*_ALL, Digits)}
"""Every experiment by its name."""
MINUTES = "minutes.csv"
"""The file that records how many minutes after the start of a run each experiment was done."""
