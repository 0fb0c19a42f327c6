"""Model files with any damage: the same network, or one line that says why not, soon and in little memory."""

from __future__ import annotations

import functools
import json
import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from model_files import described, header_of, sealed, with_header
from mutations import bounded, damage, mutated

import edgewise as ew
from edgewise.io import SavedModel, load_with_metadata

BOUNDS = {"seconds": 3.0, "megabytes": 200.0}


def make(number: int) -> tuple[ew.KAN, dict[str, Any]]:
    if number == 0:
        return ew.KAN([1, 1], grid=1, degree=1), {}
    model = ew.nn.set_function(ew.KAN([2, (1, 1), 1], grid=2, seed=1), 0, 0, 0, "sin")
    model = ew.nn.lock(ew.nn.remove_edges(model, [(0, 1, 1)]), [(0, 0, 1)])
    if number == 1:
        return model, {"names": ["größe", "b"], "target": "y", "units": {"b": "m"}}
    layers = {"basis": "chebyshev", "dtype": torch.float32, "base": "silu"}
    return ew.KAN([2, 2, 2], grid=3, **layers), {"names": ["a", "b"], "target": ["u", "v"]}


@functools.cache
def files() -> list[bytes]:
    """Three networks, and each as older versions wrote it, without a checksum."""
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for number in range(3):
            model, more = make(number)
            ew.save(model, f"{folder}/m", **more)
            found.append(Path(folder, "m").read_bytes())
    return [*found, *(described(schema=3, checksum=...)(data) for data in found)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "m.safetensors"


def loaded(path: Path, data: bytes) -> SavedModel | None:
    """The network, which must compute; None where it was refused in one line."""
    path.write_bytes(data)
    with bounded(**BOUNDS):
        try:
            saved = load_with_metadata(path)
        except ew.InputError as error:
            assert "\n" not in str(error) and str(error).isprintable() and len(str(error)) < 500 + len(str(path))
            return None
    model = saved.model
    assert model(torch.zeros(3, model.n_in, dtype=model.dtype)).shape == (3, model.n_out)
    return saved


def written(path: Path, saved: SavedModel) -> bytes:
    ew.save(saved.model, path, names=saved.names, target=saved.target, units=saved.units)
    return path.read_bytes()


@fuzz(150)
@given(number=st.integers(0, 2), data=st.data())
def test_damaged_bytes_never_load_as_another_network(number: int, data: st.DataObject, path: Path) -> None:
    whole = files()[number]
    changed = data.draw(damage(files()[:3]))(whole)  # whole files of old versions, once in, have no checksum
    saved = loaded(path, changed)
    if saved is not None:
        assert written(path, saved) in files()[:3]
        assert changed in files()[:3]  # nothing but a whole file is taken for one


@fuzz(50)
@given(number=st.integers(3, 5), data=st.data())
def test_damaged_bytes_of_old_files_load_or_are_refused(number: int, data: st.DataObject, path: Path) -> None:
    loaded(path, data.draw(damage(files()))(files()[number]))


@fuzz(60)
@given(number=st.integers(0, 5), data=st.data())
def test_any_description_is_read_or_refused(number: int, data: st.DataObject, path: Path) -> None:
    """The checksum is made right again, so that what is behind it is tried."""
    header = header_of(files()[number])
    said = data.draw(mutated(json.loads(header["__metadata__"]["edgewise"])))
    header["__metadata__"]["edgewise"] = json.dumps(said)
    saved = loaded(path, with_header(files()[number], header))
    if saved is not None:
        again = loaded(path, written(path, saved))
        assert again is not None and written(path, again) == written(path, saved)


@fuzz(60)
@given(number=st.integers(0, 5), data=st.data())
def test_any_header_is_read_or_refused(number: int, data: st.DataObject, path: Path) -> None:
    whole = files()[number]
    (size,) = struct.unpack("<Q", whole[:8])
    text = json.dumps(data.draw(mutated(header_of(whole)))).encode()
    text += b" " * data.draw(st.sampled_from([0, 0, 1, -len(text) % 8]))
    claimed = data.draw(st.sampled_from([len(text), len(text), len(text), size, 0, 2**32, 2**64 - 1]))
    loaded(path, sealed(struct.pack("<Q", claimed) + text + whole[8 + size :]))
