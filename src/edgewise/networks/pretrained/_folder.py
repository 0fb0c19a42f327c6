"""A network as a folder, on this disk or of a repository."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from edgewise._errors import InputError
from edgewise._printable import excerpt, printable
from edgewise._replacing import writing
from edgewise._version import __version__
from edgewise.networks.pretrained._card import CARD, PICTURE, ModelCard, is_untouched, model_card
from edgewise.nn import KAN
from edgewise.tables.encoding import Inputs
from edgewise.tables.io import Malformed, SavedModel, config_text, model_bytes, read_config, read_model, read_weights

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_OTHERS = {
    "model.safetensors.index.json": "Its weights lie in several files, which edgewise does not write.",
    "pytorch_model.bin": "Its weights are pickled, which edgewise never reads: save them with safetensors.",
}


def files(place: str | PathLike[str], options: dict[str, Any]) -> tuple[Path, Path]:
    """Return the paths of the configuration and the weights in a folder, or downloaded from the repository "user/name".

    Errors: InputError for what is neither, files that are not there, and what huggingface_hub says.
    """
    try:
        folder, text = Path(place), fspath(place)
        there, is_folder = folder.exists(), folder.is_dir()
    except (TypeError, ValueError):
        raise InputError(f"A pretrained network is a folder or a repository 'user/name'. Got {place!r:.100}.") from None
    if is_folder:
        return _in_folder(folder, CONFIG), _in_folder(folder, WEIGHTS)
    if there:
        raise InputError(f"{folder} is a file: name its folder, or read a file of edgewise.save with edgewise.load.")
    if not isinstance(text, str) or not _REPOSITORY.fullmatch(text) or ".." in text:
        raise InputError(f"There is no folder {folder}: check its name. A repository of the Hub is named 'user/name'.")
    return _download(text, CONFIG, options), _download(text, WEIGHTS, options)


def _in_folder(folder: Path, name: str) -> Path:
    path = folder / name
    if path.is_file():
        return path
    why = next((said for other, said in _OTHERS.items() if name == WEIGHTS and (folder / other).exists()), "")
    raise InputError(f"There is no file {name} in {folder}. {why or 'Write both with save_pretrained.'}")


def _download(repository: str, name: str, options: dict[str, Any]) -> Path:
    try:
        import huggingface_hub
    except ImportError:
        raise InputError(
            f"There is no folder {repository}. To load it from the Hugging Face Hub, pip install huggingface_hub."
        ) from None
    try:
        found = huggingface_hub.hf_hub_download(
            repository, name, library_name="edgewise", library_version=__version__, **options
        )
    except (OSError, ValueError) as error:  # errors of its own are of both kinds
        said = printable(str(error).strip().split("\n")[0])[:300].rstrip(" .:")
        raise InputError(
            f"There is no folder {repository}, and {name} of that repository cannot be had from the Hugging Face Hub "
            f"({said or type(error).__name__}): check the name, the token and the connection."
        ) from None
    return Path(found)


def save(
    model: KAN,
    folder: str | PathLike[str],
    *,
    names: Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    decimals: Mapping[str, str] | None = None,
    inputs: Inputs | None = None,
    card: ModelCard | None = None,
) -> None:
    """Write a network to a folder in the layout of the Hugging Face Hub; the folder is made if it is not there.

        config.json         what the network is built from (`KAN.get_config`), and its columns
        model.safetensors   the file of `edgewise.save`, which `edgewise.load` and the commands read too
        README.md           the model card, with network.png, the diagram

    `huggingface_hub.upload_folder` uploads it. A README.md that somebody has edited is replaced only by a card that is
    given.

    Parameters
    ----------
    model
        The network.
    folder
        The folder.
    names
        Names of the inputs, as in `edgewise.save`; what is left out is taken from `card`, here and below.
    target
        Name of the output, or a list of names.
    units
        Units of some of the names.
    decimals
        Decimal signs of the columns, by name, as in `edgewise.save`.
    inputs
        What made numbers of a table, as in `edgewise.save`.
    card
        A `model_card` of this network; None writes a plain one.

    Raises
    ------
    InputError
        For a card of another network, a place that cannot be written, and those of `edgewise.save`.

    Examples
    --------
    >>> import edgewise as ew, tempfile
    >>> from edgewise.pretrained import save
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(ew.KAN([2, 3, 1]), folder, names=["mass", "speed"], target="energy")
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['README.md', 'config.json', 'model.safetensors', 'network.png']
    """
    if not isinstance(model, KAN):
        raise InputError(f"save takes the network first, then the folder. Got {type(model).__name__} first.")
    if card is not None:
        if not isinstance(card, ModelCard) or card.saved.model is not model:
            raise InputError("'card' must be a model card of this network: make one with edgewise.model_card(network).")
        own = card.saved
        names, target = own.names if names is None else names, own.target if target is None else target
        units, inputs = own.units if units is None else units, own.inputs if inputs is None else inputs
        decimals = own.decimals if decimals is None else decimals
    weights = model_bytes(model, names, target, units, decimals, inputs)
    saved = read_model(BytesIO(weights))
    shown = model_card(replace(saved, model=model)) if card is None else card
    place = _made(Path(folder))
    contents = {WEIGHTS: weights, CONFIG: config_text(saved).encode()}
    if card is not None or is_untouched(place / CARD):
        contents |= {} if shown.picture is None else {PICTURE: shown.picture}
        contents[CARD] = shown.text.encode()
    for name, content in contents.items():
        with writing(place / name) as file:
            file.write(content)


def load(
    place: str | PathLike[str],
    *,
    revision: str | None = None,
    cache_dir: str | PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
) -> SavedModel:
    """Return a network, with the names and units of its columns, from a folder or from the Hugging Face Hub.

    Both files are checked from end to end before anything is built, and nothing in them is run.

    Parameters
    ----------
    place
        A folder that holds `config.json` and `model.safetensors`: a file of `save`, or the plain state dict that
        `safetensors.torch.save_model`, accelerate or the Trainer of transformers write. What is no folder and has the
        form "user/name" is downloaded by huggingface_hub, if that is installed.
    revision
        That of huggingface_hub, as the following ones.
    cache_dir
        Folder of downloads.
    token
        Token of the Hub.
    local_files_only
        Whether to use only what was downloaded before.

    Raises
    ------
    InputError
        For files that are missing, damaged, of another network or of a newer edgewise.

    Examples
    --------
    >>> from edgewise.pretrained import load
    >>> load("nowhere")
    Traceback (most recent call last):
    edgewise._errors.InputError: There is no folder nowhere: check its name. A repository of the Hub is named
    'user/name'.
    """
    options = {"revision": revision, "cache_dir": cache_dir, "token": token, "local_files_only": local_files_only}
    path, weights = files(place, options)
    try:
        if path.stat().st_size > 2**27:
            raise Malformed("is too long: save the network again")
        config = read_config(path.read_text(encoding="utf-8"))
        path = weights
        with weights.open("rb") as file:
            return read_weights(file, config)
    except UnicodeDecodeError:
        raise InputError(f"{path} is no JSON, or damaged: save the network again.") from None
    except Malformed as problem:
        raise InputError(f"{path} {excerpt(problem, 400)}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check its permissions.") from None


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {folder} ({error.strerror or error}): choose another.") from None
    except ValueError:
        raise InputError(f"Cannot make the folder {str(folder)!r}: choose another name.") from None
    return folder
