// @ts-check
/** The chat page: one conversation at a time, its address, and the keyboard. */
import { fill, leave, loadAnswers, send, show, stop, turnOf } from "./answering.js";
import { question, startComposer, typed } from "./composer.js";
import { $, h, t } from "./dom.js";
import { startKeys } from "./keys.js";
import { brought, takeLinked } from "./linked.js";
import * as panel from "./panel.js";
import { announce, complain, go, named, setTitle } from "./place.js";
import { GONE, setScope, startScope } from "./scope.js";
import { toEnd, watchScrolling } from "./scrolling.js";
import { shown } from "./shown.js";
import { watch } from "./status.js";
import { getJson, Problem } from "./stream.js";
import { mark, startTalks } from "./talks.js";

/** @typedef {import("./stream.js").Message} Message */

const composer = $("composer");
/** @type {string|null} */ let before = null; // where the questions before those that are shown begin

// The address names the conversation.

/** Show nothing of what was shown. An answer that is being written goes on at the server. @param {string} id */
function clear(id) {
  shown.place += 1;
  leave();
  panel.close();
  Object.assign(shown, { talk: id, turns: [] });
  before = null;
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
  const here = shown.place;
  try {
    const [found, page] = await Promise.all([getJson(`/api/conversations/${encodeURIComponent(id)}`),
      getJson(`/api/conversations/${encodeURIComponent(id)}/messages`)]);
    if (here !== shown.place) return;
    setScope(found.collections, found.assistant?.id ?? (found.assistant_gone ? GONE : ""), found.assistant?.name);
    setTitle(found.title);
    addPage(page);
    $("welcome").hidden = shown.turns.length > 0;
    toEnd();
  } catch (error) {
    if (here !== shown.place) return;
    missing(error);
  }
}

/** @param {unknown} error */
function missing(error) {
  if (!(error instanceof Problem)) throw error;
  $("log").replaceChildren(h("div", { class: "failure" }, h("h2", {}, t("error_open")),
    h("p", {}, error.message || t("error_network")),
    h("button", { type: "button", class: "button", onclick: () => (error.retryable ? open(shown.talk) : fresh()) },
      t(error.retryable ? "retry" : "new_chat"))));
}

/** Put a page of messages before those that are shown. @param {{data: Message[], previous_cursor: string|null}} page */
function addPage(page) {
  const made = page.data.map((message) => {
    const turn = turnOf(message.question, message.settings);
    show(turn, message);
    return turn;
  });
  shown.turns = [...made, ...shown.turns];
  $("log").prepend(...made.map(({ element }) => element));
  before = page.previous_cursor;
  $("earlier").hidden = before === null;
}

$("earlier").addEventListener("click", async () => {
  const here = shown.place;
  const page = await getJson(`/api/conversations/${encodeURIComponent(shown.talk)}/messages?cursor=${encodeURIComponent(before ?? "")}`)
    .catch(complain);
  if (page && here === shown.place) addPage(page);
});
$("new-chat").addEventListener("click", (event) => {
  event.preventDefault();
  fresh();
  question.focus();
});

const openAddress = () => (named() ? open(named()) : fresh());
addEventListener("popstate", openAddress);

/** A new conversation with the assistant that the address asks for. */
function openWanted() {
  const wanted = named() ? null : new URLSearchParams(location.search).get("assistant");
  openAddress();
  if (wanted) setScope([], wanted);
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  if (shown.running) stop();
  else send(typed());
});

startScope(() => shown.talk, (problem) => announce(problem, true));
startKeys({ stop, latest: () => shown.turns.at(-1) });
startComposer(() => { if (!shown.running) send(typed()); });
watchScrolling(() => shown.running !== null);
$("state-line").textContent = t("state.connecting");
// What draws answers is the larger part of the page: it comes after the first paint, and before anything can be asked.
await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
await loadAnswers();
startTalks({ open, fresh, renamed: (renamed) => { if (renamed.id === shown.talk) setTitle(renamed.title); } });
takeLinked();
openWanted();
await watch(fill);
const { startTour } = await import("./tour.js");
startTour(brought.has("tour"));
