// Walking through a diagram by arrow keys: rows of edges and nodes above each other, left to right.

const SAME_ROW = 0.6; // of a box's side

/**
 * The places of a diagram, row by row from the bottom, each row from left to right.
 * @returns {{kind: "edge"|"node", key: string, x: number, y: number}[][]}
 */
export function rowsOf(diagram) {
  const spots = [
    ...diagram.edges.map((edge) => ({ kind: "edge", key: edge.key.join(), x: edge.box[0], y: edge.box[1] })),
    ...diagram.nodes.map((node) => ({ kind: "node", key: `${node.layer},${node.index}`, x: node.x, y: node.y })),
  ];
  spots.sort((a, b) => a.y - b.y);
  const rows = [];
  for (const spot of spots) {
    const row = rows.at(-1);
    if (row && spot.y - row[0].y < SAME_ROW) row.push(spot);
    else rows.push([spot]);
  }
  for (const row of rows) row.sort((a, b) => a.x - b.x);
  return rows;
}

/** The place that an arrow key leads to from a place; the first edge from none, and the same place at an end. */
export function step(rows, from, arrow) {
  const at = rows.findIndex((row) => row.some((spot) => spot.kind === from?.kind && spot.key === from?.key));
  if (at < 0) return rows.flat().find((spot) => spot.kind === "edge") ?? rows[0]?.[0] ?? null;
  const row = rows[at];
  const place = row.findIndex((spot) => spot.kind === from.kind && spot.key === from.key);
  if (arrow === "ArrowLeft") return row[Math.max(place - 1, 0)];
  if (arrow === "ArrowRight") return row[Math.min(place + 1, row.length - 1)];
  if (arrow === "Home") return row[0];
  if (arrow === "End") return row.at(-1);
  const next = rows[arrow === "ArrowUp" ? at + 1 : at - 1];
  if (!next) return row[place];
  return next.reduce((best, spot) => (Math.abs(spot.x - row[place].x) < Math.abs(best.x - row[place].x) ? spot : best));
}
