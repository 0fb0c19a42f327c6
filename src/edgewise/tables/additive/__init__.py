"""Sums of curves, products and a hidden node, fitted to ordinary tables by penalized likelihood."""

from edgewise.tables.additive._curve import Curve as Curve
from edgewise.tables.additive._design import Design as Design
from edgewise.tables.additive._design import input_name as input_name
from edgewise.tables.additive._family import Classes as Classes
from edgewise.tables.additive._family import Family as Family
from edgewise.tables.additive._family import Gamma as Gamma
from edgewise.tables.additive._family import Gaussian as Gaussian
from edgewise.tables.additive._family import Huber as Huber
from edgewise.tables.additive._family import Poisson as Poisson
from edgewise.tables.additive._family import Quantile as Quantile
from edgewise.tables.additive._family import Target as Target
from edgewise.tables.additive._large import additive as additive
from edgewise.tables.additive._levels import Gap as Gap
from edgewise.tables.additive._levels import Levels as Levels
from edgewise.tables.additive._model import AdditiveModel as AdditiveModel
from edgewise.tables.additive._model import side_by_side as side_by_side
from edgewise.tables.additive._network import embedded as embedded
from edgewise.tables.additive._network import network as network
from edgewise.tables.additive._penalized import constrained as constrained
from edgewise.tables.additive._reml import Block as Block
from edgewise.tables.additive._reml import Moments as Moments
from edgewise.tables.additive._reml import Prior as Prior
from edgewise.tables.additive._reml import reml as reml
from edgewise.tables.additive._search import AdditiveFit as AdditiveFit
from edgewise.tables.additive._search import Request as Request
from edgewise.tables.additive._stack import Select as Select
