"""From a film of waves to their equation, and to what comes next.

Two solitary waves in shallow water, as the equation of Korteweg and de Vries has them: the taller one overtakes the
other. `discover_pde` sees them before they meet, with noise of 10 %. The equation that it finds is solved from the
start without noise, and predicts how they pass through each other.

```text
u_t = -6.0*u*u_x - 1.0*u_xxx
NOISE
error of the forecast 0.7 %
```
"""

import numpy as np
import torch

import edgewise as ew
from edgewise import pde


def start(p):
    tall, low = (c / 2 / torch.cosh(c**0.5 / 2 * (p.x - at)) ** 2 for c, at in ((5.0, -6.0), (1.5, -1.0)))
    return tall + low


def conditions(box):
    return [pde.Condition(box.face(t=0), lambda u, p: u.value - start(p)), pde.periodic(box, "x")]


whole = pde.Box(t=(0, 3), x=(-13, 15))
waves = pde.march(pde.Problem(whole, lambda u, p: u.t + 6 * u.value * u.x + u.xxx, conditions(whole)), tolerance=1e-4)
t, x = np.linspace(0, 3, 121), np.linspace(-13, 15, 161)
truth = waves.on_grid(t, x)
film = truth + 0.1 * truth.std() * np.random.default_rng(0).normal(size=truth.shape)

found = ew.discover_pde(t[:33], x, film[:33])
print("u_t =", found.equations["u"].evalf(2))
print(found.outcome.name)
ahead = pde.march(found.problem(whole, conditions(whole)), tolerance=1e-4).on_grid(t, x)
print(f"error of the forecast {100 * np.std(ahead - truth) / np.std(truth):.1f} %")

figure = ew.plot.Picture(figsize=(9, 3.4), layout="constrained")
axes = figure.subplots(1, 3, sharey=True)
for ax, (field, end, title) in zip(
    axes, ((film[:33], t[32], "measured"), (ahead, 3, "predicted"), (truth, 3, "true")), strict=True
):
    box, colors = (0, end, -13, 15), ew.plot.colors(0, 2.5)
    ax.imshow(field.T, origin="lower", extent=box, aspect="auto", cmap=colors, vmin=0, vmax=2.5)
    ax.set(title=title, xlabel="time")
axes[0].set_ylabel("place")
