"""Every function at every point, then products of matrices: what serves any family of functions."""
