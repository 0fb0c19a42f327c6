"""The entry to TabArena: the model in AutoGluon's form, its search space, its protocol, and the tables that are here.

Nothing here loads AutoGluon: `edgewise_bench.tabarena.model` and `info` do.
"""

from edgewise_bench.tabarena.search_space import configurations as configurations
from edgewise_bench.tabarena.tables import TABLES as TABLES
from edgewise_bench.tabarena.tables import ArenaTable as ArenaTable
