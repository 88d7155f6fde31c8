// @ts-check
/** The chat page: one conversation at a time, its address, asking, stopping, and the keyboard. */
import { keepDraft, question, setDraft, showInstruction, startComposer, typed } from "./composer.js";
import { $, h, t } from "./dom.js";
import { startKeys } from "./keys.js";
import * as panel from "./panel.js";
import { announce, complain, go, named, setTitle } from "./place.js";
import { scope, setScope, startScope } from "./scope.js";
import { showEnd, toEnd, watchScrolling } from "./scrolling.js";
import { isReady, look, watch } from "./status.js";
import { act, follow, getJson, newKey, Problem } from "./stream.js";
import { mark, refresh, startTalks } from "./talks.js";

/** @typedef {import("./answer.js").Turn} Turn @typedef {import("./stream.js").Message} Message @typedef {import("./stream.js").Settings} Settings */

const composer = $("composer");
const QUICK_MS = 1500; // an answer that took no longer is read from its start
let talk = ""; // the conversation that is shown, "" before its first question
/** @type {Turn[]} */ let turns = [];
/** @typedef {{turn: Turn, watching: AbortController, taken: boolean, stop: boolean}} Running `taken`: by the server */
/** @type {Running|null} */ let running = null;
let place = 0; // counts what was opened: what comes late for another place is dropped
/** @type {string|null} */ let before = null;

// --- places: the address names the conversation -------------------------------------------------------------------

/** Show nothing of what was shown. An answer that is being written goes on at the server. @param {string} id */
function clear(id) {
  place += 1;
  running?.watching.abort();
  panel.close();
  [talk, turns, running, before] = [id, [], null, null];
  composer.classList.remove("busy");
  $("log").replaceChildren();
  $("earlier").hidden = true;
  $("welcome").hidden = id !== "";
  setTitle("");
  mark(id);
  if ($("sidebar").matches(":popover-open")) $("sidebar").hidePopover();
}

const fresh = () => {
  clear("");
  go("/");
};

/** @param {string} id */
async function open(id) {
  clear(id);
  go(`/c/${id}`);
  const here = place;
  try {
    const [found, page] = await Promise.all([getJson(`/api/conversations/${encodeURIComponent(id)}`),
      getJson(`/api/conversations/${encodeURIComponent(id)}/messages`)]);
    if (here !== place) return;
    setScope(found.collections);
    setTitle(found.title);
    addPage(page);
    $("welcome").hidden = turns.length > 0;
    toEnd();
  } catch (error) {
    if (here !== place) return;
    missing(error);
  }
}

/** @param {unknown} error */
function missing(error) {
  if (!(error instanceof Problem)) throw error;
  $("log").replaceChildren(h("div", { class: "failure" }, h("h2", {}, t("error_open")),
    h("p", {}, error.message || t("error_network")),
    h("button", { type: "button", class: "button", onclick: () => (error.retryable ? open(talk) : fresh()) },
      t(error.retryable ? "retry" : "new_chat"))));
}

/** Put a page of messages before those that are shown. @param {{data: Message[], previous_cursor: string|null}} page */
function addPage(page) {
  const made = page.data.map((message) => {
    const turn = turnOf(message.question, message.settings);
    show(turn, message);
    return turn;
  });
  turns = [...made, ...turns];
  $("log").prepend(...made.map(({ element }) => element));
  before = page.previous_cursor;
  $("earlier").hidden = before === null;
}

$("earlier").addEventListener("click", async () => {
  const here = place;
  const page = await getJson(`/api/conversations/${encodeURIComponent(talk)}/messages?cursor=${encodeURIComponent(before ?? "")}`)
    .catch(complain);
  if (page && here === place) addPage(page);
});
$("new-chat").addEventListener("click", (event) => {
  event.preventDefault();
  fresh();
  question.focus();
});

const openAddress = () => (named() ? open(named()) : fresh());
addEventListener("popstate", openAddress);

// --- asking ---------------------------------------------------------------------------------------------------------

/** @param {string} asked @param {Settings} settings */
function turnOf(asked, settings) {
  return new answers.Turn(asked, settings, { again, choose, fill });
}

/** An answer as it stands; one that is still being written is followed. @param {Turn} turn @param {Message} message */
function show(turn, message) {
  turn.settings = message.settings;
  turn.start();
  if (message.state === "queued" || message.state === "running") {
    if (running) return;
    turn.id = message.id;
    watchAnswer(turn);
  } else turn.finish(message);
}

/** Read along with an answer that is being written. @param {Turn} turn */
async function watchAnswer(turn) {
  const mine = busy(turn);
  mine.taken = true;
  if (mine.stop) stop();
  const began = performance.now();
  try {
    await follow(turn.id, mine.watching.signal, {
      queued: (data) => turn.queued(data),
      stage: (data) => turn.stage(data),
      sources: (data) => turn.sources(data),
      delta: (data) => turn.delta(data),
      done: (data) => turn.finish(data),
    }, (away) => turn.lost(away));
    const { state, result } = /** @type {Message} */ (turn.message);
    const outcome = state === "complete" ? (result?.outcome === "abstained" ? "abstained" : "done") : state;
    announce(t(`status.${outcome}`, { count: result?.passages.length ?? 0 }));
  } catch (error) {
    if (mine.watching.signal.aborted) return;
    failed(turn, error, () => {
      turn.start();
      watchAnswer(turn);
    });
  } finally {
    if (running === mine) {
      idle();
      showEnd(turn.element, performance.now() - began < QUICK_MS);
      refresh();
      look();
    }
  }
}

function busy(/** @type {Turn} */ turn) {
  const mine = { turn, watching: new AbortController(), taken: false, stop: running?.turn === turn && running.stop };
  running = mine;
  composer.classList.add("busy");
  announce(t("status.answering"));
  return mine;
}

function idle() {
  running = null;
  composer.classList.remove("busy");
  keepDraft();
}

/** @param {Turn} turn @param {unknown} error @param {() => void} retry */
function failed(turn, error, retry) {
  turn.fail(error instanceof Problem ? error : new Problem("page", String(error), false), retry);
  announce(t("status.failed"));
  if (!(error instanceof Problem)) throw error;
}

/** Ask a question. @param {{question: string, instruction: string|null, rerank: boolean}} wanted */
async function send(wanted) {
  if (running || !wanted.question) return;
  if (!isReady()) return announce(t("state.loading_send"), true);
  const settings = { collections: scope(), instruction: wanted.instruction, rerank: wanted.rerank };
  const turn = turnOf(wanted.question, settings);
  turns.push(turn);
  $("log").append(turn.element);
  $("welcome").hidden = true;
  if (question.value.trim() === wanted.question) setDraft("");
  keepDraft(question.value || wanted.question); // a reload before the answer keeps it
  showInstruction(false);
  toEnd();
  await deliver(turn, newKey());
}

/** Give a question to the server; sent again with the same key it is asked once. @param {Turn} turn @param {string} key */
async function deliver(turn, key) {
  const here = place;
  busy(turn);
  try {
    if (!talk) {
      const made = await act("POST", "/api/conversations", { collections: turn.settings.collections }, `${key}-talk`);
      if (here !== place) return;
      talk = made.id;
      go(`/c/${talk}`);
    }
    const accepted = await act("POST", `/api/conversations/${talk}/messages`, { question: turn.question, ...turn.settings }, key);
    if (here !== place) return;
    turn.id = accepted.message_id;
  } catch (error) {
    if (here !== place) return;
    idle();
    if (!question.value) setDraft(turn.question);
    return failed(turn, error, () => {
      if (running) return;
      if (question.value.trim() === turn.question) setDraft("");
      turn.start();
      deliver(turn, key);
    });
  }
  mark(talk);
  refresh();
  if (turns.length === 1) setTitle(turn.question);
  await watchAnswer(turn);
}

/** Have a question answered once more. @param {Turn} turn @param {Settings} [settings] */
async function again(turn, settings = turn.settings) {
  if (running) return announce(t("status.answering"), true);
  const [here, old] = [place, turn.message];
  const mine = busy(turn);
  const { collections, instruction, rerank, top_k, top_n } = settings;
  turn.settings = settings;
  turn.start();
  try {
    const accepted = await act("POST", `/api/messages/${turn.id}/regenerate`, { collections, instruction, rerank, top_k, top_n }, newKey());
    if (here !== place) return;
    turn.id = accepted.message_id;
  } catch (error) {
    if (here !== place) return;
    if (running === mine) idle();
    if (old) show(turn, old);
    return failedBeside(turn, error);
  }
  await watchAnswer(turn);
}

/** What could not be done; the answer stays as it was. @param {Turn} turn @param {unknown} error */
function failedBeside(turn, error) {
  if (!(error instanceof Problem)) throw error;
  turn.below.append(turn.failure(error.message || t("error_network"), false));
  announce(t("status.failed"));
}

/** Show another answer to the same question; the conversation goes on from it. @param {Turn} turn @param {string} message */
async function choose(turn, message) {
  const here = place;
  try {
    const chosen = await act("POST", `/api/messages/${message}/choose`);
    if (here !== place) return;
    show(turn, chosen);
    /** @type {HTMLElement|null} */ (turn.below.querySelector(".variants button:not(:disabled)"))?.focus();
  } catch (error) {
    failedBeside(turn, error);
  }
}

/** End the answer that is being written; what has come stays. */
async function stop() {
  const stopping = running;
  if (!stopping) return;
  stopping.stop = true;
  if (!stopping.taken) return; // as soon as the server has the question
  await act("POST", `/api/messages/${stopping.turn.id}/stop`).catch(complain); // its last event tells the rest
}

/** An example brings its own instruction, for this once. @param {string} text @param {string} [instruction] */
function fill(text, instruction) {
  setDraft(text);
  if (matchMedia("(hover: hover)").matches) question.focus(); // not where it would raise a keyboard over the answer
  send(instruction === undefined ? typed() : { ...typed(), instruction: instruction || null });
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) stop();
  else send(typed());
});

startScope(() => talk, (problem) => announce(problem, true));
startKeys({ stop, latest: () => turns.at(-1) });
startComposer(() => { if (!running) send(typed()); });
watchScrolling(() => running !== null);
$("state-line").textContent = t("state.connecting");
// What draws answers is the larger part of the page: it comes after the first paint, and before anything can be asked.
await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
const answers = await import("./answer.js");
startTalks({ open, fresh, renamed: (renamed) => { if (renamed.id === talk) setTitle(renamed.title); } });
openAddress();
watch(fill);
