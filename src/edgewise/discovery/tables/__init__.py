"""Tables, what is left to explain of them, and what a search is asked for."""

from edgewise.discovery.tables._columns import Columns as Columns
from edgewise.discovery.tables._monomials import EXACT as EXACT
from edgewise.discovery.tables._monomials import Exponents as Exponents
from edgewise.discovery.tables._monomials import accepted as accepted
from edgewise.discovery.tables._monomials import adequate as adequate
from edgewise.discovery.tables._monomials import fraction as fraction
from edgewise.discovery.tables._monomials import in_range as in_range
from edgewise.discovery.tables._monomials import library as library
from edgewise.discovery.tables._monomials import monomial as monomial
from edgewise.discovery.tables._monomials import norms_of as norms_of
from edgewise.discovery.tables._monomials import rounded as rounded
from edgewise.discovery.tables._monomials import scaled_columns as scaled_columns
from edgewise.discovery.tables._monomials import triangle as triangle
from edgewise.discovery.tables._monomials import varying as varying
from edgewise.discovery.tables._noise_model import ADDITIVE as ADDITIVE
from edgewise.discovery.tables._noise_model import Loss as Loss
from edgewise.discovery.tables._noise_model import NoiseKind as NoiseKind
from edgewise.discovery.tables._noise_model import NoiseModel as NoiseModel
from edgewise.discovery.tables._noise_model import listed as listed
from edgewise.discovery.tables._prepare import Missing as Missing
from edgewise.discovery.tables._prepare import Prepared as Prepared
from edgewise.discovery.tables._prepare import prepare as prepare
from edgewise.discovery.tables._table import Key as Key
from edgewise.discovery.tables._table import Problem as Problem
from edgewise.discovery.tables._table import Settings as Settings
from edgewise.discovery.tables._table import Table as Table
