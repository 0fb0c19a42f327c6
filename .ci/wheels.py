"""Build the wheel of one kind of system, with the kernels of its usual calls compiled: `python .ci/wheels.py PLATFORM`.

PLATFORM is a tag such as manylinux_2_17_x86_64, win_amd64 or macosx_11_0_x86_64: that of this machine, whose Numba
compiles. The wheel appears in dist/. Nothing is linked, so that it asks nothing of the system's libraries.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LARGEST = 4_000_000  # bytes of such a wheel
_USUAL = """
import sys, torch
from pathlib import Path
from edgewise.formulas import programs
from edgewise.kernels import ChebyshevFamily, BSplineFamily, FourierFamily, RBFFamily, RationalFamily, prepare
from edgewise.kernels.compiled import compiled, shipping

with shipping(sys.argv[1], Path(sys.argv[2])):
    for dtype in (torch.float32, torch.float64):
        for family in (BSplineFamily(3), BSplineFamily(2), RBFFamily(), ChebyshevFamily(), FourierFamily()):
            prepare(family, dtype)
        prepare(RationalFamily(5, 4), dtype)
    for dtype in ("float32", "float64"):
        compiled("edgewise.kernels.bspline._cpu_few", "chain", dtype, 3)
    compiled("edgewise.kernels._cpu_bands", "add", "float64")
    programs.prepare()
"""


def main(platform: str) -> None:
    sys.path.insert(0, str(ROOT / "src"))
    from edgewise.kernels.compiled import LEVELS

    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "edgewise"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        for level, features in LEVELS.items():
            began = time.perf_counter()
            objects = tree / "src" / "edgewise" / "kernels" / "objects"
            own = {"NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": ",".join(f"+{each}" for each in features.split())}
            environment = {**os.environ, **own, "PYTHONPATH": str(tree / "src")}
            subprocess.run([sys.executable, "-c", _USUAL, level, str(objects)], env=environment, check=True)
            files = list((objects / level).iterdir())
            size = sum(path.stat().st_size for path in files) / 1e6
            print(f"{level}: {len(files)} kernels, {size:.1f} MB, {time.perf_counter() - began:.0f} s")
        option = f"-C--build-option=--plat-name={platform}"
        command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", option, "--outdir", str(ROOT / "dist")]
        subprocess.run([*command, str(tree)], check=True, stdout=subprocess.DEVNULL)
    (wheel,) = (ROOT / "dist").glob(f"*-{platform}.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert sum(name.endswith(".o") for name in archive.namelist()) >= 2 * len(LEVELS), "the wheel has no kernels"
    assert wheel.stat().st_size <= LARGEST, f"{wheel.name} has {wheel.stat().st_size} bytes, more than {LARGEST}"
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1])
