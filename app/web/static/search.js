// @ts-check
/** The retrieval inspector: a question or an answer, through every stage, with one or two sets of settings. */
import { api, isAbort } from "./api.js";
import { caseForm, goldenSets } from "./case.js";
import { comparison } from "./compared.js";
import { $, h, t } from "./dom.js";
import { foundTable, timesPart } from "./found.js";
import { answerPart, sentPart } from "./sent.js";
import { Problem } from "./stream.js";

/** @typedef {import("./found.js").Search} Search */
/** @typedef {import("./found.js").Found} Found */
/** @typedef {{top_k: number|null, top_n: number|null, rerank: boolean, instruction: string|null, floor?: number|null}} Settings */

const SIDES = ["a", "b"];
const form = $("form");
const results = $("results");
const question = /** @type {HTMLTextAreaElement} */ ($("question"));
const compare = /** @type {HTMLInputElement} */ ($("compare"));
const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ ($(id));
/** @type {AbortController|null} */ let running = null;
/** @type {string[]} */ let all = [];
let canSave = false;
let extractive = false; // the writer
/** @type {{id: string, name: string, collection: string}[]} */ let sets = [];

/** @param {string} side @returns {Settings} */
const settingsOf = (side) => ({
  top_k: Number(input(`top-k-${side}`).value) || null,
  top_n: Number(input(`top-n-${side}`).value) || null,
  rerank: input(`rerank-${side}`).checked,
  instruction: input(`instruction-${side}`).value.trim() || null,
  floor: input(`floor-${side}`).value && input(`rerank-${side}`).checked ? Number(input(`floor-${side}`).value) : null,
});

/** @param {string} side @param {Partial<Settings>} values */
function fill(side, values) {
  if (values.top_k) input(`top-k-${side}`).value = String(values.top_k);
  if (values.top_n) input(`top-n-${side}`).value = String(values.top_n);
  if (values.rerank !== undefined) input(`rerank-${side}`).checked = values.rerank;
  input(`floor-${side}`).disabled = !input(`rerank-${side}`).checked;
  input(`instruction-${side}`).value = values.instruction ?? "";
}

const ticked = () => [...document.querySelectorAll("#collections input:checked")].map((one) => /** @type {HTMLInputElement} */ (one).value);
const say = (/** @type {string} */ text) => { $("said").textContent = text; };

/** @param {string} text */
function complain(text) {
  $("form-error").hidden = !text;
  $("form-error").textContent = text;
}

/** The chat with these settings; the threshold is none of its settings. @param {Settings} settings */
function chatAddress(settings) {
  const entries = [...ticked().map((name) => ["collection", name]),
    ...Object.entries({ instruction: settings.instruction, top_k: settings.top_k, top_n: settings.top_n })
      .filter(([, value]) => value).map(([key, value]) => [key, String(value)]),
    ...(settings.rerank ? [] : [["rerank", "off"]])];
  return `/?${new URLSearchParams(entries)}`;
}

/** What was not kept of an answer that was given, in words. @param {Search} search */
const notKept = (search) => h("ul", { class: "notices" }, h("li", { class: "notice" }, [t("kept.texts"), search.passages.length > 0 && t("kept.prompt"),
  search.prompt_tokens === undefined && t("kept.older")].filter(Boolean).join(" ")));

/** @param {Search} search @param {Settings|null} settings null: of an answer that was given @param {string} side @param {string} title */
function part(search, settings, side, title) {
  const id = `found-${side}`;
  /** @type {Map<Found, HTMLInputElement>} */ const marks = new Map();
  const marking = side === "a" && settings !== null && canSave;
  const mark = (/** @type {Found} */ one) => {
    const box = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" }));
    marks.set(one, box);
    return h("label", { class: "answers-it" }, box, t("case.answers"));
  };
  const facts = [search.models.reranker && search.candidates.some((one) => one.ranks.rerank) ? search.models.reranker : t("not_reranked"),
    search.top_k && `K ${search.top_k}`, search.top_n && `N ${search.top_n}`,
    typeof search.floor === "number" && t("threshold", { floor: search.floor.toFixed(2) }),
    search.rerank_tokens ? t("judged_tokens", { count: search.rerank_tokens }) : "", search.collections?.join(", ")];
  return h("section", { class: "judged" },
    h("h3", { id }, title),
    h("p", {}, h("strong", {}, t(`outcome.${search.notices.some(({ code }) => code === "vague_question") ? "vague" : search.outcome}`))),
    search.instruction && h("p", { class: "quiet" }, t("instruction", { instruction: search.instruction })),
    h("p", { class: "quiet" }, facts.filter(Boolean).join(" \u00b7 ")),
    search.notices.length > 0 && h("ul", { class: "notices" }, ...search.notices.map((one) => h("li", { class: "notice" }, one.text))),
    settings === null && notKept(search),
    answerPart(search, side),
    settings && h("p", {}, h("a", { class: "button", href: chatAddress(settings) }, t("use_in_chat"))),
    typeof settings?.floor === "number" && h("p", { class: "quiet" }, t("floor_stays")),
    search.candidates.length ? foundTable(search, id, marking ? mark : null) : h("p", { class: "empty-note" }, t("nothing")),
    sentPart(search, side, extractive), timesPart(search),
    marking ? caseForm({ question: search.question, collections: search.collections ?? all, sets, say,
      chosen: () => [...marks].filter(([, box]) => box.checked).map(([one]) => one) }) : null);
}

async function search() {
  if (!question.value.trim()) {
    complain(t("no_question"));
    question.focus();
    return;
  }
  complain("");
  const stop = new AbortController();
  running = stop;
  form.classList.add("busy");
  results.setAttribute("aria-busy", "true");
  try {
    const [named, sides] = [ticked(), compare.checked ? SIDES : ["a"]];
    const asked = { question: question.value, collections: named.length ? named : null, answer: input("answers").checked };
    const place = h("div", { class: sides.length > 1 ? "pair" : "" });
    /** @type {Search[]} */ const found = [];
    for (const side of sides) { // one after the other: together they would wait for each other's model
      const settings = settingsOf(side);
      say(t(sides.length > 1 ? `searching_${side}` : "searching"));
      found.push(await api("/api/search", { method: "POST", body: { ...asked, ...settings }, signal: stop.signal }));
      const last = /** @type {Search} */ (found.at(-1));
      place.append(part(last, settings, side, t(sides.length > 1 ? `side.${side}` : "found", { count: last.candidates.length })));
      results.replaceChildren(...(found.length > 1 ? [comparison(found[0], found[1])] : []), place);
    }
    say(t("done"));
    $("results-title").scrollIntoView({ block: "nearest" });
  } catch (error) {
    say("");
    if (isAbort(error)) return say(t("stopped"));
    if (!(error instanceof Problem)) throw error;
    complain(error.message);
  } finally {
    running = null;
    form.classList.remove("busy");
    results.removeAttribute("aria-busy");
  }
}

/** An answer as it was given, by its id or by that of its message. @param {URLSearchParams} wanted */
async function given(wanted) {
  const answer = wanted.get("answer");
  const message = wanted.get("message");
  if (!answer && !message) return;
  /** @type {any} */ const told = await api(answer ? `/api/answers/${encodeURIComponent(answer)}` : `/api/messages/${encodeURIComponent(String(message))}`);
  if (!told.result) {
    complain(t("no_result"));
    return;
  }
  /** @type {Search} */ const found = told.result;
  question.value = found.question;
  fill("a", { top_k: found.top_k, top_n: found.top_n, ...known(told.settings ?? {}), instruction: told.settings?.instruction ?? found.instruction });
  const asked = told.settings?.collections ?? [];
  for (const one of document.querySelectorAll("#collections input")) {
    /** @type {HTMLInputElement} */ (one).checked = asked.includes(/** @type {HTMLInputElement} */ (one).value);
  }
  results.replaceChildren(part(found, null, "a", t("as_given")));
  say(t("given"));
}

/** The settings that were set. @param {Record<string, unknown>} settings */
const known = (settings) => Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));

async function choices() {
  const [collections, status] = await Promise.all([api("/api/collections"), api("/api/status")]);
  extractive = (status.models.generator ?? "").startsWith("touchstone-extractive/");
  all = collections.data.map((/** @type {any} */ one) => one.name);
  const wanted = new URLSearchParams(location.search);
  $("collections-part").hidden = all.length < 2;
  $("collections").replaceChildren(...all.map((name) => h("label", {}, h("input", { type: "checkbox", value: name,
    checked: wanted.getAll("collection").includes(name) }), name)));
  for (const side of SIDES) fill(side, { top_k: status.top_k, top_n: status.top_n });
  question.value = wanted.get("question") ?? "";
  try {
    sets = await goldenSets();
    canSave = all.length > 0;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
  await given(wanted);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) running.abort();
  else search();
});
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  /** @type {HTMLFormElement} */ (form).requestSubmit();
});
for (const side of SIDES) {
  input(`rerank-${side}`).addEventListener("change", () => { input(`floor-${side}`).disabled = !input(`rerank-${side}`).checked; });
}
compare.addEventListener("change", () => {
  $("settings-b").hidden = !compare.checked;
  if (compare.checked && !input("instruction-b").value) input("instruction-b").value = input("instruction-a").value;
});

try {
  await choices();
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  complain(error.message);
}
