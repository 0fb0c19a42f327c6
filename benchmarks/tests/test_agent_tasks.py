"""The tasks for agents: made from a seed, solved by the truth, and not solved by a guess or a wrong claim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from agents.equations import Bar, Front, Tank, torsion
from agents.make_data import SEED, TASKS, write
from agents.network import Sensor
from agents.tables import Law, NoLaw, Rentals
from agents.task import coefficients


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agents")
    write(folder)
    return folder


def truths() -> dict[str, dict[str, Any]]:
    """An answer to each task that its maker could give."""
    law, plots, rentals, tank = Law(), NoLaw(), Rentals(), Tank()
    asked = plots._conditions(np.random.default_rng(SEED + 11), 200)
    mean = plots._mean(asked).to_numpy()
    rented = rentals._table(SEED + 21, 400)["rentals"].to_numpy() + 12 * np.random.default_rng(0).standard_normal(400)
    run = tank._run([4.0, 0.3], tank.times)
    return {
        "law": {
            "law": True,
            "columns_that_matter": ["resistance_ohm", "frequency_hz", "inductance_h"],
            "predictions": law._impedance(law._asked(SEED)).tolist(),
        },
        "no_law": {
            "law": False,
            "columns_that_matter": ["nitrogen_kg_per_ha"],
            "predictions": mean.tolist(),
            "low": (mean - 1.645 * plots.noise).tolist(),
            "high": (mean + 1.645 * plots.noise).tolist(),
        },
        "rentals": {
            "r2_expected": 0.78,
            "predictions": rented.tolist(),
            "low": (rented - 20).tolist(),
            "high": (rented + 20).tolist(),
        },
        "tank": {
            "equations": {
                "algae": "1.1*algae - 0.1*algae**2 - 0.4*algae*fleas",
                "fleas": "fleas*(0.12*algae - 0.5)",
            },
            "form_established": True,
            "forecast": {"algae": run[:, 0].tolist(), "fleas": run[:, 1].tolist()},
        },
        "bar": {"values": torsion(Bar.vertices, np.array(Bar.points)).tolist(), "largest_error_expected": 1e-9},
        "front": {
            "terms": {term: [value, value - 0.02, value + 0.02] for term, value in Front.truth.items()},
            "form_established": True,
        },
    }


GUESSES: dict[str, dict[str, Any]] = {
    "law": {"law": True, "predictions": [20.0] * 20},
    "no_law": {"law": True},
    "rentals": {"predictions": [30.0] * 400, "r2_expected": 0.9},
    "tank": {"equations": {"algae": "algae - 0.4*algae*fleas", "fleas": "-0.5*fleas + 0.12*algae*fleas"}},
    "bar": {"values": [0.1] * 6},
    "front": {"terms": {"u": [0.8, 0.79, 0.81], "u_xx": [0.25, 0.24, 0.26]}},
}


@pytest.mark.parametrize("name", [*GUESSES])
def test_the_truth_solves_a_task_and_a_guess_does_not(name: str, given: Path) -> None:
    truth, place = truths()[name], given / name
    (place / "answer.json").write_text(json.dumps(truth))
    assert TASKS[name].check(place, SEED).solved, TASKS[name].check(place, SEED)
    (place / "answer.json").write_text(json.dumps(truth | GUESSES[name]))
    verdict = TASKS[name].check(place, SEED)
    assert not verdict.solved
    assert verdict.wrong_claims
    (place / "answer.json").write_text("{}")
    assert not TASKS[name].check(place, SEED).solved


def test_a_network_that_was_not_changed_does_not_solve_the_task(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    place = given / "sensor"
    monkeypatch.chdir(place)
    space: dict[str, Any] = {}
    exec(compile((place / "model.py").read_text(), "model.py", "exec"), space)  # noqa: S102 (our own text)
    model, rows = space["load"](), torch.from_numpy(pd.read_csv("asked.csv").to_numpy(np.float32))
    with torch.no_grad():
        outputs = model(rows)[:, 0].tolist()
    answer = {"outputs_before_training": outputs, "outputs": outputs, "rms_error_expected": 0.01}
    Path("answer.json").write_text(json.dumps(answer))
    assert Sensor().check(place, SEED).reasons == ["There is no model.onnx."]


def test_a_folder_tells_the_task_and_no_answer(given: Path, tmp_path: Path) -> None:
    write(tmp_path)
    for name in TASKS:
        files = sorted(path.name for path in (tmp_path / name).iterdir())
        assert "task.md" in files and "answer.json" not in files
        for file in files:
            assert file.endswith(".npz") or (given / name / file).read_bytes() == (tmp_path / name / file).read_bytes()


def test_the_values_of_the_bar_are_zero_on_its_boundary_and_solve_the_equation() -> None:
    edge = np.array([0, 1.5, 3 + 0.4j, 1 + 1j, 1 + 1.001j, 0.3 + 2j, 1.7j])
    assert np.abs(torsion(Bar.vertices, edge)).max() < 1e-7
    step, at = 1e-2, 0.6 + 0.7j
    around = torsion(Bar.vertices, at + step * np.array([0, 1, -1, 1j, -1j]))
    assert (around[1:].sum() - 4 * around[0]) / step**2 == pytest.approx(-1, abs=1e-3)


def test_factors_of_a_polynomial() -> None:
    assert coefficients("2*a - a*b^2", ["a", "b"]) == {(1, 0): 2.0, (1, 2): -1.0}
    with pytest.raises(ValueError, match="no polynomial"):
        coefficients("sin(a)", ["a", "b"])
