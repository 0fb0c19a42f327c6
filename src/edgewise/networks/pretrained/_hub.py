"""From the name of a folder or of a repository to two files on this disk."""

from __future__ import annotations

import re
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from edgewise._errors import InputError
from edgewise._printable import printable
from edgewise._version import __version__

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_OTHERS = {
    "model.safetensors.index.json": "Its weights lie in several files, which edgewise does not write.",
    "pytorch_model.bin": "Its weights are pickled, which edgewise never reads: save them with safetensors.",
}
_LONGEST = 300  # characters of what another library says


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
        said = printable(str(error).strip().split("\n")[0])[:_LONGEST].rstrip(" .:")
        raise InputError(
            f"There is no folder {repository}, and {name} of that repository cannot be had from the Hugging Face Hub "
            f"({said or type(error).__name__}): check the name, the token and the connection."
        ) from None
    return Path(found)
