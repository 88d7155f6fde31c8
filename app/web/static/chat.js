// @ts-check
/** The chat page: asking, stopping, the state of the models, and the keyboard. */
import { Turn } from "./answer.js";
import { $, h, t, who } from "./dom.js";
import * as panel from "./panel.js";
import { isReady, watch } from "./status.js";
import { ask, Problem } from "./stream.js";

const question = /** @type {HTMLTextAreaElement} */ ($("question"));
const instruction = /** @type {HTMLInputElement} */ ($("instruction"));
const rerank = /** @type {HTMLInputElement} */ ($("rerank"));
const collection = /** @type {HTMLSelectElement} */ ($("collection"));
const scroll = $("scroll");
const composer = $("composer");

/** @type {AbortController|null} */ let running = null;
/** @type {Turn[]} */ const turns = [];
const QUICK_MS = 1500;
const HISTORY_TURNS = 3;
const HISTORY_CHARACTERS = 2000; // of an answer: a follow-up seldom points behind them

// --- asking -----------------------------------------------------------------------------------------------------

function request() {
  return { question: question.value.trim(), collection: collection.value || null,
    instruction: instruction.value.trim() || null, rerank: rerank.checked, history: history() };
}

/** What was asked and answered last on this page: a follow-up is read with it. */
function history() {
  return turns.flatMap(({ request: asked, result }) => result ? [{ question: asked.question,
    answer: result.answer.slice(0, HISTORY_CHARACTERS) }] : []).slice(-HISTORY_TURNS);
}

/** @param {import("./stream.js").Request} wanted @param {Turn} [again] a turn to fill anew */
async function send(wanted, again) {
  if (running || !wanted.question) return;
  if (!isReady()) return announce(t("state.loading_send"), true);
  const turn = again ?? addTurn(wanted);
  if (again) again.start();
  if (question.value.trim() === wanted.question) setDraft("");
  sessionStorage.setItem("draft", question.value || wanted.question); // a reload before the answer keeps it
  showInstruction(false);
  running = new AbortController();
  const began = performance.now();
  composer.classList.add("busy");
  follow = true;
  announce(t("status.answering"));
  try {
    await ask(wanted, running.signal, {
      queued: (data) => turn.queued(data),
      stage: (data) => turn.stage(data),
      sources: (data) => turn.sources(data),
      delta: (data) => turn.delta(data),
      answer: (data) => turn.finish(data),
    });
    const { outcome, passages } = /** @type {import("./stream.js").Result} */ (turn.result);
    announce(outcome === "abstained" ? t("status.abstained") : t("status.done", { count: passages.length }));
  } catch (error) {
    if (running.signal.aborted) {
      turn.stop();
      announce(t("status.stopped"));
    } else {
      turn.fail(error instanceof Problem ? error : new Problem("page", String(error), false));
      if (!question.value) setDraft(wanted.question);
      announce(t("status.failed"));
      if (!(error instanceof Problem)) throw error;
    }
  } finally {
    running = null;
    composer.classList.remove("busy");
    if (follow) showEnd(turn, performance.now() - began < QUICK_MS);
    sessionStorage.setItem("draft", question.value);
    save();
  }
}

/** The end of an answer; one that came at once, and was read by nobody yet, from its start. @param {Turn} turn @param {boolean} quick */
function showEnd(turn, quick) {
  const start = scroll.scrollTop + turn.element.getBoundingClientRect().top - scroll.getBoundingClientRect().top;
  scroll.scrollTop = quick ? Math.min(start, scroll.scrollHeight) : scroll.scrollHeight;
}

/** @param {import("./stream.js").Request} wanted */
function addTurn(wanted) {
  const turn = new Turn(wanted, { ask: send, fill: (text) => fillAndSend(text) });
  turns.push(turn);
  $("log").append(turn.element);
  $("welcome").hidden = true;
  $("new-chat").hidden = false;
  return turn;
}

/** An example brings its own instruction, for this once. @param {string} text @param {string} [withInstruction] */
function fillAndSend(text, withInstruction) {
  setDraft(text);
  if (matchMedia("(hover: hover)").matches) question.focus(); // not where it would raise a keyboard over the answer
  send(withInstruction === undefined ? request() : { ...request(), instruction: withInstruction || null });
}

/** @param {string} text @param {boolean} [seen] shown on the page, too */
function announce(text, seen = false) {
  $("announcer").textContent = text;
  if (seen) $("state-line").textContent = text;
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) running.abort();
  else send(request());
});

$("new-chat").addEventListener("click", () => {
  running?.abort();
  panel.close();
  turns.length = 0;
  $("log").replaceChildren();
  $("welcome").hidden = false;
  $("new-chat").hidden = true;
  save();
  question.focus();
});

// --- composer: growing, drafts, input methods ---------------------------------------------------------------------

function grow() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
  sessionStorage.setItem("draft", question.value);
}

/** @param {string} text */
function setDraft(text) {
  question.value = text;
  grow();
}

/** @param {boolean} visible */
function showInstruction(visible) {
  $("instruction-part").hidden = !visible;
  $("instruction-toggle").setAttribute("aria-expanded", String(visible));
}

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
    if (!running) send(request());
  });
}

// --- keyboard -----------------------------------------------------------------------------------------------------

const help = /** @type {HTMLDialogElement} */ ($("help-dialog"));
$("help").addEventListener("click", () => help.showModal());

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.isComposing || help.open) return;
  if (event.key === "Escape") {
    if (!closeState() && !panel.close()) running?.abort();
    return;
  }
  if (/** @type {HTMLElement} */ (event.target).closest("input, textarea, select")) return;
  if (event.key === "/") question.focus();
  else if (event.key === "?") help.showModal();
  else if (event.key === "[" || event.key === "]") stepCitation(event.key === "[" ? -1 : 1);
  else return;
  event.preventDefault();
});

/** Close the card above the status line; false where it was closed. */
function closeState() {
  const state = /** @type {HTMLDetailsElement} */ ($("state"));
  const open = state.open;
  state.open = false;
  return open;
}

document.addEventListener("click", (event) => {
  if (!$("state").contains(/** @type {Node} */ (event.target))) closeState();
});

/** @param {number} by */
function stepCitation(by) {
  const latest = turns.at(-1);
  if (!panel.step(by) && latest?.items.length) latest.open(by > 0 ? 0 : latest.items.length - 1);
}

// --- following the answer: only while the reader has not scrolled up ---------------------------------------------

let follow = true;
let lastTop = 0;
let handled = -Infinity; // when the reader last moved something: a page that shrinks scrolls up by itself
const fromEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
const offerEnd = () => { $("to-end").hidden = follow || fromEnd() < 160; };
for (const name of ["wheel", "touchmove", "pointerdown", "keydown"]) {
  document.addEventListener(name, () => { handled = performance.now(); }, { passive: true });
}
scroll.addEventListener("scroll", () => {
  if (fromEnd() < 48) follow = true;
  else if (scroll.scrollTop < lastTop && performance.now() - handled < 1000) follow = false;
  lastTop = scroll.scrollTop;
  offerEnd();
}, { passive: true });
new ResizeObserver(() => {
  if (follow && running) scroll.scrollTop = scroll.scrollHeight;
  offerEnd();
}).observe($("log"));
$("to-end").addEventListener("click", () => {
  follow = true;
  scroll.scrollTop = scroll.scrollHeight;
});

// --- theme: the system's, or the one chosen -----------------------------------------------------------------------

$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `touchstone_theme=${root.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Lax`;
});

// --- this tab's conversation outlives a reload or a change of language ---------------------------------------------

function save() {
  const kept = turns.filter((turn) => turn.result).slice(-20).map(({ request, result }) => ({ request, result }));
  try {
    sessionStorage.setItem("turns", JSON.stringify(kept));
  } catch {
    sessionStorage.removeItem("turns"); // the browser's quota: the page itself keeps everything it shows
  }
}

function restore() {
  if (sessionStorage.getItem("who") !== who) sessionStorage.clear(); // what somebody else asked in this tab
  sessionStorage.setItem("who", who);
  for (const { request: asked, result } of JSON.parse(sessionStorage.getItem("turns") ?? "[]")) addTurn(asked).finish(result);
  setDraft(sessionStorage.getItem("draft") ?? "");
  scroll.scrollTop = scroll.scrollHeight;
}

$("state-line").textContent = t("state.connecting");
collection.append(h("option", { value: "" }, t("all_collections")));
restore();
watch(fillAndSend);
