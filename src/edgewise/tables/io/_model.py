"""Networks to and from safetensors files, never code, and tables as their inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._replacing import writing
from edgewise._version import __version__
from edgewise.nn import KAN, Architecture, Malformed, is_readable
from edgewise.tables.encoding import Category, Inputs
from edgewise.tables.io._schema import (
    TENSORS,
    Description,
    check_values,
    columns_of,
    is_classes,
    is_decimals,
    is_names,
    is_target,
    is_units,
    packed,
    unpacked,
)
from edgewise.tables.io._table import Table, frame_of

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True)
class SavedModel:
    """A network from a file, with the names and units of the columns it was trained on where the file tells them.

    Parameters
    ----------
    model
        The network.
    names
        The names of the inputs; None where the file does not say them.
    target
        The name of the output, or of each; None where the file does not say it.
    version
        The version of edgewise that wrote the file.
    units
        The unit of each column that has one.
    formula_texts
        The formulas of the outputs as they were written when the network was saved, to be read by a person; `formula`
        is the network's own.
    decimals
        The decimal signs of the columns in the table that it was trained on: `read_table(..., like=decimals)` reads
        another table alike.
    inputs
        Makes a table with text, dates or gaps the inputs of the network; None if it was trained on numbers.
    classes
        The labels of the target's classes, whose logits the outputs are, or of one output that of the second; None if
        the target is a number.
    """

    model: KAN
    names: list[str] | None
    target: str | list[str] | None
    version: str
    units: dict[str, str] | None = None
    formula_texts: list[str] | None = None
    decimals: dict[str, str] | None = None
    inputs: Inputs | None = None
    classes: list[str] | None = None

    @property
    def formula(self) -> sympy.Expr | list[sympy.Expr] | None:
        """The network as a formula over `names`, None while an edge is still a spline."""
        if self.model.spline_edges():
            return None
        return self.model.formula(self.names)


def save(
    model: KAN,
    path: str | PathLike[str],
    *,
    names: Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    decimals: Mapping[str, str] | None = None,
    inputs: Inputs | None = None,
    classes: Sequence[str] | None = None,
) -> None:
    """Write a network to a safetensors file, with the names and units of its inputs and its target where given.

    The file holds every parameter, knot and mask, and under the key "edgewise" one line of JSON with the widths,
    the basis and its degree, the base function, the function names of symbolic edges, the names, the units and a
    schema number; and the formulas as text, where every edge is symbolic. It appears complete or not at all; a file
    that was there is replaced.

    Parameters
    ----------
    model
        The network.
    path
        The file. A file that was there is replaced.
    names
        The names of the inputs; by default those of the DataFrame that the network was trained on.
    target
        The name of the output, or a list with that of each.
    units
        The unit of each named column that has one, like {"speed": "m/s"}.
    decimals
        The decimal sign of each named column, as `Table.decimals` has them, so that another table can be read alike.
    inputs
        Those of a fit to a table with text, dates or gaps (`FitResult.inputs`), whose names the network's inputs then
        have.
    classes
        The labels of the target's classes 0, 1, ...; None if the target is a number.

    Raises
    ------
    InputError
        For names and units that do not match the network, values that are not finite, and a place that cannot be
        written.

    Examples
    --------
    >>> import edgewise as ew, tempfile, torch
    >>> model = ew.KAN([2, 3, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/model.safetensors"
    ...     ew.save(model, path, names=["mass", "speed"], target="energy", units={"mass": "kg"})
    ...     again = ew.load(path)
    >>> torch.equal(again(torch.ones(1, 2)), model(torch.ones(1, 2)))
    True
    """
    if not isinstance(model, KAN):
        raise InputError(f"save takes the network first, then the path. Got {type(model).__name__} first.")
    data = model_bytes(model, names, target, units, decimals, inputs, classes)
    with writing(path) as file:
        file.write(data)


def model_bytes(
    model: KAN,
    names: Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    decimals: Mapping[str, str] | None = None,
    inputs: Inputs | None = None,
    classes: Sequence[str] | None = None,
) -> bytes:
    """Return the file that `save` writes.

    Parameters
    ----------
    model
        The network.
    names
        The names of the inputs; by default those of the DataFrame that the network was trained on.
    target
        The name of the output, or a list with that of each.
    units
        The unit of each named column that has one.
    decimals
        The decimal sign of each named column.
    inputs
        Those of a fit to a table with text, dates or gaps.
    classes
        The labels of the target's classes.

    Raises
    ------
    InputError
        For names and units that do not match the network, and values that are not finite.

    Examples
    --------
    >>> import edgewise as ew, io
    >>> from edgewise.io import model_bytes, read_model
    >>> read_model(io.BytesIO(model_bytes(ew.KAN([2, 1]), ["mass", "speed"]))).names
    ['mass', 'speed']
    """
    description = _describe(model, names, target, units, decimals, inputs, classes)
    tensors = {
        f"layers.{number}.{name}": getattr(layer, name).detach().cpu().contiguous()
        for number, layer in enumerate(model.layers)
        for name in TENSORS
    }
    try:
        check_values(tensors, description)
        description = replace(description, formulas=_formula_texts(model, description.names))
        return packed(tensors, description)
    except Malformed as problem:
        raise InputError(
            f"The network cannot be saved. It {problem}.".replace(": save the network again", "")
        ) from None


def load(path: str | PathLike[str]) -> KAN:
    """Read a network that `save` wrote; it gives the same values to the last bit.

    Nothing in the file is run, and nothing is built before the file is checked from end to end.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        For a file that is missing, damaged, no edgewise network, or written by a newer edgewise.

    Examples
    --------
    >>> import edgewise as ew
    >>> ew.load("nowhere.safetensors")
    Traceback (most recent call last):
    edgewise._errors.InputError: There is no file nowhere.safetensors: check the name and the folder.
    """
    return load_with_metadata(path).model


def load_with_metadata(path: str | PathLike[str]) -> SavedModel:
    """Read a network that `save` wrote, with the names, units and formulas saved beside it.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        For a file that is missing, damaged, no edgewise network, or written by a newer edgewise.

    Examples
    --------
    >>> import edgewise as ew, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ew.save(ew.KAN([1, 1]), f"{folder}/model.safetensors", names=["t"], target="y")
    ...     saved = ew.io.load_with_metadata(f"{folder}/model.safetensors")
    >>> saved.names, saved.target, saved.formula
    (['t'], 'y', None)
    """
    path = Path(path)
    try:
        _check_place(path)
        with path.open("rb") as file:
            return read_model(file)
    except Malformed as problem:
        raise InputError(f"{path} {problem}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check its permissions.") from None


def read_model(file: BinaryIO) -> SavedModel:
    """Read a network from an open file, which is checked from end to end before anything is built.

    Parameters
    ----------
    file
        The open file.

    Raises
    ------
    Malformed
        Says what is wrong, in words that complete "The file ...".
    """
    return built(*unpacked(file))


def built(said: Description, tensors: dict[str, Tensor]) -> SavedModel:
    """Return the network of a description and tensors that were checked."""
    inputs = None if said.inputs is None else Inputs.from_dict(said.inputs)
    model = _build(said, tensors)
    model.input_names = None if said.names is None else tuple(said.names)
    return SavedModel(
        model, said.names, said.target, said.version, said.units, said.formulas, said.decimals, inputs, said.classes
    )


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a .safetensors file in it.")
    if not path.exists():
        raise InputError(f"There is no file {path}: check the name and the folder.")
    if not path.is_file():  # a pipe would wait for a writer
        raise InputError(f"{path} is no regular file: name a .safetensors file.")


def _describe(
    model: KAN,
    names: Sequence[str] | None,
    target: str | Sequence[str] | None,
    units: Mapping[str, str] | None,
    decimals: Mapping[str, str] | None,
    inputs: Inputs | None,
    classes: Sequence[str] | None,
) -> Description:
    """What the file says beside the tensors and the formulas."""
    if inputs is not None:
        names = _names_of(inputs, names, model.n_in)
    elif names is None and is_names(model.input_names, model.n_in):
        names = model.input_names
    if names is not None and not is_names(names, model.n_in):
        raise InputError(f"'names' must be {model.n_in} different texts, one for each input. Got {names!r}.")
    if target is not None and not is_target(target, model.n_out):
        several = f", or {model.n_out} different ones, one for each output" if model.n_out > 1 else ""
        raise InputError(f"'target' must be a text{several}. Got {target!r}.")
    if classes is not None and not is_classes(list(classes), target, model.n_out):
        wanted = f"{max(model.n_out, 2)} different labels, beside a 'target' that is one name"
        raise InputError(f"'classes' must be {wanted}. Got {classes!r} for {target!r}.")
    columns = columns_of(names, target)
    if units is not None and not is_units(units, columns):
        raise InputError(f"'units' must map some of the names {columns} to short texts, like 'm/s'. Got {units!r}.")
    if decimals is not None and not is_decimals(decimals, columns):
        raise InputError(f"'decimals' must map some of the names {columns} to '.' or ','. Got {decimals!r}.")
    return Description(
        **vars(Architecture.of(list(model.layers), model.nodes)),
        names=None if names is None else list(names),
        target=target if target is None or isinstance(target, str) else list(target),
        units=None if units is None else dict(units),
        formulas=None,
        version=__version__,
        decimals=dict(decimals) if decimals else None,
        inputs=None if inputs is None else inputs.to_dict(),
        classes=None if classes is None else list(classes),
    )


def _names_of(inputs: Inputs, names: Sequence[str] | None, count: int) -> list[str]:
    """Return the names of the inputs of a table, which those given must be."""
    if not isinstance(inputs, Inputs) or len(inputs.names) != count:
        raise InputError(f"'inputs' must be those of a fit of this network, {count} in all. Got {inputs!r:.100}.")
    if names is not None and list(names) != inputs.names:
        raise InputError(f"'names' must be those of 'inputs', {inputs.names}, or left out. Got {names!r}.")
    return inputs.names


def _formula_texts(model: KAN, names: list[str] | None) -> list[str] | None:
    """The outputs as text, None while an edge is a spline or where the formula is longer than one would read."""
    if not is_readable(model):
        return None
    import sympy

    formula = model.formula(names)
    return [sympy.sstr(f, full_prec=False) for f in (formula if isinstance(formula, list) else [formula])]


def _build(description: Description, tensors: dict[str, Tensor]) -> KAN:
    dtype, basis = getattr(torch, description.dtype), description.built_basis
    degree, base = description.degree or 3, description.base
    model = KAN(description.kan_widths, basis=basis, grid=1, degree=degree, base=base, dtype=dtype)
    for number, layer in enumerate(model.layers):
        for name in TENSORS:
            value = tensors[f"layers.{number}.{name}"].clone()
            setattr(layer, name, torch.nn.Parameter(value) if name in dict(layer.named_parameters()) else value)
    description.describe_edges(model.layers)
    return model


def network_inputs(saved: SavedModel, table: Table) -> np.ndarray:
    """Return the inputs (n_rows, d) of a saved network; missing values are NaN if it was trained on numbers only.

    Parameters
    ----------
    saved
        The network, and how it reads tables.
    table
        The table.

    Raises
    ------
    InputError
        For a column that is missing or of another kind.

    Examples
    --------
    >>> import edgewise as ew
    >>> import numpy as np
    >>> from edgewise.io import SavedModel, Table, network_inputs
    >>> saved = SavedModel(ew.KAN([1, 1]), ["t"], "y", "0.2.0")
    >>> network_inputs(saved, Table({"y": np.ones(2), "t": np.array([1.0, np.nan])}, n_rows=2))
    array([[ 1.],
           [nan]])
    """
    if saved.inputs is None:
        return table.inputs(saved.names or [])
    columns = saved.inputs.encoder.columns
    frame = frame_of(table, [column.name for column in columns])
    for column in columns:  # text that happens to be numbers in this file
        if isinstance(column, Category) and frame[column.name].dtype.kind == "f":
            frame[column.name] = [None if math.isnan(v) else f"{v:.17g}" for v in frame[column.name]]
    return saved.inputs.of(frame)
