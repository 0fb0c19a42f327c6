"""What a person knows of the formula that is looked for."""

from edgewise.discovery.knowledge._gate import Gate as Gate
from edgewise.discovery.knowledge._gate import turned_away as turned_away
from edgewise.discovery.knowledge._knowledge import Knowledge as Knowledge
from edgewise.discovery.knowledge._knowledge import Known as Known
from edgewise.discovery.knowledge._template import Sketch as Sketch
from edgewise.discovery.knowledge._template import Template as Template
from edgewise.discovery.knowledge._units import Groups as Groups
from edgewise.discovery.knowledge._units import dimensionless_groups as dimensionless_groups
from edgewise.discovery.knowledge._units import monomial_of as monomial_of
