"""A saved network together with the names of the columns it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgewise._errors import InputError

if TYPE_CHECKING:
    from edgewise.nn import KAN


@dataclass(frozen=True)
class SavedModel:
    """A network, its inputs' names and its target's, and the decimal signs that these columns had."""

    model: KAN
    names: list[str]
    target: str
    decimals: dict[str, str]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the network's value for each row of x (n, d); NaN where an input is missing."""
        import torch

        complete = ~np.isnan(x).any(axis=1)
        y = np.full(len(x), np.nan)
        with torch.no_grad():
            y[complete] = self.model(torch.as_tensor(x[complete], dtype=self.model.dtype))[:, 0].cpu().numpy()
        return y


def open_model(path: Path) -> SavedModel:
    """Load a network that `edgewise fit` saved."""
    from edgewise.io import load_with_metadata

    if not path.exists():
        raise InputError(f"There is no file {path}: train and save a network with edgewise fit.")
    saved = load_with_metadata(path)
    if saved.names is None or saved.target is None:
        raise InputError(
            f"{path} does not say which columns it was trained on: save it with edgewise fit, "
            "or with edgewise.save(model, path, names=[...], target=...)."
        )
    if not isinstance(saved.target, str) or saved.model.n_out > 1:
        raise InputError(f"{path} has {saved.model.n_out} outputs, and this command takes one: use edgewise in Python.")
    return SavedModel(saved.model, saved.names, saved.target, saved.decimals or {})
