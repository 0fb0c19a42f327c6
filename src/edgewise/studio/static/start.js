// The first page: what can be opened. Files of the studio's folder, tables that come with edgewise, and an upload.

import { button, html } from "./elements.js";
import { modelForm } from "./start_model.js";
import { tableForm } from "./start_table.js";
import { dropZone } from "./start_upload.js";

const KINDS = [
  { key: "sessions", title: "Saved sessions", open: openSession },
  { key: "tables", title: "Tables", open: openTable },
  { key: "networks", title: "Saved networks", open: openNetwork },
];

/**
 * The panel on which a session begins.
 * @param {import("./host.js").Host} host
 * @param {object} store
 * @returns {HTMLElement}
 */
export function panel(host, store) {
  const element = html("div", { class: "start" });
  const page = {
    host, store, element,
    /** Show the files again, with the focus on what was open before. */
    list: () => showFiles(page),
    /** Show a form in place of the files. */
    show: (form) => {
      element.replaceChildren(form);
      form.querySelector("h2")?.focus();
    },
    done: (answer) => begun(page, answer),
  };
  showFiles(page);
  return element;
}

async function showFiles(page) {
  let found;
  try {
    found = await page.host.ask("files");
  } catch (problem) {
    page.store.say(problem.message, "bad");
    return;
  }
  const open = (file, kind) => kind.open(page, file, found);
  const parts = [
    found.open && openNow(page, found),
    found.read_only ? note("This studio only shows: nothing can be begun in it.") : dropZone(page, found, (file) => openAny(page, file, found)),
    ...KINDS.filter((kind) => found[kind.key].length).map((kind) => fileList(`${kind.title} in ${found.folder}`, found[kind.key], (file) => open(file, kind))),
    !found.tables.length && note(`There is no table in ${found.folder} yet: drop one above, or take one of those below.`),
    fileList("Tables that come with edgewise", found.shipped, (file) => openTable(page, file)),
  ];
  page.element.replaceChildren(...parts.filter(Boolean));
}

/** A line on the session that is open. */
function openNow(page, found) {
  const name = found.session ?? "A session";
  return html("p", { class: "start-note" }, `${name} is open, and each of its steps is saved. Whatever begins here has a file of its own.`,
    " ", page.store.view ? button("Back to it", () => leave(page), { class: "start-link" }) : null);
}

function note(text) {
  return html("p", { class: "start-note" }, text);
}

/** Files as a list of buttons: name, size, when it was changed. */
function fileList(title, rows, open) {
  const items = rows.map((row) => {
    const said = row.about ?? `${size(row.size)}, ${day(row.changed)}`;
    return html("li", {}, html("button", { type: "button", class: "start-file", on: { click: () => open(row.file) } },
      html("span", { class: "start-name" }, row.file), html("span", { class: "start-about" }, said)));
  });
  return html("section", { class: "start-files" }, html("h2", {}, title), html("ul", {}, items));
}

function openAny(page, file, found) {
  if (file.endsWith(".session")) return openSession(page, file);
  return file.endsWith(".safetensors") ? openNetwork(page, file, found) : openTable(page, file);
}

async function openTable(page, file) {
  page.store.say(`Reading ${file} ...`);
  try {
    const table = await page.host.ask("open_table", { file });
    page.store.say("");
    page.show(tableForm(page, table));
  } catch (problem) {
    page.store.say(problem.message, "bad");
  }
}

async function openSession(page, file) {
  page.store.set({ rows: null });
  const answer = await page.store.change("open_session", { file });
  if (answer) page.done(answer);
}

function openNetwork(page, file, found) {
  page.show(modelForm(page, file, found));
}

/** A session has begun: say what was chosen for it, and show it. */
function begun(page, answer) {
  page.store.say([`Saved in ${answer.file}.`, ...answer.notes].join(" "), "good");
  leave(page);
  showFiles(page);
}

/** Go back to the session's page. */
function leave(page) {
  page.element.dispatchEvent(new CustomEvent("begun", { bubbles: true }));
}

/** A size in bytes, as a person reads it. */
export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  let at = 0;
  while (bytes >= 1000 && at < units.length - 1) {
    bytes /= 1000;
    at++;
  }
  return `${at && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${units[at]}`;
}

function day(seconds) {
  const when = new Date(1000 * seconds);
  const today = when.toDateString() === new Date().toDateString();
  const said = today ? { hour: "2-digit", minute: "2-digit" } : { dateStyle: "medium" };
  return `${today ? "today " : ""}${when.toLocaleString(undefined, said)}`;
}
