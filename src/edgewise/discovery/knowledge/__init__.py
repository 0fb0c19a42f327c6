"""What a person knows of the formula that is looked for."""

from edgewise.discovery.knowledge._gate import Gate as Gate
from edgewise.discovery.knowledge._gate import turned_away as turned_away
from edgewise.discovery.knowledge._groups import Groups as Groups
from edgewise.discovery.knowledge._groups import dimensionless_groups as dimensionless_groups
from edgewise.discovery.knowledge._groups import monomial_of as monomial_of
from edgewise.discovery.knowledge._knowledge import Knowledge as Knowledge
from edgewise.discovery.knowledge._known import Known as Known
from edgewise.discovery.knowledge._sketch import Sketch as Sketch
from edgewise.discovery.knowledge._template import Template as Template
