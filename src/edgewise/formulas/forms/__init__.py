"""Laws of textbooks by name, with self-starting constants."""

from edgewise.formulas.forms._form import Form as Form
from edgewise.formulas.forms._form import Parameter as Parameter
from edgewise.formulas.forms._registry import families as families
from edgewise.formulas.forms._registry import get as get
from edgewise.formulas.forms._registry import names as names
from edgewise.formulas.forms._registry import register as register
from edgewise.formulas.forms._start import FEWEST_PERIODS as FEWEST_PERIODS
from edgewise.formulas.forms._start import Screen as Screen
from edgewise.formulas.forms._start import Start as Start
from edgewise.formulas.forms._start import fitted_form as fitted_form
