// Elements of the page, made in one call: html("button", { class: "x", on: { click } }, "text").

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "textContent", "selected", "inert"]);

/**
 * An HTML element. Attributes that are null or false are left out; `on` maps events to callbacks.
 * @returns {HTMLElement}
 */
export function html(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element, made in the same way. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, callback] of Object.entries(value)) element.addEventListener(event, callback);
    else if (name === "look") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (PROPERTIES.has(name)) element[name] = value;
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A button with a text; `name` is what a screen reader says instead, and the tooltip. */
export function button(text, click, attributes = {}) {
  const { name, ...others } = attributes;
  const said = name ? { "aria-label": name, title: name } : {};
  return html("button", { type: "button", ...said, ...others, on: { click } }, text);
}

let count = 0;

/** A labelled control: the label's text, the control below it, and a place for what is wrong with it. */
export function field(label, control, hint = "") {
  const id = `field-${++count}`;
  control.id = id;
  control.setAttribute("aria-describedby", `${id}-said`);
  const said = html("span", { class: "field-said", id: `${id}-said` }, hint);
  const element = html("div", { class: "field" }, html("label", { for: id }, label), control, said);
  /** Show a problem at the field, or the hint again where there is none. */
  element.problem = (text) => {
    said.textContent = text || hint;
    said.classList.toggle("bad", Boolean(text));
    control.setAttribute("aria-invalid", text ? "true" : "false");
  };
  control.addEventListener("input", () => element.problem(""));
  return element;
}

/** A select of texts, or of [value, text] pairs. */
export function choice(options, chosen, attributes = {}) {
  const rows = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  return html(
    "select",
    attributes,
    rows.map(([value, text]) => html("option", { value, selected: value === chosen }, text)),
  );
}

/** A part of a panel that opens and closes, with a heading. */
export function folded(title, attributes, ...children) {
  const { level = "h2", ...others } = attributes;
  return html("details", others, html("summary", {}, html(level, {}, title)), ...children);
}

/** Words that only a screen reader says. */
export function unseen(text) {
  return html("span", { class: "unseen" }, text);
}
