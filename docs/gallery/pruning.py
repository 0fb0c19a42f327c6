"""Pruning and snapping, down to a formula.

A network with four inputs is trained on a function of two of them. `prune` removes the irrelevant inputs and reports
what each removal costs in error. `snap` replaces the remaining splines with library functions. The network then equals
the formula to rounding.

```text
removed: c, d
exp(b**2 + sin(pi*a)), error 6e-17
```
"""

import numpy as np
from matplotlib.figure import Figure

import edgewise as ew

x = np.random.default_rng(0).uniform(-1, 1, (500, 4))
y = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
names = ["a", "b", "c", "d"]

trained = ew.fit(ew.KAN([4, 1, 1]), x, y, grids=[5, 10], options=ew.Options(restarts=1)).model
pruned = ew.prune(trained, x, y, names=names)
snapped = ew.symbolic.snap(pruned.model, x, y)
print("removed:", ", ".join(removal.where for removal in pruned.removed if removal.what == "input"))
print(f"{snapped.model.formula(names)}, error {snapped.error_after:.0e}")

figure = Figure(figsize=(9.6, 4.4))
steps = {"trained": trained, "pruned": pruned.model, "snapped": snapped.model}
for i, (title, model) in enumerate(steps.items()):
    ax = figure.add_axes((0.01 + 0.335 * i, 0, 0.31, 0.9))
    ew.plot.network(model, x, names=names, target="f", ax=ax)
    ax.set_title(title)
