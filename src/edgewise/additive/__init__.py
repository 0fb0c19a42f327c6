"""Sums of curves, products and a hidden node, fitted to ordinary tables by penalized likelihood."""

from edgewise.additive._block import Block as Block
from edgewise.additive._constrained import constrained as constrained
from edgewise.additive._curve import Curve as Curve
from edgewise.additive._design import Design as Design
from edgewise.additive._design import input_name as input_name
from edgewise.additive._family import Classes as Classes
from edgewise.additive._family import Family as Family
from edgewise.additive._family import Gamma as Gamma
from edgewise.additive._family import Gaussian as Gaussian
from edgewise.additive._family import Poisson as Poisson
from edgewise.additive._fit import additive as additive
from edgewise.additive._levels import Gap as Gap
from edgewise.additive._levels import Levels as Levels
from edgewise.additive._model import AdditiveModel as AdditiveModel
from edgewise.additive._model import side_by_side as side_by_side
from edgewise.additive._moments import Moments as Moments
from edgewise.additive._network import embedded as embedded
from edgewise.additive._network import network as network
from edgewise.additive._reml import Prior as Prior
from edgewise.additive._reml import reml as reml
from edgewise.additive._robust import Huber as Huber
from edgewise.additive._robust import Quantile as Quantile
from edgewise.additive._search import AdditiveFit as AdditiveFit
from edgewise.additive._search import Request as Request
from edgewise.additive._stack import Select as Select
from edgewise.additive._target import Target as Target
