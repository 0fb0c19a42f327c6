"""What a search remembers on disk, so that it can go on where it was killed."""

from edgewise.discovery.journal._journal import Codec as Codec
from edgewise.discovery.journal._journal import Journal as Journal
from edgewise.discovery.journal._journal import fingerprint as fingerprint
from edgewise.discovery.journal._journal import numbers as numbers
