// @ts-check
/** Which knowledge bases are asked: all that the reader may see, or some of them. */
import { $, h, t } from "./dom.js";
import { act, Problem } from "./stream.js";

const list = $("scope-list");
const card = /** @type {HTMLDetailsElement} */ ($("scope"));
/** @type {string[]} */ let chosen = [];
/** @type {string[]} */ let known = [];
let changed = () => {};

/** Their names; none: all. */
export const scope = () => chosen;

/** @param {string[]} names */
export function setScope(names) {
  chosen = [...names];
  draw();
}

/** @param {string[]} names of all there are */
export function offer(names) {
  known = names;
  draw();
}

/**
 * What is chosen stays with the conversation that is shown.
 * @param {() => string} talk its id, "" for none yet @param {(problem: string) => void} failed
 */
export function startScope(talk, failed) {
  changed = async () => {
    if (!talk()) return;
    try {
      await act("PATCH", `/api/conversations/${talk()}`, { collections: chosen });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failed(error.message || t("error_network"));
    }
  };
}

/** Close the card; false where it was closed. */
export function closeScope() {
  const { open } = card;
  card.open = false;
  return open;
}

function draw() {
  $("scope-line").textContent = chosen.length ? (chosen.length === 1 ? chosen[0] : t("some_collections", { count: chosen.length }))
    : t("all_collections");
  const gone = chosen.filter((name) => !known.includes(name));
  list.replaceChildren(box(t("all_collections"), chosen.length === 0, () => []),
    ...[...known, ...gone].map((name) => box(name, chosen.includes(name),
      (on) => (on ? [...chosen, name] : chosen.filter((other) => other !== name)))));
}

/** @param {string} text @param {boolean} checked @param {(on: boolean) => string[]} next */
function box(text, checked, next) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", checked, onchange: () => {
    const at = [...list.querySelectorAll("input")].indexOf(input);
    setScope(next(input.checked));
    list.querySelectorAll("input")[at]?.focus();
    changed();
  } }));
  return h("label", {}, input, text);
}

document.addEventListener("click", (event) => {
  if (!event.composedPath().includes(card)) closeScope();
});
