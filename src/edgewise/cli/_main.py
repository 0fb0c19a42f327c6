"""The way in: it loads the commands, and the library with them, only once an interrupt can no longer do harm."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from edgewise.cli._failure import fail
from edgewise.cli._stop import stoppable


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (None: the program's own) and return its exit code.

    Errors: 2 after a bad input, file or disk; 128 and the signal's number after a signal that ends the command: 130
    for Ctrl-C, 143 for SIGTERM. Each is one line on stderr, never a traceback.

    >>> main(["discover", "orbits", "--target", "period_days", "--noise", "a lot"])
    2
    """
    with stoppable() as stop:
        try:
            arguments = list(sys.argv[1:] if argv is None else argv)
            with stop.loading():
                from edgewise.cli._app import run

                if not {"--help", "--version"} & set(arguments):  # which answer without torch
                    import edgewise.io  # noqa: F401
            return run(arguments)
        except KeyboardInterrupt as asked:
            return fail(f"interrupted; {str(asked) or 'no file is half written'}", stop.code)
