"""Which columns of a table are tied by an equation, and by which."""

from edgewise.unsupervised._classifier import Evidence as Evidence
from edgewise.unsupervised._classifier import area as area
from edgewise.unsupervised._classifier import merged as merged
from edgewise.unsupervised._classifier import ranked as ranked
from edgewise.unsupervised._classifier import shuffled as shuffled
from edgewise.unsupervised._find import find_relations as find_relations
from edgewise.unsupervised._formula import Equation as Equation
from edgewise.unsupervised._result import Outcome as Outcome
from edgewise.unsupervised._result import Relation as Relation
from edgewise.unsupervised._result import Relations as Relations
from edgewise.unsupervised._search import Seeded as Seeded
from edgewise.unsupervised._search import Tied as Tied
from edgewise.unsupervised._search import clustered as clustered
from edgewise.unsupervised._search import determiners as determiners
from edgewise.unsupervised._search import remainder as remainder
