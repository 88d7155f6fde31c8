// @ts-check
/** The monitoring page: counters and their history, looked at again and again while the page is seen. */
import { api } from "./api.js";
import { attempt, say, table } from "./asking.js";
import { chart } from "./chart.js";
import { $, duration, h, has, language, t } from "./dom.js";
import { showHistory, showRanking } from "./monitoring_time.js";

/** @typedef {{name: string, count: number}} Count */
/** @typedef {{name: string, count: number, mean_ms: number|null, p50_ms: number|null, p95_ms: number|null, p99_ms: number|null}} Latency */

const EVERY_MS = 10000;
const HISTORY_EVERY_MS = 60000; // a row a minute is written
const clock = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en", { dateStyle: "medium", timeStyle: "medium" });
const range = /** @type {HTMLSelectElement} */ ($("range"));
const stage = /** @type {HTMLSelectElement} */ ($("stage"));
/** @type {any} */ let history = null;
let historyAt = -Infinity;
const SLOWEST = 12; // routes shown
const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
/** @type {{uptime_s: number, answered: number}|null} */ let before = null;
let drawn = "";

/** A word of ours; what is not ours to name is shown as it is. @param {string} key @param {string} name */
const called = (key, name) => has(key) ? t(key) : name;
const ms = (/** @type {number|null} */ value) => value === null ? "\u2013" : duration(value);
const bytes = (/** @type {number|null} */ value) => value === null ? "\u2013" : `${numbers.format(value / 1e9)} GB`;

/** @param {string} caption @param {Count[]} counts @param {(name: string) => string} [key] of the words for a name */
const countTable = (caption, counts, key = (name) => name) => h("section", { class: "card" }, counts.length === 0
  ? h("div", {}, h("h4", {}, caption), h("p", { class: "quiet" }, t("none_yet")))
  : table(caption, [t("column.name"), t("column.count")], counts.map((one) => [called(key(one.name), one.name), numbers.format(one.count)])));

/** @param {string} caption @param {Latency[]} all */
const latencyTable = (caption, all) => table(caption, ["name", "count", "mean", "p50", "p95", "p99"].map((key) => t(`column.${key}`)),
  all.map((one) => [called(`stage.${one.name}`, one.name), numbers.format(one.count), ms(one.mean_ms), ms(one.p50_ms), ms(one.p95_ms), ms(one.p99_ms)]));

/** @param {any} found */
const memoryPart = (found) => h("section", { class: "card" }, found.gpus.length === 0
  ? h("div", {}, h("h4", {}, t("gpu")), h("p", { class: "quiet" }, t("no_gpu", { memory: bytes(found.resident_bytes) })))
  : table(t("gpu_caption"), ["device", "allocated", "reserved", "taken", "whole"].map((key) => t(`column.${key}`)),
    found.gpus.map((/** @type {any} */ one) => [one.name, ...[one.allocated_bytes, one.reserved_bytes, one.used_bytes, one.total_bytes].map(bytes)])));

/** What was written down by the minute, of the time that is chosen. */
async function readHistory() {
  const chosen = range.value;
  const [found, ranking] = await Promise.all([api(`/api/monitoring/history?range=${chosen}`), api(`/api/monitoring/ranking?range=${chosen}`)]);
  if (chosen !== range.value) return; // another one is on its way
  history = found;
  historyAt = performance.now();
  showHistory(history, stage.value);
  showRanking(ranking);
}

/** @param {any} found */
function show(found) {
  const answered = found.answers.reduce((/** @type {number} */ sum, /** @type {Count} */ one) => sum + one.count, 0);
  const since = before && found.uptime_s > before.uptime_s ? before : { uptime_s: 0, answered: 0 };
  const rate = (answered - since.answered) / Math.max(found.uptime_s - since.uptime_s, 1);
  before = { uptime_s: found.uptime_s, answered };
  /** @type {Latency|undefined} */ const total = found.stages.find((/** @type {Latency} */ one) => one.name === "total");
  const waiting = found.gates.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.waiting, 0);
  const tokens = found.tokens.reduce((/** @type {number} */ sum, /** @type {Count} */ one) => sum + one.count, 0);
  const tile = (/** @type {string} */ key, /** @type {string} */ value) => h("div", {}, h("dt", {}, t(`tile.${key}`)), h("dd", {}, value));
  $("tiles").replaceChildren(
    tile("state", t(found.ready ? "ready" : "not_ready")), tile("rate", numbers.format(rate)),
    tile("answered", numbers.format(answered)), tile("p50", ms(total?.p50_ms ?? null)), tile("p95", ms(total?.p95_ms ?? null)),
    tile("waiting", numbers.format(waiting)), tile("breaker", found.breaker ? t(`breaker.${found.breaker}`) : "\u2013"),
    tile("tokens", answered ? numbers.format(tokens / answered) : "\u2013"),
    tile("memory", bytes(found.resident_bytes)), tile("disk", bytes(found.disk_free_bytes)),
    tile("documents", numbers.format(found.documents)), tile("chunks", numbers.format(found.chunks)));
  const rest = JSON.stringify({ ...found, uptime_s: 0, resident_bytes: 0, disk_free_bytes: 0, requests: found.requests.map((/** @type {Latency} */ one) =>
    one.name === "/api/monitoring" ? "" : one) });
  if (rest === drawn) return; // nothing else is new: tables that somebody reads or scrolls stay as they are
  drawn = rest;
  const timed = found.stages.filter((/** @type {Latency} */ one) => one.p95_ms !== null && has(`stage.${one.name}`));
  const bars = new URLSearchParams(timed.map((/** @type {Latency} */ one) => ["stage", `${one.name}:${one.p95_ms}`]));
  $("boards").replaceChildren(
    h("section", { class: "card broad" }, h("h2", {}, t("stages")), timed.length === 0 ? h("p", { class: "empty-note" }, t("no_answers"))
      : h("div", { class: "chart-beside" }, chart(`/charts/stages.svg?${bars}`), latencyTable(t("stages_caption"), found.stages))),
    memoryPart(found), countTable(t("outcomes"), found.answers, (name) => `outcome.${name}`),
    h("section", { class: "card" }, table(t("gates"), ["name", "inside", "waiting", "places", "refused"].map((key) => t(`column.${key}`)),
      found.gates.map((/** @type {any} */ one) => [called(`gate.${one.name}`, one.name), ...[one.inside, one.waiting, one.places, one.refused].map(String)]))),
    countTable(t("reranker"), found.reranker, (name) => `judging.${name}`), countTable(t("jobs"), found.jobs, (name) => `job.${name}`),
    countTable(t("problems"), found.problems), countTable(t("rejected"), found.rejected),
    h("section", { class: "card broad" }, latencyTable(t("requests", { count: SLOWEST }),
      [...found.requests].sort((a, b) => (b.p95_ms ?? 0) - (a.p95_ms ?? 0)).slice(0, SLOWEST))));
}

$("choices").addEventListener("submit", (event) => event.preventDefault());
range.addEventListener("change", () => attempt(readHistory));
stage.addEventListener("change", () => history && showHistory(history, stage.value));
for (;;) {
  if (!document.hidden) {
    const fine = await attempt(async () => {
      show(await api("/api/monitoring"));
      if (performance.now() - historyAt >= HISTORY_EVERY_MS) await readHistory();
      $("read-at").textContent = t("read_at", { time: clock.format(new Date()) });
      $("error").hidden = true;
    });
    if (!fine) say(t("stale"));
    else if ($("said").textContent) say("");
  }
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
}
