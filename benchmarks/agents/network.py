"""A task about a torch model: a block with learnable curves, trained further, and an ONNX file that equals it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from agents.task import Task, Verdict, numbers

MODEL = '''"""The network of the sensor. Weights: weights.safetensors."""

import torch
from safetensors.torch import load_file


class Sensor(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = torch.nn.Linear(5, 16)
        self.block = torch.nn.Sequential(torch.nn.Linear(16, 64), torch.nn.GELU(), torch.nn.Linear(64, 16))
        self.leave = torch.nn.Linear(16, 1)

    def forward(self, x):
        hidden = self.enter(x)
        return self.leave(hidden + self.block(hidden))


def load():
    model = Sensor()
    model.load_state_dict(load_file("weights.safetensors"))
    return model.eval()
'''


class Sensor(Task):
    """A trained network gets a block with learnable curves: the same at first, better after training, and exported."""

    name = "sensor"

    def write(self, folder: Path, seed: int) -> None:
        import torch
        from safetensors.torch import save_file

        x, y = self._rows(seed + 60, 2000)
        header = "a,b,c,d,e,reading"
        np.savetxt(folder / "train.csv", np.column_stack([x, y]), "%.6f", ",", header=header, comments="")
        np.savetxt(folder / "asked.csv", self._rows(seed + 61, 500)[0], "%.6f", ",", header="a,b,c,d,e", comments="")
        (folder / "model.py").write_text(MODEL, encoding="utf-8")
        space: dict[str, Any] = {}
        exec(compile(MODEL, "model.py", "exec"), space)  # noqa: S102 (our own text)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = space["Sensor"]()
            rows, target = torch.from_numpy(x).float(), torch.from_numpy(y).float()[:, None]
            optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
            for _ in range(150):
                optimizer.zero_grad()
                (model(rows) - target).square().mean().backward()
                optimizer.step()
        save_file(model.state_dict(), folder / "weights.safetensors")

    def judge(self, answer: Mapping[str, Any], folder: Path, seed: int) -> Verdict:
        import onnx
        import onnxruntime
        import torch
        from safetensors.torch import load_file

        verdict = Verdict()
        x, y = self._rows(seed + 61, 500)
        x = np.round(x, 6).astype(np.float32)
        space: dict[str, Any] = {}
        exec(compile(MODEL, "model.py", "exec"), space)  # noqa: S102 (our own text)
        before = space["Sensor"]()
        before.load_state_dict(load_file(folder / "weights.safetensors"))
        with torch.no_grad():
            old = before(torch.from_numpy(x)).numpy()[:, 0]

        start = numbers(answer, "outputs_before_training", 500)
        moved = float(np.abs(start - old).max() / old.std())
        verdict.need(moved < 0.02, f"Before training the outputs differ by {moved:.2g} standard deviations.")
        after = numbers(answer, "outputs", 500)
        file = folder / "model.onnx"
        if not file.exists():
            return Verdict(["There is no model.onnx."])
        session = onnxruntime.InferenceSession(str(file))
        said = session.run(None, {session.get_inputs()[0].name: x})[0].reshape(-1)
        apart = float(np.abs(said - after).max())
        verdict.need(apart < 1e-5, f"The ONNX file differs from the torch model by {apart:.1e}; 1e-5 was the limit.")
        few = session.run(None, {session.get_inputs()[0].name: x[:3]})[0]
        verdict.need(few.size == 3, "The ONNX file does not take any number of rows.")
        kinds = {node.op_type for node in onnx.load(str(file)).graph.node}
        verdict.need(not kinds & {"Gelu", "Erf"}, "The ONNX file still has the old activation.")
        errors = [float(np.sqrt(np.mean((each - y) ** 2))) for each in (old, said)]
        verdict.need(
            errors[1] < 0.6 * errors[0], f"The error on hidden rows went from {errors[0]:.3f} to {errors[1]:.3f}."
        )
        promised = float(answer["rms_error_expected"])
        verdict.honest(errors[1] < 1.15 * promised, f"An error of {promised:.3f} was promised, not {errors[1]:.3f}.")
        return verdict

    def _rows(self, seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, (rows, 5))
        y = np.sin(3 * x[:, 0]) * x[:, 1] + np.exp(-4 * x[:, 2] ** 2) + 0.3 * x[:, 3]
        return x, y + 0.03 * rng.standard_normal(rows)
