// Texts to the clipboard, and files to the browser's downloads.

/**
 * Copy a text; false where the browser refuses: then the text is selected in `area`, to be copied by hand.
 * @param {string} text
 * @param {HTMLTextAreaElement} area - that shows the text
 */
export async function copy(text, area) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    area.focus();
    area.select();
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    }
  }
}

/** Download an answer of the request `export`: its bytes, or its text. */
export function download({ name, media, text, base64 }) {
  const content = base64 === undefined ? text : Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([content], { type: media }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
