"""Solving an equation by networks and on lattices, from coarse to fine."""
