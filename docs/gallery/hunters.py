"""The equations of lynx and hares.

The table `lynx` ships with edgewise: pelts of Canada lynx and snowshoe hares, 21 years. `discover_ode` finds the
equations of Lotka and Volterra in them, with constants near those of published fits. It does not claim them: they leave
more than noise, and other equations explain the rows about as well.

```text
hare' = (0.482 ± 0.035)*hare - (0.0248 ± 0.0017)*hare*lynx
lynx' = -(0.916 ± 0.068)*lynx + (0.0272 ± 0.0019)*hare*lynx
APPROXIMATE
```
"""

import pandas as pd

import edgewise as ew

pelts = pd.read_csv(ew.datasets.path("lynx"))
found = ew.discover_ode(pelts["year"], pelts[["hare", "lynx"]], effort="quick")
print(found.written.text())
print(found.outcome.name)
figure = found.plot()
