"""What a person can take along: formulas in other languages, the network, the session, pictures."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sympy

from edgewise import plot
from edgewise._errors import InputError
from edgewise.formulas.expressions import write as written
from edgewise.interpret.export import identifiers, text, to_onnx
from edgewise.networks.session import Session
from edgewise.nn import is_readable
from edgewise.plot import svg
from edgewise.studio._kept import Meaning
from edgewise.studio._network_view import as_target
from edgewise.studio._session_report import session_report
from edgewise.tables import datasets
from edgewise.tables.io import model_bytes

_SYMPY = """import sympy

{names} = sympy.symbols({listed!r}, seq=True)
names = dict(zip({listed!r}.split(), [{names}]))
{lines}
"""


@dataclass(frozen=True)
class Subject:
    """What is exported: a session, the table that it was begun with where its rows are known to be that table's, what
    its files are called, what its inputs stand for, what it was begun without, and what Discover found last.
    """

    session: Session
    stem: str
    table: Path | None = None
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    discovery: Mapping[str, Any] | None = None

    @property
    def formulas(self) -> list[sympy.Expr]:
        """The formulas of all targets, over the columns."""
        found = self.session.formula()
        return found if isinstance(found, list) else [found]

    @property
    def units(self) -> dict[str, str]:
        return {name: unit for name, unit in self.session.units.items() if isinstance(unit, str) and unit}


@dataclass(frozen=True)
class Export:
    """One kind of export: its name, how the page lists it, how its file ends, and what makes the content."""

    what: str
    group: str
    title: str
    about: str
    ending: str
    media: str
    make: Callable[[Subject], str | bytes]
    needs_formula: bool = False

    def problem(self, session: Session) -> str | None:
        """Why it cannot be had now, None where it can."""
        if not self.needs_formula:
            return None
        left = session.state.splines
        if left:
            edges = "1 edge is a spline" if left == 1 else f"{left} edges are splines"
            return f"{edges}: snap all edges first. The NumPy and C functions can be exported now."
        if not is_readable(session.state.situation.model):
            return "The formula is too long to be written: prune the network, or export NumPy or C."
        return None


def _language(name: str) -> Callable[[Subject], str]:
    """Formulas in a language that has no curves."""

    def make(subject: Subject) -> str:
        options: dict[str, Any] = {} if name == "excel" else {"target": subject.session.targets}
        return _joined(text(subject.formulas, name, subject.session.columns, **options))

    return make


def _function(name: str) -> Callable[[Subject], str]:
    """The formula as a function of the columns, or the network as one of what it reads while it has splines."""

    def make(subject: Subject) -> str:
        session, model = subject.session, subject.session.state.situation.model
        source: Any = subject.formulas if is_readable(model) else model
        names = session.columns if is_readable(model) else session.names
        units = {name: unit for name, unit in subject.units.items() if name in (*names, *session.targets)}
        return _computed(session, source is model, name) + _joined(
            text(source, name, names, target=session.targets, units=units)
        )

    return make


def _computed(session: Session, is_network: bool, language: str) -> str:
    """A comment on the inputs that are computed from columns."""
    if not is_network or not session.variables:
        return ""
    mark = "//" if language == "c" else "#"
    return "".join(f"{mark} The input {v.name} is {v.formula}.\n" for v in session.variables)


def _joined(found: str | list[str]) -> str:
    return ("\n".join(found) if isinstance(found, list) else found).rstrip("\n") + "\n"


def _sympy(subject: Subject) -> str:
    """Source that makes the formulas sympy expressions."""
    session = subject.session
    known = identifiers(session.columns, {"sympy", "names", *dir(sympy)})
    renamed = {sympy.Symbol(name): sympy.Symbol(plain) for name, plain in known.items()}
    targets = identifiers(session.targets, {"sympy", "names", *known.values()})
    lines = [
        f"{targets[target]} = sympy.sympify({written(formula.xreplace(renamed))!r}, names)"
        for target, formula in zip(session.targets, subject.formulas, strict=True)
    ]
    words = list(known.values())
    names = ", ".join(words) + ("," if len(words) == 1 else "")
    return _SYMPY.format(names=names, listed=" ".join(words), lines="\n".join(lines))


def _onnx(subject: Subject) -> bytes:
    session = subject.session
    found = to_onnx(session.state.situation.model, names=session.names, target=session.targets, dtype="float64")
    return found.SerializeToString(deterministic=True)


def _model(subject: Subject) -> bytes:
    session, known = subject.session, {}
    with suppress(InputError):  # units that no saved network can hold
        known = subject.units
        return model_bytes(session.state.situation.model, session.names, as_target(session.targets), known)
    return model_bytes(session.state.situation.model, session.names, as_target(session.targets))


def _session(subject: Subject) -> bytes:
    return _through_a_file(lambda folder: subject.session.save(folder / "session"), "session")


def _through_a_file(make: Callable[[Path], object], name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        return Path(folder, name).read_bytes()


def _picture(subject: Subject) -> Any:
    session = subject.session
    model, rows = session.state.situation.model, session.table.x
    return plot.network(model, rows, names=session.names, target=as_target(session.targets)).figure


def _svg(subject: Subject) -> bytes:
    return svg(_picture(subject))


def _png(subject: Subject) -> bytes:
    out = io.BytesIO()
    _picture(subject).savefig(out, format="png", dpi=200, facecolor="white")
    return out.getvalue()


def _report(subject: Subject) -> bytes:
    return _through_a_file(
        lambda folder: session_report(
            subject.session, folder / "report.html", subject.meanings, subject.left_out, subject.discovery
        ),
        "report.html",
    )


def script_files(subject: Subject, folder: Path, stem: str) -> list[str]:
    """Write the script that replays the session, with all that it reads, and return the names of its files.

    The rows are those of the table that the session was begun with, or are saved next to the script.
    """
    place, made = folder / f"{stem}.py", [f"{stem}.py", f"{stem}.safetensors"]
    if subject.table is not None:
        with suppress(InputError):  # a table that was changed meanwhile, or is gone
            subject.session.export_script(place, data=subject.table)
            return made
    subject.session.export_script(place, rows=True)
    return [*made, f"{stem}.rows.safetensors"]


def _script(subject: Subject) -> bytes:
    """A zip of the script and of what it reads; only a table that comes with edgewise is found everywhere."""
    shipped = [datasets.path(name) for name in datasets.names()]
    subject = replace(subject, table=subject.table if subject.table in shipped else None)
    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in script_files(subject, Path(folder), subject.stem):
            archive.write(Path(folder, name), name)
    return out.getvalue()


def script_text(content: bytes) -> str:
    """Return the script in a zip of one."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".py"))).decode()


_TEXT, _BYTES = "text/plain", "application/octet-stream"

EXPORTS: Sequence[Export] = (
    Export("latex", "Formula", "LaTeX", "for papers", ".tex", _TEXT, _language("latex"), True),
    Export("sympy", "Formula", "SymPy", "in Python", "_sympy.py", _TEXT, _sympy, True),
    Export("numpy", "Formula", "NumPy", "a function", "_numpy.py", _TEXT, _function("numpy")),
    Export("torch", "Formula", "PyTorch", "a module", "_torch.py", _TEXT,
           _language("torch"), True),
    Export("c", "Formula", "C", "a function", ".c", _TEXT, _function("c")),
    Export("excel", "Formula", "Excel", "for a cell", "_excel.txt", _TEXT, _language("excel"), True),
    Export("model", "Network", "Model", "for edgewise.load", ".safetensors", _BYTES, _model),
    Export("onnx", "Network", "ONNX", "for other runtimes", ".onnx", _BYTES, _onnx),
    Export("svg", "Picture", "SVG", "for papers", ".svg", "image/svg+xml", _svg),
    Export("png", "Picture", "PNG", "for slides", ".png", "image/png", _png),
    Export("report", "Session", "Report", "one HTML page", "_report.html", "text/html",
           _report),
    Export("script", "Session", "Script", "to replay", "_script.zip",
           "application/zip", _script),
    Export("session", "Session", "Session file", "to go on later", ".session", _BYTES, _session),
)  # fmt: skip
"""Kinds of exports, as the page lists them."""
