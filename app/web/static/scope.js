// @ts-check
/** What is asked: an assistant with its own knowledge bases, or knowledge bases: all that the reader may see, or some. */
import { $, h, t } from "./dom.js";
import { act, Problem } from "./stream.js";

/** @typedef {{id: string, name: string, template: string, collections: string[], may: {edit: boolean, write_snippets: boolean}}} Assistant */

/** In place of an id: a conversation's assistant that was deleted, or that its owner may not see any more. */
export const GONE = "gone";

const MANY = 8; // more than these are searched rather than looked through
const card = /** @type {HTMLDetailsElement} */ ($("scope"));
const filter = /** @type {HTMLInputElement} */ ($("scope-filter"));
/** @type {string[]} */ let chosen = [];
let assistant = ""; // its id, "" for none
let assistantName = ""; // as far as its conversation tells: the list of assistants may come later
/** @type {string[]} */ let known = [];
/** @type {Assistant[]} */ let assistants = [];
let loaded = false; // whether it is known which there are
/** @type {(change: {collections?: string[], assistant?: string}) => void} */ let changed = () => {};

let told = () => {};
/** Comes true once it is known which assistants there are: answers may be drawn before that. */
export const assistantsKnown = /** @type {Promise<void>} */ (new Promise((resolve) => { told = resolve; }));

/** `collections`: names, none: all. `assistant`: its id, "" for none. */
export const scope = () => ({ collections: chosen, assistant });

/** @param {string[]} names @param {string} [id] of the assistant, "" for none @param {string} [name] its name, where that is known */
export function setScope(names, id = "", name = "") {
  [chosen, assistant, assistantName] = [[...names], id, name];
  draw();
}

/** @param {string[]} names of all there are @param {Assistant[]} all */
export function offer(names, all) {
  [known, assistants, loaded] = [names, all, true];
  draw();
  told();
}

/** What is known of an assistant; undefined for one that the reader may not see. @param {string} id */
export const assistantOf = (id) => assistants.find((each) => each.id === id);

/**
 * What is chosen stays with the conversation that is shown.
 * @param {() => string} talk its id, "" for none yet @param {(problem: string) => void} failed
 */
export function startScope(talk, failed) {
  changed = async (change) => {
    if (!talk()) return;
    try {
      await act("PATCH", `/api/conversations/${talk()}`, change);
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
  const one = assistantOf(assistant);
  $("scope-line").textContent = assistant ? one?.name ?? (loaded || assistant === GONE ? t("assistant.gone") : assistantName) : chosen.length === 0 ? t("all_collections")
    : chosen.length === 1 ? chosen[0] : t("some_collections", { count: chosen.length });
  card.classList.toggle("is-assistant", assistant !== "");
  $("instruction-toggle").hidden = assistant !== ""; // an assistant has its own
  const wanted = filter.value.trim().toLocaleLowerCase();
  const found = (/** @type {string} */ name) => name.toLocaleLowerCase().includes(wanted);
  const gone = chosen.filter((name) => !known.includes(name));
  filter.hidden = known.length + assistants.length <= MANY;
  $("scope-assistants").hidden = assistants.length === 0;
  $("assistant-list").replaceChildren(
    box("radio", t("assistant.none"), "", assistant === "", () => pick("")),
    ...assistants.filter(({ name }) => found(name)).map(({ id, name, template }) =>
      box("radio", name, t(`assistant.template.${template}`), id === assistant, () => pick(id))));
  $("scope-fixed").hidden = assistant === "";
  $("scope-fixed").textContent = one ? t("assistant.asks", { collections: one.collections.join(t("assistant.and")) })
    : loaded ? t("assistant.gone_about") : "";
  $("scope-collections").hidden = assistant !== "";
  $("scope-list").replaceChildren(box("checkbox", t("all_collections"), "", chosen.length === 0, () => choose([])),
    ...[...known, ...gone].filter(found).map((name) => box("checkbox", name, "", chosen.includes(name),
      (on) => choose(on ? [...chosen, name] : chosen.filter((other) => other !== name)))));
  $("welcome-assistants").hidden = assistants.length === 0;
  $("welcome-list").replaceChildren(...assistants.slice(0, MANY).map(({ id, name, template }) => h("li", {}, h("button", { type: "button", class: "example",
    "aria-pressed": String(id === assistant), title: t(`assistant.template.${template}`), "data-id": id, onclick: () => {
      pick(id === assistant ? "" : id);
      $("question").focus();
    } }, name))));
  $("scope-none").hidden = !wanted || [...known, ...gone, ...assistants.map(({ name }) => name)].some(found);
}

/** @param {string[]} names */
function choose(names) {
  setScope(names);
  changed({ collections: names });
}

/** @param {string} id */
function pick(id) {
  setScope(chosen, id);
  changed({ assistant: id });
}

/** @param {"radio"|"checkbox"} type @param {string} text @param {string} about @param {boolean} checked @param {(on: boolean) => void} act */
function box(type, text, about, checked, act) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type, name: type === "radio" ? "assistant" : null, checked, onchange: () => {
    const list = /** @type {HTMLElement} */ (input.closest("fieldset"));
    const at = [...list.querySelectorAll("input")].indexOf(input);
    act(input.checked);
    list.querySelectorAll("input")[at]?.focus();
  } }));
  return h("label", {}, input, h("span", {}, text, about && h("span", { class: "quiet" }, about)));
}

filter.addEventListener("input", draw);
card.addEventListener("toggle", () => {
  if (card.open || !filter.value) return;
  filter.value = "";
  draw();
});
document.addEventListener("click", (event) => {
  if (!event.composedPath().includes(card)) closeScope();
});
