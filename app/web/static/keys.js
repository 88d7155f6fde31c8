// @ts-check
/** The keyboard of the chat page, and the list of its keys. */
import { $ } from "./dom.js";
import * as panel from "./panel.js";
import { closeScope } from "./scope.js";

const help = /** @type {HTMLDialogElement} */ ($("help-dialog"));
const state = /** @type {HTMLDetailsElement} */ ($("state"));

/** Close the card above the status line; false where it was closed. */
function closeState() {
  const { open } = state;
  state.open = false;
  return open;
}

/** @param {{stop: () => void, latest: () => import("./answer.js").Turn|undefined}} page */
export function startKeys({ stop, latest }) {
  const stepCitation = (/** @type {number} */ by) => {
    const turn = latest();
    if (!panel.step(by) && turn?.items.length) turn.open(by > 0 ? 0 : turn.items.length - 1, null);
  };
  $("help").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.isComposing || help.open) return;
    if (event.key === "Escape") {
      if (document.querySelector(":popover-open")) return; // the browser closes it
      if (!closeState() && !closeScope() && !panel.close()) stop();
      return;
    }
    if (/** @type {HTMLElement} */ (event.target).closest("input, textarea, select")) return;
    if (event.key === "/") $("question").focus();
    else if (event.key === "?") help.showModal();
    else if (event.key === "[" || event.key === "]") stepCitation(event.key === "[" ? -1 : 1);
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (!state.contains(/** @type {Node} */ (event.target))) closeState();
  });
}
