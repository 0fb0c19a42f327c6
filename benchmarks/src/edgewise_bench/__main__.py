"""The measuring process: reads one case per line as JSON, and answers with its rows as a line of JSON."""

import importlib
import json
import math
import os
import signal
import sys
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import torch

from edgewise_bench._benchmark import Case, Settings


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is a message
    for line in sys.stdin:
        task = json.loads(line)
        settings, case = Settings(**task["settings"]), Case(**task["case"])
        torch.set_num_threads(settings.threads)
        benchmark = _load(*task["benchmark"])()
        alarmed = math.ceil(benchmark.time_limit(case)) if hasattr(signal, "alarm") else 0
        if alarmed:  # its signal ends the process
            signal.alarm(alarmed)
        answers.write(json.dumps(benchmark.measure(case, settings)) + "\n")  # whole, or not at all
        answers.flush()
        if alarmed:
            signal.alarm(0)


def _load(module: str, name: str, file: str) -> Any:
    """Return a class from its module, or from the file that defines it when the module cannot be imported by name."""
    if module != "__main__":
        with suppress(ModuleNotFoundError):
            return getattr(importlib.import_module(module), name)
    alias = f"measured:{file}"
    if alias not in sys.modules:
        spec = spec_from_file_location(alias, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{name} cannot be measured in another process: define it in a file, not in a session")
        sys.path.append(str(Path(file).parent))
        sys.modules[alias] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[alias])
    return getattr(sys.modules[alias], name)


if __name__ == "__main__":
    main()
