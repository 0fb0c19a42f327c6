"""Laws of the history of science, looked for in real measurements."""

from edgewise_bench.benchmarks.history._benchmark import History as History
from edgewise_bench.benchmarks.history._form import accepted as accepted
from edgewise_bench.benchmarks.history._form import half_of as half_of
from edgewise_bench.benchmarks.history._form import has_form as has_form
