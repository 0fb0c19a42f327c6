"""`edgewise fit` on a target of text, and `edgewise predict` with its network."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import edgewise as ew
from edgewise.cli import main


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_classes_are_learned_told_and_predicted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "penguins", "--target", "species", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    labels = ["Adelie", "Chinstrap", "Gentoo"]
    assert said["classes"] == labels and said["test_accuracy"] > 0.9 and said["test_error"] < 0.3
    assert [sum(row) for row in said["confusion"]] == [152, 68, 124]
    saved = ew.io.load_with_metadata("model.safetensors")
    assert (saved.classes, saved.target, saved.model.n_out) == (labels, "species", 3)
    assert main(["predict", "model.safetensors", "penguins"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sum(row["species_predicted"] == row["species"] for row in rows) > 0.95 * len(rows) == 0.95 * 344
    for row in rows:
        shares = {label: float(row[f"probability_{label}"]) for label in labels}
        assert (
            sum(shares.values()) == pytest.approx(1)
            and max(shares, key=lambda label: shares[label]) == row["species_predicted"]
        )


def test_two_classes_have_one_output_and_a_table_of_what_is_taken_for_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "penguins", "--target", "sex"]) == 0
    said = capsys.readouterr().out
    assert "Classes of sex: female, male." in said and "log loss" in said and "as they are" in said
    assert ew.load("model.safetensors").n_out == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "orbits", "--target", "body"], "a target of text has 2 to 12 classes, and this has 44"),
        (["fit", "orbits", "--target", "primary"], "has fewer than 3 rows"),
        (["fit", "penguins", "--target", "specis"], "species"),
        (["fit", "penguins", "--target", "species", "--widths", "8,5,1"], "end with 3"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_other_commands_refuse_a_network_of_classes(capsys: pytest.CaptureFixture[str]) -> None:
    ew.save(ew.KAN([2, 3]), "m.safetensors", names=["a", "b"], target="kind", classes=["u", "v", "w"])
    assert main(["plot", "m.safetensors"]) == 2
    assert "edgewise predict gives classes" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("classes", [["u", "v"], ["u", "u", "w"], [1, 2, 3]])
def test_labels_are_one_for_each_output(classes: list[str], tmp_path: Path) -> None:
    with pytest.raises(ew.InputError, match="3 different labels"):
        ew.save(ew.KAN([2, 3]), tmp_path / "m.safetensors", target="kind", classes=classes)
