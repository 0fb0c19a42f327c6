"""A special function to machine precision.

A single edge with Chebyshev polynomials learns the Bessel function J0 on [0, 20] from 400 rows. The error falls
exponentially with the degree, down to the rounding level of float64.

```text
error at degree 48: 2e-16
```
"""

import numpy as np
import torch
from scipy.special import j0

import edgewise as ew

x = 10 - 10 * np.cos(np.pi * (np.arange(400) + 0.5) / 400)  # denser at the ends, as suits polynomials
fresh = np.linspace(0, 20, 2001)
grids = [4, 8, 12, 16, 20, 24, 28, 32, 40, 48]
errors = []
for grid in grids:
    model = ew.KAN([1, 1], basis="chebyshev", grid=grid, domain=(0, 20))
    fit = ew.fit(model, x[:, None], j0(x), grids=[grid])
    with torch.no_grad():
        values = fit.model(torch.from_numpy(fresh[:, None]))[:, 0].numpy()
    errors.append(np.sqrt(np.mean((values - j0(fresh)) ** 2)))
print(f"error at degree {grids[-1]}: {errors[-1]:.0e}")

figure = ew.plot.Picture(figsize=(8, 3.4), layout="constrained")
left, right = figure.subplots(1, 2)
left.plot(fresh, values, color="#1b2a3a")
left.set(title="$J_0(x)$, as learned", xlabel="$x$", ylabel="$J_0$")
right.semilogy(grids, errors, "o-", color="#d1410c")
right.set(title="error on new points", xlabel="degree of the polynomials", ylabel="rms error")
for ax in (left, right):
    ew.plot.plain_axes(ax)
