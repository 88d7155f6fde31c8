// @ts-check
/** The rerank playground: candidates typed in, judged, compared, taken along. */
import { api, isAbort } from "./api.js";
import { $, h, language, t, who } from "./dom.js";
import { csv, curl, save } from "./files.js";
import { judgedTable } from "./judged.js";
import { Problem } from "./stream.js";
import { candidatesOf, unlabelled } from "./typed.js";

/** @typedef {import("./judged.js").Run} Run */
/** @typedef {{query: string, candidates: string, instruction: string, blocks: boolean, labels: boolean, compare: boolean}} Typed */

const DRAFT = `touchstone.playground.${who}`;
const form = $("form");
const query = /** @type {HTMLTextAreaElement} */ ($("query"));
const candidates = /** @type {HTMLTextAreaElement} */ ($("candidates"));
const instruction = /** @type {HTMLTextAreaElement} */ ($("instruction"));
const preset = /** @type {HTMLSelectElement} */ ($("preset"));
const example = /** @type {HTMLSelectElement} */ ($("example"));
const tick = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ ($(id));
const splits = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[name="split"]'));

/** @type {AbortController|null} */ let running = null;
/** @type {{query: string, runs: Run[]}|null} */ let shown = null;

/** @returns {Typed} */
const typed = () => ({ query: query.value, candidates: candidates.value, instruction: instruction.value,
  blocks: splits[1].checked, labels: tick("hide-labels").checked, compare: tick("compare").checked });

/** @param {Typed} values */
function fill(values) {
  query.value = values.query;
  candidates.value = values.candidates;
  instruction.value = values.instruction;
  splits[Number(values.blocks)].checked = true;
  tick("hide-labels").checked = values.labels;
  tick("compare").checked = values.compare;
  changed();
}

/** Keep the draft for the way to another language and back, and count the candidates. */
function changed() {
  sessionStorage.setItem(DRAFT, JSON.stringify(typed()));
  const found = candidatesOf(candidates.value, splits[1].checked).candidates;
  $("counted").textContent = t(found[0]?.label ? "counted_labelled" : "counted", { count: found.length });
  tick("hide-labels").disabled = !found[0]?.label;
  preset.value = [...preset.options].some((one) => one.value === instruction.value.trim()) ? instruction.value.trim() : "";
}

/** @param {string} text @param {() => void} [undo] */
const say = (text, undo) => $("said").replaceChildren(text,
  ...(undo ? [" ", h("button", { type: "button", class: "text-button", onclick: undo }, t("undo"))] : []));

/** @param {string} text @param {HTMLElement} [field] */
function complain(text, field) {
  for (const one of [query, candidates, instruction]) one.toggleAttribute("aria-invalid", one === field);
  $("form-error").hidden = !text;
  $("form-error").textContent = text;
  field?.focus();
}

/** Take off what the prompt writes itself, and say so. @returns {boolean} whether something was taken off */
function clean() {
  const taken = [query, instruction].map((field) => {
    const [text, label] = unlabelled(field.value);
    if (label) field.value = text;
    return label;
  });
  return taken.some(Boolean);
}

async function start() {
  const prompt = [clean()];
  const { labels, blocks, compare } = typed();
  const found = candidatesOf(candidates.value, blocks);
  prompt.push(found.prompt);
  if (!query.value.trim()) return complain(t("no_query"), query);
  if (!found.candidates.length) return complain(t("no_candidates"), candidates);
  complain("");
  const given = found.candidates.map((one) => labels ? one : { ...one, label: "", text: one.whole });
  const asked = instruction.value.trim();
  const ways = compare && asked ? [asked, ""] : [asked];
  const stop = new AbortController();
  running = stop;
  form.classList.add("busy");
  $("results").setAttribute("aria-busy", "true");
  say(t("working", { count: given.length }));
  try {
    /** @type {Run[]} */ const runs = [];
    for (const way of ways) { // one after the other: both at once would share the processor and tell wrong times
      const body = { query: query.value.trim(), candidates: given.map((one) => one.text), instruction: way };
      const judged = await api("/api/rerank", { method: "POST", body, signal: stop.signal });
      runs.push({ judged, candidates: given, steered: way !== "" });
    }
    shown = { query: query.value.trim(), runs };
    show();
    say([t("done", { count: given.length }), prompt.some(Boolean) && t("prompt_label"),
      compare && !asked && t("nothing_to_compare")].filter(Boolean).join(" "));
  } catch (error) {
    if (isAbort(error)) return say(t("stopped"));
    if (!(error instanceof Problem)) throw error;
    say("");
    complain(error.message);
  } finally {
    running = null;
    form.classList.remove("busy");
    $("results").removeAttribute("aria-busy");
    changed();
  }
  return undefined;
}

function show() {
  if (!shown) return;
  const [first, second] = shown.runs;
  $("results").replaceChildren(h("div", { class: second ? "pair" : "" },
    judgedTable(first, second ?? null, "run-1"), second && judgedTable(second, null, "run-2")));
  $("exports").hidden = false;
  $("results-title").scrollIntoView({ block: "nearest" });
  $("command").hidden = true;
}

/** Every row of every run, as the files have them. The original index counts from 1, as the ranks do. */
const rows = () => (shown?.runs ?? []).flatMap(({ judged, candidates: given }) => judged.results.map((one) => ({
  rank: one.rank, original_index: one.index + 1, score: Number(one.relevance.toFixed(6)), text: given[one.index].text,
  instruction: judged.instruction, model: judged.model, ms: judged.ms, label: given[one.index].label,
  truncated: one.truncated })));

$("csv").addEventListener("click", () => save("rerank.csv", "text/csv", csv([
  ["rank", "original_index", "score", "text", "instruction", "model", "ms"],
  ...rows().map((one) => [one.rank, one.original_index, one.score, one.text, one.instruction, one.model, one.ms])])));
$("json").addEventListener("click", () =>
  save("rerank.json", "application/json", `${JSON.stringify({ query: shown?.query, results: rows() }, null, 2)}\n`));
$("curl").addEventListener("click", async () => {
  if (!shown) return;
  const { judged, candidates: given } = shown.runs[0];
  const text = curl(`${location.origin}/v1/rerank`,
    { query: shown.query, documents: given.map((one) => one.text), instruction: judged.instruction }, who !== "local");
  $("command").hidden = false;
  $("command").textContent = text;
  try {
    await navigator.clipboard.writeText(text); // missing on plain HTTP beyond this machine: the text stands below
    say(t("copied"));
  } catch {
    say(t("copy_failed"));
    $("command").focus();
  }
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) running.abort();
  else start();
});
form.addEventListener("input", changed);
preset.addEventListener("change", () => {
  instruction.value = preset.value;
  changed();
});

async function choices() {
  const [presets, examples] = await Promise.all([api("/api/presets"), api("/api/rerank/examples")]);
  preset.replaceChildren(h("option", { value: "" }, t("preset")),
    ...presets.data.map((/** @type {any} */ one) => h("option", { value: one.instruction }, one.title)));
  const mine = examples.data.filter((/** @type {any} */ one) => one.language === language);
  const other = examples.data.filter((/** @type {any} */ one) => one.language !== language);
  const ordered = [...mine, ...other];
  example.replaceChildren(...ordered.map((one, i) => h("option", { value: String(i) }, one.question)));
  $("load").addEventListener("click", () => {
    const before = typed();
    const one = ordered[Number(example.value)];
    fill({ query: one.question, instruction: one.instruction, blocks: false, labels: true, compare: before.compare,
      candidates: one.candidates.map((/** @type {string} */ text, /** @type {number} */ i) =>
        `${String.fromCharCode(65 + i)}. ${text}`).join("\n") });
    complain("");
    const lost = before.query || before.candidates || before.instruction;
    say(t("loaded"), lost ? () => { fill(before); say(t("undone")); query.focus(); } : undefined);
  });
}

const draft = sessionStorage.getItem(DRAFT);
try {
  await choices();
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  complain(error.message);
}
if (draft) fill(JSON.parse(draft));
else changed();
