"""B-spline basis functions and their derivatives."""
