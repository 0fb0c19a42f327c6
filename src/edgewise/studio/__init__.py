"""The studio: a page on which a person trains, touches and reads a network; every step is one of `Session`."""

from edgewise.studio import _acts as _acts
from edgewise.studio import _compare as _compare
from edgewise.studio import _discovery as _discovery
from edgewise.studio import _leave as _leave
from edgewise.studio import _menu as _menu
from edgewise.studio import _trials as _trials
from edgewise.studio._desk import Desk as Desk
from edgewise.studio._requests import REQUESTS as REQUESTS
from edgewise.studio._requests import Moved as Moved
from edgewise.studio._requests import Request as Request
