// @ts-check
/** Keeping a good answer: it becomes a draft that somebody else approves. */
import { h, t } from "./dom.js";
import { plainText, unmarked } from "./plain_text.js";
import { assistantOf, assistantsKnown } from "./scope.js";
import { act, newKey, Problem } from "./stream.js";

/** @typedef {import("./stream.js").Message} Message @typedef {import("./answer.js").Turn} Turn */

/**
 * What offers it below an answer; empty for those who may not write for its assistant.
 * @param {Turn} turn @param {Message} message @param {HTMLElement} prose the words for the customer, as they are drawn
 */
export function saving(turn, message, prose) {
  const offered = h("div", { class: "saving" });
  assistantsKnown.then(() => {
    const assistant = assistantOf(message.settings.assistant ?? "");
    if (assistant?.may.write_snippets) offered.replaceChildren(...opening(assistant.id, () => drafted(turn, message, prose)));
  });
  return offered;
}

/** The button, and the place of the form. @param {string} assistant @param {() => ReturnType<typeof drafted>} draft */
function opening(assistant, draft) {
  const place = h("div", { class: "snippet-place" });
  const open = h("button", { type: "button", class: "text-button", "aria-expanded": "false", onclick: async () => {
    if (place.children.length) return close();
    place.replaceChildren(await form(assistant, draft(), close));
    open.setAttribute("aria-expanded", "true");
    /** @type {HTMLElement|null} */ (place.querySelector("textarea"))?.focus();
  } }, t("snippet.save"));
  const close = (/** @type {HTMLElement[]} */ ...said) => {
    place.replaceChildren(...said);
    open.setAttribute("aria-expanded", "false");
    open.focus();
  };
  return [open, place];
}

/** @param {Turn} turn @param {Message} message @param {HTMLElement} prose */
function drafted(turn, message, prose) {
  const parts = message.parts ?? message.result?.parts ?? [];
  const text = [...message.text];
  const internal = parts.filter(({ name }) => name === "internal").map(({ start, end }) => unmarked(text.slice(start, end).join("")));
  const sources = turn.passages.map(({ title, document }) => title || document);
  const named = sources.length ? [`${t("sources")}: ${[...new Set(sources)].join(t("assistant.and"))}`] : [];
  return { questions: [turn.question], answer: plainText(prose), note: [...internal, ...named].join("\n\n") };
}

/** @param {string} assistant @param {{questions: string[], answer: string, note: string}} draft @param {(...said: HTMLElement[]) => void} close */
async function form(assistant, draft, close) {
  const { snippetFields } = await import("./snippet_form.js");
  const { parts, body } = snippetFields(draft);
  const key = newKey(); // sent twice, it is kept once
  const wrong = h("p", { class: "failure", role: "alert", hidden: true });
  return h("form", { class: "snippet-form", "aria-label": t("snippet.new"), onsubmit: async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await act("POST", `/api/assistants/${encodeURIComponent(assistant)}/snippets`, body(), key);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      wrong.textContent = error.message || t("error_network");
      wrong.hidden = false;
      return;
    }
    close(h("p", { class: "hint-note", role: "status" }, t("snippet.saved"), " ",
      h("a", { href: `/assistants?assistant=${encodeURIComponent(assistant)}&state=draft` }, t("snippet.see"))));
  } }, h("p", { class: "hint-note" }, t("snippet.about")), ...parts, wrong, h("div", { class: "actions" },
    h("button", { class: "button" }, t("snippet.keep")),
    h("button", { type: "button", class: "text-button", onclick: () => close() }, t("cancel"))));
}
