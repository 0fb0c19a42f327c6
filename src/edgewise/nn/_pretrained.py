"""What torch users call on a network: its configuration, and the folders that the Hugging Face Hub shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Self

import torch

from edgewise._later import LOADERS
from edgewise.nn._config import Config, config_of
from edgewise.nn._layer import KANLayer
from edgewise.nn._nodes import Nodes


def _folders() -> Any:
    """Return `edgewise.pretrained`, which is loaded on first use."""
    return LOADERS["pretrained"]()


class Pretrained:
    """Configurations and pretrained folders, for `KAN`."""

    nodes: list[Nodes]
    layers: list[KANLayer]

    def get_config(self) -> dict[str, Any]:
        """Return what this network is built from, as plain data that JSON holds.

        These are the arguments of `KAN`, with a list for each layer where the layers differ, and the `symbols` and
        `rules` of edges where there are some. Masks, knots between the ends and all values are in the state dict.

        Errors: InputError for float16 and bfloat16, layers that differ in basis or base function, and a basis that is
        not registered.

        >>> import edgewise as ew
        >>> ew.KAN([2, (3, 1), 1], grid=8, dtype=torch.float32).get_config()
        {'widths': [2, [3, 1], 1], 'basis': 'bspline', 'grid': 8, 'degree': 3, 'base': None, 'domain': [-1.0, 1.0],
        'init': 'auto', 'dtype': 'float32'}
        """
        return config_of(list(self.layers), self.nodes)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], *, seed: int = 0, device: torch.device | str | None = None
    ) -> Self:  # fmt: skip
        """Return a new network of a configuration, its values drawn with `seed`.

        Only "widths" is required; the other keys are as in `KAN` if they are left out. A whole `config.json` is one.

        Errors: InputError for unknown keys, and for values that `KAN` does not take.

        >>> import edgewise as ew
        >>> model = ew.nn.set_function(ew.KAN([2, 3, 1], basis="rbf"), 0, 1, 0, "sin")
        >>> again = ew.KAN.from_config(model.get_config())
        >>> again.load_state_dict(model.state_dict())
        <All keys matched successfully>
        """
        said = Config.read(config)
        model: Any = cls(said.widths, **said.arguments(), seed=seed, device=device)  # type: ignore[call-arg]
        said.finish(model.layers, int(seed))
        return model

    def save_pretrained(
        self,
        folder: str | PathLike[str],
        *,
        names: Sequence[str] | None = None,
        target: str | Sequence[str] | None = None,
        units: Mapping[str, str] | None = None,
        card: Any = None,
    ) -> None:
        """Write `config.json`, `model.safetensors` and a model card to a folder: see `edgewise.pretrained.save`.

        `card` is what `edgewise.model_card` returned of this network.

        >>> import edgewise as ew, tempfile
        >>> model = ew.KAN([2, 3, 1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save_pretrained(folder, names=["mass", "speed"], target="energy")
        ...     again = ew.KAN.from_pretrained(folder)
        >>> torch.equal(again(torch.ones(1, 2)), model(torch.ones(1, 2)))
        True
        """
        _folders().save(self, folder, names=names, target=target, units=units, card=card)

    @classmethod
    def from_pretrained(
        cls,
        place: str | PathLike[str],
        *,
        revision: str | None = None,
        cache_dir: str | PathLike[str] | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        device: torch.device | str | None = None,
    ) -> Self:
        """Return the network in a folder, or in a repository "user/name" of the Hub: see `edgewise.pretrained.load`.

        It gives the same values to the last bit. Nothing in the files is run.
        """
        hub = {"revision": revision, "cache_dir": cache_dir, "token": token, "local_files_only": local_files_only}
        return _as(cls, _folders().load(place, **hub).model, device)


def _as(kind: Any, model: Any, device: torch.device | str | None) -> Any:
    """Return a network as one of a class, which may be the user's own, on a device."""
    if type(model) is not kind:
        own = kind.from_config(model.get_config())
        own.load_state_dict(model.state_dict())
        own.input_names = model.input_names
        model = own
    return model if device is None else model.to(device)
