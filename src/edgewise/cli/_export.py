"""`edgewise export`: a saved network in another language."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edgewise._errors import InputError
from edgewise._replacing import replacing
from edgewise.cli._console import console
from edgewise.cli._input import ModelFile
from edgewise.cli._output import check_file


class Language(StrEnum):
    """What a network is written in."""

    c = "c"
    excel = "excel"
    latex = "latex"
    numpy = "numpy"
    torch = "torch"


_ENDINGS = {
    Language.c: (".c",),
    Language.excel: (".txt",),
    Language.latex: (".tex",),
    Language.numpy: (".py",),
    Language.torch: (".py",),
}


def export(
    model: ModelFile,
    to: Annotated[Language, typer.Option(help="The language.")],
    out: Annotated[
        Path | None, typer.Option("--out", "--output", metavar="FILE", help="The file to write; printed when left out.")
    ] = None,
) -> None:
    """Write a network as a formula of Excel or LaTeX, or a function of C99, NumPy or PyTorch."""
    if out is not None:
        check_file(out, _ENDINGS[to])
    if not model.exists():
        raise InputError(f"There is no file {model}: train and save a network with edgewise fit.")
    text = _written(model, to)
    if out is None:
        sys.stdout.write(text)
        return
    with replacing(out) as place:
        place.write(text.encode())
    console().print(f"Written: {out}")


def _written(model: Path, to: Language) -> str:
    import edgewise as ew

    saved = ew.io.load_with_metadata(model)
    write = {
        Language.c: ew.export.c,
        Language.excel: ew.export.excel,
        Language.latex: ew.export.latex,
        Language.numpy: ew.export.numpy,
        Language.torch: ew.export.torch_source,
    }[to]
    text = write(saved)
    lines = [text] if isinstance(text, str) else text
    return "\n".join(lines).rstrip("\n") + "\n"
