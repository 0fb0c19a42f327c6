"""A shock, and waves that break up.

Two equations of evolution that are usual tests of neural solvers: Burgers' equation with viscosity 0.01 / pi, and the
Korteweg-de Vries equation of Zabusky and Kruskal, here until t = 0.5. `pde.march` goes through time in slabs; its cells
follow the solution, and it estimates its error.

```text
Burgers: error below the tolerance True
Korteweg-de Vries: error below the tolerance True
```
"""

import numpy as np
import torch

import edgewise as ew
from edgewise import pde

strip = pde.Box(t=(0, 1), x=(-1, 1))
sine = pde.Condition(strip.face(t=0), lambda u, p: u.value + torch.sin(torch.pi * p.x))
ends = pde.Condition(strip.boundary("x"), lambda u, p: u.value)
shock = pde.march(
    pde.Problem(strip, lambda u, p: u.t + u.value * u.x - 0.01 / torch.pi * u.xx, [sine, ends]), tolerance=1e-4
)
print("Burgers: error below the tolerance", shock.error < 1e-4)

half = pde.Box(t=(0, 0.5), x=(-1, 1))
cosine = pde.Condition(half.face(t=0), lambda u, p: u.value - torch.cos(torch.pi * p.x))
waves = pde.march(
    pde.Problem(half, lambda u, p: u.t + u.value * u.x + 0.022**2 * u.xxx, [cosine, pde.periodic(half, "x")]),
    tolerance=1e-2,
)
print("Korteweg-de Vries: error below the tolerance", waves.error < 1e-2)

x = np.linspace(-1, 1, 401)
figure = ew.plot.Picture(figsize=(8, 3.4), layout="constrained")
for axes, found, title in zip(
    figure.subplots(1, 2), (shock, waves), ("Burgers, 0.01 / π", "Korteweg–de Vries"), strict=True
):
    t = np.linspace(0, found.reached, 201)
    ew.plot.heat_map(ew.plot.Surface(t, x, found.on_grid(t, x)), names=("t", "x"), label=title, ax=axes)
