"""The process that measures: a case a line of JSON on its input, its rows as a line of JSON on its output."""

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
    for line in sys.stdin:
        task = json.loads(line)
        settings, case = Settings(**task["settings"]), Case(**task["case"])
        torch.set_num_threads(settings.threads)
        module, name = task["figure"]
        figure = getattr(importlib.import_module(module), name)()
        alarmed = math.ceil(figure.longest(case)) if hasattr(signal, "alarm") else 0
        if alarmed:  # its signal ends the process
            signal.alarm(alarmed)
        answers.write(json.dumps(figure.measure(case, settings)) + "\n")  # whole, or not at all
        answers.flush()
        if alarmed:
            signal.alarm(0)


if __name__ == "__main__":
    main()
