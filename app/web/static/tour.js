// @ts-check
/**
 * The tour of three steps: a card above the question box that blocks nothing. It comes by itself to somebody who has
 * asked nothing yet, and whenever the menu asks for it; that he has seen it is kept in a cookie of this browser.
 */
import { question } from "./composer.js";
import { $, who } from "./dom.js";
import { announce, named } from "./place.js";
import { getJson } from "./stream.js";

const LAST = 3;
const COOKIE = `touchstone_tour_${who.slice(0, 8)}`;
const YEAR_S = 31_536_000;
const card = $("tour");
let step = 0; // 0: no tour is shown

const targets = ["", "#composer", ".turn .prose .chip", ".navigation"];
const chip = () => /** @type {HTMLElement|null} */ (document.querySelector(targets[2]));

/** How far he came in this browser: "" never begun, "1" to "3", "done". */
const seen = () => document.cookie.split("; ").find((one) => one.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? "";

/** @param {string} state */
const keep = (state) => { document.cookie = `${COOKIE}=${state}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`; };

/** Somebody who has no conversation is new here: that the server knows. */
async function isNew() {
  if (named()) return false;
  try {
    return (await getJson("/api/conversations?limit=1")).data.length === 0;
  } catch {
    return false; // a tour is no reason to show an error
  }
}

/** @param {number} wanted */
function show(wanted) {
  step = wanted;
  keep(String(step));
  for (const one of card.querySelectorAll("[data-step]")) /** @type {HTMLElement} */ (one).hidden = Number(/** @type {HTMLElement} */ (one).dataset.step) !== step;
  $("tour-at").textContent = `${step} / ${LAST}`;
  $("tour-before").hidden = step === 1;
  $("tour-next").hidden = step === LAST;
  $("tour-done").hidden = step !== LAST;
  card.hidden = false;
  update();
}

/** What can be done now, and what the step is about. */
function update() {
  $("tour-ask").hidden = !document.querySelector("#examples .example") || $("welcome").hidden;
  $("tour-show").hidden = chip() === null;
  $("tour-wait").hidden = chip() !== null;
  const inspect = /** @type {HTMLAnchorElement|null} */ (document.getElementById("tour-inspect"));
  const answered = /** @type {HTMLAnchorElement|null} */ (document.querySelector('.turn a[href^="/search?"]'));
  if (inspect && answered) inspect.href = answered.href;
  for (const one of document.querySelectorAll(".tour-target")) one.classList.remove("tour-target");
  document.querySelector(targets[step] || "#none")?.classList.add("tour-target");
}

function end() {
  const inside = card.contains(document.activeElement);
  step = 0;
  keep("done");
  update();
  card.hidden = true;
  if (inside) question.focus();
  announce(card.dataset.ended ?? "");
}

/** @param {number} wanted */
function turnTo(wanted) {
  show(wanted);
  $("tour-heading").focus();
}

function listen() {
  $("tour-before").addEventListener("click", () => turnTo(step - 1));
  $("tour-next").addEventListener("click", () => turnTo(step + 1));
  for (const id of ["tour-done", "tour-skip"]) $(id).addEventListener("click", end);
  $("tour-ask").addEventListener("click", () => /** @type {HTMLElement|null} */ (document.querySelector("#examples .example"))?.click());
  $("tour-show").addEventListener("click", () => chip()?.click());
  card.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation(); // it closes the card, not an answer
    end();
  });
  new MutationObserver(() => {
    if (step === 0) return;
    if (step === 1 && chip() && !document.querySelector('.turn[aria-busy="true"]')) show(2);
    else update();
  }).observe($("log"), { childList: true, subtree: true, attributeFilter: ["aria-busy"] });
}

/** Begin, or go on where it was left. @param {boolean} wanted by the reader himself, from the menu */
export async function startTour(wanted) {
  const state = seen();
  const begun = ["1", "2", "3"].includes(state);
  if (!wanted && state === "done") return;
  if (!wanted && !begun && !(await isNew())) return;
  listen();
  const nothing = !$("no-documents").hidden;
  show(wanted || !begun ? (nothing ? LAST : 1) : Number(state));
  if (wanted) $("tour-heading").focus();
}
