"""Temporary: the prototype's engine behind what edgewise.programs will have."""
import sys, dataclasses
sys.path[:0] = ["/work/shared/prototypes/formulas"]
sys.path[:0] = ["/tmp/wt/engine21/src/edgewise/programs"]
import numpy as np
import engine as E
import importlib.util
LONGEST = 64
NAMES = ("constant", "variable", "add", "sub", "mul", "div", "square", "cube", "sqrt", "exp", "log", "sin", "cos", "tanh", "power")
CODE = {n: k for k, n in enumerate(NAMES)}
from typing import NamedTuple
class Node(NamedTuple):
    operation: str
    argument: int = 0
    weight: float = 1.0
def variable(column, weight=1.0): return [Node("variable", column, weight)]
def constant(value): return [Node("constant", 0, value)]
def apply(function, inner, weight=1.0): return [*inner, Node(function, 0, weight)]
def combine(operation, left, right): return [*left, *right, Node(operation)]
def arity(name): return 0 if CODE[name] < 2 else 2 if CODE[name] < 6 else 1
def subtree_start(nodes, last):
    wanted, place = 1, last
    while True:
        wanted += arity(nodes[place].operation) - 1
        if not wanted: return place
        place -= 1
def scaled(nodes, factor):
    if factor == 1.0: return list(nodes)
    last = nodes[-1]; code = CODE[last.operation]
    if 2 <= code <= 5:
        middle = subtree_start(nodes, len(nodes) - 2); left, right = nodes[:middle], nodes[middle:-1]; both = code < 4
        return [*scaled(left, factor), *(scaled(right, factor) if both else right), last]
    if code == 14: return combine("mul", constant(factor), nodes)
    return [*nodes[:-1], last._replace(weight=last.weight*factor)]
WS = {}
def ws(m):
    k = max(2048, 1 << (m-1).bit_length())
    if k not in WS: WS[k] = E.workspace(k)
    return WS[k]
@dataclasses.dataclass
class Program:
    op: np.ndarray; var: np.ndarray; val: np.ndarray; n: int; scale: float = 1.0; offset: float = 0.0; complexity: int = 0
    @classmethod
    def of(cls, nodes, scale=1.0, offset=0.0):
        op = np.zeros(64, np.int64); var = np.zeros(64, np.int64); val = np.zeros(64); n = len(nodes)
        for i, (o, v, w) in enumerate(nodes): op[i], var[i], val[i] = CODE[o], v, w
        return cls(op, var, val, n, scale, offset)
    def __len__(self): return self.n
    @property
    def nodes(self): return [Node(NAMES[o], v, w) for o, v, w in zip(self.op[:self.n].tolist(), self.var[:self.n].tolist(), self.val[:self.n].tolist())]
    def predict(self, x):
        xt = np.ascontiguousarray(x.T)
        return self.offset + self.scale*E.predict(self.op, self.var, self.val, self.n, xt, xt.shape[1], ws(xt.shape[1]))
def fit(p, xt, y, w, steps):
    val = p.val.copy(); e, a, b, c = E.fit(p.op, p.var, val, p.n, xt, y, w, len(y), steps, ws(len(y)))
    wv = E.waves_of(p.op, p.var, val, p.n, xt, len(y), ws(len(y)))
    return Program(p.op, p.var, val, p.n, b, a, int(c + wv)), float(e)
def probe(x, rng):
    import front as F
    return np.ascontiguousarray(F.make_probe(np.ascontiguousarray(x.T), rng).T)
def is_tame(p, points, low, high, share=.003):
    v = p.predict(points); w = high - low
    return bool(np.isfinite(v).all() and np.mean((v < low - .5*w) | (v > high + w)) <= share and v.min() > low - 2*w and v.max() < high + 4*w)
