"""The sections of a model card, each as lines of Markdown."""

from __future__ import annotations

import datetime
import math
import platform
import textwrap
from typing import Any

import sympy
import torch
from torch import Tensor

from edgewise._printable import printable
from edgewise._version import __version__
from edgewise.formulas.expressions import conditions, write
from edgewise.interpret import export
from edgewise.networks.pretrained._facts import Facts, metrics
from edgewise.networks.pretrained._markdown import code, fenced, mathematics, plain, table
from edgewise.nn import KAN, is_readable

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
    for part in (0.5, 0.7, 0.9, 0.3, 0.1, 1.0):
        row = [float(f"{value:.3g}") for value in torch.lerp(lo, hi, part).tolist()]
        with torch.no_grad():
            found = model(torch.tensor([row], dtype=model.dtype, device=model.device))[0].double()
        if bool(found.isfinite().all()):
            return row, f"  # about {', '.join(f'{value:.6g}' for value in found[:20].tolist())}"
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
    shown, ends = result.history, 6
    if len(shown) > 2 * ends:
        shown = [*shown[:ends], *shown[-ends:]]
        lines += [f"The first and the last of {len(result.history)} rounds:", ""]
    rows = [
        [str(row.round), str(row.grid), str(row.parameters), f"{row.train:.4g}", _error(row.validation),
         f"{row.seconds:.3g}", str(row.steps)]
        for row in shown
    ]  # fmt: skip
    return [*lines, *table(head, rows), *([""] if result.notes else []), *(f"- {plain(note)}" for note in result.notes)]


def _error(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"


_MOST = 40  # rows of a table, and edges of a list
_LONGEST = 4000  # characters of a formula
_GENERAL = r"h^{(0)} = x, \quad s^{(l)}_j = \sum_i \varphi^{(l)}_{ji}(h^{(l-1)}_i), \quad y = h^{(L)}"


def computes(facts: Facts, picture: str | None) -> list[str]:
    """Return the formula, or which edges are none, and the diagram."""
    lines = ["", "## What it computes", ""]
    lines += _formula(facts) if facts.n_splines == 0 else _splines(facts)
    if picture is not None:
        lines += ["", f"![The network: each edge with its function]({picture})"]
    return lines


def _formula(facts: Facts) -> list[str]:
    if not is_readable(facts.model):
        return ["Every edge is a formula. All together they are too long to be read: see `network.formula()`."]
    found = facts.model.formula(facts.names)
    formulas = found if isinstance(found, list) else [found]
    texts = [f"{name} = {write(f)}" for name, f in zip(map(_word, facts.targets), formulas, strict=True)]
    lines = [
        "Every edge is a formula, so the network is one. Its constants, rounded to six digits here:"
        if len(formulas) == 1 else "Every edge is a formula, so the outputs are. Constants rounded to six digits here:"
    ]  # fmt: skip
    latex = export.latex(facts.model, facts.names, target=facts.targets, digits=6)
    lines += ["", *mathematics(latex)] if len(latex) <= _LONGEST else []
    text = "\n".join(texts)
    lines += ["", "The same as text, with all digits:", "", *fenced(_cut(text), "text")]
    quotes: Any = {sympy.Symbol(name): sympy.Symbol(_word(name)) for name in facts.names}
    quoted: list[Any] = [formula.xreplace(quotes) for formula in formulas]
    needed = [_cut(str(each)) for each in conditions(quoted)]
    return [*lines, "", "It is defined where", "", *fenced("\n".join(needed), "text")] if needed else lines


def _splines(facts: Facts) -> list[str]:
    count = facts.n_splines
    if count == facts.n_edges:
        said = f"No edge is a formula: all {count} are splines, which the network learned."
    else:
        said = f"{facts.n_edges - count} of {facts.n_edges} edges are formulas. These {count} are splines: "
        said += ", ".join(facts.spline_names()[:_MOST]) + (f" and {count - _MOST} more." if count > _MOST else ".")
    lines = [said, "", *mathematics(_GENERAL), "", _nodes(facts)]
    most = 30  # edges of a network that is written with unknown functions
    if facts.n_edges > most or len(facts.model.layers) > 3:
        return lines
    taken = {f"phi_{depth}_{j}_{i}" for depth, j, i in facts.model.spline_edges()} & set(facts.names)
    if taken:
        return lines
    found = facts.model.formula(facts.names, splines="symbols")
    formulas = found if isinstance(found, list) else [found]
    text = "\n".join(f"{name} = {write(f, 6)}" for name, f in zip(map(_word, facts.targets), formulas, strict=True))
    return [
        *lines, "", "Written out, with `phi_l_j_i` for the spline from node i to sum j in layer l, counted from 0:", "",
        *fenced(_cut(text), "text"),
    ]  # fmt: skip


def _nodes(facts: Facts) -> str:
    if any(nodes.arities for nodes in facts.model.nodes):
        return "Each node h is one of the sums s, or a product of some."
    return "Each node h is one of the sums s."


def _word(name: str) -> str:
    return write(sympy.Symbol(name))


def _cut(text: str) -> str:
    text = "\n".join("".join(c if c.isprintable() else " " for c in line) for line in text.split("\n"))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def architecture(facts: Facts) -> list[str]:
    """Return the table of layers and the number of parameters."""
    model = facts.model
    rows = []
    for depth, layer in enumerate(model.layers):
        nodes, symbolic = model.nodes[depth + 1], sum(map(len, layer.active_symbols().values()))
        kind = f"{layer.basis.name}" + (f", degree {layer.degree}" if layer.basis.name == "bspline" else "")
        there = int(layer.mask.sum())
        rows.append([
            str(depth), f"{layer.n_in} → {nodes.n_nodes}", str(nodes.n_sum), str(len(nodes.arities)), code(kind),
            str(layer.grid), f"{there} of {layer.n_in * layer.n_out}", str(symbolic), str(there - symbolic),
        ])  # fmt: skip
    head = ["layer", "nodes", "sums", "products", "basis", "grid", "edges", "formulas", "splines"]
    total = sum(parameter.numel() for parameter in model.parameters())
    return [
        "", "## Architecture", "", *table(head, _short(rows)), "",
        f"Number type {model.layers[0].dtype}, base function {model.layers[0].base or 'none'}. "
        f"{total} numbers in parameters of torch, {facts.n_trained} of them on edges that are there and free to train.",
    ]  # fmt: skip


def measured(facts: Facts) -> list[str]:
    """Return the errors, and over which rows each was measured."""
    rows: list[list[str]] = []
    notes: list[str] = []
    for what, given in (("training rows", facts.rows), ("held-out rows", facts.held_out)):
        if given is None:
            continue
        for k, values in enumerate(metrics(facts.model, given, facts.classes)):
            name = "class" if facts.classes else facts.label(facts.targets[k])
            rows.append(
                [what, str(len(given)), name, *(_r2(v) if key == "r2" else _number(v) for key, v in values.items())]
            )
    if facts.rows is not None:
        notes.append("Training rows are those given as the data of this card. Errors over them are optimistic.")
    if facts.held_out is not None:
        notes.append("Held-out rows are those given as such, measured by this network when the card was written.")
        if facts.rows is not None and (common := facts.held_out.common(facts.rows)):
            notes.append(f"**{common} of the {len(facts.held_out)} held-out rows are also training rows.**")
    notes += _of_the_fit(facts)
    if not rows and not notes:
        return ["", "## Errors", "", "Not measured: the card was written without rows."]
    errors = ["accuracy", "cross-entropy"] if facts.classes else ["R²", "RMSE", "mean absolute error", "largest error"]
    shown = table(["measured on", "rows", "output", *errors], _short(rows)) if rows else []
    unit = [] if facts.classes or not rows else ["Errors are in the units of the outputs."]
    return ["", "## Errors", "", *shown, *([""] if shown else []), *(f"- {note}" for note in [*unit, *notes])]


def _of_the_fit(facts: Facts) -> list[str]:
    """Return what the fit measured itself, in sentences."""
    result = facts.result
    if result is None:
        return []
    unit = "nats" if facts.classes else "root mean square" if result.loss == "squared" else f"{result.loss} loss"
    notes = [f"The fit reports {_number(result.train_error)} ({unit}) over all of its rows, with this network."]
    if not math.isnan(result.validation_error):
        notes.append(
            f"It reports {_number(result.validation_error)} over the rows that selected the grid or the epoch."
        )
    if not math.isnan(result.test_error):
        notes.append(
            f"It reports {_number(result.test_error)} over rows that neither trained nor selected it, "
            "before a last training that included them."
        )
    if not math.isnan(result.r2):
        notes.append(f"It reports an R² on held-out rows of {_r2(result.r2)}.")
    return notes


def limits(facts: Facts, intended: str, more: str) -> list[str]:
    """Return for each input the range that the network knows, and what it does beyond."""
    layer = facts.model.layers[0]
    lo, hi = (ends.tolist() for ends in layer.basis.ends(layer.knots))
    spline, used = layer.spline_mask().any(0).tolist(), layer.mask.any(0).tolist()
    given = None if facts.rows is None else (facts.rows.x.amin(0).tolist(), facts.rows.x.amax(0).tolist())
    rows = []
    for k, name in enumerate(facts.names):
        grid = f"{_number(lo[k])} to {_number(hi[k])}" if spline[k] else "formula only" if used[k] else "not used"
        data = [] if given is None else [f"{_number(given[0][k])} to {_number(given[1][k])}"]
        rows.append([code(name), code(facts.unit(name)) if facts.unit(name) else "", *data, grid])
    head = ["input", "unit", *([] if given is None else ["training rows"]), "grid of the splines"]
    lines = ["", "## Intended use and limits", "", *([intended, ""] if intended else []), *table(head, _short(rows))]
    if facts.n_splines:
        lines += [
            "", "Outside the grid the network extrapolates: a spline goes on there as a straight line. "
            "Do not rely on predictions for such inputs. `ew.nn.coverage(network, x)` reports for each layer "
            "which fraction of the rows x lies outside.",
        ]  # fmt: skip
    else:
        lines += ["", "A formula has no grid. Outside the range of its training rows it extrapolates all the same."]
    if given is not None:
        lines += [
            "",
            "The ranges are those of single columns. "
            "Not every combination of values within them occurs in the training rows.",
        ]
    return [*lines, *(["", more] if more else [])]


def _short(rows: list[list[str]]) -> list[list[str]]:
    """Return the first rows of a long table, and how many follow."""
    if len(rows) <= _MOST:
        return rows
    return [*rows[:_MOST], [f"and {len(rows) - _MOST} more", *[""] * (len(rows[0]) - 1)]]


def _r2(value: float) -> str:
    """
    >>> _r2(0.5), _r2(1 - 1e-9)
    ('0.5', '1 − 1e-09')
    """
    return f"1 − {1 - value:.2g}" if 1 - 1e-5 < value < 1 else _number(value)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.6g}"
