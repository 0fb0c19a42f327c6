"""Every experiment by its name."""

from __future__ import annotations

from edgewise.experiments._experiment import Experiment
from edgewise.experiments._grids import Grids

EXPERIMENTS: dict[str, Experiment] = {experiment.name: experiment for experiment in (Grids(),)}
