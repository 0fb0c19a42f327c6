"""The libraries that are measured, one a file, each with its own recommended settings."""

from edgewise_bench.benchmarks.libraries._jaxkan import JaxKAN as JaxKAN
from edgewise_bench.benchmarks.libraries._libraries import MLP as MLP
from edgewise_bench.benchmarks.libraries._libraries import Edgewise as Edgewise
from edgewise_bench.benchmarks.libraries._libraries import Library as Library
from edgewise_bench.benchmarks.libraries._libraries import Point as Point
from edgewise_bench.benchmarks.libraries._libraries import Race as Race
from edgewise_bench.benchmarks.libraries._libraries import Shape as Shape
from edgewise_bench.benchmarks.libraries._libraries import ThirdParty as ThirdParty
from edgewise_bench.benchmarks.libraries._libraries import Unit as Unit
from edgewise_bench.benchmarks.libraries._libraries import hidden_width as hidden_width
from edgewise_bench.benchmarks.libraries._libraries import layer_parameters as layer_parameters
from edgewise_bench.benchmarks.libraries._other_kans import EfficientKAN as EfficientKAN
from edgewise_bench.benchmarks.libraries._other_kans import PyKAN as PyKAN

LIBRARIES: dict[str, Library] = {
    library.name: library for library in (Edgewise(), MLP(), EfficientKAN(), PyKAN(), JaxKAN())
}
BASELINES = ("efficient-kan", "pykan", "jaxkan")
