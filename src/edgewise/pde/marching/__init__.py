"""Marching through time, slab after slab."""
