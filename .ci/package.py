"""Build the source distributions and the wheels, and use those of edgewise outside the checkout.

The dependencies are those of the virtual environment that runs this; edgewise itself comes from the wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
LARGEST = 2_200_000  # bytes of the wheel
SLOWEST = 1.0  # seconds of a processor for `edgewise --help`
_CLEAN = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sdist, wheel = build(place)
        check_wheel(wheel)
        python = environment(place, wheel)
        check_command(python, place)
        check_sdist(python, sdist, place)
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB; {sdist.name}: {sdist.stat().st_size / 1e6:.1f} MB")


def build(place: Path) -> tuple[Path, Path]:
    """Build the source distributions, and the wheels from them: they hold all that a wheel needs."""
    for project in (ROOT, ROOT / "benchmarks"):
        run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place / "dist"), str(project)], place)
    DIST.mkdir(exist_ok=True)
    for old in DIST.iterdir():
        old.unlink()
    for path in (place / "dist").iterdir():
        shutil.copy(path, DIST)
    (sdist,), (wheel,) = DIST.glob("edgewise-*.tar.gz"), DIST.glob("edgewise-*.whl")
    return sdist, wheel


def check_wheel(wheel: Path) -> None:
    """Its size, its marker of types, and a description whose links hold without a checkout."""
    assert wheel.stat().st_size <= LARGEST, f"{wheel.name} has {wheel.stat().st_size} bytes, more than {LARGEST}"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    assert "edgewise/py.typed" in names
    page = ROOT / "src" / "edgewise" / "studio" / "static"
    missing = [
        path for path in page.rglob("*") if path.is_file() and path.relative_to(ROOT / "src").as_posix() not in names
    ]
    assert not missing, f"the wheel lacks {missing[0]}"
    assert all(name.startswith("edgewise") for name in names), "the wheel holds more than edgewise"
    assert "](docs/" not in text and "](benchmarks/" not in text, "the description links into a checkout"
    assert "# edgewise" in text, "the description is missing"


def environment(place: Path, wheel: Path) -> str:
    """Return the Python of a new environment with the wheel; it finds the dependencies where this one has them."""
    venv.create(place / "env", with_pip=False)
    python = place / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    site = sysconfig.get_path("purelib", vars={"base": str(place / "env"), "platbase": str(place / "env")})
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    install = ["install", "--quiet", "--no-deps", "--no-index", "--ignore-installed", str(wheel)]
    run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python), *install], place)
    where = run([str(python), "-c", "import edgewise; print(edgewise.__file__)"], place)
    assert Path(where.strip()).is_relative_to(site), f"edgewise comes from {where}"
    return str(python)


def check_command(python: str, place: Path) -> None:
    """The command answers at once, and finds Kepler's third law in the shipped table."""
    command = str(Path(python).with_name("edgewise"))
    seconds = min(processor_time([command, "--help"], place) for _ in range(3))
    assert seconds <= SLOWEST, f"edgewise --help took {seconds:.2f} s of a processor, more than {SLOWEST}"
    printed = run([command, "discover", "orbits", "--target", "period_days", "--out", "report"], place)
    assert "sqrt(semi_major_axis_km**3/primary_mass_kg)" in printed, printed
    assert (place / "report" / "report.html").exists()


def check_sdist(python: str, sdist: Path, place: Path) -> None:
    """Its tests collect, which need no installed edgewise beside its source, and its pages are there."""
    with tarfile.open(sdist) as archive:
        archive.extractall(place / "sdist", filter="data")
    (root,) = (place / "sdist").iterdir()
    for name in ("docs/index.md", "docs/tour.md", "docs/pictures/hello.svg", "mkdocs.yml", "Makefile"):
        assert (root / name).exists(), f"the source distribution lacks {name}"
    run([python, "-m", "pytest", "--collect-only", "-q", "-n0", "-p", "no:cacheprovider", "tests"], root)


def processor_time(command: list[str], folder: Path) -> float:
    """Return the processor's seconds for a command: its wall time on a machine with nothing else to do."""
    before = os.times()
    run(command, folder)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def run(command: list[str], folder: Path) -> str:
    """Run a command outside the checkout and return what it printed."""
    done = subprocess.run(command, cwd=folder, env=_CLEAN, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
