"""`config.json` and `model.safetensors`: the two files from which a network of the Hugging Face Hub is built."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO

import safetensors
import safetensors.torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._version import __version__
from edgewise.nn import Config, Malformed
from edgewise.tables.io._model import SavedModel, built, read_model
from edgewise.tables.io._schema import SCHEMA, Description, check_shapes, check_values, has_description

_COLUMNS = ("names", "target", "units", "decimals", "inputs")
_STATE = "_extra_state"
_LAYER = re.compile(r"layers\.(\d{1,9})\._extra_state", re.ASCII)


def config_text(saved: SavedModel) -> str:
    """Return the text of `config.json`: the network's configuration and its columns, one entry a line.

    Parameters
    ----------
    saved
        The network, and the names and units of its columns.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.io import config_text
    >>> saved = ew.io.SavedModel(ew.KAN([2, 1]), ["mass", "speed"], "energy", "0.2.0", units={"mass": "kg"})
    >>> print(config_text(saved).splitlines()[5])
      "widths": [2, 1],
    """
    columns = {
        "names": saved.names, "target": saved.target, "units": saved.units, "decimals": saved.decimals,
        "inputs": None if saved.inputs is None else saved.inputs.to_dict(),
    }  # fmt: skip
    said = {
        "architectures": ["KAN"], "model_type": "kan", "schema": SCHEMA, "version": __version__,
        **saved.model.get_config(), **{key: value for key, value in columns.items() if value is not None},
    }  # fmt: skip
    lines = [f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in said.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_config(text: str) -> dict[str, Any]:
    """Return what `config.json` says, checked; nothing is as large as it says.

    Parameters
    ----------
    text
        The text of `config.json`.

    Raises
    ------
    Malformed
        Says what is wrong, in words that complete "The file ...".

    Examples
    --------
    >>> from edgewise.io import read_config
    >>> read_config('{"widths": [2, 5, 1], "names": ["mass", "speed"]}')["names"]
    ['mass', 'speed']
    """
    most = 2**25  # characters
    if len(text) > most:
        raise Malformed("is too long: save the network again")
    try:
        said = json.loads(text, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise Malformed("is no JSON, or damaged: save the network again") from None
    if not isinstance(said, dict):
        raise Malformed("holds no JSON object: save the network again")
    schema = said.get("schema", SCHEMA)
    if isinstance(schema, int) and schema > SCHEMA:
        raise Malformed(f"was written by a newer version of edgewise (schema {f'{schema}'[:20]}): upgrade edgewise")
    _described(said)
    return said


def read_weights(file: BinaryIO, config: Mapping[str, Any]) -> SavedModel:
    """Read the network of a configuration that was read.

    Parameters
    ----------
    file
        The open file: one of `edgewise.save`, or a plain state dict.
    config
        What `read_config` returned.

    Raises
    ------
    Malformed
        Says what is wrong, in words that complete "The file ...".
    """
    said = _described(config)
    if has_description(file):
        saved = read_model(file)
        _compare(config, said, saved)
        return saved
    file.seek(0)
    try:
        tensors = safetensors.torch.load(file.read())  # no larger than the file, whatever its header claims
    except (safetensors.SafetensorError, KeyError):
        raise Malformed("is not a safetensors file, or a damaged one: save the network again") from None
    edges = {key: tensors.pop(key) for key in list(tensors) if key.split(".")[-1] == _STATE}
    said = replace(_with_edges(said, edges), dtype=config.get("dtype", _dtype(tensors, said.dtype)))
    try:
        check_shapes(tensors, said)
    except Malformed as problem:
        words = str(problem).replace("is damaged", "does not fit config.json").replace(": save the network again", "")
        raise Malformed(words) from None
    check_values(tensors, said)
    saved = built(said, tensors)
    _compare_grids(config, saved)
    return saved


def _dtype(tensors: Mapping[str, Tensor], default: str) -> str:
    """Return the dtype of the weights, which a configuration may leave out."""
    found = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values() if tensor.is_floating_point()}
    return found.pop() if len(found) == 1 and found <= {"float32", "float64"} else default


def _described(config: Mapping[str, Any]) -> Description:
    """Return the description of a configuration and its columns."""
    try:
        architecture = Config.read(config).architecture
    except InputError as problem:
        raise Malformed(f"does not fit this version of edgewise. {problem}".removesuffix(".")) from None
    columns: dict[str, Any] = {key: config.get(key) for key in _COLUMNS}
    said = Description(**vars(architecture), **columns, formulas=None, version=config.get("version", __version__))
    said.check_all()
    return said


def _compare(config: Mapping[str, Any], said: Description, saved: SavedModel) -> None:
    """Raise unless the file of the weights says what the configuration says, where that says something."""
    inputs = None if saved.inputs is None else saved.inputs.to_dict()
    theirs = {"names": saved.names, "target": saved.target, "units": saved.units, "decimals": saved.decimals}
    for key, value in {**theirs, "inputs": inputs}.items():
        if config.get(key) is not None and config[key] != value:
            raise _differs(key)
    own = _plain(saved.model.get_config())
    for key in ("widths", "basis", "degree", "base", "dtype", "symbols", "rules"):
        none = [[] for _ in own["widths"][1:]] if key in ("symbols", "rules") else None
        if key in config and (_plain(getattr(said, key)) or none) != (own.get(key) or none):
            raise _differs(key)
    _compare_grids(config, saved)


def _compare_grids(config: Mapping[str, Any], saved: SavedModel) -> None:
    if "grid" in config and Config.read(config).grids != Config.read(saved.model.get_config()).grids:
        raise _differs("grid")


def _differs(key: str) -> Malformed:
    return Malformed(f"and config.json differ in {key!r}: save both again with save_pretrained")


def _plain(value: Any) -> Any:
    """Return plain data as JSON would: lists in place of tuples."""
    return json.loads(json.dumps(value))


def _with_edges(said: Description, states: Mapping[str, Tensor]) -> Description:
    """Return the description with the functions and rules that the extra state of each layer holds."""
    most = 2**25  # bytes of the description of a layer's edges
    symbols, rules = list(said.symbols), list(said.rules or [[] for _ in said.symbols])
    for key, state in states.items():
        if key == _STATE:
            continue  # the widths, which the tensors have too
        found = _LAYER.fullmatch(key)
        number = int(found[1]) if found else len(symbols)
        if number >= len(symbols) or state.nbytes > most:
            raise Malformed(f"does not fit config.json (tensor {key[:60]!r} is unknown)")
        try:
            said_there = json.loads(state.flatten().numpy().tobytes())
            symbols[number], rules[number] = said_there["symbols"], said_there.get("rules", [])
        except (ValueError, TypeError, KeyError, RecursionError, AttributeError):
            raise Malformed(
                f"is damaged (tensor {key!r} holds no functions of edges): save the network again"
            ) from None
    said = replace(said, symbols=symbols, rules=rules if any(rules) else None)
    said.check_edges()
    return said


def _constant(name: str) -> float:
    raise ValueError(name)
