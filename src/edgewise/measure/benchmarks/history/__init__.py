"""Laws of the history of science, looked for in real measurements."""

from edgewise.measure.benchmarks.history._benchmark import History as History
from edgewise.measure.benchmarks.history._form import accepted as accepted
from edgewise.measure.benchmarks.history._form import half_of as half_of
from edgewise.measure.benchmarks.history._form import has_form as has_form
