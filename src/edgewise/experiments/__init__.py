"""Published experiments on these networks, each measured here: `edgewise reproduce`."""

from __future__ import annotations

from edgewise.experiments._experiment import MINUTES as MINUTES
from edgewise.experiments._experiment import MLP as MLP
from edgewise.experiments._experiment import OURS as OURS
from edgewise.experiments._experiment import PYKAN as PYKAN
from edgewise.experiments._experiment import Claim as Claim
from edgewise.experiments._experiment import Experiment as Experiment
from edgewise.experiments._experiments import EXPERIMENTS as EXPERIMENTS
from edgewise.experiments._peers import environment as environment
