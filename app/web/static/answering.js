// @ts-check
/** Asking: a question is given to the server, its answer is read along, stopped, asked for again, chosen. */
import { keepDraft, question, setDraft, showInstruction, typed } from "./composer.js";
import { $, t } from "./dom.js";
import { linked } from "./linked.js";
import { announce, complain, go, setTitle } from "./place.js";
import { GONE, scope } from "./scope.js";
import { showEnd, toEnd } from "./scrolling.js";
import { shown } from "./shown.js";
import { isReady, look } from "./status.js";
import { act, follow, newKey, Problem } from "./stream.js";
import { mark, refresh } from "./talks.js";

/** @typedef {import("./answer.js").Turn} Turn @typedef {import("./stream.js").Message} Message @typedef {import("./stream.js").Settings} Settings */

const composer = $("composer");
const QUICK_MS = 1500; // an answer that took no longer is read from its start
/** @type {typeof import("./answer.js")} */ let answers;

/** Load what draws answers: the larger part of the page, needed before anything is shown or asked. */
export async function loadAnswers() {
  answers = await import("./answer.js");
}

/** Look away from the answer that is being written; it goes on at the server. */
export function leave() {
  shown.running?.watching.abort();
  shown.running = null;
  composer.classList.remove("busy");
}

/** @param {string} asked @param {Settings} settings */
export function turnOf(asked, settings) {
  return new answers.Turn(asked, settings, { again, choose, fill });
}

/** An answer as it stands; one that is still being written is followed. @param {Turn} turn @param {Message} message */
export function show(turn, message) {
  turn.settings = message.settings;
  turn.assistant = message.assistant ?? null;
  turn.start();
  if (message.state === "queued" || message.state === "running") {
    if (shown.running) return;
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
      offers: (data) => turn.offered(data),
      sources: (data) => turn.sources(data),
      part: (data) => turn.part(data),
      delta: (data) => turn.delta(data),
      done: (data) => turn.finish(data),
    }, (away) => turn.lost(away));
    const { state, result } = /** @type {Message} */ (turn.message);
    const abstained = result?.notices.some(({ code }) => code === "vague_question") ? "vague" : "abstained";
    const outcome = state === "complete" ? (result?.outcome === "abstained" ? abstained : "done") : state;
    announce(t(`status.${outcome}`, { count: result?.passages.length ?? 0 }));
  } catch (error) {
    if (mine.watching.signal.aborted) return;
    failed(turn, error, () => {
      turn.start();
      watchAnswer(turn);
    });
  } finally {
    if (shown.running === mine) {
      idle();
      showEnd(turn.element, performance.now() - began < QUICK_MS);
      refresh();
      look();
    }
  }
}

function busy(/** @type {Turn} */ turn) {
  const { running } = shown;
  const mine = { turn, watching: new AbortController(), taken: false, stop: running?.turn === turn && running.stop };
  shown.running = mine;
  composer.classList.add("busy");
  announce(t("status.answering"));
  return mine;
}

function idle() {
  shown.running = null;
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
export async function send(wanted) {
  if (shown.running || !wanted.question) return;
  if (!isReady()) return announce(t("state.loading_send"), true);
  if (scope().assistant === GONE) return announce(t("assistant.gone_about"), true);
  const turn = turnOf(wanted.question, { ...scope(), ...linked(), instruction: wanted.instruction, rerank: wanted.rerank });
  shown.turns.push(turn);
  $("log").append(turn.element);
  $("welcome").hidden = true;
  if (question.value.trim() === wanted.question) setDraft("");
  keepDraft(question.value || wanted.question); // a reload before the answer keeps it
  showInstruction(false);
  toEnd();
  await deliver(turn, newKey());
}

/** What a request says of it: an assistant brings its own knowledge bases and instruction. @param {Settings} settings */
function wantedOf({ assistant, collections, instruction, rerank, top_k, top_n }) {
  return { ...(assistant ? { assistant } : { collections, instruction }), rerank, top_k, top_n };
}

/** Give a question to the server; sent again with the same key it is asked once. @param {Turn} turn @param {string} key */
async function deliver(turn, key) {
  const here = shown.place;
  busy(turn);
  const { assistant, collections } = turn.settings;
  try {
    if (!shown.talk) {
      const made = await act("POST", "/api/conversations", assistant ? { assistant } : { collections }, `${key}-talk`);
      if (here !== shown.place) return;
      shown.talk = made.id;
      go(`/c/${made.id}`);
    }
    const accepted = await act("POST", `/api/conversations/${shown.talk}/messages`,
      { question: turn.question, ...wantedOf(turn.settings) }, key);
    if (here !== shown.place) return;
    turn.id = accepted.message_id;
  } catch (error) {
    if (here !== shown.place) return;
    idle();
    if (!question.value) setDraft(turn.question);
    return failed(turn, error, () => {
      if (shown.running) return;
      if (question.value.trim() === turn.question) setDraft("");
      turn.start();
      deliver(turn, key);
    });
  }
  mark(shown.talk);
  refresh();
  if (shown.turns.length === 1) setTitle(turn.question);
  await watchAnswer(turn);
}

/** Have a question answered once more. @param {Turn} turn @param {Settings} [settings] */
async function again(turn, settings = turn.settings) {
  if (shown.running) return announce(t("status.answering"), true);
  const [here, old] = [shown.place, turn.message];
  const mine = busy(turn);
  turn.settings = settings;
  turn.start();
  try {
    const accepted = await act("POST", `/api/messages/${turn.id}/regenerate`, wantedOf(settings), newKey());
    if (here !== shown.place) return;
    turn.id = accepted.message_id;
  } catch (error) {
    if (here !== shown.place) return;
    if (shown.running === mine) idle();
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
  const here = shown.place;
  try {
    const chosen = await act("POST", `/api/messages/${message}/choose`);
    if (here !== shown.place) return;
    show(turn, chosen);
    /** @type {HTMLElement|null} */ (turn.below.querySelector(".variants button:not(:disabled)"))?.focus();
  } catch (error) {
    failedBeside(turn, error);
  }
}

/** End the answer that is being written; what has come stays. */
export async function stop() {
  const stopping = shown.running;
  if (!stopping) return;
  stopping.stop = true;
  if (!stopping.taken) return; // as soon as the server has the question
  await act("POST", `/api/messages/${stopping.turn.id}/stop`).catch(complain); // its last event tells the rest
}

/** An example brings its own instruction, for this once. @param {string} text @param {string} [instruction] */
export function fill(text, instruction) {
  setDraft(text);
  if (matchMedia("(hover: hover)").matches) question.focus(); // not where it would raise a keyboard over the answer
  send(instruction === undefined ? typed() : { ...typed(), instruction: instruction || null });
}
