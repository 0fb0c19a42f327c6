"""Studies: benchmarks of one part of edgewise each, measured when they are named."""

from edgewise_bench.benchmarks.studies.dynamics import Dynamics
from edgewise_bench.benchmarks.studies.few_rows import FewRows
from edgewise_bench.benchmarks.studies.fields import Fields
from edgewise_bench.benchmarks.studies.fits import Fits, Initialization, ManyRows, PredictionIntervals, RealIntervals
from edgewise_bench.benchmarks.studies.formulas import FormulaDigits, Knowledge, Programs
from edgewise_bench.benchmarks.studies.layers import Convolutions, GPULayers, GPUTiles
from edgewise_bench.benchmarks.studies.likelihoods import RowLikelihoods
from edgewise_bench.benchmarks.studies.searches import Determinism, Resume, TimeLimits, Waiting
from edgewise_bench.benchmarks.studies.srbench import SRBench
from edgewise_bench.benchmarks.studies.stages import StagesLeftOut
from edgewise_bench.benchmarks.studies.structure import Relations, Structure
from edgewise_bench.benchmarks.studies.studio import StudioKills, StudioSpeed
from edgewise_bench.benchmarks.studies.study import Study
from edgewise_bench.benchmarks.studies.uncertainty import Coverage, NoiseKinds, Uncertainty

STUDIES: tuple[type[Study], ...] = (
    Fits, Initialization, Structure, Relations, Programs, FormulaDigits, Knowledge, Coverage, Uncertainty, NoiseKinds,
    RowLikelihoods, PredictionIntervals, RealIntervals, ManyRows, FewRows, Dynamics, Fields, TimeLimits, Determinism,
    Resume, Waiting, StagesLeftOut, StudioKills, StudioSpeed, Convolutions, GPULayers, GPUTiles, SRBench,
)  # fmt: skip
