"""Kepler's third law from a table of orbits.

The table `orbits` ships with edgewise: 44 planets and moons around seven primaries. From the semi-major axis and the
mass of the primary, `discover` finds Kepler's third law: the period is proportional to the square root of the cube of
the semi-major axis over the mass. The formula predicts every period to within one percent.

```text
281428.5*sqrt(semi_major_axis_km**3/primary_mass_kg)
largest relative error 0.9 %
```
"""

import numpy as np
import pandas as pd

import edgewise as ew

bodies = pd.read_csv(ew.datasets.path("orbits"))
columns = ["semi_major_axis_km", "primary_mass_kg"]
found = ew.discover(bodies[columns], bodies["period_days"], target="period_days")
predicted = found.best.predict(bodies[columns])

error = np.abs(predicted / bodies["period_days"] - 1)
print(found.best.expression)
print(f"largest relative error {100 * error.max():.1f} %")

figure = ew.plot.Picture(figsize=(6.4, 4.2), layout="constrained")
ax = figure.subplots()
for marker, (primary, moons) in zip("o^vsDPX", bodies.groupby("primary"), strict=True):
    color = "#d1410c" if primary == "Sun" else "#2f6db5"
    ax.loglog(found.best.predict(moons[columns]), moons["period_days"], marker, ms=6, color=color, label=primary)
ends = np.array([predicted.min(), predicted.max()])
ax.loglog(ends, ends, color="#1b2a3a", lw=1, zorder=0)
ax.set(xlabel=f"${found.best.latex()}$", ylabel="period in days")
ax.legend(frameon=False, fontsize=9)
ew.plot.plain_axes(ax)
