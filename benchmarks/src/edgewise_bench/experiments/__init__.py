"""Published experiments on KANs, each in its own folder: `edgewise reproduce`."""

from edgewise_bench import Experiment
from edgewise_bench.experiments.anderson import Anderson
from edgewise_bench.experiments.continual import Continual
from edgewise_bench.experiments.feynman import Feynman
from edgewise_bench.experiments.grids import Grids
from edgewise_bench.experiments.interpretability import Interpretability
from edgewise_bench.experiments.knots import KnotTheory
from edgewise_bench.experiments.pde import Equations
from edgewise_bench.experiments.physics import Physics
from edgewise_bench.experiments.scaling import Scaling
from edgewise_bench.experiments.special import Special
from edgewise_bench.experiments.transformers import Digits, Language

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
