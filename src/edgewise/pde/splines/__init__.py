"""Splines of one and two coordinates, passes of networks made of them, and the linear systems that they give."""

from edgewise.pde.splines._space import Space as Space
