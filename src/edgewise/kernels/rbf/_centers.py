"""Where Gaussians are centered, and how wide they are."""

from __future__ import annotations

BEYOND = 3
"""Centers beyond each end of the range."""
WIDTH = 1.5
"""Width of a Gaussian, in spacings of the centers."""
