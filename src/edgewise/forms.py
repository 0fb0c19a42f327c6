"""Laws of textbooks by name: their formulas and constants, fits of one that is chosen, and new ones."""

from edgewise.discovery.forms import *  # noqa: F403
