"""Laws of textbooks by name: their formulas and constants, fits of one that is chosen, and new ones."""

from edgewise.discovery.regression import fit_form as fit
from edgewise.formulas.forms import Form as Form
from edgewise.formulas.forms import Parameter as Parameter
from edgewise.formulas.forms import get as get
from edgewise.formulas.forms import names as names
from edgewise.formulas.forms import register as register

__all__ = ["Form", "Parameter", "fit", "get", "names", "register"]
