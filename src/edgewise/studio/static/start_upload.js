// Where a file is dropped or chosen, and sent to the studio's folder.

import { html } from "./elements.js";

const ENDINGS = [".csv", ".tsv", ".tab", ".txt", ".dat", ".xlsx", ".parquet", ".session", ".safetensors"];

/**
 * A place to drop a file on, with a button that chooses one.
 * @param {object} page - the start page
 * @param {{largest: number, folder: string}} found - the answer to `files`
 * @param {(file: string) => void} open - called with the name that the file has in the folder
 */
export function dropZone(page, found, open) {
  const input = html("input", { type: "file", id: "start-upload", accept: ENDINGS.join(","), class: "start-chooser" });
  const label = html("label", { for: "start-upload", class: "start-choose" }, "Choose a file");
  const zone = html("div", { class: "start-drop" },
    html("p", {}, html("strong", {}, "Drop a table here"), " or ", input, label),
    html("p", { class: "start-about" }, `CSV, other text, Excel, Parquet, or a saved session or network. It is copied to ${found.folder}, on this machine.`));
  const send = async (files) => {
    if (!files.length) return;
    const name = await upload(page, files[0], found.largest);
    input.value = "";
    if (name) open(name);
  };
  input.addEventListener("change", () => send([...input.files]));
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    send([...event.dataTransfer.files]);
  });
  return zone;
}

/** Send a file; the name that it has now, null where it was refused. */
async function upload(page, file, largest) {
  const { host, say } = page;
  if (!ENDINGS.some((ending) => file.name.toLowerCase().endsWith(ending))) {
    say(`${file.name} cannot be opened: save it as one of ${ENDINGS.join(", ")}.`, "bad");
    return null;
  }
  if (file.size > largest) {
    say(`${file.name} has more than ${Math.round(largest / 2 ** 20)} MiB: copy it into the studio's folder.`, "bad");
    return null;
  }
  say(`Sending ${file.name} …`, "busy");
  try {
    const content = await base64(file);
    const answer = await host.ask("upload", { name: file.name, content, encoding: "base64" });
    say("");
    return answer.file;
  } catch (problem) {
    say(problem.message, "bad");
    return null;
  }
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Error(`${file.name} cannot be read: is it still there?`));
    reader.readAsDataURL(file);
  });
}
