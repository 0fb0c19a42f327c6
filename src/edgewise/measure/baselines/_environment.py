"""A separate environment for pykan that also sees the libraries installed here."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import platformdirs

from edgewise._errors import EdgewiseError
from edgewise._replacing import replacing

_WANTED = ("pykan==0.2.8", "pyyaml", "tqdm", "setuptools")
_DONE = "installed.txt"


def baseline_environment(folder: Path | None = None) -> str:
    """Return the interpreter of the environment of the baselines, which is created if needed.

    `folder` is by default one in the user's cache. Errors: EdgewiseError when a package cannot be installed.
    """
    folder = folder or Path(platformdirs.user_cache_dir("edgewise")) / "baselines"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wanted = "\n".join((*_WANTED, sys.version, *_shared()))
    if python.exists() and (folder / _DONE).exists() and (folder / _DONE).read_text(encoding="utf-8") == wanted:
        return str(python)
    venv.create(folder, clear=True, with_pip=True)
    with replacing(_own(python) / "shared.pth") as file:
        file.write("\n".join(_shared()).encode())
    command = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q", *_WANTED]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip ended"])[-1]
        raise EdgewiseError(f"The baselines could not be installed into {folder}: {last}")
    with replacing(folder / _DONE) as file:
        file.write(wanted.encode())
    return str(python)


def _shared() -> list[str]:
    """Return the folders that this process imports packages from: edgewise's own, and those of its dependencies."""
    own = str(Path(__file__).parents[3])
    return [own, *(path for path in sys.path if path.endswith("site-packages") and path != own)]


def _own(python: Path) -> Path:
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip())
