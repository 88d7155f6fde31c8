// @ts-check
/** Settings that the address brings, as the inspector's link does: they hold on this page until they are put away. */
import { question, showInstruction } from "./composer.js";
import { $, h, t } from "./dom.js";
import { setScope } from "./scope.js";

export const brought = new URLSearchParams(location.search); // read before the address is made that of a conversation
const MOST = { top_k: 1000, top_n: 50 };
/** @type {{top_k?: number, top_n?: number}} */ let numbers = {};

/** K and N for the next question; none: those of the server. */
export const linked = () => numbers;

/** Set what the address asks for, and say which numbers it set, or why not. */
export function takeLinked() {
  if (brought.has("collection")) setScope(brought.getAll("collection"));
  if (brought.get("rerank") === "off") /** @type {HTMLInputElement} */ ($("rerank")).checked = false;
  const instruction = brought.get("instruction");
  if (instruction) {
    const field = /** @type {HTMLInputElement} */ ($("instruction"));
    field.value = instruction;
    field.dispatchEvent(new Event("input"));
    showInstruction(true);
  }
  const said = [];
  for (const [name, most] of /** @type {["top_k"|"top_n", number][]} */ (Object.entries(MOST))) {
    const written = brought.get(name);
    if (written === null) continue;
    const value = Number(written);
    const usable = Number.isInteger(value) && value >= 1 && value <= most;
    if (usable) numbers[name] = value;
    said.push(t(usable ? `linked.${name}` : "linked.unusable", { value: written.slice(0, 20), most }));
  }
  if (said.length) tell(said);
}

/** @param {string[]} said */
function tell(said) {
  const place = $("linked");
  place.hidden = false;
  place.replaceChildren(h("span", {}, t("linked.title"), " ", said.join(" \u00b7 ")), h("button", { type: "button", class: "text-button", onclick: () => {
    numbers = {};
    place.hidden = true;
    question.focus();
  } }, t("linked.away")));
}
