"""Solutions in files, and runs that continue where they were killed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import edgewise as ew
from edgewise import pde

ROD = pde.Box(t=(0, 0.5), x=(0, 1))
LINE = pde.Box(x=(0, 3))
LSHAPE = pde.Polygon(((-1, -1), (0, -1), (0, 0), (1, 0), (1, 1), (-1, 1)))


class Killed(Exception):
    """What ends a run in the middle."""


def heat(diffusion: float = 0.1, count: Callable[[], None] = lambda: None) -> pde.Problem:
    def residual(u: Any, p: Any) -> torch.Tensor:
        count()
        return u.t - diffusion * u.xx + u.value**2

    start = pde.Condition(ROD.face(t=0), lambda u, p: u.value - torch.sin(math.pi * p.x))
    return pde.Problem(ROD, residual, [start, pde.Condition(ROD.boundary("x"), lambda u, p: u.value)])


def wave(k: float = 1.0, box: pde.Box = LINE) -> pde.Problem:
    return pde.Problem(box, lambda u, p: u.xx + k * u.value, ansatz=lambda n, p: p.x + p.x**2 * n)


def torsion(load: float = 1.0) -> pde.Problem:
    side = pde.Condition(LSHAPE.boundary(), lambda u, p: u.value)
    return pde.Problem(LSHAPE, lambda u, p: u.xx + u.yy + load, [side])


@pytest.fixture(scope="module")
def marched() -> pde.Marched:
    return pde.march(heat(), tolerance=1e-3)


@pytest.fixture(scope="module")
def solved() -> pde.Solution:
    return pde.solve(wave(), grids=[4])


def test_a_march_comes_back_bit_for_bit(marched: pde.Marched, tmp_path: Path) -> None:
    marched.save(tmp_path / "heat.safetensors")
    again = pde.load(tmp_path / "heat.safetensors", heat())
    points = ROD.points(300)
    jets = [found.at(points, order=2) for found in (marched, again)]
    assert all(torch.equal(jets[0].parts[order], jets[1].parts[order]) for order in jets[0].parts)  # type: ignore[union-attr]
    assert repr(again) == repr(marched) and again.frame().equals(marched.frame())


def test_a_network_with_locked_products_comes_back_bit_for_bit(tmp_path: Path) -> None:
    options = ew.Options(restarts=1)
    found = pde.solve(torsion(), pde.products(2, 2, degree=5), grids=[4], points=200, steps=3, options=options)
    found.save(tmp_path / "bar.safetensors")
    again = pde.load(tmp_path / "bar.safetensors", torsion())
    points = LSHAPE.points(300)
    assert isinstance(again, pde.Solution)
    assert torch.equal(again(points), found(points)) and again.constants == found.constants
    assert again.history == found.history and again.outcome is found.outcome and again.residual == found.residual


@pytest.mark.parametrize(
    ("problem", "differs"),
    [
        (wave(k=1.001), "its equation or its ansatz"),
        (wave(box=pde.Box(y=(0, 3))), r'its coordinates are \["x"\]'),
        (wave(box=pde.Box(x=(0, 4))), r"its upper ends are \[3.0\], and those given \[4.0\]"),
        (pde.Problem(LINE, lambda u, p: u.xx + u.value, ansatz=lambda n, p: p.x * n), "its equation or its ansatz"),
        (pde.Problem(LINE, lambda u, p: u.xx + u.value), "its equation or its ansatz"),
        (torsion(), "its coordinates"),
    ],
)
def test_a_solution_of_another_problem_is_refused(
    problem: pde.Problem, differs: str, solved: pde.Solution, tmp_path: Path
) -> None:
    solved.save(tmp_path / "wave.safetensors")
    with pytest.raises(ew.InputError, match=rf"wave.safetensors belongs to another problem: {differs}"):
        pde.load(tmp_path / "wave.safetensors", problem)


def test_damaged_and_foreign_files_are_refused(marched: pde.Marched, tmp_path: Path) -> None:
    path = tmp_path / "heat.safetensors"
    marched.save(path)
    data = path.read_bytes()
    generator = torch.Generator().manual_seed(0)
    for place in torch.randint(len(data), (40,), generator=generator).tolist():
        changed = bytearray(data)
        changed[place] ^= 4
        path.write_bytes(changed if place % 3 else data[:place])
        with pytest.raises(ew.InputError, match=r"heat.safetensors is"):
            pde.load(path, heat())
    ew.save(ew.KAN([1, 1]), path)
    with pytest.raises(ew.InputError, match="is no solution that edgewise saved"):
        pde.load(path, heat())
    with pytest.raises(ew.InputError, match="There is no file"):
        pde.load(tmp_path / "nowhere", heat())
    with pytest.raises(ew.InputError, match="is a folder"):
        pde.load(tmp_path, heat())
    with pytest.raises(ew.InputError, match="then the problem"):
        pde.load(path, path)  # type: ignore[arg-type]
    with pytest.raises(ew.InputError, match="There is no folder"):
        marched.save(tmp_path / "none" / "heat.safetensors")


def test_a_march_that_is_killed_again_and_again_ends_alike(tmp_path: Path) -> None:
    path, options = tmp_path / "run.safetensors", ew.Options(checkpoint=tmp_path / "run.safetensors")
    whole, calls, tries = pde.march(heat(), tolerance=1e-3), 0, 0

    def count() -> None:
        nonlocal calls
        calls += 1
        if calls == 30:
            raise Killed

    while True:
        tries, calls = tries + 1, 0
        try:
            found = pde.march(heat(count=count), tolerance=1e-3, options=options)
            break
        except Killed:
            assert tries < 30
    points = ROD.points(100)
    assert tries > 2 and found.error == whole.error and torch.equal(found(points), whole(points))
    assert [row[:-1] for row in found.history[1:]] == [row[:-1] for row in whole.history[1:]]
    finer = pde.march(heat(), tolerance=1e-5, options=options)  # the same file, to a smaller tolerance
    assert finer.outcome is pde.Outcome.CONVERGED and finer.error <= 1e-5
    with pytest.raises(ew.InputError, match=r"is no checkpoint of this march .it belongs to another problem"):
        pde.march(heat(diffusion=0.2), options=options)
    with pytest.raises(ew.InputError, match=r"is no checkpoint of this march .it marches in t with degree 9"):
        pde.march(heat(), degree=7, options=options)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ew.InputError, match=r"is no checkpoint of this march .it is damaged"):
        pde.march(heat(), options=options)


def test_solve_that_is_killed_again_and_again_ends_alike(tmp_path: Path) -> None:
    path, tries = tmp_path / "run.safetensors", 0

    def run(checkpoint: Path | None, k: float = 1.0) -> pde.Solution:
        options = ew.Options(checkpoint=checkpoint)
        return pde.solve(wave(k), tolerance=1e-13, points=100, options=options)

    whole = run(None)
    while True:
        tries += 1
        with ew.calling(lambda seen, first=[]: first.append(0) or (len(first) == 6 and _kill()), ew.train.FitStep):
            try:
                found = run(path)
                break
            except Killed:
                assert tries < 30
    points = LINE.points(100)
    assert tries > 2 and found.error == whole.error and torch.equal(found(points), whole(points))
    with pytest.raises(ew.InputError, match="is the checkpoint of another fit"):
        run(path, k=2.0)


def _kill() -> None:
    raise Killed


def test_progress_is_told_within_a_level_and_within_a_grid(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgewise.train._monitor._PATIENCE", 0.0)
    pde.march(heat(), tolerance=1e-3, options=ew.Options(progress=True))
    said = capsys.readouterr().err
    assert "s] level 1: t=" in said and " slabs, " in said and "level 2, up to " in said and ": change " in said
    pde.solve(wave(), grids=[4], options=ew.Options(progress=True))
    said = capsys.readouterr().err
    assert "s] grid 4: step 1 of at most 60, residual " in said and ", at new points " in said
