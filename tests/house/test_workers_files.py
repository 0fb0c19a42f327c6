"""What is written does not depend on who worked: the same bytes with threads, processes, Dask and Ray."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from backends import BACKENDS, backend

import edgewise as ew
from edgewise.cli import main
from edgewise.formulas.programs import prepare

LIMIT = 300.0
#: what a report says of when and how long
DATED = re.compile(rb'<th scope="row">(Date|Seconds)</th><td>[^<]*</td>')


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what one worker wrote."""
    folder = tmp_path_factory.mktemp("alone")
    prepare()  # compiling is told on stderr
    write(folder, 1)
    return folder


def write(folder: Path, n_jobs: int) -> None:
    """Write a network, the history of its fit, a search with its report, and relations with their picture."""
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 3, (40, 2))
    y = x[:, 0] * np.exp(-x[:, 1]) + np.sqrt(x[:, 1]) + 0.2 * rng.standard_normal(40)

    options = ew.Options(restarts=4, n_jobs=n_jobs)
    result = ew.fit(ew.KAN([2, 2, 1], seed=0), x, y, grids=[3], solver=ew.optim.LM(steps=5), options=options)
    ew.save(result.model, folder / "network.safetensors", names=["a", "b"], target="y")
    result.frame().drop(columns="seconds").to_csv(folder / "history.csv")

    found = ew.discover(x, y, effort=500, time_limit=LIMIT, n_jobs=n_jobs, save=folder / "search.npz")
    found.report(folder / "report.html")

    columns = rng.uniform(0, 1, (100, 3))
    columns[:, 2] = (columns[:, 0] - 0.5) ** 2
    relations = ew.find_relations(columns, ["a", "b", "c"], seeds=2, n_jobs=n_jobs, time_limit=LIMIT, formulas=False)
    relations.table().to_csv(folder / "relations.csv")
    (folder / "relations.txt").write_text(repr(relations), encoding="utf-8")
    (folder / "relations.svg").write_bytes(ew.plot.svg(relations.plot()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name != "loky" else name for name in BACKENDS]
)
def test_files_do_not_depend_on_who_worked(name: str, alone: Path, tmp_path: Path) -> None:
    with backend(name):
        write(tmp_path, 2)
    names = sorted(path.name for path in alone.iterdir())
    assert len(names) == 7 and names == sorted(path.name for path in tmp_path.iterdir())
    for each in names:
        one, two = ((folder / each).read_bytes() for folder in (alone, tmp_path))
        if each == "report.html":
            assert len(DATED.findall(one)) == 2
            one, two = (DATED.sub(b"", page) for page in (one, two))
        assert one == two, each


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_pictures_of_the_command_have_no_date(ending: str, alone: Path, tmp_path: Path) -> None:
    """They are the same bytes for the same network."""
    paths = [tmp_path / f"{k}.{ending}" for k in range(2)]
    for path in paths:
        assert main(["plot", str(alone / "network.safetensors"), "--out", str(path)]) == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert not re.search(rb"CreationDate|<dc:date>", paths[0].read_bytes())
