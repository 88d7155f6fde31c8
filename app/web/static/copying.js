// @ts-check
/** Putting text on the clipboard, and saying whether that went well. */
import { $, h, icon, t } from "./dom.js";

const SAID_MS = 2500;

/**
 * A button that copies; it says so where it stands, and to those who do not see it.
 * @param {string} label @param {() => string} text made when it is pressed @param {Record<string, unknown>} [attributes]
 */
export function copyButton(label, text, attributes = {}) {
  const words = h("span", {}, label);
  const button = h("button", { type: "button", class: "text-button", ...attributes, onclick: async () => {
    words.textContent = t(await copyText(text()) ? "copied" : "copy_failed");
    $("announcer").textContent = words.textContent;
    setTimeout(() => { words.textContent = label; }, SAID_MS);
  } }, icon("copy"), words);
  return button;
}

/** Plain-HTTP addresses have no clipboard API: fall back to a selection. @param {string} text */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { class: "visually-hidden", readonly: true });
    /** @type {HTMLTextAreaElement} */ (area).value = text;
    $("log").append(area);
    /** @type {HTMLTextAreaElement} */ (area).select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
