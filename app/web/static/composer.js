// @ts-check
/** The question box: growing, drafts that survive, and input methods whose Enter sends nothing. */
import { $, who } from "./dom.js";

export const question = /** @type {HTMLTextAreaElement} */ ($("question"));
const instruction = /** @type {HTMLInputElement} */ ($("instruction"));
const rerank = /** @type {HTMLInputElement} */ ($("rerank"));

if (sessionStorage.getItem("who") !== who) sessionStorage.clear(); // what somebody else wrote in this tab
sessionStorage.setItem("who", who);

/** What shall be asked, and how the reranker shall judge. */
export const typed = () => ({ question: question.value.trim(), instruction: instruction.value.trim() || null,
  rerank: rerank.checked });

function grow() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
  keepDraft();
}

/** A reload finds this again. @param {string} [text] */
export function keepDraft(text = question.value) {
  sessionStorage.setItem("draft", text);
}

/** @param {string} text */
export function setDraft(text) {
  question.value = text;
  grow();
}

/** @param {boolean} visible */
export function showInstruction(visible) {
  $("instruction-part").hidden = !visible;
  $("instruction-toggle").setAttribute("aria-expanded", String(visible));
}

/** @param {() => void} send */
export function startComposer(send) {
  question.addEventListener("input", grow);
  instruction.addEventListener("input", () => $("instruction-toggle").classList.toggle("is-set", instruction.value.trim() !== ""));
  $("instruction-toggle").addEventListener("click", () => {
    showInstruction($("instruction-part").hidden);
    if (!$("instruction-part").hidden) instruction.focus();
  });
  // An input method confirms a candidate with Enter. `isComposing` alone is not to be trusted: some browsers end the
  // composition before that Enter arrives, so the flag of our own is cleared one tick late, and 229 is looked at too.
  let composing = false;
  for (const field of [question, instruction]) {
    field.addEventListener("compositionstart", () => { composing = true; });
    field.addEventListener("compositionend", () => setTimeout(() => { composing = false; }, 0));
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      if (composing || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      send();
    });
  }
  setDraft(sessionStorage.getItem("draft") ?? "");
}
