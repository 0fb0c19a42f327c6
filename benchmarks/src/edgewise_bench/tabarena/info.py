"""The entry in the form of the package tabarena: generator of configurations, metadata, and both in one."""

# pyright: reportMissingImports=false

from tabarena.models._method_metadata import MethodMetadata
from tabarena.models._model_info import ModelInfo
from tabarena.utils.config_utils import CustomAGConfigGenerator

from edgewise_bench.tabarena.model import KANModel
from edgewise_bench.tabarena.search_space import DEFAULT, configurations

GENERATOR = CustomAGConfigGenerator(KANModel, configurations, manual_configs=[dict(DEFAULT)])
"""The default configuration, and as many of the others as are asked for."""
METADATA = MethodMetadata.config(
    method=KANModel.ag_name,
    ag_key=KANModel.ag_key,
    config_default=f"{KANModel.ag_name}_c1_BAG_L1",
    compute="cpu",
    is_bag=True,
    display_name="edgewise",
)
INFO = ModelInfo(KANModel, GENERATOR, METADATA, pip_extra=("edgewise-bench[tabarena]",))
