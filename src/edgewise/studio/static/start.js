// The first page: what can be opened. Files of the studio's folder, tables that come with edgewise, and an upload.

import { html } from "./elements.js";
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
  const place = html("div", {});
  const page = {
    host, store, place, say: store.say,
    /** Show the files again. */
    list: () => showFiles(page),
    /** Show a form in place of the files. */
    show: (form) => {
      page.form = form;
      place.replaceChildren(form);
      form.querySelector("h2").focus();
    },
    /** Show the columns of a table. */
    open: (file, options) => openTable(page, file, options),
    begin: (name, body) => begin(page, name, body),
  };
  const element = html("div", { class: "start-page" }, place);
  const seen = new IntersectionObserver(([entry]) => {
    if (entry.isIntersecting && !page.form) showFiles(page); // the folder may hold other files by now
  });
  seen.observe(element);
  return element;
}

/** Begin a session by a request; the answer, null where it was refused. */
async function begin(page, name, body) {
  const { store } = page;
  page.say("Opening …", "busy");
  const answer = await store.change(name, body);
  if (!answer) return null;
  page.form = null;
  page.place.replaceChildren();
  page.place.dispatchEvent(new CustomEvent("begun", { bubbles: true })); // closes the window that this panel may be in
  page.tell = () => store.say(`Saved in ${answer.file}.`, "good"); // the notes were read before
  page.tell();
  return answer;
}

async function showFiles(page) {
  let found;
  try {
    found = await page.host.ask("files");
  } catch (problem) {
    page.say(problem.message, "bad");
    return;
  }
  page.form = null;
  const open = (file, kind) => kind.open(page, file, found);
  const parts = [
    found.open && note(`${found.session ?? "A session"} is open, and each of its steps is saved. A new session is saved in another file.`),
    found.read_only ? note("This studio only shows: nothing can be begun in it.") : dropZone(page, found, (file) => openAny(page, file, found)),
    ...KINDS.filter((kind) => found[kind.key].length).map((kind) => fileList(`${kind.title} in ${found.folder}`, found[kind.key], (file) => open(file, kind))),
    !found.tables.length && note(`There is no table in ${found.folder} yet: drop one above, or take one of those below.`),
    fileList("Tables that come with edgewise", found.shipped, (file) => openTable(page, file)),
  ];
  page.place.replaceChildren(...parts.filter(Boolean));
  if (found.first && !page.begun) openTable(page, found.first.file, found.first);
  page.begun = true;
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
  const name = file.toLowerCase();
  if (name.endsWith(".session")) return openSession(page, file);
  return name.endsWith(".safetensors") ? openNetwork(page, file, found) : openTable(page, file);
}

/** Show the columns of a table; with a choice that was made where the studio was started, that one. */
async function openTable(page, file, { target = null, inputs = null, sheet = null } = {}) {
  page.say(`Reading ${file} …`, "busy");
  try {
    const table = await page.host.ask("open_table", { file, target, sheet });
    page.say("");
    page.show(tableForm(page, { ...table, inputs: inputs ?? table.inputs, named: inputs !== null }));
  } catch (problem) {
    page.say(problem.message, "bad");
  }
}

function openSession(page, file) {
  return page.begin("open_session", { file });
}

function openNetwork(page, file, found) {
  page.show(modelForm(page, file, found));
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
