"""The libraries that are measured, one a file, each with its own recommended settings."""

from __future__ import annotations

from edgewise.benchmark.libraries._base import Library as Library
from edgewise.benchmark.libraries._base import Shape as Shape
from edgewise.benchmark.libraries._base import Unit as Unit
from edgewise.benchmark.libraries._edgewise import Edgewise as Edgewise
from edgewise.benchmark.libraries._edgewise import layer_parameters as layer_parameters
from edgewise.benchmark.libraries._efficient import EfficientKAN as EfficientKAN
from edgewise.benchmark.libraries._jaxkan import JaxKAN as JaxKAN
from edgewise.benchmark.libraries._mlp import MLP as MLP
from edgewise.benchmark.libraries._mlp import hidden_width as hidden_width
from edgewise.benchmark.libraries._pykan import PyKAN as PyKAN

LIBRARIES: dict[str, Library] = {
    library.name: library for library in (Edgewise(), MLP(), EfficientKAN(), PyKAN(), JaxKAN())
}
PEERS = ("efficient-kan", "pykan", "jaxkan")
