"""Differential equations at the parameters that are usual in the field, with independent references and baselines."""

from edgewise_bench.benchmarks.pde._benchmark import JAXKAN as JAXKAN
from edgewise_bench.benchmarks.pde._benchmark import POOR as POOR
from edgewise_bench.benchmarks.pde._benchmark import TASKS as TASKS
from edgewise_bench.benchmarks.pde._benchmark import Equations as Equations
from edgewise_bench.benchmarks.pde._benchmark import Task as Task
from edgewise_bench.benchmarks.pde._cavity_reference import cavity as cavity
from edgewise_bench.benchmarks.pde._cavity_reference import ghia as ghia
from edgewise_bench.benchmarks.pde._networks import Network as Network
from edgewise_bench.benchmarks.pde._networks import TanhNetwork as TanhNetwork
from edgewise_bench.benchmarks.pde._references import Fourier as Fourier
from edgewise_bench.benchmarks.pde._references import Reference as Reference
from edgewise_bench.benchmarks.pde._references import allen_cahn as allen_cahn
from edgewise_bench.benchmarks.pde._references import burgers as burgers
from edgewise_bench.benchmarks.pde._references import exact as exact
from edgewise_bench.benchmarks.pde._references import korteweg as korteweg
from edgewise_bench.benchmarks.pde._references import kuramoto as kuramoto
from edgewise_bench.benchmarks.pde._references import lshape as lshape
from edgewise_bench.benchmarks.pde._references import lshape_bound as lshape_bound
from edgewise_bench.benchmarks.pde._references import schroedinger as schroedinger
