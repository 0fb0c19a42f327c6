"""Where the commands write: checked before the work starts, and never half a file."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._replacing import check_place, destination, replacing


@contextmanager
def writable_folder(folder: Path) -> Iterator[Path]:
    """Make the folder and try to write in it; if the work in between fails, remove the folders made here."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]  # innermost first
    try:
        _make(folder)
        _try_writing(folder)
        yield folder
    except BaseException:
        for place in made:
            with suppress(OSError):  # what holds something stays
                place.rmdir()
        raise


def check_file(path: Path, endings: tuple[str, ...]) -> None:
    """Raise unless `path` has one of the endings, may be replaced, and its folder can be written."""
    if path.suffix.lower() not in endings:
        raise InputError(f"--out must be a file ending in {' or '.join(endings)}. Got {str(path)!r}.")
    check_place(path)
    try:
        goal = destination(path)
    except OSError as error:
        raise InputError(f"Cannot write {path} ({error.strerror}): choose another file with --out.") from None
    _try_writing(goal.parent)


def write_picture(figure: Any, path: Path, **options: Any) -> None:
    """Write a figure in the format of the ending: the same bytes for the same figure, so without a date."""
    mpl = needed("matplotlib")

    kind = path.suffix[1:].lower()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with replacing(path) as place, mpl.rc_context({"svg.hashsalt": "edgewise"}):
        figure.savefig(place, format=kind, metadata=undated, **options)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"--out {folder} is not a folder but a file, or lies in one: name a folder.") from None
    except OSError as error:
        raise _unwritable(folder, error) from None


def _try_writing(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(f"Cannot write to the folder {folder} ({error.strerror}): choose another with --out.")
