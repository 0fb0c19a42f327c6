"""The libraries that are measured, one a file, each with its own recommended settings."""

from edgewise_bench.benchmarks.libraries._base import Library as Library
from edgewise_bench.benchmarks.libraries._base import Point as Point
from edgewise_bench.benchmarks.libraries._base import Race as Race
from edgewise_bench.benchmarks.libraries._base import Shape as Shape
from edgewise_bench.benchmarks.libraries._base import ThirdParty as ThirdParty
from edgewise_bench.benchmarks.libraries._base import Unit as Unit
from edgewise_bench.benchmarks.libraries._edgewise import Edgewise as Edgewise
from edgewise_bench.benchmarks.libraries._edgewise import layer_parameters as layer_parameters
from edgewise_bench.benchmarks.libraries._efficient import EfficientKAN as EfficientKAN
from edgewise_bench.benchmarks.libraries._jaxkan import JaxKAN as JaxKAN
from edgewise_bench.benchmarks.libraries._mlp import MLP as MLP
from edgewise_bench.benchmarks.libraries._mlp import hidden_width as hidden_width
from edgewise_bench.benchmarks.libraries._pykan import PyKAN as PyKAN

LIBRARIES: dict[str, Library] = {
    library.name: library for library in (Edgewise(), MLP(), EfficientKAN(), PyKAN(), JaxKAN())
}
BASELINES = ("efficient-kan", "pykan", "jaxkan")
