// @ts-check
/** What several pages do with forms and lists: say, complain, ask before a loss, tables. */
import { $, h, t } from "./dom.js";
import { Problem } from "./stream.js";

/** @param {string} text */
export function say(text) {
  $("said").textContent = text;
  $("error").hidden = true;
}

/** Do it, and show what went wrong; false then. @param {() => Promise<void>} act */
export async function attempt(act) {
  try {
    await act();
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    $("error").hidden = false;
    $("error").textContent = error.message;
    $("error").scrollIntoView({ block: "nearest" });
    return false;
  }
}

/** @param {string} text @param {() => Promise<void>} act @param {string} [label] what it does, where the words are not enough */
export const button = (text, act, label) => h("button", { type: "button", class: "button small", "aria-label": label,
  onclick: () => attempt(act) }, text);

/** Whether it shall be done. @param {string} question @param {string} act @returns {Promise<boolean>} */
export function sure(question, act) {
  return new Promise((resolve) => {
    const title = h("h2", { id: "sure-title" }, question);
    const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { class: "help sure", "aria-labelledby": "sure-title" }, title,
      h("form", { method: "dialog", class: "exports" }, h("button", { class: "button", value: "" }, t("cancel")),
        h("button", { class: "main-button", value: "yes" }, act))));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

let tables = 0;

/** A table that scrolls by itself where it is wide. @param {string} caption @param {string[]} heads @param {(Node|string)[][]} rows the first cell of each names the row */
export function table(caption, heads, rows) {
  const id = `table-${tables += 1}`;
  return h("div", {}, h("h4", { id }, caption), h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-labelledby": id },
    h("table", { class: "ranking data-table" },
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, ...rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first),
        ...rest.map((cell) => h("td", {}, cell))))))));
}
