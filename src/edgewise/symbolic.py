"""From a network to a formula and back: curves read as functions, edges snapped, constants rounded, text parsed."""

from edgewise.interpret.symbolic import *  # noqa: F403
