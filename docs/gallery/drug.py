"""A drug in twelve people.

The table `theophylline` ships with edgewise: concentrations of the drug in the blood of twelve people after one dose.
The terms to choose from are what the body clears, a constant flow, and absorption that fades. Each person clears and
absorbs at a pace of their own, which the verdict says; `population` estimates the typical person and the spread. R's
package nlme has 0.086 and 1.59 per hour, with residuals of 0.71 mg/l.

```text
VARIES
cleared per hour 0.088 +- 0.006, absorbed per hour 1.62 +- 0.33
residuals 0.69 mg/l
```
"""

import numpy as np
import pandas as pd
from scipy.integrate import solve_ivp

import edgewise as ew

table = pd.read_csv(ew.datasets.path("theophylline"))
people = [own for _, own in table.groupby("subject")]
found = ew.discover_ode(
    [own["time_h"] for own in people],
    [own[["concentration_mg_per_l"]] for own in people],
    ["c"],
    terms=["c", "1", "exp(-h*t)"],
    only=True,
)
typical = found.population()
clears, _, absorbs = typical.constants.values()
print(found.outcome.name)
print(
    f"cleared per hour {-clears.value:.3f} +- {clears.error:.3f}, "
    f"absorbed per hour {absorbs.value:.2f} +- {absorbs.error:.2f}"
)
print(f"residuals {typical.noise['c']:.2f} mg/l")

figure = ew.plot.Picture(figsize=(9, 6), layout="constrained")
at = np.linspace(0, 25, 200)
for ax, own, start, (k, a, h) in zip(
    figure.subplots(3, 4, sharex=True, sharey=True).ravel(),
    people,
    typical.starts[:, 0],
    typical.individual,
    strict=True,
):
    curve = solve_ivp(lambda t, c, k=k, a=a, h=h: k * c + a * np.exp(-h * t), (0, 25), [start], t_eval=at, rtol=1e-8)
    ax.plot(at, curve.y[0], color="#d1410c")
    ax.plot(own["time_h"], own["concentration_mg_per_l"], "o", ms=4, color="#1b2a3a")
    ew.plot.plain_axes(ax)
    ax.set_title(f"person {own['subject'].iloc[0]}", fontsize=9)
figure.supxlabel("hours since the dose")
figure.supylabel("theophylline in the blood, mg/l")
