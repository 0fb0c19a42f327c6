#!/bin/bash
set -e

# EDGEWISE_SOURCE is what pip installs: git+ADDRESS@TAG of the repository, or the address of a wheel.
: "${EDGEWISE_SOURCE:?set it to a release of edgewise}"
python -m pip install "edgewise[discover,tables] @ ${EDGEWISE_SOURCE}"

# Compile the kernels for this processor once, so that no timed search does.
python - <<'END'
import edgewise as ew
import numpy as np

x = np.random.default_rng(0).uniform(1, 2, (100, 2))
ew.discover(x, np.sin(x[:, 0] * x[:, 1] ** 2) + x[:, 1], effort="quick")
END
