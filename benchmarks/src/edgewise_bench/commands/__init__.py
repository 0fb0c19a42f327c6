"""The commands `edgewise bench` and `edgewise reproduce`, which this distribution adds to `edgewise`."""

from edgewise.cli.plugin import Command
from edgewise_bench.commands._bench import bench as bench
from edgewise_bench.commands._reproduce import reproduce as reproduce

BENCH = Command(bench, ("bench --quick", "bench layers --threads 1,2 --only 'G = 20'"))
REPRODUCE = Command(reproduce, ("reproduce grids --out reproduced", "reproduce all --quick"))
