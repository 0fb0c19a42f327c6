// The geometry of a network's picture: what plot/_network.py draws, as SVG path data with y downward.

const CURVE = 0.74; // of a box's side
const CORNER = 0.09; // radius where a line turns

const pair = (x, y) => `${x.toFixed(4)} ${(-y).toFixed(4)}`;

/** One line of an edge: a bend that leaves and arrives upward, or straight pieces with round corners. */
export function linePath(kind, line) {
  if (kind === "levels") {
    const [[x0, y0], [x1, y1]] = line;
    const lift = 0.45 * (y1 - y0);
    return `M${pair(x0, y0)}C${pair(x0, y0 + lift)} ${pair(x1, y1 - lift)} ${pair(x1, y1)}`;
  }
  let path = `M${pair(...line[0])}`;
  for (let k = 1; k + 1 < line.length; k++) {
    const corner = line[k];
    path += `L${pair(...towards(corner, line[k - 1]))}Q${pair(...corner)} ${pair(...towards(corner, line[k + 1]))}`;
  }
  return `${path}L${pair(...line.at(-1))}`;
}

function towards([x, y], other) {
  const far = Math.hypot(other[0] - x, other[1] - y);
  const share = far ? Math.min(CORNER, far / 2) / far : 0;
  return [x + share * (other[0] - x), y + share * (other[1] - y)];
}

/** Both lines of an edge. */
export function edgePath(kind, edge) {
  return edge.lines.map((line) => linePath(kind, line)).join("");
}

/** The curve in an edge's box. */
export function curvePath(edge) {
  const [x, y] = edge.box;
  const high = CURVE * (edge.size[1] - edge.strip);
  const [xs, ys] = edge.curve;
  let path = "";
  let pen = "M";
  for (let k = 0; k < xs.length; k++) {
    if (xs[k] === null || ys[k] === null) {
      pen = "M";
      continue;
    }
    path += pen + pair(x + CURVE * (xs[k] - 0.5), y + edge.strip / 2 + high * (ys[k] - 0.5));
    pen = "L";
  }
  return path;
}

/** A polyline through points in pixels; gaps where a number is missing. */
export function polyline(xs, ys, toX, toY) {
  let path = "";
  let pen = "M";
  for (let k = 0; k < xs.length; k++) {
    if (xs[k] === null || ys[k] === null) {
      pen = "M";
      continue;
    }
    path += `${pen}${toX(xs[k]).toFixed(2)} ${toY(ys[k]).toFixed(2)}`;
    pen = "L";
  }
  return path;
}

/** Where a label's outline goes: the transform from hundredths of its size to the diagram. */
export function labelTransform(label, size, x, y, { ha = "center", va = "center", angle = 0 } = {}) {
  const [x0, y0, x1, y1] = label.box;
  const dx = { left: -x0, right: -x1, center: -(x0 + x1) / 2 }[ha] ?? 0;
  const dy = { top: y1, bottom: y0, center: (y0 + y1) / 2 }[va] ?? 0;
  const scale = size / 100;
  return `translate(${x} ${-y}) rotate(${-angle}) scale(${scale}) translate(${dx} ${dy})`;
}
