// Leaving: every export to copy, to download, or to write into the studio's folder; those that cannot be say why.

import { button, field, html } from "./elements.js";
import { copy, download } from "./takeaway.js";

/** The panel of exports. */
export function panel(host, store) {
  const groups = html("div", { class: "exports" });
  const shown = html("textarea", { class: "export-text", readonly: true, rows: 9, spellcheck: "false", "aria-label": "The text that was copied" });
  const said = html("p", { class: "hint", role: "status" });
  const text = html("section", { class: "export-shown", hidden: true }, said, shown);
  const element = html("div", { class: "leave" }, groups, text);
  let asked = 0;

  /** Say what was done, and show a text if there is one. */
  function tell(words, content = null) {
    text.hidden = false;
    said.textContent = words;
    said.classList.remove("bad");
    shown.hidden = content === null;
    if (content !== null) shown.value = content;
    text.scrollIntoView({ block: "nearest" });
  }

  function refuse(problem) {
    tell(problem.message);
    said.classList.add("bad");
  }

  async function fetched(item, use) {
    try {
      const { at } = store.view;
      const answer = await host.ask("export", { what: item.what });
      await use(answer, at);
    } catch (problem) {
      refuse(problem);
    }
  }

  const acts = {
    copy: (item) => fetched(item, async (answer) => {
      tell(`${item.title} is copied.${answer.base64 ? " The files that it reads come with the download." : ""}`, answer.text);
      if (!(await copy(answer.text, shown))) tell(`Press Ctrl+C to copy ${item.title}.`, answer.text);
    }),
    download: (item) => fetched(item, (answer) => {
      download(answer);
      tell(`${answer.name} is downloaded.`);
    }),
    write: (item, body, refused) => host.ask("write", { what: item.what, ...body }).then(({ files, folder }) => {
      tell(`Saved in the folder ${folder}: ${files.join(", ")}.`);
      return true;
    }, (problem) => refused(problem.message)),
  };

  store.subscribe(["view"], async () => {
    if (!store.view) return;
    const number = ++asked;
    const answer = await host.ask("exports").catch(() => null);
    if (answer && number === asked) fill(groups, answer, acts);
  });
  return element;
}

function fill(groups, answer, acts) {
  const names = [...new Set(answer.items.map((item) => item.group))];
  const open = groups.querySelector(".export form:not([hidden])")?.closest(".export").dataset.what;
  groups.replaceChildren(...names.map((name) => {
    const items = answer.items.filter((item) => item.group === name);
    const same = new Set(items.map((item) => item.problem).filter(Boolean));
    const why = [...same].map((problem) => html("p", { class: "hint why", id: `why-${name}` }, problem));
    return html("section", { class: "export-group", "aria-label": name }, html("h3", {}, name), why, html("ul", {}, items.map((item) => row(item, answer, acts, open === item.what))));
  }));
}

function row(item, { read_only: readOnly }, acts, open) {
  const state = { disabled: Boolean(item.problem), "aria-describedby": item.problem ? `why-${item.group}` : null };
  const copies = item.text || item.what === "script";
  const save = readOnly ? null : saving(item, acts);
  if (save && open) save.hidden = false;
  const toggle = button("Save", () => save.open(), { ...state, name: `Save ${item.title} in the studio's folder` });
  return html(
    "li", { class: item.problem ? "export off" : "export", "data-what": item.what },
    html("span", { class: "title" }, item.title),
    html("span", { class: "about", title: item.about }, item.about),
    html(
      "span", { class: "buttons" },
      copies ? button("Copy", () => acts.copy(item), { ...state, name: `Copy ${item.title}` }) : null,
      button("Download", () => acts.download(item), { ...state, name: `Download ${item.name}` }),
      save ? toggle : null,
    ),
    save,
  );
}

/** The name under which an export is written into the folder, and what is there already. */
function saving(item, acts) {
  const name = html("input", { type: "text", value: item.file, spellcheck: "false", autocomplete: "off" });
  const place = field("File in the studio's folder", name);
  const replace = button("Replace it", () => send(true), { hidden: true, class: "stop" });
  const form = html("form", { class: "with-button saving", hidden: true }, place, html("button", { type: "submit" }, "Save"), replace, button("Cancel", () => (form.hidden = true), { class: "quiet" }));

  async function send(over) {
    place.problem("");
    replace.hidden = true;
    const done = await acts.write(item, { name: name.value.trim(), replace: over }, (problem) => {
      place.problem(problem);
      replace.hidden = !problem.includes("replace it");
      return false;
    });
    if (done) form.hidden = true;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(false);
  });
  form.open = () => {
    form.hidden = false;
    name.focus();
  };
  return form;
}
