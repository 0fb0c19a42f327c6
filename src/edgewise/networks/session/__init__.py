"""A person steering: a branching history of networks, each step one call, seen before it is taken, undone, replayed."""

from edgewise.networks.session._actions import ACTIONS as ACTIONS
from edgewise.networks.session._actions import Action as Action
from edgewise.networks.session._actions import acting as acting
from edgewise.networks.session._history import Comparison as Comparison
from edgewise.networks.session._history import State as State
from edgewise.networks.session._rows import Variable as Variable
from edgewise.networks.session._session import Preview as Preview
from edgewise.networks.session._session import Session as Session
from edgewise.networks.session._steering import Steering as Steering
