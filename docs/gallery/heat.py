"""A partial differential equation.

The heat equation u_t = 0.1 u_xx on a rod whose ends are kept at zero. The initial temperature is a sum of two sine
waves. The equation is written as a plain function of the derivatives. The ansatz satisfies the initial and boundary
conditions exactly, so training only has to satisfy the equation.

```text
relative error 1e-05
```
"""

import torch

import edgewise as ew
from edgewise import pde


def start(p):
    return torch.sin(torch.pi * p.x) + 0.5 * torch.sin(3 * torch.pi * p.x)


def exact(p):
    slow, fast = torch.exp(-0.1 * torch.pi**2 * p.t), torch.exp(-0.9 * torch.pi**2 * p.t)
    return slow * torch.sin(torch.pi * p.x) + 0.5 * fast * torch.sin(3 * torch.pi * p.x)


rod = pde.Box(x=(0, 1), t=(0, 1))
heat = pde.Problem(rod, lambda u, p: u.t - 0.1 * u.xx, ansatz=lambda n, p: start(p) + p.t * p.x * (1 - p.x) * n)
found = pde.solve(heat, ew.KAN([2, 3, 1], degree=5), grids=[4, 8], points=600, options=ew.Options(restarts=1))
print(f"relative error {found.errors(exact).relative:.0e}")

x, t = torch.meshgrid(torch.linspace(0, 1, 81), torch.linspace(0, 1, 81), indexing="ij")
points = torch.stack([x.flatten(), t.flatten()], dim=1).double()
u = found(points).detach().numpy().reshape(81, 81)
figure = ew.plot.Picture(figsize=(8, 3.4), layout="constrained")
left, right = figure.subplots(1, 2)
side, steps = x[:, 0].numpy(), (0, 8, 24, 80)
ew.plot.heat_map(ew.plot.Surface(side, side, u.T), names=("time", "position"), label="temperature", ax=left)
times = [f"t = {step / 80:.1f}" for step in steps]
curves = [u[:, step] for step in steps]
ew.plot.profiles([side] * 4, curves, name="position", label="temperature", legend=times, ax=right)
