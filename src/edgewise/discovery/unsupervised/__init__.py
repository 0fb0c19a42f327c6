"""Which columns of a table are tied by an equation, and by which."""

from edgewise.discovery.unsupervised._find import find_relations as find_relations
from edgewise.discovery.unsupervised._formula import Equation as Equation
from edgewise.discovery.unsupervised._result import Outcome as Outcome
from edgewise.discovery.unsupervised._result import Relation as Relation
from edgewise.discovery.unsupervised._result import Relations as Relations
from edgewise.discovery.unsupervised._search import Evidence as Evidence
from edgewise.discovery.unsupervised._search import Seeded as Seeded
from edgewise.discovery.unsupervised._search import Tied as Tied
from edgewise.discovery.unsupervised._search import area as area
from edgewise.discovery.unsupervised._search import clustered as clustered
from edgewise.discovery.unsupervised._search import determiners as determiners
from edgewise.discovery.unsupervised._search import merged as merged
from edgewise.discovery.unsupervised._search import ranked as ranked
from edgewise.discovery.unsupervised._search import remainder as remainder
from edgewise.discovery.unsupervised._search import shuffled as shuffled
