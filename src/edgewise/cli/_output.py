"""How the commands print and where they write: tables, progress, files that appear whole."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._printable import shortened
from edgewise._progress import LiveLine
from edgewise._replacing import check_place, destination, replacing
from edgewise.cli._failure import cells, parts, shown, wrapped

if TYPE_CHECKING:
    import sympy


@contextmanager
def writable_folder(folder: Path) -> Iterator[Path]:
    """Make the folder and try to write in it; if the work in between fails, remove the folders made here."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]  # innermost first
    try:
        _make(folder)
        _try_writing(folder)
        yield folder
    except BaseException:
        for place in made:
            with suppress(OSError):  # what holds something stays
                place.rmdir()
        raise


PICTURES = (".png", ".svg", ".pdf")


def check_file(path: Path, endings: tuple[str, ...]) -> None:
    """Raise unless `path` has one of the endings, may be replaced, and its folder can be written."""
    if path.suffix.lower() not in endings:
        raise InputError(f"--out must be a file ending in {' or '.join(endings)}. Got {str(path)!r}.")
    check_place(path)
    try:
        goal = destination(path)
    except OSError as error:
        raise InputError(f"Cannot write {path} ({error.strerror}): choose another file with --out.") from None
    _try_writing(goal.parent)


def write_picture(figure: Any, path: Path, **options: Any) -> None:
    """Write a figure in the format of the ending: the same bytes for the same figure, so without a date."""
    mpl = needed("matplotlib")

    kind = path.suffix[1:].lower()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with replacing(path) as place, mpl.rc_context({"svg.hashsalt": "edgewise"}):
        figure.savefig(place, format=kind, metadata=undated, **options)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"--out {folder} is not a folder but a file, or lies in one: name a folder.") from None
    except OSError as error:
        raise _unwritable(folder, error) from None


def _try_writing(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(f"Cannot write to the folder {folder} ({error.strerror}): choose another with --out.")


DIGITS = 6


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is: no markup, no guessed colors; lines are broken on terminals alone."""
    screen = _Screen(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not screen.is_terminal:
        screen.width = 10**6
    return screen


class Line:
    """A text that is broken between words, and a formula between tokens."""

    def __init__(self, text: str) -> None:
        self._text = shown(text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = cells(self._text) if options.no_wrap else options.max_width
        for line in wrapped(self._text, width):
            yield Text(line, overflow="fold")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(max((cells(part.strip()) for part in parts(self._text)), default=0), cells(self._text))


class _Screen(Console):
    """A console that shows control characters, such as those in a table's header, and never obeys them."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(Line(each) if isinstance(each, str) else each for each in objects), **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(shown(text), **options)


def formula(expression: sympy.Expr) -> str:
    """Return the formula as text, its decimal constants to six significant digits.

    >>> import sympy
    >>> formula(sympy.Float("0.123456789") * sympy.Symbol("x") ** sympy.Rational(3, 2))
    '0.123457*x**(3/2)'
    """
    from edgewise.formulas.expressions import write

    return write(expression, DIGITS)


@contextmanager
def progress(out: Console) -> Iterator[Callable[..., None]]:
    """Give a callback (stage, fraction from 0 to 1, best formula so far or None)."""
    start, last = time.monotonic(), ""

    def log(stage: str, fraction: float, best: str | None = None) -> None:
        """Print one line when the stage changes."""
        nonlocal last
        if stage != last:
            text = f"[{time.monotonic() - start:5.1f} s] {stage}"
            out.print(text if best is None else f"{text}; best so far: {shortened(best, 120, ' ...')}")
        last = stage

    if not out.is_terminal:
        yield log
        return
    line = LiveLine(out)
    try:
        yield lambda stage, fraction, best=None: line.show(
            shown(stage), fraction, None if best is None else shown(best)
        )
    finally:
        line.close()
