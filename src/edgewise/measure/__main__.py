"""The process that measures: a task as JSON on its input, the rows of each case as a line of JSON on its output."""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import sys

import torch

from edgewise.measure._figure import Case, Settings


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is a message
    task = json.load(sys.stdin)
    settings = Settings(**task["settings"])
    torch.set_num_threads(settings.threads)
    module, name = task["figure"]
    figure = getattr(importlib.import_module(module), name)()
    for values in task["cases"]:
        case = Case(**values)
        if hasattr(signal, "alarm"):  # its signal ends the process
            signal.alarm(math.ceil(figure.longest(case)))
        json.dump(figure.measure(case, settings), answers)
        answers.write("\n")
        answers.flush()


if __name__ == "__main__":
    main()
