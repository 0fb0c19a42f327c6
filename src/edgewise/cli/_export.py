"""`edgewise export`: a saved network in another language."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgewise._errors import InputError, unknown
from edgewise._replacing import replacing
from edgewise.cli._input import ModelFile
from edgewise.cli._json import Json, print_json
from edgewise.cli._output import check_file, console

if TYPE_CHECKING:
    from edgewise.tables.io import SavedModel


def export(
    model: ModelFile,
    to: Annotated[str, typer.Option(metavar="NAME", help="The language: c, excel, latex, numpy, onnx or torch.")],
    out: Annotated[
        Path | None, typer.Option("--out", "--output", metavar="FILE", help="The file to write; printed when left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a network as an ONNX file, a formula of Excel or LaTeX, or a function of C99, NumPy or PyTorch."""
    import edgewise as ew

    binary = to == "onnx"
    if not binary and to not in ew.export.languages():
        raise unknown("language", to, [*ew.export.languages(), "onnx"])
    endings = (".onnx",) if binary else ew.export.language(to).endings
    if out is not None:
        check_file(out, endings)
    elif binary:
        raise InputError("An ONNX file is binary and cannot be printed: name one with --out model.onnx.")
    if not model.exists():
        raise InputError(f"There is no file {model}: train and save a network with edgewise fit.")
    saved = ew.io.load_with_metadata(model)
    notes = [] if saved.inputs is None else [f"Input {line}." for line in saved.inputs.described()]
    for note in notes:
        console(stderr=True).print(note)
    text = None if binary else _text(saved, to)
    if out is not None:
        content = ew.export.to_onnx(saved).SerializeToString(deterministic=True) if text is None else text.encode()
        with replacing(out) as place:
            place.write(content)
    if json:
        print_json({"notes": notes, "language": to, "text": text, "file": out})
    elif out is None:
        sys.stdout.write(text or "")
    if out is not None:
        console(stderr=json).print(f"Written: {out}")


def _text(saved: SavedModel, to: str) -> str:
    import edgewise as ew

    text = ew.export.text(saved, to)
    lines = [text] if isinstance(text, str) else text
    return "\n".join(lines).rstrip("\n") + "\n"
