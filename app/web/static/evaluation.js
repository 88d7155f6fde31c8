// @ts-check
/** The evaluation page: golden sets, runs in the background, their results and comparisons. */
import { api } from "./api.js";
import { attempt, button, say, sure, table } from "./asking.js";
import { send } from "./calls.js";
import { $, h, language, t } from "./dom.js";
import { everything, loadSets, watchSets } from "./golden.js";
import { comparisonPart, resultPart } from "./measured.js";
import { Problem, events } from "./stream.js";

const ENDED = new Set(["done", "failed", "cancelled", "interrupted"]);
const AGAIN_MS = 4000; // until a stream that broke off is begun anew
const dates = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en", { dateStyle: "short", timeStyle: "short" });
/** @type {Set<string>} */ const picked = new Set();
/** @type {any[]} */ let runs = [];
/** Those whose events are read. @type {Set<string>} */ const followed = new Set();

const name = (/** @type {any} */ run) => `${run.golden_set}, ${dates.format(new Date(run.created_at))}`;
const address = (/** @type {string} */ id, rest = "") => `/api/evaluations/${encodeURIComponent(id)}${rest}`;

/** @param {any} run */
function progress(run) {
  if (run.state === "done") return t("run_state.done");
  if (ENDED.has(run.state)) return h("span", {}, t(`run_state.${run.state}`), run.message && h("span", { class: "quiet block" }, run.message));
  return h("span", { "data-run": run.id }, h("progress", { max: String(run.total || 1), value: String(run.done), "aria-label": t("progress_of", { name: name(run) }) }),
    ` ${run.done}/${run.total}`, run.waiting && h("span", { class: "quiet block" }, t("waiting")));
}

/** @param {any} run */
function actions(run) {
  if (!ENDED.has(run.state)) {
    return h("div", { class: "row-actions" }, button(t("cancel"), async () => {
      await api(address(run.id, "/cancel"), { method: "POST" });
      say(t("cancelled"));
      await loadRuns();
    }, t("cancel_of", { name: name(run) })));
  }
  return h("div", { class: "row-actions" },
    run.state === "done" && button(t("show"), () => show(run.id), t("show_of", { name: name(run) })),
    button(t("delete"), async () => {
      if (!await sure(t("sure_run", { name: name(run) }), t("delete"))) return;
      await api(address(run.id), { method: "DELETE" });
      picked.delete(run.id);
      say(t("deleted", { name: name(run) }));
      await loadRuns();
    }, t("delete_of", { name: name(run) })));
}

/** @param {any} run */
const pick = (run) => h("input", { type: "checkbox", "aria-label": t("pick", { name: name(run) }), checked: picked.has(run.id),
  onchange: (/** @type {Event} */ event) => {
    if (/** @type {HTMLInputElement} */ (event.target).checked) picked.add(run.id);
    else picked.delete(run.id);
    $("compare").toggleAttribute("disabled", picked.size !== 2);
  } });

async function loadRuns() {
  runs = await everything("/api/evaluations");
  const focused = document.activeElement?.getAttribute("aria-label");
  $("runs").replaceChildren(runs.length === 0 ? h("p", { class: "empty-note" }, t("no_runs")) : h("div", {},
    table(t("runs_caption"), ["run", "collection", "way", "state", "pick", "actions"].map((key) => t(`column.${key}`)),
      runs.map((run) => [name(run), run.collection, h("span", {}, t(`way.${run.rerank}`),
        (run.top_k || run.instruction) && h("span", { class: "quiet block" }, [run.top_k && `K ${run.top_k}`, run.instruction].filter(Boolean).join(" \u00b7 "))),
      progress(run), run.state === "done" ? pick(run) : "", actions(run)])),
    h("p", { class: "exports" }, h("button", { type: "button", class: "button", id: "compare", disabled: picked.size !== 2,
      onclick: () => attempt(compare) }, t("compare_two")))));
  if (focused) /** @type {HTMLElement|null} */ ($("runs").querySelector(`[aria-label="${CSS.escape(focused)}"]`))?.focus();
  const next = runs.findLast((run) => !ENDED.has(run.state)); // one is asked at a time, the oldest; a browser keeps few streams
  if (next) follow(next.id);
}

/** Show how far a run is, as the server tells; once it has ended the list is read again. @param {string} id */
async function follow(id) {
  if (followed.has(id)) return;
  followed.add(id);
  try {
    for await (const { name: event, data } of events(/** @type {ReadableStream<Uint8Array>} */ ((await send("GET", address(id, "/events"))).body))) {
      const run = runs.find((one) => one.id === id);
      if (event === "progress" && run) {
        Object.assign(run, data);
        $("runs").querySelector(`[data-run="${CSS.escape(id)}"]`)?.replaceWith(progress(run));
      }
      if (event === "error") break;
      if (event === "done") {
        followed.delete(id);
        if (run) say(`${name(run)}: ${t(`run_state.${data.state}`)}`);
        await attempt(loadRuns);
        return;
      }
    }
  } catch (problem) {
    if (!(problem instanceof Problem) && !(problem instanceof TypeError)) throw problem;
  }
  // The stream broke off (the server stopped, or the network): how it stands is asked again.
  setTimeout(() => {
    followed.delete(id);
    attempt(loadRuns);
  }, AGAIN_MS);
}

/** @param {HTMLElement} part */
function present(part) {
  $("shown").replaceChildren(part);
  $("result-title").focus({ preventScroll: true });
  part.scrollIntoView({ block: "start" });
}

/** @param {string} id */
async function show(id) {
  const [run, questions, calibration] = await Promise.all([api(address(id)), everything(address(id, "/questions")),
    api(address(id, "/calibration"))]);
  present(resultPart(run, questions, calibration));
}

/** The older one is before, the newer one after. */
async function compare() {
  const [after, before] = runs.filter((run) => picked.has(run.id)); // newest first
  present(comparisonPart(await api(address(before.id, `/compare/${encodeURIComponent(after.id)}`)), name));
}

const value = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ ($(id)).value.trim();

/** @type {import("./golden.js").GoldenSet[]} */ let sets = [];

$("run-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const set = sets.find((one) => one.id === value("run-set"));
  await attempt(async () => {
    if (!set) throw new Problem("no_set", t("no_set"), false);
    await api(`/api/collections/${encodeURIComponent(set.collection)}/evaluations`, { method: "POST", body: {
      golden_set: set.name, rerank: value("run-rerank"), top_k: Number(value("run-top-k")) || null,
      limit: Number(value("run-limit")) || null, instruction: value("run-instruction") || null,
      generate: /** @type {HTMLInputElement} */ ($("run-generate")).checked } });
    say(t("started", { name: set.name }));
    await loadRuns();
  });
});

watchSets((found) => {
  sets = found;
  const chosen = value("run-set");
  $("run-set").replaceChildren(...sets.map((one) => h("option", { value: one.id, selected: one.id === chosen },
    t("set_with", { name: one.name, count: one.accepted }))));
});

await attempt(async () => {
  const collections = await api("/api/collections");
  $("set-collection").replaceChildren(...collections.data.map((/** @type {any} */ one) => h("option", { value: one.name }, one.name)));
  await loadSets();
  await loadRuns();
});
