"""What edgewise is compared with: MLPs, AdamW training of any module, pykan in a separate environment."""

from edgewise_bench.baselines._pykan import baseline_environment as baseline_environment
from edgewise_bench.baselines._pykan import default_dtype as default_dtype
from edgewise_bench.baselines._pykan import pykan_formula as pykan_formula
from edgewise_bench.baselines._pykan import pykan_parameters as pykan_parameters
from edgewise_bench.baselines._pykan import pykan_refined as pykan_refined
from edgewise_bench.baselines._pykan import pykan_rows as pykan_rows
from edgewise_bench.baselines._pykan import pykan_stages as pykan_stages
from edgewise_bench.baselines._pykan import silenced as silenced
from edgewise_bench.baselines._training import adam as adam
from edgewise_bench.baselines._training import adamw_milliseconds as adamw_milliseconds
from edgewise_bench.baselines._training import adamw_steps as adamw_steps
from edgewise_bench.baselines._training import lbfgs as lbfgs
from edgewise_bench.baselines._training import minibatches as minibatches
from edgewise_bench.baselines._training import mlp as mlp
from edgewise_bench.baselines._training import parameter_count as parameter_count
from edgewise_bench.baselines._training import seeded as seeded
from edgewise_bench.baselines._training import seeded_mlp as seeded_mlp
from edgewise_bench.baselines._training import train_mlp as train_mlp
from edgewise_bench.baselines._training import used_parameters as used_parameters
