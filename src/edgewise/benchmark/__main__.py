"""The process that measures: a task as JSON on its input, the rows of each case as a line of JSON on its output."""

from __future__ import annotations

import json
import math
import os
import signal
import sys

import torch

from edgewise.benchmark._figure import Case, Settings
from edgewise.benchmark._figures import FIGURES


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is a message
    task = json.load(sys.stdin)
    settings = Settings(**task["settings"])
    torch.set_num_threads(settings.threads)
    figure = FIGURES[task["figure"]]
    for values in task["cases"]:
        case = Case(**values)
        if hasattr(signal, "alarm"):  # its signal ends the process
            signal.alarm(math.ceil(figure.longest(case)))
        json.dump(figure.measure(case, settings), answers)
        answers.write("\n")
        answers.flush()


if __name__ == "__main__":
    main()
