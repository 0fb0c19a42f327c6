// LaTeX that breaks into lines: brackets are no groups, and long fractions, powers of e and roots are written flat.

const LONG = 32; // letters of LaTeX from which a part is written so that it breaks
const BREAK = "\\allowbreak ";
const CONSTANT = /^\\left\([^()]*\\pm[^()]*\\right\)/; // with its standard error: stays whole

/**
 * The same formula in LaTeX that KaTeX breaks inside of brackets too: (a + b)(c)^{-1} for \frac{a + b}{c}.
 * @param {string} latex - as sympy writes it
 */
export function breakable(latex) {
  return broken(latex).replace(/\\allowbreak (?=\s*(\\bigr|$))/g, ""); // closing brackets stay together
}

function broken(latex) {
  let made = "";
  for (let k = 0; k < latex.length; ) {
    const rest = latex.slice(k);
    const constant = CONSTANT.exec(rest);
    const flat = constant ? { text: constant[0] + BREAK, length: constant[0].length } : rest.startsWith("\\frac{") ? fraction(rest) : rest.startsWith("\\sqrt{") ? root(rest) : power(rest, made);
    if (flat) {
      made += flat.text;
      k += flat.length;
    } else if (/^\\left(?![a-z])/.test(rest)) {
      made += "\\bigl";
      k += 5;
    } else if (/^\\right(?![a-z])/.test(rest)) {
      const end = 6 + /^\\?./.exec(rest.slice(6))[0].length;
      const raised = /^\s*\^\{/.exec(rest.slice(end));
      const whole = raised ? end + raised[0].length + inside(rest.slice(end + raised[0].length - 1)).length + 1 : end;
      made += `\\bigr${rest.slice(6, whole)}${BREAK}`;
      k += whole;
    } else {
      const part = rest[0] === "{" ? `{${inside(rest)}}` : rest[0];
      made += part;
      k += part.length;
    }
  }
  return made;
}

/** What stands in the braces that a text begins with. */
function inside(text) {
  let depth = 0;
  for (let k = 0; k < text.length; k++) {
    if (text[k] === "\\") k++;
    else if (text[k] === "{") depth++;
    else if (text[k] === "}" && --depth === 0) return text.slice(1, k);
  }
  return text.slice(1);
}

const bracketed = (text, raised = "") => `\\bigl(${broken(text)}\\bigr)${raised}${BREAK}`;

function fraction(text) {
  const above = inside(text.slice(5));
  const below = inside(text.slice(7 + above.length));
  if (above.length + below.length < LONG) return verbatim(text.slice(0, 9 + above.length + below.length));
  const top = above === "1" ? "" : / [+-] /.test(above) ? bracketed(above) : broken(above) + BREAK;
  return { text: top + bracketed(below, "^{-1}"), length: 9 + above.length + below.length };
}

function root(text) {
  const under = inside(text.slice(5));
  return under.length < LONG ? verbatim(text.slice(0, 7 + under.length)) : { text: bracketed(under, "^{1/2}"), length: 7 + under.length };
}

/** A long power of e as exp(...), where one begins here. */
function power(text, before) {
  if (!text.startsWith("e^{") || /[a-zA-Z\\]$/.test(before)) return null;
  const raised = inside(text.slice(2));
  return raised.length < LONG ? null : { text: `\\exp${bracketed(raised)}`, length: 4 + raised.length };
}

const verbatim = (text) => ({ text, length: text.length });
