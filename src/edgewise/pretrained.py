"""Networks as folders that the Hugging Face Hub shares: configuration, weights and a model card."""

from edgewise.networks.pretrained import *  # noqa: F403
