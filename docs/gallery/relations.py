"""Relations without a target.

The table has six columns, and none of them is named as the target. `find_relations` trains a network to distinguish
real rows from shuffled ones. It finds two groups of related columns and the equation of each. The last column belongs
to neither group.

```text
('width', 'height', 'area'): area = height*width
('east', 'north'): east**2 = 1 - north**2
```
"""

import numpy as np

import edgewise as ew

rng = np.random.default_rng(0)
columns = ["width", "height", "area", "east", "north", "noise"]
x = rng.uniform(-1, 1, (300, 6))
x[:, 2] = x[:, 0] * x[:, 1]
angle = rng.uniform(0, 2 * np.pi, 300)
x[:, 3], x[:, 4] = np.cos(angle), np.sin(angle)

found = ew.find_relations(x, columns, seeds=1)
for relation in found:
    print(f"{relation.columns}: {relation.equation}")

figure = found.plot()
