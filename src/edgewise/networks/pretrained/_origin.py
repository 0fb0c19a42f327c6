"""The sections of a model card on how to load the network and where it comes from."""

from __future__ import annotations

import datetime
import math
import platform
import textwrap

import torch
from torch import Tensor

from edgewise._printable import printable
from edgewise._version import __version__
from edgewise.networks.pretrained._facts import Facts
from edgewise.networks.pretrained._markdown import code, fenced, plain, table
from edgewise.nn import KAN

_MOST_ROUNDS = 12
_MOST_NUMBERS = 20  # of a line in the example
_PLACES = (0.5, 0.7, 0.9, 0.3, 0.1, 1.0)  # of the range

_DIGEST = """import hashlib
import numpy as np
rows = np.column_stack([x, y]).astype("<f8")
print(hashlib.sha256(rows.tobytes()).hexdigest())"""


def loading(facts: Facts, repository: str) -> list[str]:
    """Return code that runs: it loads the network and predicts the middle of the range."""
    model = facts.model
    layer = model.layers[0]
    lo, hi = layer.basis.ends(layer.knots) if facts.rows is None else (facts.rows.x.amin(0), facts.rows.x.amax(0))
    row, values = _example(model, lo.double().cpu(), hi.double().cpu())
    place = repr(repository or ".")
    where = [] if repository else ["# from this folder; or from the Hub, by the name of the repository: 'user/name'"]
    text = textwrap.fill(str(row), 100, subsequent_indent="    ")
    lines = ["import edgewise as ew", "import torch", "", *where, f"network = ew.KAN.from_pretrained({place})"]
    lines += [f"x = torch.tensor([{text}], dtype=network.dtype)", f"print(network(x)){values}"]
    said = [
        "", "## How to load it", "", "`pip install edgewise`, then:", "", *fenced("\n".join(lines), "python"), "",
        f"The inputs are {', '.join(map(code, facts.names[:20]))}{' ...' * (len(facts.names) > 20)}, in this order. "
        f"`ew.pretrained.load({place})` also gives their names and units.",
    ]  # fmt: skip
    if facts.saved.inputs is not None:
        said += [
            "", "They are made of a table with text, dates or gaps by `ew.pretrained.load(...).inputs.of(table)`:", "",
            *fenced("\n".join(map(printable, facts.saved.inputs.described())), "text"),
        ]  # fmt: skip
    return said


def _example(model: KAN, lo: Tensor, hi: Tensor) -> tuple[list[float], str]:
    """Return a row where the network is finite, in the middle if it is there, and a comment with its outputs."""
    row: list[float] = []
    for part in _PLACES:
        row = [float(f"{value:.3g}") for value in torch.lerp(lo, hi, part).tolist()]
        with torch.no_grad():
            found = model(torch.tensor([row], dtype=model.dtype, device=model.device))[0].double()
        if bool(found.isfinite().all()):
            return row, f"  # about {', '.join(f'{value:.6g}' for value in found[:_MOST_NUMBERS].tolist())}"
    return row, ""


def provenance(facts: Facts, dataset: str, seed: int | None) -> list[str]:
    """Return versions, the data with its digest, and the history of the training."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    rows = [
        ["edgewise", __version__], ["torch", torch.__version__], ["Python", platform.python_version()],
        ["card written", today], ["seed", "not stated" if seed is None else str(seed)],
    ]  # fmt: skip
    if dataset:
        rows.append(["data", plain(dataset)])
    named = [("training rows", facts.rows), ("held-out rows", facts.held_out)]
    rows += [[what, f"{len(given)}, SHA-256 {code(given.digest())}"] for what, given in named if given is not None]
    if facts.rows is not None:
        lo, hi = facts.rows.y.amin(0).tolist(), facts.rows.y.amax(0).tolist()
        targets = ["class numbers"] if facts.classes else [code(name) for name in facts.targets]
        rows += [[f"range of {name}", f"{a:.6g} to {b:.6g}"] for name, a, b in list(zip(targets, lo, hi, strict=True))]
    lines = ["", "## Provenance", "", *table(["entry", "value"], rows)]
    if facts.rows is not None or facts.held_out is not None:
        lines += ["", "The digest is that of the rows (x, y) of numbers:", "", *fenced(_DIGEST, "python")]
    return lines + _history(facts)


def _history(facts: Facts) -> list[str]:
    result = facts.result
    if result is None:
        return ["", "How it was trained is not known here: the card was written from the network alone."]
    lines = ["", "### Training", "", plain(f"{result.outcome.message}"), ""]
    head = ["round", "grid", "parameters", "training error", "validation error", "seconds", "steps"]
    shown = result.history
    if len(shown) > _MOST_ROUNDS:
        shown = [*shown[: _MOST_ROUNDS // 2], *shown[-_MOST_ROUNDS // 2 :]]
        lines += [f"The first and the last of {len(result.history)} rounds:", ""]
    rows = [
        [str(row.round), str(row.grid), str(row.parameters), f"{row.train:.4g}", _error(row.validation),
         f"{row.seconds:.3g}", str(row.steps)]
        for row in shown
    ]  # fmt: skip
    return [*lines, *table(head, rows), *([""] if result.notes else []), *(f"- {plain(note)}" for note in result.notes)]


def _error(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"
