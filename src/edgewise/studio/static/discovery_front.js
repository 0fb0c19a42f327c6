// The front of a discovery: complexity against error, on a logarithmic axis, with the best flexible model's error.

import { scatter } from "./scatter.js";
import { figure } from "./words.js";

const LEAST = 1e-16; // errors below are zero, and drawn as this

/**
 * @param {{candidates: object[], ceiling?: number|null}} front - of a search that is over, or points of one that goes on
 * @param {number|null} selected
 * @param {((index: number) => void)|null} select - null while the search goes on
 */
export function frontPlot(front, selected, select) {
  const { candidates, ceiling } = front;
  const errors = candidates.map((one) => (select ? one.held_out ?? one.error : one.error)).map((error) => (error === null ? null : Math.max(error, LEAST)));
  const point = (k) => {
    const one = candidates[k];
    const kind = [one.best ? "best" : "", k === selected ? "selected" : ""].join(" ");
    const said = `${one.best ? "Best: " : ""}${one.text}, complexity ${one.complexity}, error ${figure(errors[k], 2)}`;
    return { class: kind, r: one.best || k === selected ? 6 : 4.5, said, choose: select && (() => select(k)) };
  };
  return scatter({
    x: candidates.map((one) => one.complexity), y: errors, logY: true, point, high: 230,
    xName: "complexity", yName: select ? "error / std, rows left out" : "error / std",
    levels: ceiling ? [{ at: Math.max(ceiling, LEAST), name: "best flexible model", about: "The error of a model without a formula: curves of each input and of pairs of inputs. A formula need not be better." }] : [],
    said: `${candidates.length} formulas, complexity against error${ceiling ? `; the best flexible model has the error ${figure(ceiling, 2)}` : ""}`,
  });
}
