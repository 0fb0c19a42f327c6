"""Piecewise linear functions."""

from __future__ import annotations

from edgewise.bases._bspline import BSpline

LINEAR = BSpline(degree=1)
"""Hats: straight pieces between values at the knots. `grid` is the number of cells G, K = G + 1."""
