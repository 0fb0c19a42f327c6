"""A KAN layer in a torch model.

A small torch network, a KAN layer followed by a linear layer, classifies the points of two spirals. It is trained with
an optimizer and a loss of torch. `ew.nn.KANLayer` can be used wherever `torch.nn.Linear` can.

```text
accuracy on new points 100 %
```
"""

import numpy as np
import torch

import edgewise as ew


def spirals(n, seed):
    rng = np.random.default_rng(seed)
    turn, arm = 3 * np.pi * np.sqrt(rng.uniform(0.02, 1, n)), rng.integers(0, 2, n)
    angle = turn + np.pi * arm
    x = np.stack([turn * np.cos(angle), turn * np.sin(angle)], axis=1) / (3 * np.pi)
    return torch.tensor(x + 0.01 * rng.standard_normal((n, 2)), dtype=torch.float32), torch.tensor(arm)


x, arm = spirals(1000, seed=0)
torch.manual_seed(0)
model = torch.nn.Sequential(
    ew.nn.KANLayer(2, 16, grid=10, generator=torch.Generator().manual_seed(0)),
    ew.nn.KANLayer(16, 2, grid=10, domain=(-2, 2), generator=torch.Generator().manual_seed(1)),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for _ in range(300):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), arm).backward()
    optimizer.step()

fresh, arm_of_fresh = spirals(2000, seed=1)
with torch.no_grad():
    accuracy = (model(fresh).argmax(1) == arm_of_fresh).double().mean()
print(f"accuracy on new points {100 * accuracy:.0f} %")

side = torch.linspace(-1.1, 1.1, 221)
plane = torch.stack(torch.meshgrid(side, side, indexing="xy"), dim=-1)
with torch.no_grad():
    chance = model(plane).softmax(-1)[..., 1]
figure = ew.plot.Picture(figsize=(5, 4.4), layout="constrained")
ax, colors = figure.subplots(), ew.plot.colors(-1, 1)
picture = ax.imshow(chance.numpy(), origin="lower", extent=(-1.1, 1.1, -1.1, 1.1), cmap=colors, alpha=0.6)
for side, color in enumerate(("#7a2405", "#173a63")):
    ax.plot(*x[arm == side].T.numpy(), ".", ms=3, color=color)
ax.set_axis_off()
figure.colorbar(picture, ax=ax, label="probability of the second spiral")
