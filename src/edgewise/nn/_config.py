"""What a network is built from, as plain data, and the folders that the Hugging Face Hub shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Self

import torch

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError, unknown
from edgewise._later import LOADERS
from edgewise.nn._architecture import DTYPES, Architecture, Malformed
from edgewise.nn._init import Scheme
from edgewise.nn._layer import KANLayer, check_domain
from edgewise.nn._nodes import Nodes, Width
from edgewise.nn.bases import joined_rows, named

KEYS = ("widths", "basis", "grid", "degree", "base", "domain", "init", "dtype", "symbols", "rules")
#: keys of a `config.json` that say nothing of the architecture; the last two are those of huggingface_hub's mixin
ABOUT = (
    "architectures", "model_type", "schema", "version", "names", "target", "units", "decimals", "inputs", "seed",
    "device",
)  # fmt: skip

Domain = Any
"""The range [lo, hi] of all inputs of a layer, or a list with one for each."""


@dataclass(frozen=True)
class Config:
    """A configuration that was read: an architecture, and what its tensors say once they are there.

    Parameters
    ----------
    architecture
        The architecture.
    grids
        The grid of each layer: a number, or a list with the cells of each input.
    domains
        The range [lo, hi] of all inputs of each layer, or a list with one for each input.
    init
        The name of the initialization scheme.
    """

    architecture: Architecture
    grids: list[Any]
    domains: list[Domain]
    init: Scheme

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Config:
        """Return a checked configuration.

        Parameters
        ----------
        config
            The configuration. Every key but "widths" may be left out, and is then as in `KAN`.

        Raises
        ------
        InputError
            For what is no configuration: unknown keys, and values that `KAN` does not take.
        """
        if not isinstance(config, Mapping):
            raise InputError(f"A configuration is a dict, like {{'widths': [2, 5, 1]}}. Got {type(config).__name__}.")
        for key in config:
            if key not in KEYS and key not in ABOUT:
                raise unknown("key of a configuration", key, KEYS)
        widths = config.get("widths")
        if not isinstance(widths, list | tuple) or len(widths) < 2:
            raise _wrong("widths", "list at least inputs and outputs, like [2, 5, 1]", widths)
        parsed = [(each.width, each.n_nodes) for each in map(Nodes.parse, widths)]  # (1, 10**6) stays short
        if not is_int(parsed[0][0]):
            raise _wrong("widths", "begin with the number of inputs", widths)
        degree, dtype = config.get("degree"), config.get("dtype", "float64")
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise _wrong("dtype", "be 'float32' or 'float64'", dtype)
        basis = named(config.get("basis", "bspline"), 3 if degree is None else degree)
        none: list[Any] = [[] for _ in widths[1:]]
        architecture = Architecture(
            [list(width) if isinstance(width, tuple) else width for width, _ in parsed],
            basis.name, basis.degree, config.get("base"), dtype, config.get("symbols", none), config.get("rules"),
        )  # fmt: skip
        try:
            architecture.check()
            architecture.check_edges()
        except Malformed as problem:
            raise InputError(f"The configuration {problem}.".replace(": save the network again", "")) from None
        counts = [count for _, count in parsed[:-1]]
        return cls(
            architecture, _grids(config.get("grid", 5), counts), _domains(config.get("domain", [-1, 1]), counts),
            config.get("init", "auto"),
        )  # fmt: skip

    def arguments(self) -> dict[str, Any]:
        """Return what `KAN` is called with for a network whose layers have the grid and the range of the first."""
        said, basis, first = self.architecture, self.architecture.built_basis, self.grids[0]
        grid = max(first) if isinstance(first, list) else first
        return {
            "basis": basis, "grid": grid, "degree": said.degree or 3, "base": said.base, "init": self.init,
            "domain": self.domains[0] if _is_range(self.domains[0]) else (-1.0, 1.0),
            "dtype": getattr(torch, said.dtype),
        }  # fmt: skip

    @property
    def widths(self) -> list[Width]:
        return self.architecture.kan_widths

    def finish(self, layers: list[KANLayer], seed: int) -> None:
        """Give new layers their own grids and ranges, functions and rules, in place in the list.

        Parameters
        ----------
        layers
            The layers of the new network; those with another grid or range are replaced in the list.
        seed
            Seed of the initial parameters of the layers that are replaced.
        """
        alike = all(grid == self.grids[0] and is_int(grid) for grid in self.grids)
        if not alike or not all(domain == self.domains[0] and _is_range(domain) for domain in self.domains):
            generator = torch.Generator().manual_seed(seed)
            for number, layer in enumerate(list(layers)):
                layers[number] = self._layer(number, layer, generator)
        self.architecture.describe_edges(layers)

    def _layer(self, number: int, like: KANLayer, generator: torch.Generator) -> KANLayer:
        """Return a layer of the size of another, with its own grid and ranges."""
        arguments, domain = self.arguments(), self.domains[number]
        arguments |= {"grid": self.grids[number], "generator": generator, "device": like.coefficients.device}
        if _is_range(domain):
            return KANLayer(like.n_in, like.n_out, **{**arguments, "domain": domain})
        layer = KANLayer(like.n_in, like.n_out, **{**arguments, "domain": (-1.0, 1.0)})
        for each in domain:
            check_domain(each, layer.dtype)
        lo, hi = torch.tensor(domain, dtype=layer.dtype, device=layer.knots.device).unbind(1)
        layer.knots = joined_rows(layer.grids, lambda own: layer.basis.uniform_knots(lo, hi, own))
        layer.reset_parameters(generator)
        return layer


def config_of(layers: Sequence[KANLayer], nodes: Sequence[Nodes]) -> dict[str, Any]:
    """Return the configuration of a network; `symbols` and `rules` only where there are some."""
    said = Architecture.of(layers, nodes)
    grids = [layer.grid if min(layer.grids) == layer.grid else layer.grids for layer in layers]
    domains = [_shortest([list(ends) for ends in zip(*_ends(layer), strict=True)]) for layer in layers]
    config: dict[str, Any] = {
        "widths": said.widths, "basis": said.basis, "grid": _shortest(grids) if all(map(is_int, grids)) else grids,
        "degree": said.degree, "base": said.base, "domain": _shortest(domains), "init": layers[0].init,
        "dtype": said.dtype,
    }  # fmt: skip
    if not _is_range(config["domain"]):
        config["domain"] = domains
    if any(said.symbols):
        config["symbols"] = [[list(row) for row in rows] for rows in said.symbols]
    if said.rules is not None:
        config["rules"] = [[list(row) for row in rows] for rows in said.rules]
    return config


def _ends(layer: KANLayer) -> tuple[list[float], list[float]]:
    lo, hi = layer.basis.ends(layer.knots)
    return lo.tolist(), hi.tolist()


def _shortest(values: list[Any]) -> Any:
    """Return the value that all are, else the values."""
    return values[0] if all(value == values[0] for value in values) else values


def _grids(grid: Any, counts: list[int]) -> list[Any]:
    """Return the grid of each layer: a number, or a list with the cells of each input."""
    grids = grid if isinstance(grid, list | tuple) else [grid] * len(counts)
    if len(grids) != len(counts) or not all(map(_is_grid, grids, counts)):
        raise _wrong(
            "grid", f"be an int >= 1, or a list of {len(counts)}, one for each layer, or of the lists of inputs", grid
        )
    return [[int(own) for own in each] if isinstance(each, list | tuple) else int(each) for each in grids]


def _is_grid(value: Any, count: int) -> bool:
    if isinstance(value, list | tuple):
        return len(value) == count and all(is_int(each, 1) for each in value)
    return is_int(value, 1)


def _domains(domain: Any, counts: list[int]) -> list[Domain]:
    """Return the range of each layer; one range is that of all."""
    layers = [domain] * len(counts) if _is_range(domain) else domain
    sound = isinstance(layers, list | tuple) and len(layers) == len(counts)
    if not sound or not all(map(_is_domain, layers, counts)):
        raise _wrong("domain", "be a range [lo, hi], or a list with the range, or the ranges, of each layer", domain)
    return list(layers)


def _is_domain(value: Any, count: int) -> bool:
    if _is_range(value):
        return True
    return isinstance(value, list | tuple) and len(value) == count and all(map(_is_range, value))


def _is_range(value: Any) -> bool:
    pair = isinstance(value, list | tuple) and len(value) == 2 and all(map(is_number, value))
    return pair and value[0] < value[1]


def _wrong(key: str, must: str, given: Any) -> InputError:
    return InputError(f"The '{key}' of a configuration must {must}. Got {given!r:.80}.")


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

        Raises
        ------
        InputError
            For float16 and bfloat16, layers that differ in basis or base function, and a basis that is not registered.

        Examples
        --------
        >>> import edgewise as ew
        >>> import torch
        >>> ew.KAN([2, (3, 1), 1], grid=8, dtype=torch.float32).get_config()
        {'widths': [2, [3, 1], 1], 'basis': 'bspline', 'grid': 8, 'degree': 3, 'base': None, 'domain': [-1.0, 1.0],
        'init': 'auto', 'dtype': 'float32'}
        """
        return config_of(list(self.layers), self.nodes)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], *, seed: int = 0, device: torch.device | str | None = None
    ) -> Self:  # fmt: skip
        """Return a new network of a configuration.

        Parameters
        ----------
        config
            The configuration, or a whole `config.json`. Only "widths" is required; keys that are left out are as in
            `KAN`.
        seed
            Seed of the initial parameters.
        device
            The device of the network; torch's default device by default.

        Raises
        ------
        InputError
            For unknown keys, and for values that `KAN` does not take.

        Examples
        --------
        >>> import edgewise as ew
        >>> model = ew.nn.set_function(ew.KAN([2, 3, 1], basis="rbf"), (0, 1, 0), "sin")
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

        Parameters
        ----------
        folder
            The folder, which is made if it is not there.
        names
            Names of the inputs; those of `card` by default.
        target
            Name of the output, or of each; that of `card` by default.
        units
            The unit of each named quantity; those of `card` by default.
        card
            What `edgewise.model_card` returned of this network; a plain card by default.

        Examples
        --------
        >>> import edgewise as ew, tempfile
        >>> import torch
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

        Parameters
        ----------
        place
            The folder, or a repository "user/name" of the Hub.
        revision
            The branch, tag or commit of the repository, as huggingface_hub takes it; the newest by default.
        cache_dir
            The folder that downloaded files are kept in; that of huggingface_hub by default.
        token
            The access token of the Hub, as huggingface_hub takes it.
        local_files_only
            Whether to use only files that are on this machine already.
        device
            The device of the network; None leaves it where it was loaded.
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
