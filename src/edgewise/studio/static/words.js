// Numbers, edges and nodes in words.

const MINUS = "−";

/** A number at three digits, as a person writes it; a dash where there is none. */
export function figure(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const whole = Math.max(digits, Math.floor(Math.log10(size)) + 1); // 2014 stays 2014
  const text =
    size >= 1e-3 && size < 1e5
      ? String(Number(value.toPrecision(whole)))
      : value.toExponential(Math.max(0, digits - 2));
  return text.replace("e+", "e").replaceAll("-", MINUS);
}

/** A share as a percentage. */
export function percent(value) {
  return value === null || value === undefined ? "–" : `${figure(100 * value, 2)} %`;
}

/** R squared at as many digits as say something: 0.99998. */
export function determination(r2) {
  if (r2 !== null && 1 - r2 < 1e-8) return "1";
  if (r2 === null || r2 < 0.9) return figure(r2, 2);
  const digits = Math.min(8, Math.max(2, Math.ceil(-Math.log10(Math.max(1 - r2, 1e-8))) + 1));
  return (Math.floor(r2 * 10 ** digits) / 10 ** digits).toFixed(digits);
}

/** What the subnodes of a level are called: the node's name, with the factor's number in a product. */
function endNames(diagram, level) {
  const names = diagram.node_names[level];
  const width = diagram.widths[level];
  const [sums, products] = Array.isArray(width) ? width : [width, 0];
  const arities = Array.isArray(products) ? products : Array(products).fill(2);
  const found = names.slice(0, sums);
  arities.forEach((arity, k) => {
    for (let factor = 1; factor <= arity; factor++) found.push(`${names[sums + k]}, factor ${factor}`);
  });
  return found;
}

/** An edge by its ends: "x → h1". */
export function edgeName(diagram, [layer, j, i]) {
  return `${diagram.node_names[layer]?.[i] ?? "?"} → ${endNames(diagram, layer + 1)[j] ?? "?"}`;
}

/** An edge as a screen reader says it: "Edge from x to h1, spline, score 0.83". */
export function edgeWords(diagram, edge) {
  const name = edgeName(diagram, edge.key).replace(" → ", " to ");
  const parts = [`Edge from ${name}`, edge.function ?? "spline", `score ${figure(edge.score, 2)}`];
  if (edge.locked) parts.push("locked");
  return parts.join(", ");
}

/** A node by its name. */
export function nodeName(diagram, [depth, q]) {
  return diagram.node_names[depth]?.[q] ?? "?";
}

/** A branch by its name: "branch main", and "branch 2" where that is the name. */
export function branchWords(name) {
  return name.startsWith("branch") ? name : `branch ${name}`;
}

/** "1 edge", "3 edges". */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** What the errors of a session are. */
export function measureWords(view) {
  if (view.classes.length) return "Log loss: the mean of -ln of the probability that the network gives to a row's class. Right: the share of rows whose class is its first choice.";
  return `Error: root mean square of the residuals of ${view.targets.join(", ")}, in the target's units. R²: the share of its variance that is explained.`;
}

/** The errors of a state, on rows held out and on those of training. */
export function errorWords({ error, held_out: held }) {
  return held === null ? `error ${figure(error)}` : `error on new rows ${figure(held)}, on these ${figure(error)}`;
}
