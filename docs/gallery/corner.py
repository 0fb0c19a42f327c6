"""A corner where the gradient is infinite.

A bar with an L-shaped section is twisted: u_xx + u_yy = -1, and u vanishes on the boundary. At the re-entrant corner,
the stress grows like r^(-1/3). The problem adds the singular functions of the corners to the network by itself, and
their factors are found together with the solution. The factor of r^(2/3) is 0.402.

```text
Corner of 270 degrees at (0, 0)
factor of r^(2/3): 0.4
```
"""

import torch

import edgewise as ew
from edgewise import pde

bar = pde.Polygon([(-1, -1), (0, -1), (0, 0), (1, 0), (1, 1), (-1, 1)])
held = pde.Condition(bar.boundary(), lambda u, p: u.value, weight=1000)
torsion = pde.Problem(bar, lambda u, p: u.xx + u.yy + 1, [held])
found = pde.solve(torsion, ew.KAN([2, 5, 1], degree=5), grids=[4, 6], points=1000, options=ew.Options(restarts=1))
print(next(corner for corner in bar.corners() if corner.reentrant))
print(f"factor of r^(2/3): {found.constants['r^(2/3) at (0, 0)']:.1f}")

x, y = torch.meshgrid(torch.linspace(-1, 1, 101), torch.linspace(-1, 1, 101), indexing="ij")
points = torch.stack([x.flatten(), y.flatten()], dim=1).double()
u = torch.where(bar.contains(points), found(points), torch.nan).reshape(101, 101)
figure = ew.plot.Picture(figsize=(8, 3.4), layout="constrained")
left, right = figure.subplots(1, 2)
left.contourf(x, y, u, levels=15, cmap=ew.plot.colors(0, 1))
left.set(title="u", xlabel="x", ylabel="y", aspect="equal")
r = torch.logspace(-6, -0.5, 60, dtype=torch.float64)
jet = found.at(torch.stack([-r, r], dim=1) / 2**0.5)
right.loglog(r, jet.gradient.norm(dim=1), color="#d1410c")
ew.plot.plain_axes(right)
right.set(title="stress on the diagonal", xlabel="distance from the corner", ylabel="length of the gradient")
