"""Studies: benchmarks of one part of edgewise each, measured when they are named."""

from edgewise_bench.benchmarks.studies._convolutions import Convolutions
from edgewise_bench.benchmarks.studies._dynamics import SYSTEMS as SYSTEMS
from edgewise_bench.benchmarks.studies._dynamics import Dynamics
from edgewise_bench.benchmarks.studies._fits import Fits, Initialization
from edgewise_bench.benchmarks.studies._formulas import FormulaDigits, Knowledge, Programs
from edgewise_bench.benchmarks.studies._gpu import GPULayers, GPUTiles
from edgewise_bench.benchmarks.studies._relations import Relations
from edgewise_bench.benchmarks.studies._rows import ManyRows, PredictionIntervals, RealIntervals
from edgewise_bench.benchmarks.studies._searches import Determinism, Resume, TimeLimits
from edgewise_bench.benchmarks.studies._searches import searched as searched
from edgewise_bench.benchmarks.studies._structure import KINDS as KINDS
from edgewise_bench.benchmarks.studies._structure import Structure
from edgewise_bench.benchmarks.studies._structure import answered as answered
from edgewise_bench.benchmarks.studies._structure import balanced as balanced
from edgewise_bench.benchmarks.studies._structure import questions as questions
from edgewise_bench.benchmarks.studies._structure import stored_questions as stored_questions
from edgewise_bench.benchmarks.studies._structure import structured_laws as structured_laws
from edgewise_bench.benchmarks.studies._studio import StudioKills, StudioSpeed
from edgewise_bench.benchmarks.studies._studio import killed as killed
from edgewise_bench.benchmarks.studies._study import Figure as Figure
from edgewise_bench.benchmarks.studies._study import Study as Study
from edgewise_bench.benchmarks.studies._uncertainty import Coverage, NoiseKinds, Uncertainty

STUDIES: tuple[type[Study], ...] = (
    Fits, Initialization, Structure, Relations, Programs, FormulaDigits, Knowledge, Coverage, Uncertainty, NoiseKinds,
    PredictionIntervals, RealIntervals, ManyRows, Dynamics, TimeLimits, Determinism, Resume, StudioKills, StudioSpeed,
    Convolutions, GPULayers, GPUTiles,
)  # fmt: skip
