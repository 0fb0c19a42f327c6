"""An unknown coefficient from noisy measurements.

A heated rod: (k u')' = -10, with the temperature and the heat flux known at one end. The conductivity k(x) is not
known. It is found as a spline from 100 temperatures with 2 % noise, and read as a formula. In the middle, where the
temperature is highest and u' = 0, the equation does not say what k is: the 95 % band is wide there.

```text
k(x) = x**2/2 + 1
```
"""

import math

import torch

import edgewise as ew
from edgewise import pde


def true(x):
    return 5 * math.sqrt(2) * torch.atan(x / math.sqrt(2)) - 10 * torch.log(1 + x**2 / 2)


def heat(u, p, c):
    k = c.k(p.x)
    return k.value * u.xx + k.x * u.x + 10


rod = pde.Box(x=(0, 1))
cold = pde.Condition(rod.face(x=0), lambda u, p, c: (u.value, c.k(p.x).value * u.x - 5))
random = torch.Generator().manual_seed(0)
x = torch.rand(100, dtype=torch.float64, generator=random)
y = true(x) + 0.02 * true(x).std() * torch.randn(100, dtype=torch.float64, generator=random)
found = pde.solve(pde.Problem(rod, heat, [cold, pde.measured(x[:, None], y)], functions={"k": "x"}))
k, reading = found.functions["k"], pde.read(found, "k")
print("k(x) =", reading.expression)

at = k.curve()
figure = ew.plot.Picture(figsize=(8, 3.4), layout="constrained")
left, right = figure.subplots(1, 2)
left.plot(x, y, ".", color="#8793a1", label="measured")
left.plot(at, found(at[:, None]), color="#d1410c", label="found")
left.set(title="temperature u", xlabel="place on the rod")
right.fill_between(at, *k.band(at), color="#d1410c", alpha=0.2, lw=0, label="95 % band")
right.plot(at, k(at), color="#d1410c", label="found, a spline")
right.plot(at, reading.solution.functions["k"](at), color="#1b2a3a", ls="--", label=f"read: {reading.expression}")
right.set(title="conductivity k", xlabel="place on the rod")
for axes in (left, right):
    axes.legend(frameon=False)
    ew.plot.plain_axes(axes)
