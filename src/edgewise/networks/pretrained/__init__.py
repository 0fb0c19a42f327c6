"""Networks as folders that the Hugging Face Hub shares: configuration, weights and a model card."""

from edgewise.networks.pretrained._card import About as About
from edgewise.networks.pretrained._card import ModelCard as ModelCard
from edgewise.networks.pretrained._card import model_card as model_card
from edgewise.networks.pretrained._folder import load as load
from edgewise.networks.pretrained._folder import save as save
