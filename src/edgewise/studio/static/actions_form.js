// Every action by its name, with a form made from its arguments: see it before it is done, or do it.

import { button, choice, field, folded, html } from "./elements.js";
import { control } from "./arguments.js";
import { counted, figure } from "./words.js";

export function panel(host, store) {
  const pick = html("select", { class: "action-name" });
  const does = html("p", { class: "hint" });
  const form = html("form", { class: "action-form" });
  const said = html("p", { class: "hint", "aria-live": "polite" });
  const element = folded("Every action", { class: "every-action" }, field("Action", pick), does, form, said);
  const now = { rows: [], functions: [], controls: [] };

  /** The values that were given; those left empty take their defaults. */
  function values() {
    const given = now.controls.map(({ name, read }) => [name, read()]);
    return Object.fromEntries(given.filter(([, value]) => value !== undefined));
  }

  function build() {
    const row = now.rows.find((one) => one.name === pick.value);
    if (!row || !store.view) return;
    does.textContent = row.does.replaceAll("`", "");
    said.textContent = "";
    now.controls = row.arguments.map((argument) => ({
      name: argument.name,
      ...control(argument, store, now.functions),
    }));
    const look = button("Preview", preview);
    form.replaceChildren(
      ...now.controls.map((one) => one.element),
      html("div", { class: "row" }, html("button", { type: "submit", class: "primary" }, "Do it"), look),
    );
  }

  function refused(text) {
    said.className = "hint bad";
    said.textContent = text;
  }

  async function preview() {
    try {
      const answer = await host.ask("preview", {
        at: store.view.at,
        name: pick.value,
        arguments: values(),
        ...(store.rows ? { rows: store.rows } : {}),
      });
      said.className = "hint";
      const size = `${counted(answer.edges[1], "edge")}, ${counted(answer.parameters[1], "parameter")}`;
      said.textContent = `Error ${figure(answer.before)} → ${figure(answer.after)}; ${size}`;
      const going = answer.became.filter((one) => one.is.startsWith("removed")).map((one) => one.edge);
      const changing = answer.became.filter((one) => !one.is.startsWith("removed")).map((one) => one.edge);
      store.set({ preview: { going, changing, title: `${pick.value}: ${said.textContent}` } });
    } catch (problem) {
      refused(problem.message);
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.className = "hint";
    said.textContent = "";
    await store.act(pick.value, values(), refused);
  });
  pick.addEventListener("change", build);
  element.addEventListener("toggle", async () => {
    if (!element.open) return;
    if (!now.rows.length) {
      ({ actions: now.rows, functions: now.functions } = await host.ask("actions"));
      pick.replaceChildren(
        ...choice(
          now.rows.map((row) => row.name),
          null,
        ).children,
      );
    }
    build();
  });
  store.subscribe(["view", "edge", "node"], () => element.open && !form.contains(document.activeElement) && build());
  return element;
}
